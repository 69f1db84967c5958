/* SPDX-License-Identifier: MIT
 *
 * Library functions on remote values: done where the value is at home, in one
 * round trip, by the original function of that VM.
 */
#ifndef GAIJIN_LUA_APPLY_H
#define GAIJIN_LUA_APPLY_H

#include "lua/vm/worker.h"

/* Upvalues of what stands in the place of a library function (lua/api/replaced.h). Where the
 * original is a C function with an upvalue of its own, that is the first. */
enum apply_upvalue {
  APPLY_WORKER = 1,
  APPLY_ORIGINAL,
  APPLY_TITLE,
  APPLY_HELPER,
  APPLY_WORKER_AGAIN
};

/* 5.1 matches a pattern by recursion, and so takes up to 48 bytes of the C stack for each of the
 * pattern's, which may come from another worker. Shorter ones have room on any stack. */
enum { APPLY_LONG_PATTERN = 1024 };

/* The following are C functions with these upvalues. */

/* Runs the original on the same arguments: in this very frame, so that levels and names in messages
 * are what they would be; or, where it is no plain C function (LuaJIT's are not), by a call. */
int apply_original(lua_State *L);
/* Has the work done, under its title, at the home of the first argument. The original if that is
 * not remote. */
int apply_forward(lua_State *L);
/* The original, with a remote table or function as replacement, too: it matches here, and only
 * looks up or calls elsewhere. */
int apply_gsub(lua_State *L);
/* The same, with the rule that the object and its metatable or environment live in one VM. */
int apply_setmetatable(lua_State *L);
int apply_setfenv(lua_State *L);
int apply_debug_getmetatable(lua_State *L);
int apply_debug_setmetatable(lua_State *L);
/* The original, which takes a pattern as second argument; an error where the C stack has no room to
 * match it. */
int apply_match(lua_State *L);
/* The same of string.gmatch, whose iterator matches where it is called, and so looks there. */
int apply_gmatch(lua_State *L);

/* Puts in the place of argument 1, the AT of a table, a table of this VM with its entries; tables
 * in it stay ATs. Raises. */
void apply_fetch_argument(lua_State *L, struct worker *w);

/* Lua: apply(at, title, ...) -> results of the function `title` with these arguments at the home of
 * `at`. */
int apply_call(lua_State *L);
/* The host's half, op apply: object, title, arguments. */
int apply_serve(lua_State *L, struct worker *w);
/* Lua, for the host's half: fetch(v, depth) -> as gaijin.copy; of each table in the copy
 * gaijin.access is asked before it is sent. */
int apply_fetch(lua_State *L);
/* Lua, for the host's half: may_get(object, key) raises unless who asked may read the field. */
int apply_may_get(lua_State *L);

#endif
