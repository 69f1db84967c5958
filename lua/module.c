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
 * A fork of the interpreter may call connect again: it leaves what is its parent's and is made a
 * worker of its own, with the same library (reopen.c).
 *
 * The VM's end closes the connection. The struct worker itself is never freed:
 * finalisers of userdata older than the module run after that, and may still hold
 * remote values, which are `lost` then. For the same reason the library must not
 * be unloaded (it is linked with -z nodelete). The lua_State kept is one of our
 * own, for the one of require may be a coroutine that ends.
 */
#include <stdlib.h>
#include <string.h>

#include "lua/api/library.h"
#include "lua/api/reopen.h"
#include "lua/fiber/connection.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/hosted.h"
#include "lua/fiber/wait.h"
#include "lua/instance.h"
#include "lua/options.h"
#include "lua/vm/luajit.h"

__attribute__((visibility("default"))) int luaopen_gaijin(lua_State *L);

static void close_worker(struct worker *w) {
  if (!w->g) return;
  ending_leave(w);
  w->lost = w->stopping = true;
  instance_close(w, false);
}

/* __gc of the guard in the registry: the VM ends. */
static int on_end(lua_State *L) {
  close_worker(worker_of(L));
  return 0;
}

/* ---- connect ---- */

/* The setting that the key at index -2 names; raises when there is none. */
static enum setting find_field(lua_State *L) {
  size_t size = 0;
  const char *name = luaL_typename(L, -2);
  if (lua_type(L, -2) == LUA_TSTRING) name = lua_tolstring(L, -2, &size);
  enum setting id = settings_find(SETTINGS_CONNECT, name, size);
  if (id != SETTINGS) return id;
  enum setting near = settings_nearest(SETTINGS_CONNECT, name, size);
  if (near == SETTINGS) luaL_error(L, "gaijin.connect: unknown option '%s'", name);
  const char *meant = setting_name(near, SETTINGS_CONNECT);
  luaL_error(L, "gaijin.connect: unknown option '%s' (did you mean %s?)", name, meant);
  return id;
}

static int lua_type_of(enum setting_type type) {
  if (type == SETTING_FLAG) return LUA_TBOOLEAN;
  return type == SETTING_TEXT || type == SETTING_CHOICE ? LUA_TSTRING : LUA_TNUMBER;
}

/* Sets from the value on top of the stack, or raises. */
static void put_field(lua_State *L, struct settings *s, enum setting id) {
  const char *name = setting_name(id, SETTINGS_CONNECT);
  int type = lua_type(L, -1);
  char error[256];
  bool good;
  if (type != lua_type_of(setting_info(id)->type)) {
    setting_takes(id, error, sizeof error);
    luaL_error(L, "gaijin.connect: %s takes %s, not a %s", name, error, lua_typename(L, type));
  }
  if (type == LUA_TSTRING)
    good = strlen(lua_tostring(L, -1)) == lua_objlen(L, -1) &&
           settings_put_text(s, id, lua_tostring(L, -1));
  else
    good = settings_put_number(s, id, type == LUA_TNUMBER ? lua_tonumber(L, -1)
                                                          : lua_toboolean(L, -1));
  if (good) return;
  setting_refuse(id, name, lua_tostring(L, -1), error, sizeof error);
  luaL_error(L, "gaijin.connect: %s", error);
}

/* Sets from the table at index 1; leaves its values on the stack. */
static void read_fields(lua_State *L, struct settings *s) {
  luaL_checkstack(L, SETTINGS + LUA_MINSTACK, "gaijin.connect");
  settings_init(s, SETTINGS_CONNECT);
  for (lua_pushnil(L); lua_next(L, 1);) {
    put_field(L, s, find_field(L));
    lua_insert(L, -2); /* below the key: texts must live until they are used */
  }
}

static void connect_worker(lua_State *L, struct worker *w, const struct settings *s) {
  char error[512];
  struct gaijin_options o = {.socket = settings_text(s, SETTING_socket),
                             .name = settings_text(s, SETTING_name),
                             .wait_seconds = settings_seconds(s, SETTING_wait),
                             .events = &library_events,
                             .user = w,
                             .reconnect_ms = options_reconnect_ms(s),
                             .poll_us = w->poll_us,
                             .shared_memory = w->shared_memory,
                             .succeed = settings_flag(s, SETTING_succeed),
                             .cycle_pause_ms = (uint32_t)(w->cycle_pause * 1e3)};
  int status = gaijin_connect(&w->g, &o, error, sizeof error);
  if (status) worker_raise(L, (enum gaijin_status)status, "%s", error);
  w->name = gaijin_name(w->g);
}

