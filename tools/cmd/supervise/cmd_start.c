/* SPDX-License-Identifier: MIT
 *
 * gaijinctl start.
 */
#include "tools/run/control/ask.h"

int cmd_start(const struct invocation *in) { return ask_each(in, "start"); }
