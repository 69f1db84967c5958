/* SPDX-License-Identifier: MIT
 *
 * Answering others: a fiber does the operation on the original object and answers exactly once.
 */
#ifndef GAIJIN_LUA_SERVE_H
#define GAIJIN_LUA_SERVE_H

#include "lua/vm/worker.h"

/* Makes what serves: the functions are made once, because making one takes memory. Tells the worker
 * which of ours calls those of scripts for others. Raises. */
void serve_open(lua_State *L, struct worker *w);
/* Whether there is such an operation. */
bool serve_knows(enum gaijin_op op);
/* The job of a fiber that serves a request (fiber_serve). */
void serve_job(struct worker *w, struct fiber *f);

#endif
