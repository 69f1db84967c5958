/* SPDX-License-Identifier: MIT
 *
 * One process started by a test, its standard output and error captured
 * together in memory, so that it never waits for its reader.
 * It has no descriptors but 0, 1 and 2, and dies with the thread that started it.
 */
#ifndef GAIJIN_TESTS_CHILD_H
#define GAIJIN_TESTS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
  char name[80];
  pid_t pid;
  int output;  /* a memory file; -1 before child_start */
  bool ended;  /* reaped; `status` is waitpid's */
  int status;
};

/* Starts argv[0] (a path) with the environment of this process plus `variable` ("NAME=value", or NULL).
 * False with errno set if it could not; then nothing needs to be freed. A program that is missing ends with 127. */
bool child_start(struct child *c, const char *name, char *const argv[], const char *variable);
/* Reaps it if it has ended; returns whether it has. */
bool child_ended(struct child *c);
/* Sends a signal unless it has ended. */
void child_signal(struct child *c, int signal_number);
/* All it has written so far, terminated; the caller frees it. NULL when memory is short. */
char *child_output(const struct child *c);
/* Kills and reaps it if it still runs, and drops its output. A zeroed or freed child is fine. */
void child_free(struct child *c);
/* "runs", "ended with status 3" or "was killed by signal 9 (Killed)"; writes at most n bytes, returns out. */
char *child_describe(const struct child *c, char *out, size_t n);

#endif
