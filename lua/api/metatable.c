/* SPDX-License-Identifier: MIT
 *
 * Each metamethod is one request to the host; operators with several homes are
 * in operator.c.
 */
#include "lua/api/metatable.h"

#include <stdio.h>
#include <string.h>

#include "lua/ask/remote.h"
#include "lua/fiber/wait.h"
#include "lua/ref/at.h"
#include "lua/serve/operator.h"

static int at_index(lua_State *L) {
  lua_settop(L, 2);
  return remote_call(L, worker_of(L), GAIJIN_OP_GET, 1, 2, 1);
}

void metatable_check_key(lua_State *L, int i) {
  if (lua_isnil(L, i)) luaL_error(L, "table index is nil");
  if (lua_type(L, i) == LUA_TNUMBER && lua_tonumber(L, i) != lua_tonumber(L, i))
    luaL_error(L, "table index is NaN");
}

static int at_newindex(lua_State *L) {
  lua_settop(L, 3);
  metatable_check_key(L, 2);
  return remote_call(L, worker_of(L), GAIJIN_OP_SET, 1, 2, 2);
}

static int at_call(lua_State *L) {
  return remote_call(L, worker_of(L), GAIJIN_OP_CALL, 1, 2, lua_gettop(L) - 1);
}

static int at_len(lua_State *L) {
  lua_settop(L, 1);
  return remote_call(L, worker_of(L), GAIJIN_OP_LEN, 1, 2, 0);
}

static int ask_str(lua_State *L) { return remote_call(L, worker_of(L), GAIJIN_OP_STR, 1, 2, 0); }

/* The error at the top says that the original's worker has ended, or serves nobody any more. */
static bool is_of_the_dead(lua_State *L) {
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  static const char dead[] = "gaijin: dead:", lost[] = "gaijin: lost:";
  return strncmp(text, dead, sizeof dead - 1) == 0 || strncmp(text, lost, sizeof lost - 1) == 0;
}

/* tostring never fails because the original is dead or cannot be reached: then it describes the
 * AT. */
int metatable_tostring(lua_State *L) {
  struct worker *w = worker_of(L);
  struct at *at = at_get(L, w, 1);
  if (!at) return luaL_argerror(L, 1, "not a remote object");
  bool dead = w->g && gaijin_host_dead(w->g, at->pt.host);
  struct gaijin_pt pt = at->pt;
  if (!dead && !w->lost && wait_possible(w) && !worker_is_fork(w)) {
    worker_push_function(L, w, ask_str);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 1, 0) == 0) return 1;
    dead = w->g && (gaijin_host_dead(w->g, pt.host) || is_of_the_dead(L));
    if (!dead && !w->lost) return lua_error(L); /* the original's own __tostring raised */
  }
  char id[24];
  snprintf(id, sizeof id, "%llu", (unsigned long long)pt.id);
  lua_pushfstring(L, "%s: %s:%s%s", gaijin_kind_name(pt.kind), worker_host_name(w, pt.host), id,
                  dead ? " (dead)" : "");
  return 1;
}

void metatable_hide(lua_State *L) {
  lua_pushliteral(L, "__metatable");
  lua_pushliteral(L, "gaijin");
  lua_rawset(L, -3);
}

void metatable_push_object(lua_State *L, struct worker *w) {
  static const luaL_Reg metamethods[] = {
      {"__index", at_index}, {"__newindex", at_newindex}, {"__call", at_call}, {"__len", at_len},
      {"__tostring", metatable_tostring}, {"__gc", at_finalise}, {NULL, NULL}};
  lua_newtable(L);
  worker_set_functions(L, w, metamethods);
  worker_hide_function(w, metatable_tostring);
  worker_hide_function(w, ask_str);
  operator_set_metamethods(L, w);
  metatable_hide(L);
}

void metatable_push_token(lua_State *L, struct worker *w) {
  static const luaL_Reg metamethods[] = {{"__gc", at_finalise}, {NULL, NULL}};
  lua_newtable(L);
  worker_set_functions(L, w, metamethods);
  metatable_hide(L);
}
