/* SPDX-License-Identifier: MIT
 *
 * gaijinctl len: the length of what is at a path.
 */
#include "tools/touch/words.h"

static bool act(struct act *a, const struct path *p, const char *text, const struct data *d,
                const struct datum *values, uint32_t count) {
  (void)d;
  (void)values;
  (void)count;
  return act_len(a, p, text);
}

int cmd_len(const struct invocation *in) { return words_run(in, ACT_NEEDS_THING, act); }
