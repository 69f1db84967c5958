/* SPDX-License-Identifier: MIT
 *
 * A command's side of the supervisor's socket (address.h).
 */
#ifndef GAIJIN_TOOLS_RUN_ASK_H
#define GAIJIN_TOOLS_RUN_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/base/command.h"

enum ask_outcome {
  ASK_GOOD,
  ASK_FAILED,  /* after an error line */
  ASK_UNKNOWN, /* the supervisor has no such worker; nothing was said */
  ASK_NOBODY,  /* there is no supervisor; nothing was said */
};

/* A request, and who takes the lines of its answer. */
struct ask_request {
  const char *words[4]; /* NULL behind the last */
  double seconds;       /* for the whole answer; 0: for ever */
  /* A row, or a line of a log; false: no more is wanted. May be NULL. */
  bool (*take)(void *user, char *line, size_t size);
  void *user;
};

/* Asks the supervisor of the broker that the command line names. */
enum ask_outcome ask_supervisor(const struct invocation *in, const struct ask_request *request);
/* The exit status, after an error line for an outcome that nothing was said of. `worker`: whom it
 * was about, or NULL. */
int ask_status(const struct invocation *in, enum ask_outcome outcome, const char *worker);

/* The whole of a command that wishes something of each worker it names, one after the other, until
 * one fails. An exit status. */
int ask_each(const struct invocation *in, const char *wish);

#endif
