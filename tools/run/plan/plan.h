/* SPDX-License-Identifier: MIT
 *
 * What is to run: a broker's flags and workers, as data. command_line.c makes it of a command line,
 * file.c of a file, dir.c of a folder; check.c looks at the whole. Everything that can be wrong
 * with it is told before anything starts. A plan owns what it points to.
 */
#ifndef GAIJIN_TOOLS_RUN_PLAN_H
#define GAIJIN_TOOLS_RUN_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/settings/settings.h"
#include "tools/run/life/life.h"
#include "tools/run/plan/words.h"

struct run_worker {
  char *name;
  char *script;
  char *directory;         /* where it works; NULL: where we do */
  char *logs;              /* folder for its log; NULL: its lines go to our stdout and stderr */
  char *where;             /* "game.ucl:12: ", where the plan has it from; "": a command line */
  struct words flags;      /* for gaijin-worker */
  struct words arguments;  /* for the script */
  struct words env;        /* "KEY=VALUE", beside ours */
  struct words after;      /* names of workers that serve first */
  struct life_policy policy;
  bool stops_first;        /* before another process takes its place: no successor */
  double start_limit;      /* seconds until it serves; 0: for ever */
  double health;           /* seconds between two questions whether it lives; 0: none is asked */
  double health_limit;     /* seconds for the answer */
  double grace;            /* seconds that it may take to stop */
  double linger;           /* seconds that it may go on when it has been succeeded */
};

struct run_plan {
  char *socket;        /* where the broker listens, or shall; NULL: in a directory of our own */
  const char *broker;  /* path of the program; NULL: one is running on the socket */
  const char *worker;  /* path of the program */
  struct words broker_flags;
  char *directory;     /* where the broker works; NULL: where we do */
  struct run_worker *workers;
  size_t count, room;
  struct words source; /* the command line that it was made of, for another time */
  char *source_socket; /* and the socket that was set before it was read; NULL: none */
  char *said_socket;   /* as command line or file say it; NULL: they do not */
  bool watch;      /* --watch-files */
  bool timestamps; /* before each line of output */
  bool stays;      /* a system: a broker that ends is started again, a worker that somebody has
                      stopped may be started again. Else all is over when all have ended */
};

/* The grace, unless a worker has a longer one of its own. Seconds. */
#define PLAN_GRACE_SECONDS 5
/* So much longer than its workers the supervisor waits before it kills. Seconds. */
#define PLAN_GRACE_SLACK 2

/* A worker more, with nothing set but the policy of one that is started once. Valid until the next
 * one. */
struct run_worker *plan_add(struct run_plan *plan);
/* Takes over the settings of SETTINGS_RUN that say how it is watched. */
void plan_take_policy(struct run_worker *w, const struct settings *s);
/* Takes the worker's name from that of its script or folder, and tells it when that needed other
 * characters. "" if it gives none. */
void plan_name_by(struct run_worker *w, const char *path);
void plan_deinit(struct run_plan *plan);
void plan_worker_deinit(struct run_worker *w);

/* The plan of what follows `run` on the command line, the command's own flags among it. A socket
 * that is set already stays unless the command line has another. 0; 2 after error lines; PLAN_HELP
 * PLAN_VERSION or PLAN_EXAMPLE: that was asked
 * for. */
enum { PLAN_HELP = -1, PLAN_VERSION = -2, PLAN_EXAMPLE = -3 };
int plan_from_words(struct run_plan *plan, char **words, int count);
/* Prints an example of a file to stdout. */
void plan_print_example(void);
/* Adds what a file says. False after error lines. */
bool plan_from_file(struct run_plan *plan, const char *path);
/* Adds a worker for each script of a folder. False after an error line. */
bool plan_from_dir(struct run_plan *plan, const char *path);

/* The same plan as it is now, from the same command line. False after error lines. */
bool plan_again(const struct run_plan *plan, struct run_plan *fresh);

/* Whether it can be carried out: names, scripts, and an order among them. False after an error line
 * for each fault. */
bool plan_check(const struct run_plan *plan);
/* The worker of this name, or `count`. */
size_t plan_find(const struct run_plan *plan, const char *name);

#endif
