/* SPDX-License-Identifier: MIT
 *
 * Starting a call whose results are a future.
 */
#ifndef GAIJIN_LUA_ASYNC_H
#define GAIJIN_LUA_ASYNC_H

#include "lua/vm/worker.h"

/* Lua: async(f, ...) -> future */
int async_call(lua_State *L);

#endif
