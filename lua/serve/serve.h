/* SPDX-License-Identifier: MIT
 *
 * Answering others: each request becomes a fiber that does the operation on the
 * original object and answers exactly once.
 */
#ifndef GAIJIN_LUA_SERVE_H
#define GAIJIN_LUA_SERVE_H

#include "lua/vm/worker.h"

/* The request and cancel events of the connection. */
void serve_request(void *worker, const struct gaijin_request *request, gaijin_body *body);
void serve_cancel(void *worker, uint64_t id);
/* The refused event: a one-way call of ours was not done. Counted and logged. */
void serve_post_refused(void *worker, enum gaijin_op op, enum gaijin_status status,
                        const char *text);
/* Wakes the requests that wait for the label at index i. */
void serve_label_set(lua_State *L, struct worker *w, int i);

#endif
