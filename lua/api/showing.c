/* SPDX-License-Identifier: MIT
 *
 * What stands in the place of such a function calls the original from the registry: an upvalue
 * would show it.
 */
#include "lua/api/showing.h"

#include "lua/fiber/reuse.h"

enum { WORKER = 1, ORIGINAL };

static void call_original(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, (int)lua_tointeger(L, lua_upvalueindex(ORIGINAL)));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
}

static int show(lua_State *L) {
  reuse_forbid(worker_of(L));
  call_original(L);
  return lua_gettop(L);
}

/* Of package.loaders: for a C library it gives a function, for what it does not find a text. */
static int load(lua_State *L) {
  call_original(L);
  if (lua_isfunction(L, 1)) reuse_forbid(worker_of(L));
  return lua_gettop(L);
}

/* Puts fn in the place of the function that the table on top has under the key on top, both of
 * which it pops; if there is one. */
static void replace(lua_State *L, struct worker *w, lua_CFunction fn) {
  int table = lua_gettop(L) - 1;
  lua_pushvalue(L, -1);
  if (lua_istable(L, table)) lua_rawget(L, table);
  if (lua_istable(L, table) && lua_isfunction(L, -1)) {
    int original = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushlightuserdata(L, w);
    lua_pushinteger(L, original);
    lua_pushcclosure(L, fn, ORIGINAL);
    lua_rawset(L, table);
  }
  lua_settop(L, table - 1);
}

/* Pushes the table of a library of Lua's; nil: it is not there. */
static void push_library(lua_State *L, const char *name, const char *field) {
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  if (!field || !lua_istable(L, -1)) return;
  lua_getfield(L, -1, field);
  lua_remove(L, -2);
}

/* Those of Lua for C libraries; what is before them loads none. */
enum { LOADER_OF_C = 3, LOADER_OF_C_ROOT };

void showing_open(lua_State *L, struct worker *w) {
  push_library(L, "debug", NULL);
  lua_pushliteral(L, "getregistry");
  replace(L, w, show);
  push_library(L, "package", NULL);
  lua_pushliteral(L, "loadlib");
  replace(L, w, show);
  for (int i = LOADER_OF_C; i <= LOADER_OF_C_ROOT; i++) {
    push_library(L, "package", "loaders");
    lua_pushinteger(L, i);
    replace(L, w, load);
  }
  w->sched.reuse.allowed = !w->is_luajit;
}
