/* SPDX-License-Identifier: MIT
 *
 * The ways by which a script may come to the lua_State of a fiber, which it is otherwise never
 * shown (lua/fiber/reuse.h): the registry, where they are anchored, and a C library of the
 * program's, which may keep the one it is called on. Whoever goes one of them gets what he wants,
 * and no lua_State is used again. (LuaJIT has more of them, its profiler for one: there none is.)
 */
#ifndef GAIJIN_LUA_SHOWING_H
#define GAIJIN_LUA_SHOWING_H

#include "lua/vm/worker.h"

/* From now on lua_States are used again, unless this is not Lua 5.1's own library. To be called
 * when the library is open, and before a script has run. Raises. */
void showing_open(lua_State *L, struct worker *w);

#endif
