/* SPDX-License-Identifier: MIT
 *
 * build/gaijin.so: the module for stock interpreters.
 *
 *   local gaijin = require "gaijin"
 *   local bakaGaijin = gaijin.connect { name = "tool", socket = path }
 *
 * connect makes this interpreter a worker: it installs what prelude.lua replaces
 * and fills the module's table. Other workers are served while the script waits,
 * in gaijin.dispatch() and in gaijin.run().
 *
 * The VM's end closes the connection. The struct worker itself is never freed:
 * finalisers of userdata older than the module run after that, and may still hold
 * remote values, which are `lost` then. For the same reason the library must not
 * be unloaded (it is linked with -z nodelete). The lua_State kept is one of our
 * own, for the one of require may be a coroutine that ends.
 */
#include <stdlib.h>
#include <string.h>

#include "lua/serve/collect.h"
#include "lua/api/concurrency.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/ask/future.h"
#include "lua/fiber/hosted.h"
#include "lua/api/library.h"
#include "lua/fiber/loop.h"
#include "lua/fiber/wait.h"
#include "proto/base.h"
#include "proto/limits.h"

__attribute__((visibility("default"))) int luaopen_gaijin(lua_State *L);

static void close_worker(struct worker *w) {
  if (!w->g) return;
  if (!w->lost) loop_drain(w);
  w->lost = w->stopping = true;
  hosted_deinit(w);
  fiber_discard_all(w);
  future_discard_all(w);
  gaijin_close(w->g);
  w->g = NULL;
  collect_deinit(w);
  concurrency_deinit(w);
  loop_deinit(w);
  stacks_deinit(&w->sched.stacks);
}

/* __gc of the guard in the registry: the VM ends. */
static int on_end(lua_State *L) {
  close_worker(worker_of(L));
  return 0;
}

/* ---- connect ---- */

/* A field of the table at index 1, from least to most; the default if it is nil. */
static double number_field(lua_State *L, const char *name, double least, double most, double otherwise) {
  lua_getfield(L, 1, name);
  lua_Number v = lua_isnil(L, -1) ? otherwise : lua_tonumber(L, -1);
  if (!lua_isnil(L, -1) && (lua_type(L, -1) != LUA_TNUMBER || !(v >= least && v <= most)))
    luaL_error(L, "gaijin.connect: %s must be a number from %f to %f", name, least, most);
  lua_pop(L, 1);
  return v;
}

/* Stays on the stack, so that the text lives. */
static const char *string_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "gaijin.connect: %s must be a string", name);
  return lua_tostring(L, -1);
}

static void check_fields(lua_State *L) {
  static const char *const known[] = {"name", "socket", "wait", "grace", "signals", "call_timeout", "max_depth", "max_fibers", "atc_time", "collector_waits"};
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
    size_t i = 0;
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    while (i < ARRAY_SIZE(known) && strcmp(known[i], key) != 0) i++;
    if (i == ARRAY_SIZE(known)) luaL_error(L, "gaijin.connect: there is no option '%s'", *key ? key : luaL_typename(L, -2));
  }
}

static void configure(lua_State *L, struct worker *w) {
  fiber_set_most(w, (unsigned)number_field(L, "max_fibers", 1, 1e6, 10000));
  w->call_timeout = number_field(L, "call_timeout", 0, 1e6, 25);
  w->max_depth = (unsigned)number_field(L, "max_depth", 1, CALL_DEPTH_MOST, CALL_DEPTH_DEFAULT);
  w->atc_time = number_field(L, "atc_time", 0.001, 1e6, 60);
  w->collector_waits = (unsigned)number_field(L, "collector_waits", 1, 1e6, 10);
  w->grace = number_field(L, "grace", 0, 1e6, 5);
}

static void connect_worker(lua_State *L, struct worker *w) {
  char error[512];
  struct gaijin_options o = {.name = string_field(L, "name"), .socket = string_field(L, "socket"), .events = &library_events, .user = w};
  o.wait_seconds = number_field(L, "wait", 0, 1e6, 5);
  int status = gaijin_connect(&w->g, &o, error, sizeof error);
  if (status) worker_raise(L, (enum gaijin_status)status, "%s", error);
  w->name = gaijin_name(w->g);
}

