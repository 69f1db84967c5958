/* SPDX-License-Identifier: MIT
 *
 * gaijinctl get: what is at a path.
 */
#include "tools/touch/words.h"

static bool act(struct act *a, const struct path *p, const char *text, const struct data *d,
                const struct datum *values, uint32_t count) {
  (void)d;
  (void)values;
  (void)count;
  return act_get(a, p, text);
}

int cmd_get(const struct invocation *in) { return words_run(in, ACT_NEEDS_THING, act); }
