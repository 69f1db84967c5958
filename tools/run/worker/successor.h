/* SPDX-License-Identifier: MIT
 *
 * A worker that is replaced without a gap: a second process is started beside its own, with
 * --succeed, and has the name when it serves (docs/concurrency.md, "The end of a worker"). From
 * then on it is the worker's process, and the one before ends by itself, within a limit. One that
 * fails has changed nothing. life.h has the states.
 */
#ifndef GAIJIN_TOOLS_RUN_SUCCESSOR_H
#define GAIJIN_TOOLS_RUN_SUCCESSOR_H

#include "tools/run/core/state.h"

/* Why the worker cannot be succeeded by a process of this plan; NULL: it can. Static. */
const char *successor_fault(const struct worker *w, const struct run_worker *plan);
/* Has the broker asked again and again for as long as it takes until the worker, or its successor,
 * serves. */
void successor_ask(struct worker *w);
/* The same a second later, and more seldom: the broker was too busy to say. */
void successor_ask_later(struct worker *w);
/* Starts the process; one is wanted, and may be. */
void successor_start(struct worker *w);
/* A successor that is there has become outdated: it is killed. */
void successor_drop(struct worker *w);
/* Whatever is beside the worker is to end, as the worker's life says. */
void successor_stop(struct worker *w);
/* A host of the worker's name serves, of this process (0: that cannot be told): whether it is the
 * successor, which has the name then. */
bool successor_hear(struct worker *w, uint64_t host, pid_t process);
/* The worker's own process has ended, `how` and perhaps badly, and nobody asked for that: whether
 * the successor takes its place. */
bool successor_inherit(struct worker *w, const char *how, bool failed);
/* After SIGCHLD: whether the process beside it has ended, and what follows. */
bool successor_reap(struct worker *w);

#endif
