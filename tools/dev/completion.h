/* SPDX-License-Identifier: MIT
 *
 * What shells complete, as scripts made of the lists of settings and commands. Each function writes
 * one to stdout: for bash, of gaijinctl; for zsh, of all three programs, with what flags and
 * commands mean.
 */
#ifndef GAIJIN_TOOLS_COMPLETION_H
#define GAIJIN_TOOLS_COMPLETION_H

void completion_bash(void);
void completion_zsh(void);

#endif
