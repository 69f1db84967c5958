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

#include "lua/collect.h"
#include "lua/concurrency.h"
#include "lua/fiber.h"
#include "lua/future.h"
#include "lua/hosted.h"
#include "lua/library.h"
#include "lua/loop.h"
#include "lua/wait.h"
#include "proto/limits.h"

__attribute__((visibility("default"))) int luaopen_gaijin(lua_State *L);

static void close_worker(struct worker *w) {
  if (!w->g) return;
  if (!w->lost) loop_drain(w);
  w->lost = true;
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

/* A field of the table at index 1, of the type wanted; the default if it is nil. */
static double number_field(lua_State *L, const char *name, double least, double otherwise) {
  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1) && (lua_type(L, -1) != LUA_TNUMBER || !(lua_tonumber(L, -1) >= least)))
    luaL_error(L, "gaijin.connect: %s must be a number of at least %f", name, least);
  double v = lua_isnil(L, -1) ? otherwise : lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

/* Stays on the stack, so that the text lives. */
static const char *string_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "gaijin.connect: %s must be a string", name);
  return lua_tostring(L, -1);
}

static void configure(lua_State *L, struct worker *w) {
  w->sched.max_fibers = (unsigned)number_field(L, "max_fibers", 1, 10000);
  w->call_timeout = number_field(L, "call_timeout", 0, 25);
  w->max_depth = (unsigned)number_field(L, "max_depth", 1, CALL_DEPTH_DEFAULT);
  w->atc_time = number_field(L, "atc_time", 0.001, 60);
  w->collector_waits = (unsigned)number_field(L, "collector_waits", 1, 10);
  w->grace = number_field(L, "grace", 0, 5);
}

static void connect_worker(lua_State *L, struct worker *w) {
  char error[512];
  struct gaijin_options o = {.name = string_field(L, "name"), .socket = string_field(L, "socket"), .events = &library_events, .user = w};
  o.wait_seconds = number_field(L, "wait", 0, 5);
  int status = gaijin_connect(&w->g, &o, error, sizeof error);
  if (status) worker_raise(L, (enum status)status, "%s", error);
  w->name = gaijin_name(w->g);
}

static int connect_vm(lua_State *L) {
  struct worker *w = worker_of(L);
  if (w->g) return luaL_error(L, "gaijin.connect: this interpreter is the worker %s already", w->name);
  if (w->lost) return worker_raise(L, STATUS_lost, "this interpreter's connection has ended; start another one");
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  configure(L, w);
  connect_worker(L, w);
  stacks_init(&w->sched.stacks, fiber_entry);
  if (!stacks_guard_overflow(&w->sched.stacks, true)) return worker_raise(L, STATUS_busy, "cannot guard C stacks");
  lua_getfield(L, 1, "signals");
  int r = loop_init(w);
  if (r == 0) r = loop_watch(w, lua_toboolean(L, -1));
  if (r < 0 || !hosted_init(w)) return worker_raise(L, STATUS_busy, "%s", r < 0 ? uv_strerror(r) : "no memory");
  library_open(L, w);
  lua_getglobal(L, "bakaGaijin");
  return 1;
}

static struct worker *connected(lua_State *L) {
  struct worker *w = worker_of(L);
  if (!w->g) worker_raise(L, STATUS_lost, "not connected; call gaijin.connect first");
  return w;
}

static int vm_fd(lua_State *L) {
  lua_pushinteger(L, hosted_fd(connected(L)));
  return 1;
}

/* Serves what is there without waiting; seconds until it wants to be called again, nil if only the descriptor matters. */
static int vm_dispatch(lua_State *L) {
  struct worker *w = connected(L);
  if (w->sched.current != w->sched.guest) return worker_raise(L, STATUS_unsupported, "gaijin.dispatch on a fiber or in a finaliser");
  double seconds = hosted_turn(w);
  if (w->lost) return worker_raise(L, STATUS_lost, "%s", gaijin_error(w->g));
  if (seconds < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, seconds);
  return 1;
}

/* Ends as a worker does: what is under way is finished within the grace. -> the status given to gaijin.stop, or 0. */
static int vm_close(lua_State *L) {
  struct worker *w = worker_of(L);
  if (w->g && w->sched.current != w->sched.guest) return worker_raise(L, STATUS_unsupported, "gaijin.close on a fiber or in a finaliser");
  if (w->g) hosted_finish(w);
  close_worker(w);
  worker_back(L, w);
  if (w->sched.interrupt) return wait_raise(L, w, WAIT_INTERRUPTED, "gaijin.close");
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
