/* SPDX-License-Identifier: MIT
 *
 * The supervisor behind `gaijinctl run`: a broker (perhaps), workers, their output,
 * and an end in good order. run_plan.c makes the plan, run_directory.c a place for
 * the broker's socket; run.c carries the plan out.
 */
#ifndef GAIJIN_TOOLS_RUN_H
#define GAIJIN_TOOLS_RUN_H

#include <stdbool.h>
#include <stddef.h>

/* Words of the command line, as they stand there. */
struct run_words {
  char *const *words;
  size_t count;
};

struct run_worker {
  char *name;
  const char *script;
  struct run_words flags; /* for this worker */
};

struct run_plan {
  const char *socket;     /* where the broker listens, or shall */
  const char *broker;     /* path of the program; NULL: one is running on the socket */
  const char *worker;     /* path of the program */
  struct run_worker *workers;
  size_t count;
  struct run_words common;    /* flags for all of them, before their own */
  struct run_words arguments; /* of all scripts */
  bool timestamps; /* before each line of output */
  double grace; /* seconds that they, and then the broker, may take to stop */
};

/* The grace, unless a worker has a longer one of its own. Seconds. */
#define RUN_GRACE_SECONDS 5
/* How long the broker may take until it listens. */
#define RUN_BROKER_SECONDS 10

/* Makes a plan of what follows `run` on the command line, --timestamps among it; the paths of
 * programs are not in it yet. 0; 2 after an error line; RUN_HELP or RUN_VERSION: that was asked
 * for. */
enum { RUN_HELP = -1, RUN_VERSION = -2 };
int run_plan_make(struct run_plan *plan, char **words, int count);
/* Frees what the plan owns. */
void run_plan_deinit(struct run_plan *plan);

/* A directory of this run's own, that only we can enter. Those of runs that were killed are removed
 * first. */
struct run_directory {
  char *path;
  int lock; /* a descriptor that keeps it ours */
};
/* False after an error line. */
bool run_directory_make(struct run_directory *d);
void run_directory_remove(struct run_directory *d);

/* Runs the plan to its end. The exit status: 0, or 1 if a worker or the broker failed; errors have
 * been printed. */
int run(const struct run_plan *plan);

#endif
