/* SPDX-License-Identifier: MIT
 *
 * gaijinctl restart.
 */
#include "tools/run/control/ask.h"

int cmd_restart(const struct invocation *in) { return ask_each(in, "restart"); }
