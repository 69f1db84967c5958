/* SPDX-License-Identifier: MIT
 *
 * The terminal as it was, however the program ends: by a signal, by exit(), by a failed assertion.
 * What is needed for that is got ready before, because a signal handler may not ask for it.
 *
 * Meanwhile stderr is a pipe, so that nothing is written into the picture; what was said and not
 * read is said when the terminal is restored.
 */
#ifndef GAIJIN_TOOLS_RESTORE_H
#define GAIJIN_TOOLS_RESTORE_H

#include <stdbool.h>
#include <stddef.h>

enum { RESTORE_BYTES = 256 };

/* Call it before the terminal is changed: notes how it is, and has signals that end the program
 * restore it first if it is changed by then. SIGINT ends it with status 0. False: errno says
 * why. */
bool restore_note(void);
/* It has been changed; `bytes` bring back what they can: screen, cursor, colours. */
void restore_begin(const char *bytes);
/* For a program that stops and goes on (Ctrl-Z): as restore_now, and as after restore_begin. */
void restore_pause(void);
void restore_resume(void);
/* Restores it, if it is not, and says what was said. Safe in a signal handler. */
void restore_now(void);

/* The end of the pipe that has what is said on stderr; not blocking. -1: there is none. */
int restore_said_fd(void);

#endif
