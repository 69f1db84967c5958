/* SPDX-License-Identifier: MIT
 *
 * The supervisor behind `gaijinctl run`: a broker (perhaps), workers started one
 * after the other, their output, and an end in good order. cmd_run.c makes the
 * plan; run.c carries it out.
 */
#ifndef GAIJIN_TOOLS_RUN_H
#define GAIJIN_TOOLS_RUN_H

#include <stddef.h>

struct run_worker {
  char *name;
  const char *script;
};

struct run_plan {
  const char *socket;     /* where the broker listens, or shall */
  const char *broker;     /* path of the program; NULL: one is running on the socket */
  const char *worker;     /* path of the program */
  struct run_worker *workers;
  size_t count;
};

/* How long a worker may take until it serves before the next one is started; how long it may take
 * to stop. Seconds. */
#define RUN_READY_SECONDS 10
#define RUN_GRACE_SECONDS 5
/* How long the broker may take until it listens. */
#define RUN_BROKER_SECONDS 10

/* Runs the plan to its end. The exit status: 0, or 1 if a worker or the broker failed; errors have
 * been printed. */
int run(const struct run_plan *plan);

#endif
