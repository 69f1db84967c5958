/* SPDX-License-Identifier: MIT
 *
 * A command of this program in a process of its own, which is killed when it takes too long or says
 * too much.
 */
#ifndef GAIJIN_TOOLS_CHILD_COMMAND_H
#define GAIJIN_TOOLS_CHILD_COMMAND_H

#include "tools/base/text.h"

/* Runs this program with the arguments argv[1], ... (argv[0] is any; NULL ends them) for at most so
 * many seconds; what it prints is added to `out` and `err`, of either at most so many bytes. Its
 * exit status; -1 if it could not be started, or was ended, with the reason in `err`. */
int child_command(char *const argv[], double seconds, size_t most, struct text *out,
                  struct text *err);

#endif
