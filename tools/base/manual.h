/* SPDX-License-Identifier: MIT
 *
 * The help of gaijinctl, made of the lists of commands and settings.
 */
#ifndef GAIJIN_TOOLS_MANUAL_H
#define GAIJIN_TOOLS_MANUAL_H

#include "proto/settings/help.h"
#include "tools/base/command.h"

/* All commands, and the flags that most of them have. */
void manual_of_all(struct help *h);
/* One command: usage, flags, columns, an example. */
void manual_of_command(struct help *h, enum command_id id);
/* One line about a command that there is not: which may have been meant, and which there are.
 * Writes at most n bytes, always terminated. */
void manual_refuse_command(const char *name, char *out, size_t n);

#endif
