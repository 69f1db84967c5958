/* SPDX-License-Identifier: MIT
 *
 * Tracebacks across processes: the error a fiber saw last, and where it came
 * from, worker by worker, the innermost first.
 */
#ifndef GAIJIN_LUA_TRACE_H
#define GAIJIN_LUA_TRACE_H

#include "lua/vm/worker.h"

/* Makes what this file needs in the VM. Raises. */
void trace_open(lua_State *L, struct worker *w);

/* Remembers for the running fiber that the error value at `value` has the traceback (a string) at
 * `text`. */
void trace_remember(lua_State *L, struct worker *w, int value, int text);
/* The fiber ends: nothing is remembered of it any more. Raises nothing. */
void trace_forget(struct worker *w, struct fiber *f);
/* Whether anything is remembered of it. */
bool trace_is_kept(const struct worker *w, const struct fiber *f);
/* Pushes the traceback remembered for the value; false, pushing nothing, if there is none. */
bool trace_push(lua_State *L, struct worker *w, int value);
/* Pushes the whole traceback of the error at `value`: what was remembered of it, then the stack of
 * L from `level` on, each line with its worker's name. */
void trace_build(lua_State *L, struct worker *w, int value, int level);
/* A message handler with the worker as upvalue: remembers the whole traceback, returns the error as
 * it is, but for a position that is left to the calling worker (position.h). */
int trace_handler(lua_State *L);
/* Lua: traceback(err [, level]) -> the error's text and the whole traceback. */
int trace_function(lua_State *L);

#endif
