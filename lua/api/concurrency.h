/* SPDX-License-Identifier: MIT
 *
 * What scripts see of waiting: sleep, yield, run, time limits, and futures
 * (ask/future_lua.c); what is Lua of it is concurrency.lua.
 */
#ifndef GAIJIN_LUA_CONCURRENCY_H
#define GAIJIN_LUA_CONCURRENCY_H

#include "lua/vm/worker.h"

/* Adds to the tables `gaijin` (`module`) and `core`, given as stack indices, and runs
 * concurrency.lua. Raises. */
void concurrency_open(lua_State *L, struct worker *w, int module, int core);

#endif
