/* SPDX-License-Identifier: MIT
 *
 * A command of gaijinctl: its row in the table of main.c and what it is handed.
 * Each lives in a file of its own, tools/cmd_NAME.c, gives the exit status (0,
 * 1 failure, 2 bad usage) and prints its own errors, one line each.
 */
#ifndef GAIJIN_TOOLS_COMMAND_H
#define GAIJIN_TOOLS_COMMAND_H

#include <stdbool.h>

enum { COMMAND_FLAGS_MOST = 2 };

/* The command line, parsed; points into argv. */
struct invocation {
  const char *socket; /* -s; NULL: gaijin_default_socket */
  bool json;
  const char *values[COMMAND_FLAGS_MOST]; /* of the command's own flags, in their order; NULL when not given */
  char **words;                           /* what is no flag */
  int count;
};

struct command {
  const char *name;
  const char *usage;                     /* what may follow the name */
  const char *what;                      /* one line for --help */
  const char *flags[COMMAND_FLAGS_MOST]; /* flags with a value, with their dashes */
  bool json;                             /* knows --json */
  int least, most;                       /* words */
  int (*run)(const struct invocation *in);
};

int cmd_run(const struct invocation *in);
int cmd_clients(const struct invocation *in);
int cmd_tokens(const struct invocation *in);
int cmd_labels(const struct invocation *in);
int cmd_loads(const struct invocation *in);
int cmd_gc(const struct invocation *in);
int cmd_ping(const struct invocation *in);

#endif
