/* SPDX-License-Identifier: MIT
 *
 * gaijinctl set: sets the key at the end of a path.
 */
#include "tools/touch/words.h"

static bool act(struct act *a, const struct path *p, const char *text, const struct data *d,
                const struct datum *values, uint32_t count) {
  (void)count;
  return act_set(a, p, text, d, values);
}

int cmd_set(const struct invocation *in) { return words_run(in, ACT_NEEDS_KEY, act); }
