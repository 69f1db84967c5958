/* SPDX-License-Identifier: MIT
 *
 * What others ask of this worker, from its arrival to the fiber that serves it (serve.h).
 */
#ifndef GAIJIN_LUA_BEGIN_H
#define GAIJIN_LUA_BEGIN_H

#include "lua/vm/worker.h"

/* The request and cancel events of the connection. */
void begin_request(void *worker, const struct gaijin_request *request, gaijin_body *body);
void begin_cancel(void *worker, uint64_t id);
/* Begins what waits in the backlog, while there are fibers for it. In each turn before fibers run;
 * at the worker's end, gives up what waits and has its senders told. */
void begin_waiting(struct worker *w);
/* The connection is away: calls that are not begun are forgotten, with those that wait for a label;
 * their askers were told `lost`. Posts stay. */
void begin_forget(struct worker *w);

#endif