/* Nothing of these raises. */
static int start_parts(struct worker *w, bool signals) {
  stacks_init(&w->sched.stacks, fiber_entry);
  int r = loop_init(w);
  if (r < 0) return r;
  if (!stacks_guard_overflow(&w->sched.stacks, true) || !hosted_init(w)) return UV_ENOMEM;
  r = loop_watch(w);
  return r == 0 && signals ? ending_watch_signals(w, false) : r;
}

static int connect_vm(lua_State *L) {
  struct worker *w = worker_of(L);
  if (w->g) return luaL_error(L, "gaijin.connect: this interpreter is the worker %s already", w->name);
  if (w->lost) return worker_raise(L, GAIJIN_STATUS_LOST, "this interpreter's connection has ended; start another one");
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  check_fields(L);
  configure(L, w);
  lua_getfield(L, 1, "signals");
  bool signals = lua_toboolean(L, -1);
  hosted_open(L, w);
  connect_worker(L, w);
  int r = start_parts(w, signals);
  if (r < 0) {
    close_worker(w);
    return worker_raise(L, GAIJIN_STATUS_BUSY, "%s", uv_strerror(r));
  }
  library_open(L, w);
  lua_getglobal(L, "bakaGaijin");
  return 1;
}

/* ---- After it ---- */

static struct worker *connected(lua_State *L) {
  struct worker *w = worker_of(L);
  if (!w->g) worker_raise(L, GAIJIN_STATUS_LOST, "not connected; call gaijin.connect first");
  return w;
}

static int vm_fd(lua_State *L) {
  lua_pushinteger(L, hosted_fd(connected(L)));
  return 1;
}

/* Raises unless the script itself runs, outside finalisers: those may run in the middle of anything. */
static void need_guest(lua_State *L, struct worker *w, const char *what) {
  if (w->sched.current != w->sched.guest || w->sched.no_wait || worker_in_finaliser(L, w))
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s on a fiber or in a finaliser", what);
}

/* -> seconds, stopping. Serves what is there without waiting; seconds until it wants to be called again, nil if only the descriptor matters. */
static int vm_dispatch(lua_State *L) {
  struct worker *w = connected(L);
  need_guest(L, w, "gaijin.dispatch");
  double seconds = hosted_turn(w);
  worker_back(L, w);
  if (w->lost) return worker_raise(L, GAIJIN_STATUS_LOST, "%s", gaijin_error(w->g));
  if (seconds < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, seconds);
  lua_pushboolean(L, w->stopping);
  return 2;
}

/* Ends as a worker does: what is under way is finished within the grace. -> the status given to gaijin.stop, or 0. */
static int vm_close(lua_State *L) {
  struct worker *w = worker_of(L);
  if (w->g) {
    need_guest(L, w, "gaijin.close");
    hosted_finish(w);
    worker_back(L, w);
  }
  close_worker(w);
  if (w->sched.interrupted) return wait_raise(L, w, WAIT_INTERRUPTED, "gaijin.close");
  lua_pushinteger(L, w->exit_code);
  return 1;
}

static const luaL_Reg functions[] = {{"connect", connect_vm}, {"fd", vm_fd}, {"dispatch", vm_dispatch}, {"close", vm_close}, {NULL, NULL}};

static void push_guard(lua_State *L, struct worker *w) {
  lua_newuserdata(L, 1);
  lua_createtable(L, 0, 1);
  worker_push_function(L, w, on_end);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}

int luaopen_gaijin(lua_State *L) {
  struct worker *w = calloc(1, sizeof *w);
  if (!w) return luaL_error(L, "gaijin: no memory for a worker");
  w->name = "?";
  push_guard(L, w);
  luaL_ref(L, LUA_REGISTRYINDEX);
  if (lua_pushthread(L)) w->sched.guest_state = L; /* the main state: where interpreters set their hooks */
  lua_pop(L, 1);
  w->L = lua_newthread(L);
  luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  for (const luaL_Reg *f = functions; f->name; f++) {
    worker_push_function(L, w, f->func);
    lua_setfield(L, -2, f->name);
  }
  lua_pushvalue(L, -1);
  w->at.module = luaL_ref(L, LUA_REGISTRYINDEX);
  return 1;
}
