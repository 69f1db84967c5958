/* SPDX-License-Identifier: MIT
 *
 * What the parts of a worker share: raising, logging, collecting.
 */
#include "lua/vm/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lua/fiber/fiber.h"
#include "lua/fiber/trace.h"

void worker_push_function(lua_State *L, struct worker *w, lua_CFunction fn) {
  lua_pushlightuserdata(L, w);
  lua_pushcclosure(L, fn, 1);
}

int worker_raise(lua_State *L, enum gaijin_status status, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  lua_pushfstring(L, "gaijin: %s: %s", gaijin_status_name(status), text);
  return lua_error(L);
}

void worker_set_functions(lua_State *L, struct worker *w, const luaL_Reg *list) {
  for (; list->name; list++) {
    lua_pushstring(L, list->name);
    worker_push_function(L, w, list->func);
    lua_rawset(L, -3);
  }
}

void worker_need_connection(lua_State *L, const struct worker *w) {
  if (!w->g) worker_raise(L, GAIJIN_STATUS_LOST, "the connection to the broker was closed");
}

const char *worker_host_name(const struct worker *w, uint64_t host) {
  if (!w->g) return "?"; /* closed */
  if (host == gaijin_host(w->g)) return w->name;
  const char *name = gaijin_host_name(w->g, host);
  return name ? name : "?";
}

bool worker_is_farewell(const struct worker *w, const char *text) {
  static const char cancelled[] = "gaijin: cancelled: ";
  return w->unwinding && strncmp(text, cancelled, sizeof cancelled - 1) == 0;
}

double worker_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void worker_log(const struct worker *w, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fflush(stdout);
  fprintf(stderr, "gaijin-worker: %s: ", w->name);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
}

/* How often a collection that a script's finaliser broke off is taken up again. */
enum { MOST_TRIES = 1000 };

bool worker_protected(struct worker *w, lua_CFunction fn, void *user) {
  int status = LUA_ERRERR;
  w->sched.no_wait++;
  for (int i = 0; i < MOST_TRIES && status != 0 && status != LUA_ERRMEM; i++) {
    status = lua_cpcall(w->L, fn, user);
    if (status == 0) break;
    char buffer[64];
    worker_log(w, "error in a finaliser: %s", trace_text(w->L, lua_gettop(w->L), buffer, sizeof buffer));
    lua_pop(w->L, 1);
  }
  w->sched.no_wait--;
  return status == 0;
}

/* Of LuaJIT, which throws all compiled code away; elsewhere it is not there. */
extern int luaJIT_setmode(lua_State *L, int index, int mode) __attribute__((weak));
enum { ENGINE_FLUSH = 0x0200 }; /* LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH */

void worker_interrupted(lua_State *L, struct worker *w) {
  lua_rawseti(L, LUA_REGISTRYINDEX, w->anchors.interrupt); /* the key is there: allocates nothing */
  w->sched.interrupted = true;
  if (w->sched.guest && w->sched.guest != w->sched.current) fiber_wake(w->sched.guest);
}

/* The error on top is that Lua's stack has no room for another C function. */
static bool is_overflow(lua_State *L) { return lua_type(L, -1) == LUA_TSTRING && strstr(lua_tostring(L, -1), "stack overflow"); }

/* Calls `noop` while `hook` is the hook; the script's own is put aside. A C function has room for one value: those of
 * ours that wait are far from LUA_MINSTACK. */
static void call_noop(lua_State *L, struct worker *w, lua_Hook hook) {
  lua_Hook old = lua_gethook(L);
  int mask = lua_gethookmask(L), count = lua_gethookcount(L);
  bool aside = hook || (mask & ~LUA_MASKCOUNT); /* a count would begin anew each time, and there is nothing to be counted here */
  if (aside) lua_sethook(L, hook, hook ? LUA_MASKCALL : 0, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.noop);
  int status = lua_pcall(L, 0, 0, 0);
  if (status == LUA_ERRRUN && !is_overflow(L))
    worker_interrupted(L, w); /* by a hook that a signal has set in between */
  else if (status != 0)
    lua_pop(L, 1);
  if (aside) lua_sethook(L, old, mask, count);
}

/* A call makes LuaJIT note it. */
void worker_tell_luajit(lua_State *L, struct worker *w) { call_noop(L, w, NULL); }

static const char hook_key; /* registry: its address -> the worker's hook_ran */

static void note_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_pushlightuserdata(L, (void *)(uintptr_t)&hook_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  bool *ran = lua_touserdata(L, -1);
  lua_pop(L, 1);
  *ran = true;
}

bool worker_in_finaliser(lua_State *L, struct worker *w) {
  w->sched.hook_ran = false;
  call_noop(L, w, note_hook);
  return !w->sched.hook_ran;
}

static int noop(lua_State *L) {
  (void)L;
  return 0;
}

void worker_open(lua_State *L, struct worker *w) {
  lua_pushcfunction(L, noop);
  w->anchors.noop = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushboolean(L, 0);
  w->anchors.interrupt = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&hook_key);
  lua_pushlightuserdata(L, &w->sched.hook_ran);
  lua_rawset(L, LUA_REGISTRYINDEX);
  w->is_luajit = luaJIT_setmode != NULL;
}

static int flush_code(lua_State *L) {
  luaJIT_setmode(L, 0, ENGINE_FLUSH);
  return 0;
}

/* Compiled code keeps the objects that it has as constants, remote ones too. It is made anew where it is needed, which a
 * collection each second may cost. */
static void forget_code(struct worker *w) {
  double now = worker_now();
  if (!w->is_luajit || now - w->code_forgotten < 1) return;
  if (lua_gc(w->L, LUAJIT_GCISRUNNING, 0) == 0) return; /* perhaps in a finaliser, where it is not allowed */
  w->code_forgotten = now;
  worker_protected(w, flush_code, NULL);
}

static int collect(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT, 0);
  return 0;
}

/* Twice: what the first finalises may have kept other ATs alive. */
void worker_collect(lua_State *L, struct worker *w) {
  forget_code(w);
  worker_back(L, w); /* a finaliser may raise */
  for (int i = 0; i < 2; i++) {
    if (w->sched.current && !w->sched.no_wait)
      lua_gc(L, LUA_GCCOLLECT, 0);
    else
      worker_protected(w, collect, NULL);
  }
  worker_back(L, w);
}
