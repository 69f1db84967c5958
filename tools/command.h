/* SPDX-License-Identifier: MIT
 *
 * A command of gaijinctl: its row in the table of main.c and what it is handed.
 * Each lives in a file of its own, tools/cmd/cmd_NAME.c, gives the exit status (0,
 * 1 failure, 2 bad usage) and prints its own errors, one line each. One that reads its command line
 * itself may give -1, for its help, or -2, for the version. Its flags are
 * the rows of proto/settings/settings.def that have its name among their commands.
 */
#ifndef GAIJIN_TOOLS_COMMAND_H
#define GAIJIN_TOOLS_COMMAND_H

#include <stdbool.h>

#include "proto/settings/settings.h"

/* The command line, parsed; points into argv. */
struct invocation {
  struct settings settings; /* flags; those that the command does not have were not given */
  char **words;             /* what is no flag */
  int count;
};

struct command {
  const char *name;
  const char *usage;   /* what may follow the name, beside flags */
  const char *what;    /* one line for --help */
  const char *details; /* more for the command's own --help; NULL: nothing */
  int least, most;     /* words */
  bool reads;          /* it reads what follows its name itself: `words` has the flags too */
  int (*run)(const struct invocation *in);
};

int cmd_run(const struct invocation *in);
int cmd_clients(const struct invocation *in);
int cmd_tokens(const struct invocation *in);
int cmd_labels(const struct invocation *in);
int cmd_loads(const struct invocation *in);
int cmd_accounts(const struct invocation *in);
int cmd_gc(const struct invocation *in);
int cmd_ping(const struct invocation *in);
int cmd_status(const struct invocation *in);
int cmd_upgrade(const struct invocation *in);
int cmd_policy(const struct invocation *in);

#endif
