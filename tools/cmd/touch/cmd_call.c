/* SPDX-License-Identifier: MIT
 *
 * gaijinctl call: calls what is at a path.
 */
#include "tools/touch/words.h"

int cmd_call(const struct invocation *in) { return words_run(in, ACT_NEEDS_THING, act_call); }
