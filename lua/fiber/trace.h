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
/* Remembers for it that the text (or number) at `value`, which is about to be raised, lacks a
 * position, that of this level above (position.h). Until it has left this worker the name of the
 * calling one stands in its place, "till: text": equal strings are one value in Lua, and so the
 * text that was caught and raised on is another value than the same text raised anew. The running
 * fiber serves a request, `value` is an absolute index. */
void trace_note_above(lua_State *L, struct worker *w, int value, unsigned above);
/* The level above remembered for the value at the absolute index, which loses the name; 0, and the
 * value as it is: none. */
unsigned trace_take_above(lua_State *L, struct worker *w, int value);
/* Pushes the traceback remembered for the value; false, pushing nothing, if there is none. */
bool trace_push(lua_State *L, struct worker *w, int value);
/* Pushes the whole traceback of the error at `value`: what was remembered of it, then the stack of
 * L from `level` on, each line with its worker's name. */
void trace_build(lua_State *L, struct worker *w, int value, int level);
/* A message handler with the worker as upvalue: remembers the whole traceback, returns the error as
 * it is. */
int trace_handler(lua_State *L);
/* Lua: traceback(err [, level]) -> the error's text and the whole traceback. */
int trace_function(lua_State *L);

#endif
