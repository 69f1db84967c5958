/* SPDX-License-Identifier: MIT
 *
 * The stack of a lua_State that does not run: one that a fiber or a coroutine will begin or go on
 * with. lua_checkstack there finds no protected call when an allocation fails, and Lua ends the
 * process.
 */
#ifndef GAIJIN_LUA_THREAD_H
#define GAIJIN_LUA_THREAD_H

#include <lua.h>

/* Makes room for n more values, so that they can be moved to `thread` at once. NULL, or why there
 * is none (static text). In LuaJIT `thread` is its current lua_State then (luajit_back). */
const char *thread_make_room(lua_State *thread, int n);

#endif
