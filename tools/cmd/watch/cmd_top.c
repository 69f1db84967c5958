/* SPDX-License-Identifier: MIT
 *
 * gaijinctl top: the system on a full screen, live.
 */
#include "tools/top/top.h"

int cmd_top(const struct invocation *in) { return top_run(in); }
