/* SPDX-License-Identifier: MIT
 *
 * Two tables: `gaijin`, which scripts see, and `core`, which only the Lua files of this
 * folder see. A function here does one thing; what needs Lua's syntax is in those files.
 */
#include "lua/api/library.h"

#include <assert.h>

#include "lua/api/concurrency.h"
#include "lua/api/copies.h"
#include "lua/api/deaths.h"
#include "lua/api/metatable.h"
#include "lua/api/pages.h"
#include "lua/api/prelude.lua.h"
#include "lua/api/references.lua.h"
#include "lua/api/replaced.h"
#include "lua/api/replaced.lua.h"
#include "lua/api/requests.h"
#include "lua/api/stats.h"
#include "lua/ask/remote.h"
#include "lua/ask/room.h"
#include "lua/cycles/rounds.h"
#include "lua/fiber/connection.h"
#include "lua/fiber/door.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/position.h"
#include "lua/fiber/trace.h"
#include "lua/fiber/turns.h"
#include "lua/ref/at.h"
#include "lua/ref/copy.h"
#include "lua/ref/listed.h"
#include "lua/ref/pool.h"
#include "lua/serve/access.h"
#include "lua/serve/apply.h"
#include "lua/serve/begin.h"
#include "lua/serve/bounds.h"
#include "lua/serve/collect.h"
#include "lua/serve/labels.h"
#include "lua/serve/outage.h"
#include "lua/serve/quick.h"
#include "lua/serve/serve.h"
#include "lua/serve/weight.h"
#include "lua/vm/gc.h"
#include "lua/vm/luajit.h"
#include "lua/vm/thread.h"

/* ---- gaijin ---- */

static int gaijin_caller(lua_State *L) {
  struct worker *w = worker_of(L);
  struct fiber *f = w->sched.current;
  if (f && f->serving.caller)
    lua_pushstring(L, worker_host_name(w, f->serving.caller));
  else
    lua_pushnil(L);
  return 1;
}

static int gaijin_ready(lua_State *L) {
  struct worker *w = worker_of(L);
  worker_need_connection(L, w);
  int status = worker_tell_ready(w);
  if (status != 0) worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
  return 0;
}

static int gaijin_stop(lua_State *L) {
  lua_Number code = luaL_optnumber(L, 1, 0);
  if (!(code >= 0 && code <= 255))
    return luaL_argerror(L, 1, "an exit status from 0 to 255 expected");
  ending_stop(worker_of(L), (int)code);
  return 0;
}

static int gaijin_monotonic(lua_State *L) {
  lua_pushnumber(L, clock_seconds());
  return 1;
}

/* Calls the function below its n arguments at the top; an error goes to stderr. */
static bool call_reporting(lua_State *L, struct worker *w, int n) {
  int function = lua_gettop(L) - n;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.trace_function);
  lua_insert(L, function);
  bool ok = lua_pcall(L, n, 0, function) == 0;
  const char *text = NULL;
  if (!ok) text = lua_isstring(L, -1) ? lua_tostring(L, -1) : "error in error handling";
  if (!ok && !worker_is_stop_error(w, text)) worker_log_often(w, LINE_ERROR, "%s", text);
  lua_settop(L, function - 1);
  return ok;
}

/* What spawn left on the stack: a message handler, the function, its arguments. Allocates nothing
 * outside the protected call, because a finaliser that runs then may raise. */
static void spawned_job(struct worker *w, struct fiber *f) {
  char buffer[64];
  if (lua_pcall(f->L, lua_gettop(f->L) - 2, 0, 1) == 0) return;
  const char *text = worker_error_text(f->L, lua_gettop(f->L), buffer, sizeof buffer);
  if (!worker_is_stop_error(w, text)) worker_log_often(w, LINE_ERROR, "%s", text);
}

/* Calls what is at index 1 with the rest of the stack on a new fiber. */
static struct fiber *spawn(lua_State *L, struct worker *w) {
  luaL_checkstack(L, 4, "too many arguments");
  if (worker_is_closed(w)) worker_need_connection(L, w);
  worker_refuse_fork(L, w); /* it would never run */
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.trace_function);
  lua_insert(L, 1);
  struct fiber *f = fiber_new_here(w, spawned_job);
  luajit_back(L, w);
  if (!f) {
    fiber_raise_none_here(L, w);
    return NULL;
  }
  assert(lua_gettop(f->L) == 0);
  const char *why_not = thread_make_room(f->L, lua_gettop(L) + 4);
  luajit_back(L, w);
  if (why_not)
    f->job = fiber_no_job;
  else
    lua_xmove(L, f->L, lua_gettop(L));
  fiber_wake(f);
  if (why_not) luaL_error(L, "%s", why_not);
  return f;
}

