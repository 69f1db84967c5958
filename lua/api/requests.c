/* SPDX-License-Identifier: MIT
 *
 * One Lua function for each thing that is asked of other workers or of the broker; what they
 * are combined to is in the Lua files of this folder.
 */
#include "lua/api/requests.h"

#include "lua/ask/remote.h"
#include "lua/ref/at.h"

static int core_kind(lua_State *L) {
  struct at *at = at_get(L, worker_of(L), 1);
  if (!at) return 0;
  lua_pushstring(L, gaijin_kind_name(at->pt.kind));
  return 1;
}

static int core_s2t(lua_State *L) {
  struct remote r = {.op = GAIJIN_OP_S2T, .name = luaL_checkstring(L, 1), .first = 2, .count = 1};
  int n = 0;
  remote_ask(L, worker_of(L), &r, &n);
  return n;
}

/* name, label, seconds -> true, value when it is there; false when the time is over. */
static int core_wait_label(lua_State *L) {
  double seconds = luaL_checknumber(L, 3);
  lua_settop(L, 2);
  lua_pushboolean(L, 1);
  struct remote r = {.op = GAIJIN_OP_S2T,
                     .name = luaL_checkstring(L, 1),
                     .first = 2,
                     .count = 2,
                     .seconds = seconds,
                     .no_call_timeout = true};
  lua_pushboolean(L, 0);
  int n = 0;
  if (remote_ask(L, worker_of(L), &r, &n) == REMOTE_TIMED_OUT) return 1;
  lua_pushboolean(L, 1);
  lua_replace(L, 4);
  return n + 1;
}

/* name, seconds -> true, or false when the time is over. */
static int core_watch(lua_State *L) {
  double seconds = luaL_checknumber(L, 2);
  lua_settop(L, 1);
  lua_pushliteral(L, "present");
  struct remote r = {
      .op = GAIJIN_OP_WATCH, .first = 1, .count = 2, .seconds = seconds, .no_call_timeout = true};
  int n = 0;
  lua_pushboolean(L, remote_ask(L, worker_of(L), &r, &n) == REMOTE_OK);
  return 1;
}

static int core_call(lua_State *L) {
  return remote_call(L, worker_of(L), GAIJIN_OP_CALL, 1, 2, lua_gettop(L) - 1);
}
static int core_next(lua_State *L) {
  lua_settop(L, 2);
  return remote_call(L, worker_of(L), GAIJIN_OP_NEXT, 1, 2, 1);
}

/* AT -> raises: its host's answer for a path made no sense. */
static int core_bad_path(lua_State *L) {
  struct worker *w = worker_of(L);
  const struct at *at = at_get(L, w, 1);
  return worker_raise(L, GAIJIN_STATUS_PROTOCOL, "worker %s took a wrong number of steps on a path",
                      at ? worker_host_name(w, at->pt.host) : "?");
}

/* cursor, host, client (nil: any) -> next cursor or nil, row, row, ... */
static int core_loads(lua_State *L) {
  lua_settop(L, 3);
  lua_pushliteral(L, "loads");
  lua_insert(L, 1);
  return remote_call(L, worker_of(L), GAIJIN_OP_INSPECT, 0, 1, 4);
}

/* -> this worker's name; gaijin.name a script may overwrite. */
static int core_own_name(lua_State *L) {
  lua_pushstring(L, worker_of(L)->name);
  return 1;
}

static int core_counts(lua_State *L) {
  struct worker *w = worker_of(L);
  worker_need_connection(L, w);
  lua_pushnumber(L, (lua_Number)gaijin_token_count(w->g));
  lua_pushnumber(L, (lua_Number)gaijin_holding_count(w->g));
  return 2;
}

/* name, seconds -> true when that worker has collected; false when the time is over. */
static int core_gc(lua_State *L) {
  double seconds = luaL_checknumber(L, 2);
  struct remote r = {
      .op = GAIJIN_OP_GC, .name = luaL_checkstring(L, 1), .first = 1, .seconds = seconds};
  int n = 0;
  lua_pushboolean(L, remote_ask(L, worker_of(L), &r, &n) == REMOTE_OK);
  return 1;
}

/* Sends the releases and waits until the broker has processed them. */
static int core_release(lua_State *L) {
  struct worker *w = worker_of(L);
  worker_need_connection(L, w);
  gaijin_flush(w->g, true); /* the request raises if the connection is lost */
  remote_call(L, w, GAIJIN_OP_PING, 0, 1, 0);
  return 0;
}

void requests_open(lua_State *L, struct worker *w) {
  static const luaL_Reg functions[] = {
      {"kind", core_kind},
      {"s2t", core_s2t},
      {"wait_label", core_wait_label},
      {"watch", core_watch},
      {"call", core_call},
      {"next", core_next},
      {"bad_path", core_bad_path},
      {"loads", core_loads},
      {"counts", core_counts},
      {"own_name", core_own_name},
      {"gc", core_gc},
      {"release", core_release},
      {NULL, NULL},
  };
  worker_set_functions(L, w, functions);
}