/* Raises unless the script itself runs, outside finalisers: those may run in the middle of
 * anything. */
static void need_guest(lua_State *L, struct worker *w, const char *what) {
  if (w->sched.current != w->sched.guest || w->sched.no_wait || luajit_in_finaliser(L, w))
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s on a fiber or in a finaliser", what);
}

/* In a fork: what is the parent's goes from this process only. */
static void leave_parent(lua_State *L, struct worker *w, const char *what) {
  need_guest(L, w, what);
  instance_close(w, false);
  reopen_reset(w);
}

static int connect_vm(lua_State *L) {
  struct settings s;
  struct worker *w = worker_of(L);
  if (worker_is_fork(w)) leave_parent(L, w, "gaijin.connect");
  if (w->g)
    return luaL_error(L, "gaijin.connect: this interpreter is the worker %s already", w->name);
  if (w->lost && !w->left_parent)
    return worker_raise(L, GAIJIN_STATUS_LOST,
                        "this interpreter's connection has ended; start another one");
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  read_fields(L, &s);
  options_configure(&s, w);
  if (w->left_parent)
    reopen_library(L, w);
  else
    hosted_open(L, w);
  connect_worker(L, w, &s);
  bool again = w->left_parent;
  w->lost = w->left_parent = false;
  int r = instance_init(w, true);
  if (r == 0) r = instance_start(w, settings_flag(&s, SETTING_signals), false);
  if (r < 0) {
    close_worker(w);
    return worker_raise(L, GAIJIN_STATUS_BUSY, "%s", uv_strerror(r));
  }
  if (again)
    reopen_name(L, w);
  else
    library_open(L, w);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.labels_proxy);
  return 1;
}

/* ---- After it ---- */

static struct worker *connected(lua_State *L) {
  struct worker *w = worker_of(L);
  if (!w->g) worker_raise(L, GAIJIN_STATUS_LOST, "not connected; call gaijin.connect first");
  worker_refuse_fork(L, w);
  return w;
}

static int vm_fd(lua_State *L) {
  lua_pushinteger(L, hosted_fd(connected(L)));
  return 1;
}

/* -> seconds, stopping. Serves what is there without waiting; seconds until it wants to be called
 * again, nil if only the descriptor matters. */
static int vm_dispatch(lua_State *L) {
  struct worker *w = connected(L);
  need_guest(L, w, "gaijin.dispatch");
  double seconds = hosted_turn(w);
  w->lua_ran++;
  luajit_back(L, w);
  if (w->lost) return worker_raise(L, GAIJIN_STATUS_LOST, "%s", gaijin_error(w->g));
  if (seconds < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, seconds);
  lua_pushboolean(L, w->stopping);
  return 2;
}

/* Ends as a worker does: what is under way is finished within the grace; in a fork it leaves the
 * parent's. -> the status given to gaijin.stop, or 0. */
static int vm_close(lua_State *L) {
  struct worker *w = worker_of(L);
  if (worker_is_fork(w)) leave_parent(L, w, "gaijin.close");
  if (w->g) {
    need_guest(L, w, "gaijin.close");
    hosted_finish(w);
    luajit_back(L, w);
  }
  close_worker(w);
  if (w->sched.interrupted) return wait_raise(L, w, WAIT_INTERRUPTED, "gaijin.close");
  lua_pushinteger(L, w->exit_code);
  return 1;
}

static const luaL_Reg functions[] = {{"connect", connect_vm},
                                     {"fd", vm_fd},
                                     {"dispatch", vm_dispatch},
                                     {"close", vm_close},
                                     {NULL, NULL}};

static void push_guard(lua_State *L, struct worker *w) {
  lua_newuserdata(L, 1);
  lua_createtable(L, 0, 1);
  worker_push_function(L, w, on_end);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}

static const char module_key; /* registry: its address -> the module's table */

/* A VM is one worker, however often a script has the module loaded. */
int luaopen_gaijin(lua_State *L) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)&module_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_istable(L, -1)) return 1;
  struct worker *w = calloc(1, sizeof *w);
  if (!w) return luaL_error(L, "gaijin: no memory for a worker");
  w->name = "?";
  push_guard(L, w);
  luaL_ref(L, LUA_REGISTRYINDEX);
  if (lua_pushthread(L))
    w->sched.guest_state = L; /* the main state: where interpreters set their hooks */
  lua_pop(L, 1);
  w->L = lua_newthread(L);
  luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  worker_set_functions(L, w, functions);
  lua_pushvalue(L, -1);
  w->anchors.module = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&module_key);
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
  return 1;
}
