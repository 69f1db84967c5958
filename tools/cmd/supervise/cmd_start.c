/* SPDX-License-Identifier: MIT
 *
 * gaijinctl start.
 */
#include "tools/run/ask.h"

int cmd_start(const struct invocation *in) { return ask_each(in, "start"); }
