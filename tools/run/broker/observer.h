/* SPDX-License-Identifier: MIT
 *
 * The supervisor's connection to the broker: whether the broker is there, which workers serve, and
 * whether they live. A connection that is lost is tried again for as long as the run lasts; what
 * was asked over it is forgotten, and asked again over the next one.
 */
#ifndef GAIJIN_TOOLS_RUN_OBSERVER_H
#define GAIJIN_TOOLS_RUN_OBSERVER_H

#include "tools/run/core/state.h"

/* How long the broker may take until it listens. Seconds. */
#define OBSERVER_BROKER_SECONDS 10

/* Begins to connect, beside the loop. As soon as the broker is there for the first time it is said
 * where, and r->begin called. One that does not come, or does not let us in, fails the run. */
void observer_begin(struct run *r);
void observer_end(struct run *r);
/* Asks for the moment at which one of the worker's name serves: heard_ready is its host id then,
 * heard_process its process. Nothing while an earlier question is open. */
void observer_await_ready(struct worker *w);
/* Asks whether it lives; heard_silent is set when the broker has waited for the answer as long as
 * the worker's health limit says. Nothing while an earlier question is open. */
void observer_ask_alive(struct worker *w);
/* The same, and heard_nameless is set if no worker has its name. */
void observer_ask_name(struct worker *w);
/* Forgets what was asked of a worker. */
void observer_forget(struct worker *w);
/* Waits for the broker's own answer, a second at most: whether it is there. */
bool observer_broker_answers(struct run *r);

#endif
