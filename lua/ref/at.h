/* SPDX-License-Identifier: MIT
 *
 * Active tokens. The AT of a table, a coroutine or a userdata is a full userdata; the AT of a
 * function is a Lua closure around such a userdata (its token), so that coroutine.create and the
 * like accept it. Either way a `struct at` knows the PT and, while it counts as a user of it, the
 * holding. At most one AT exists per holding and VM.
 *
 * The finaliser only lets the holding go. An AT that a script's finaliser keeps
 * alive after its own has run is *resurrected*: at_revive gives it a holding again.
 */
#ifndef GAIJIN_LUA_AT_H
#define GAIJIN_LUA_AT_H

#include <stdbool.h>

#include "lua/vm/worker.h"

struct at {
  struct gaijin_pt pt;
  gaijin_holding *holding; /* NULL once finalised */
  bool was_finalised; /* weak tables do not keep such a userdata, even if something refers to it */
  /* Of a fresh token: the AT whose holding ends with it; it lives as long as the token. */
  struct at *revived;
};

/* Pushes the AT of a holding, made if need be. Raises when memory is short; may run finalisers. */
void at_push(lua_State *L, struct worker *w, gaijin_holding *h);
/* The struct of the AT at index i, of whatever kind; NULL for any other value. Allocates nothing,
 * raises nothing. */
struct at *at_get(lua_State *L, struct worker *w, int i);
/* Whether the value at index i may be an AT that is a userdata; copies may, and few others. What
 * at_get tells for certain, in fewer calls of Lua's. */
static inline bool at_may_be_userdata(lua_State *L, int i) {
  return lua_type(L, i) == LUA_TUSERDATA && lua_objlen(L, i) == sizeof(struct at);
}
/* Pushes the userdata that ends with the AT of the holding: the AT, or the token inside a function;
 * or, of a function that a finaliser has brought back, its fresh token. Its struct; NULL pushes
 * nothing: no AT of it is known. Allocates nothing, raises nothing. */
const struct at *at_push_userdata(lua_State *L, struct worker *w, const gaijin_holding *h);
/* LuaJIT: adds the value on top to those that the replaced library functions look closer at: ATs
 * and copies. (Compiled code can look a value up in a table, but not ask C.) */
void at_note(lua_State *L, struct worker *w);
/* The AT of a function has so many upvalues in 5.1, the token among the first two (prelude.lua). */
enum { AT_UPVALUES = 6 };
/* In 5.1: whether the value at index i may be the AT of a function; few other functions may. What
 * at_get tells for certain, in one call. */
static inline bool at_may_be_function(lua_State *L, int i) {
  if (!lua_getupvalue(L, i, AT_UPVALUES)) return false;
  lua_pop(L, 1);
  return true;
}
/* Gives a finalised AT its holding back: the queued release is taken back, or the token claimed
 * anew (waits). Raises. */
void at_revive(lua_State *L, struct worker *w, int i);
/* The __gc of every userdata with a struct at. */
int at_finalise(lua_State *L);

#endif
