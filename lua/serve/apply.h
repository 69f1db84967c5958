/* SPDX-License-Identifier: MIT
 *
 * Library functions on remote values: done where the value is at home, in one
 * round trip, by the original function of that VM.
 */
#ifndef GAIJIN_LUA_APPLY_H
#define GAIJIN_LUA_APPLY_H

#include "lua/vm/worker.h"

/* Lua: forward(original, title, first, last, kind) -> a function like `original` that does the
 * work, under the name `title`, at the home of the first AT among its arguments first..last (of
 * that kind; nil: any). Without one the original runs, in its own frame: levels and names in
 * messages are what they would be. */
int apply_forward(lua_State *L);
/* Lua: matching(f) -> f for a function that takes a pattern as second argument: an error where the
 * C stack has no room to match it, which stock 5.1 does by recursion. */
int apply_matching(lua_State *L);
/* Lua: apply(at, title, ...) -> results of the function `title` with these arguments at the home of
 * `at`. */
int apply_call(lua_State *L);
/* setmetatable with the rule that both live in one VM; the original as upvalue 2. */
int apply_setmetatable(lua_State *L);
/* In a closure whose upvalue 2 is the function replaced: runs it on the same arguments, in this
 * very frame, or, where it is no plain C function (LuaJIT's are not), by a call. */
int apply_original(lua_State *L);
/* The host's half, op apply: object, title, arguments. */
int apply_serve(lua_State *L, struct worker *w);
/* Lua, for the host's half: fetch(v, depth) -> as gaijin.copy; of each table in the copy
 * gaijin.access is asked before it is sent. */
int apply_fetch(lua_State *L);
/* Lua, for the host's half: may_get(object, key) raises unless who asked may read the field. */
int apply_may_get(lua_State *L);

#endif
