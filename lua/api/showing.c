/* SPDX-License-Identifier: MIT
 *
 * What stands in the place of such a function runs the original's C function in its own frame, with
 * the original's environment: levels and names in messages are what they were. The original is an
 * upvalue, which 5.1 shows no script of a C function.
 */
#include "lua/api/showing.h"

#include "lua/fiber/reuse.h"

enum { WORKER = 1, ORIGINAL };

static int call_original(lua_State *L) {
  return lua_tocfunction(L, lua_upvalueindex(ORIGINAL))(L);
}

static int show(lua_State *L) {
  reuse_forbid(worker_of(L));
  return call_original(L);
}

/* Of package.loaders: for a C library it gives a function, for what it does not find a text. */
static int load(lua_State *L) {
  int n = call_original(L);
  if (n > 0 && lua_isfunction(L, -n)) reuse_forbid(worker_of(L));
  return n;
}

/* It has upvalues, or is Lua's: it cannot run in another's frame. */
static bool is_more_than_c(lua_State *L) {
  return !lua_iscfunction(L, -1) || lua_getupvalue(L, -1, 1);
}

/* Puts fn in the place of the function that the table on top has under the key on top, both of
 * which it pops; if there is one. False: it cannot. */
static bool replace(lua_State *L, struct worker *w, lua_CFunction fn) {
  int table = lua_gettop(L) - 1, original = table + 2;
  bool can = true;
  lua_pushvalue(L, -1);
  if (lua_istable(L, table)) lua_rawget(L, table);
  if (lua_istable(L, table) && lua_isfunction(L, original)) {
    can = !is_more_than_c(L);
    lua_settop(L, original);
    lua_pushlightuserdata(L, w);
    lua_pushvalue(L, original);
    lua_pushcclosure(L, fn, ORIGINAL);
    lua_getfenv(L, original);
    lua_setfenv(L, -2);
    lua_replace(L, original);
    if (can) lua_rawset(L, table);
  }
  lua_settop(L, table - 1);
  return can;
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
  if (w->is_luajit) return;
  push_library(L, "debug", NULL);
  lua_pushliteral(L, "getregistry");
  bool all = replace(L, w, show);
  push_library(L, "package", NULL);
  lua_pushliteral(L, "loadlib");
  all = replace(L, w, show) && all;
  for (int i = LOADER_OF_C; i <= LOADER_OF_C_ROOT; i++) {
    push_library(L, "package", "loaders");
    lua_pushinteger(L, i);
    all = replace(L, w, load) && all;
  }
  w->sched.reuse.allowed = all;
}
