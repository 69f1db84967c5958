/* SPDX-License-Identifier: MIT
 *
 * A worker's process: started, watched, stopped, and what it writes passed on. Its states are
 * life.h's. It has one timer, which is the state's: until it must serve, until it must have
 * ended, until it is started again. For a while it may have a second process (successor.h).
 */
#ifndef GAIJIN_TOOLS_RUN_WORKER_H
#define GAIJIN_TOOLS_RUN_WORKER_H

#include "tools/run/core/state.h"

/* One more worker of the run, WAITING. It takes the plan over, and leaves a zeroed one. False after
 * an error line: there is one more, but its log cannot be written. */
bool worker_add(struct run *r, struct run_worker *plan);
/* Takes worker number `index`, which does not run, out of the run. */
void worker_remove(struct run *r, size_t index);
/* The run's worker of this name, or NULL. */
struct worker *worker_find(const struct run *r, const char *name);
/* It is to be as this plan says, which is taken over: one whose process would be another is
 * replaced. */
void worker_change(struct worker *w, struct run_worker *plan);
/* Starts its process; what it needs serves. If that fails, it has failed. */
void worker_start(struct worker *w);
/* A user's wish, or the run's: it is to end, and perhaps to be started again. */
void worker_stop(struct worker *w, bool again);
/* The same, for another process in its place, because `why`: a successor if it serves and can be
 * succeeded, else it is ended and started again, which is said. True for a successor. */
bool worker_replace(struct worker *w, const char *why);
/* At once, and what it started with it. */
void worker_kill(struct worker *w);
/* After SIGCHLD: whether it has ended, and what follows from that for itself. */
void worker_reap(struct worker *w);
/* Follows up what the broker said of it. */
void worker_hear(struct worker *w);

#endif
