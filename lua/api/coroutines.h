/* SPDX-License-Identifier: MIT
 *
 * Library functions by which stock 5.1 allocates on the lua_State of another coroutine, where no
 * protected call is: memory that is short ends the process there. These make what is needed
 * beforehand, or elsewhere, and raise.
 */
#ifndef GAIJIN_LUA_COROUTINES_H
#define GAIJIN_LUA_COROUTINES_H

#include "lua/vm/worker.h"

/* So few values fit on any coroutine's stack. */
enum { COROUTINES_FEW = LUA_MINSTACK / 2 };

/* In the place of coroutine.resume and coroutine.wrap, with the upvalues of enum apply_upvalue. */
int coroutines_resume(lua_State *L);
int coroutines_wrap(lua_State *L);

/* Whether these are arguments of debug.getinfo by which it makes a table on another lua_State: for
 * the lines with code of what a coroutine does. */
bool coroutines_wants_lines(lua_State *L);
/* debug.getinfo of such arguments, with the upvalues of enum apply_upvalue. */
int coroutines_lines(lua_State *L);

#endif
