/* SPDX-License-Identifier: MIT
 *
 * What scripts see of futures (future.h), and what C does with their Lua side.
 */
#ifndef GAIJIN_LUA_FUTURE_LUA_H
#define GAIJIN_LUA_FUTURE_LUA_H

#include "lua/vm/worker.h"

struct future;

/* Adds the functions of futures (their methods, await, ...) to the table on top: what
 * concurrency.lua sees as `core`. */
void future_open(lua_State *L, struct worker *w);

/* Pushes a new future that nothing has been started for. Raises. */
struct future *future_push(lua_State *L, struct worker *w);
/* Lua: keep(future, ...): the values become its results, or its error and perhaps its traceback. */
int future_keep(lua_State *L);

#endif
