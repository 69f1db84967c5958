/* SPDX-License-Identifier: MIT
 *
 * What is peculiar to LuaJIT when several lua_States run in turns: it notes which one
 * runs, stops its collector in finalisers, and keeps objects in compiled code.
 */
#ifndef GAIJIN_LUA_LUAJIT_H
#define GAIJIN_LUA_LUAJIT_H

#include "lua/vm/worker.h"

/* LUA_GCISRUNNING of LuaJIT, which 5.1 does not have. While it runs a finaliser, its collector is
 * stopped. */
enum { LUAJIT_GCISRUNNING = 9 };

/* Whether the interpreter is LuaJIT. */
bool luajit_is_here(void);
/* Makes what this file needs in the VM. Raises. */
void luajit_open(lua_State *L, struct worker *w);

/* L runs again, after other lua_States did inside a C function of L's. LuaJIT notes which one runs
 * only when it enters or leaves its interpreter; an error raised without that would have compiled
 * code restore its values on the wrong stack. Raises nothing. */
void luajit_note_state(lua_State *L, struct worker *w);
static inline void luajit_back(lua_State *L, struct worker *w) {
  if (w->is_luajit) luajit_note_state(L, w);
}

/* Whether a script has stopped the collector, or runs a finaliser. Stock 5.1 does not tell: false.
 * There a step of ours, or a collection, has it run again, as one of the script's own has. */
bool luajit_is_stopped(const struct worker *w);

/* Whether L runs a finaliser, or a debug hook: Lua runs no hooks then. Not cheap. In stock 5.1 too.
 */
bool luajit_in_finaliser(lua_State *L, struct worker *w);

/* Throws compiled code away, which keeps the objects that it has as constants alive, remote ones
 * too. At most once a second, for it is made anew where it is needed. */
void luajit_forget_code(struct worker *w);
/* The same at once. From the scheduler only, where no finaliser is under way. */
void luajit_flush_code(struct worker *w);
/* Whether a script has given jit.attach handlers, which are told when code is thrown away. Runs and
 * allocates nothing. */
bool luajit_has_handlers(const struct worker *w);
/* No handler that a script has given jit.attach runs from now on, for good: for a copy of the
 * worker, where no script runs. May raise. */
void luajit_forget_handlers(lua_State *L, struct worker *w);

#endif
