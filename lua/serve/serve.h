/* SPDX-License-Identifier: MIT
 *
 * Answering others: each request becomes a fiber that does the operation on the
 * original object and answers exactly once.
 */
#ifndef GAIJIN_LUA_SERVE_H
#define GAIJIN_LUA_SERVE_H

#include "lua/vm/worker.h"

/* Tells the worker which function of ours calls those of scripts for others. */
void serve_open(struct worker *w);
/* The request and cancel events of the connection. */
void serve_request(void *worker, const struct gaijin_request *request, gaijin_body *body);
void serve_cancel(void *worker, uint64_t id);
/* Begins what waits in the backlog, while there are fibers for it and few are ready. In each turn
 * before fibers run; at the worker's end, gives up what waits and has its senders told. */
void serve_begin(struct worker *w);

#endif
