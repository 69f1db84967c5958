/* SPDX-License-Identifier: MIT
 *
 * gaijinctl top: the loop.
 */
#ifndef GAIJIN_TOOLS_TOP_H
#define GAIJIN_TOOLS_TOP_H

#include "tools/base/command.h"

/* Shows it until the user quits; the exit status. */
int top_run(const struct invocation *in);

#endif
