/* SPDX-License-Identifier: MIT
 *
 * A worker's process: started, watched, stopped, and what it writes passed on. Its states are
 * life.h's. It has one timer, which is the state's: until it must serve, until it must have
 * ended, until it is started again.
 */
#ifndef GAIJIN_TOOLS_RUN_WORKER_H
#define GAIJIN_TOOLS_RUN_WORKER_H

#include "tools/run/state.h"

/* Worker number `index` of a run, WAITING. */
void worker_init(struct worker *w, struct run *r, size_t index);
void worker_deinit(struct worker *w);
/* Starts its process; what it needs serves. If that fails, it has failed. */
void worker_start(struct worker *w);
/* A user's wish, or the run's: it is to end, and perhaps to be started again. */
void worker_stop(struct worker *w, bool again);
/* At once, and what it started with it. */
void worker_kill(struct worker *w);
/* After SIGCHLD: whether it has ended, and what follows from that for itself. */
void worker_reap(struct worker *w);
/* Follows up what the broker said of it. */
void worker_hear(struct worker *w);

#endif
