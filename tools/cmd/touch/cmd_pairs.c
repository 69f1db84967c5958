/* SPDX-License-Identifier: MIT
 *
 * gaijinctl pairs: the entries of what is at a path; of a worker alone what it exposes.
 */
#include "tools/touch/words.h"

static bool act(struct act *a, const struct path *p, const char *text, const struct data *d,
                const struct datum *values, uint32_t count) {
  (void)d;
  (void)values;
  (void)count;
  return act_pairs(a, p, text);
}

int cmd_pairs(const struct invocation *in) { return words_run(in, ACT_NEEDS_NOTHING, act); }