static int gaijin_spawn(lua_State *L) {
  if (lua_type(L, 1) != LUA_TFUNCTION) return luaL_typerror(L, 1, "function");
  spawn(L, worker_of(L));
  return 0;
}

/* f, ... -> the fiber's number, for core.end_timer. */
static int core_spawn(lua_State *L) {
  lua_pushnumber(L, (lua_Number)spawn(L, worker_of(L))->number);
  return 1;
}

/* f, ... : calls f one way, a remote one at its home, one of ours on a fiber of its own. */
static int gaijin_post(lua_State *L) {
  struct worker *w = worker_of(L);
  if (!at_get(L, w, 1)) {
    int top = lua_gettop(L);
    if (lua_type(L, 1) != LUA_TFUNCTION && !luaL_getmetafield(L, 1, "__call"))
      return luaL_typerror(L, 1, "function");
    lua_settop(L, top);
    spawn(L, w);
    return 0;
  }
  remote_post(L, w, 1, 2, lua_gettop(L) - 1);
  return 0;
}

/* ---- core ---- */

static int core_label_set(lua_State *L) {
  labels_set(L, worker_of(L), 1);
  return 0;
}

static int core_collect(lua_State *L) {
  struct worker *w = worker_of(L);
  w->code_forgotten = 0; /* the script asks for it: however short ago the last time was */
  gc_full(L, w);
  return 0;
}

static int core_report(lua_State *L) {
  lua_pushboolean(L, call_reporting(L, worker_of(L), lua_gettop(L) - 1));
  return 1;
}

static int core_log(lua_State *L) {
  worker_log_often(worker_of(L), LINE_ERROR, "%s", luaL_checkstring(L, 1));
  return 0;
}

static void on_dead(void *worker, uint64_t host) {
  turns_host_died(worker, host);
  deaths_on_dead(worker, host);
  door_look(worker);
}

static void on_reconnected(void *worker, int fd) {
  outage_ends(worker, fd);
  deaths_on_return(worker);
}

static void on_succeeded(void *worker) { ending_succeeded(worker); }

const struct gaijin_events library_events = {.request = begin_request,
                                             .cancel = begin_cancel,
                                             .free = collect_on_free,
                                             .refused = worker_post_failed,
                                             .room = room_came,
                                             .starved = connection_starved,
                                             .forget = pool_forget,
                                             .disconnected = outage_begins,
                                             .reconnected = on_reconnected,
                                             .reborn = outage_reborn,
                                             .confirmed = outage_confirmed,
                                             .dead = on_dead,
                                             .cycle = rounds_asked,
                                             .condemn = rounds_condemned,
                                             .resume = rounds_resumed,
                                             .succeeded = on_succeeded};

/* ---- Opening ---- */

static const luaL_Reg gaijin_functions[] = {
    {"caller", gaijin_caller},     {"ready", gaijin_ready},
    {"stop", gaijin_stop},         {"post", gaijin_post},
    {"traceback", trace_function}, {"now", gaijin_monotonic},
    {"spawn", gaijin_spawn},       {"stats", stats_push},
    {NULL, NULL},
};

static int core_is_copy(lua_State *L) {
  lua_pushboolean(L, copy_is(L, worker_of(L), 1));
  return 1;
}

/* value, key -> nothing if Lua can read that field, perhaps by a function that raises; or the type
 * of what it cannot index: the value, or an __index on the way. */
static int core_not_indexable(lua_State *L) {
  enum { VALUE = 1, KEY, CHAIN_MOST = 100 }; /* as Lua has it, which refuses a longer one */
  lua_settop(L, KEY);
  for (int i = 0; i < CHAIN_MOST; i++) {
    bool is_table = lua_istable(L, VALUE);
    if (is_table) {
      lua_pushvalue(L, KEY);
      lua_rawget(L, VALUE);
      if (!lua_isnil(L, -1)) return 0;
    }
    if (!luaL_getmetafield(L, VALUE, "__index")) {
      lua_pushstring(L, is_table ? NULL : luaL_typename(L, VALUE));
      return 1;
    }
    if (lua_isfunction(L, -1)) return 0;
    lua_replace(L, VALUE);
    lua_settop(L, KEY);
  }
  return 0;
}

