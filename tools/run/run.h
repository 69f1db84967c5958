/* SPDX-License-Identifier: MIT
 *
 * The supervisor behind `gaijinctl run`: a broker (perhaps), workers, their output, and an end in
 * good order. A plan says what is to be (plan.h); run.c carries it out: worker.c has a worker's
 * process, broker.c the broker's, observer.c what is asked of both over the wire, and
 * run_directory.c a place for the broker's socket. state.h has it all as data.
 */
#ifndef GAIJIN_TOOLS_RUN_H
#define GAIJIN_TOOLS_RUN_H

#include <stdbool.h>

#include "tools/run/plan.h"

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
