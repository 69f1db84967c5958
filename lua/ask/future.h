/* SPDX-License-Identifier: MIT
 *
 * Futures: the results of a call that was started and is not waited for. The
 * C record and the userdata that Lua sees point at each other; either may go
 * first. A finaliser only marks: what was dropped is freed in the scheduler.
 *
 * A future is open until its answer comes, its function ends or it is cancelled; then
 * done, once and for all. The answer of a remote call stays as bytes until it is first read.
 */
#ifndef GAIJIN_LUA_FUTURE_H
#define GAIJIN_LUA_FUTURE_H

#include "lua/vm/worker.h"

struct fiber;
struct future;

/* Adds the functions of futures (their methods, await, ...) to the table on top: what concurrency.lua sees as `core`. */
void future_open(lua_State *L, struct worker *w);

/* Pushes a new future that nothing has been started for. Raises. */
struct future *future_push(lua_State *L, struct worker *w);
/* Its call has been started by the current fiber: another one runs it, or the request was sent with future_on_answer and the
 * future. */
void future_begin(struct future *u, struct fiber *runs, uint64_t request);
void future_on_answer(void *future, const struct gaijin_answer *got);
/* Lua: keep(future, ...): the values become its results, or its error and perhaps its traceback. */
int future_keep(lua_State *L);
/* What to tell people if nobody reads its error; NULL: it is no string. */
void future_complaint(struct future *u, const char *text);
/* The fiber's future is done; its results have been kept, unless there is a text that says why not. */
void future_finish(struct fiber *f, bool ok, const char *why_not);

/* Logs what nobody will read any more and frees what was dropped. From the scheduler. */
void future_bury(struct worker *w);

/* Frees all: no Lua will run but finalisers. Call when all fibers have been discarded, before lua_close. */
void future_discard_all(struct worker *w);

#endif