/* text: raises it with the position of the script's code that called the library. */
static int core_refuse(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  position_add(L, worker_of(L), 1, 1, true);
  return lua_error(L);
}

static const luaL_Reg core_functions[] = {
    {"label_set", core_label_set},
    {"collect", core_collect},
    {"spawn", core_spawn},
    {"report", core_report},
    {"refuse", core_refuse},
    {"log", core_log},
    {"apply", apply_call},
    {"copy", copy_make},
    {"is_copy", core_is_copy},
    {"not_indexable", core_not_indexable},
    {"fetch", apply_fetch},
    {"may_get", apply_may_get},
    {NULL, NULL},
};

/* A new table in the registry. `slots`: with the free list of luaL_ref made, so that giving a slot
 * back allocates nothing. */
static int new_anchor(lua_State *L, bool slots) {
  lua_newtable(L);
  if (slots) {
    lua_pushinteger(L, 0);
    lua_rawseti(L, -2, 0);
  }
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

/* The same of a table with weak keys ("k") or values ("v"). */
static int new_weak_anchor(lua_State *L, const char *mode) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushstring(L, mode);
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

void library_open_books(lua_State *L, struct worker *w) {
  w->anchors.pool = new_anchor(L, true);
  w->anchors.lookup = new_anchor(L, false);
  w->anchors.threads = new_anchor(L, true);
  w->anchors.interner = new_weak_anchor(L, "v");
  listed_open(L, w);
  metatable_push_object(L, w);
  w->object_meta_address = lua_topointer(L, -1);
  w->anchors.object_meta = luaL_ref(L, LUA_REGISTRYINDEX);
  metatable_push_token(L, w);
  w->token_meta_address = lua_topointer(L, -1);
  w->anchors.token_meta = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void open_anchors(lua_State *L, struct worker *w) {
  library_open_books(L, w);
  w->anchors.labels = new_anchor(L, false);
  if (!w->anchors.module) w->anchors.module = new_anchor(L, false);
  w->anchors.applicable = new_anchor(L, false);
  w->anchors.remote = new_weak_anchor(L, "k");
  w->anchors.resources = new_weak_anchor(L, "k");
  w->anchors.traces = new_anchor(L, false);
  trace_open(L, w);
  copies_push_metatable(L, w);
  w->anchors.copy_meta = luaL_ref(L, LUA_REGISTRYINDEX);
  luajit_open(L, w);
  access_open(L, w);
  quick_open(L, w);
  gc_open(L, w);
  weight_open(L, w);
}

void library_open(lua_State *L, struct worker *w) {
  open_anchors(L, w);
  serve_open(L, w);
  worker_hide_function(w, apply_may_get); /* it calls gaijin.access, as what serves a `get` does */
  lua_newtable(L);
  int core = lua_gettop(L);
  worker_set_functions(L, w, core_functions);
  requests_open(L, w);
  pages_open(L, w);
  replaced_open(L, w);
  bounds_open(L, w);
  copies_open(L, w);
  if (w->is_luajit) {
    worker_load_chunk(L, replaced_lua);
    lua_pushvalue(L, core);
    lua_call(L, 1, 0);
  }
  worker_load_chunk(L, prelude_lua);
  lua_pushvalue(L, core);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.module);
  worker_set_functions(L, w, gaijin_functions);
  lua_pushstring(L, w->name);
  lua_setfield(L, -2, "name");
  lua_pushvalue(L, -1);
  lua_setglobal(L, "gaijin");
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.labels);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.applicable);
  lua_call(L, 4, 1);
  w->anchors.make_function_at = luaL_ref(L, LUA_REGISTRYINDEX);
  worker_load_chunk(L, references_lua);
  lua_pushvalue(L, core);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.module);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.labels);
  lua_call(L, 3, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.module);
  assert(lua_gettop(L) == core + 1);
  concurrency_open(L, w, core + 1, core);
  deaths_open(L, w, core + 1, core);
  lua_settop(L, core - 1);
}
