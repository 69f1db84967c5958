/* SPDX-License-Identifier: MIT
 *
 * The commands of gaijinctl as data, from the one list in commands.def, and what a command is
 * handed. A command gives the exit status (enum exit_status) and prints its own errors, one line
 * each.
 */
#ifndef GAIJIN_TOOLS_COMMAND_H
#define GAIJIN_TOOLS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/settings/settings.h"

/* What gaijinctl ends with, whatever the command: docs/cli.md. */
enum exit_status {
  EXIT_GOOD = 0,
  EXIT_FAILED = 1,    /* what was asked for could not be had */
  EXIT_USAGE = 2,     /* the command line is wrong; nothing was done */
  EXIT_NO_BROKER = 3, /* no broker, or it does not answer, has gone, or is of another version */
};

/* ---- The list ---- */

enum command_id {
#define COMMAND(name, ...) COMMAND_##name,
#define COLUMN(...)
#include "tools/base/commands.def"
#undef COMMAND
#undef COLUMN
  COMMANDS /* their number; also "none" */
};

enum command_kind { COMMAND_IS_run, COMMAND_IS_list, COMMAND_IS_own };
enum command_part { PART_START, PART_LOOK, PART_TOUCH, PART_ACT, PART_HELP, PARTS };
/* What its words are, for shells that complete them. */
enum command_takes { TAKES_NOTHING, TAKES_WORKERS, TAKES_FILES, TAKES_COMMANDS };

struct column {
  enum command_id command;
  const char *name;
  unsigned importance; /* 1 is left out last */
  bool flows;          /* text of any length, which is cut before a column is left out */
  enum setting flag;   /* shown only if this flag is given, or if it is picked; 0: always */
  const char *what;
};

struct command {
  const char *name;    /* its id, unless the row says another */
  const char *usage;   /* what may follow the name, beside flags */
  const char *what;    /* one line */
  const char *details; /* more; NULL: nothing */
  const char *example; /* a command line without the program's name, which works with a broker */
  const char *sort;    /* the column that sorts its table, '-' before it: downwards; NULL: none */
  const char *then;    /* the column that sorts what is equal there; NULL: the columns in order */
  int least, most;     /* words */
  bool reads; /* it reads what follows its name itself: `words` has the flags too */
  bool alone; /* it can do without a broker */
  bool upright; /* its table has one row, which people see as lines */
  enum command_kind kind;
  enum command_part part;
  enum command_takes takes;
};

/* The row of a command. Static. */
const struct command *command_info(enum command_id id);
/* Its columns, in order; *count of them, 0 for one that has no table. Static. */
const struct column *command_columns(enum command_id id, size_t *count);
/* What settings call it, separated by blanks: its name, and "tables" if it fills one. Static. */
const char *command_groups(enum command_id id);
/* The title of a part of the list: "look". Static. */
const char *command_part_title(enum command_part part);

/* The command of this name, and the one whose name is most like it; COMMANDS: there is none. */
enum command_id command_find(const char *name);
enum command_id command_nearest(const char *name);

/* ---- What a command is handed ---- */

/* The command line, parsed; points into argv. */
struct invocation {
  enum command_id command;
  struct settings settings; /* flags; those that the command does not have were not given */
  char **words;             /* what is no flag */
  int count;
};

struct observer;
struct show;

/* One that does all by itself gives its status; for cmd_run -1 stands for "print the help", -2 for
 * "print the version". One that fills a table (list.h) says whether it has all of it, after error
 * lines if not. */
#define COMMAND(name, kind, ...) COMMAND_DECLARE_##kind(name)
#define COLUMN(...)
#define COMMAND_DECLARE_own(name) int cmd_##name(const struct invocation *in);
#define COMMAND_DECLARE_run(name) int cmd_##name(const struct invocation *in);
#define COMMAND_DECLARE_list(name) bool cmd_##name(struct observer *o, struct show *s);
#include "tools/base/commands.def"
#undef COMMAND
#undef COLUMN
#undef COMMAND_DECLARE_own
#undef COMMAND_DECLARE_run
#undef COMMAND_DECLARE_list

#endif
