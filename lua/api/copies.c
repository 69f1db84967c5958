/* SPDX-License-Identifier: MIT
 *
 * Each metamethod puts the table in the place of the copy and does what Lua would have done. What
 * Lua itself would refuse is refused here, so that the error has the position of the script.
 */
#include "lua/api/copies.h"

#include "lua/api/metatable.h"
#include "lua/ref/copy.h"
#include "lua/serve/operator.h"

/* The first argument is a copy unless a script got hold of a metamethod. */
static void unwrap(lua_State *L) {
  if (!copy_unwrap(L, worker_of(L), 1)) luaL_argerror(L, 1, "not a copy");
}

static int copy_index(lua_State *L) {
  lua_settop(L, 2);
  unwrap(L);
  lua_gettable(L, 1);
  return 1;
}

static int copy_newindex(lua_State *L) {
  lua_settop(L, 3);
  unwrap(L);
  metatable_check_key(L, 2);
  lua_settable(L, 1);
  return 0;
}

static int copy_len(lua_State *L) {
  lua_settop(L, 1);
  unwrap(L);
  lua_pushinteger(L, (lua_Integer)lua_objlen(L, 1));
  return 1;
}

/* copy -> the table to be called in its place, and whether that is a Lua function of stock 5.1;
 * nil: it cannot be called. */
static int core_callable_of(lua_State *L) {
  lua_settop(L, 1);
  unwrap(L);
  if (!luaL_getmetafield(L, 1, "__call")) return 0;
  bool of_stock = !worker_of(L)->is_luajit && lua_isfunction(L, 2) && !lua_iscfunction(L, 2);
  lua_settop(L, 1);
  lua_pushboolean(L, of_stock);
  return 2;
}

static int copy_tostring(lua_State *L) {
  lua_settop(L, 1);
  unwrap(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, worker_of(L)->anchors.applicable);
  lua_getfield(L, -1, "tostring");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

void copies_push_metatable(lua_State *L, struct worker *w) {
  static const luaL_Reg metamethods[] = {
      {"__index", copy_index}, {"__newindex", copy_newindex}, {"__len", copy_len},
      {"__tostring", copy_tostring}, {NULL, NULL}};
  lua_newtable(L);
  worker_set_functions(L, w, metamethods);
  for (const luaL_Reg *m = metamethods; m->name; m++) worker_hide_function(w, m->func);
  operator_set_of_copies(L, w);
  metatable_hide(L);
}

void copies_open(lua_State *L, struct worker *w) {
  static const luaL_Reg functions[] = {{"callable_of", core_callable_of}, {NULL, NULL}};
  worker_set_functions(L, w, functions);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.copy_meta);
  lua_setfield(L, -2, "copy_meta");
}
