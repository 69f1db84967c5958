/* SPDX-License-Identifier: MIT
 *
 * A process of a worker's: started from a plan, its output read, its end learned. A worker has one,
 * and for a while a second one beside it; which is which, and what follows from an end, is
 * worker.c's and successor.c's.
 */
#ifndef GAIJIN_TOOLS_RUN_PROCESS_H
#define GAIJIN_TOOLS_RUN_PROCESS_H

#include "tools/run/core/state.h"

/* One that does not run. */
struct process *run_process_new(void);
/* Closes its output. It does not run any more, or the run ends. */
void run_process_free(struct process *p);

/* Starts it, as one of the worker that this plan describes; `succeeds`: it waits beside the one
 * that runs until it may have its name. 0 or an errno. */
int run_process_start(struct process *p, struct worker *w, const struct run_worker *plan,
                  bool succeeds);
/* It runs, and does what it must not: killed, which is a failure of its. */
void run_process_blame(struct process *p);
/* After SIGCHLD: true once, when it has ended and all it wrote has been passed on. `how` (n bytes)
 * gets how, *failed whether badly. */
bool run_process_reap(struct process *p, const struct run *r, char *how, size_t n, bool *failed);
/* What it wrote is passed on, and nothing more read. */
void run_process_close(struct process *p);

#endif
