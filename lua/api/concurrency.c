/* SPDX-License-Identifier: MIT
 *
 * Sleeping, yielding, running, and limits of time.
 */
#include "lua/api/concurrency.h"

#include "lua/api/concurrency.lua.h"
#include "lua/ask/async.h"
#include "lua/ask/future_lua.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/wait.h"

/* ---- Waiting ---- */

/* Sleeps for the seconds at index 1; `is_timer`: no limit counts, but it ends with core.end_timer,
 * also one before. */
static int sleep_on(lua_State *L, const char *what, bool is_timer) {
  struct worker *w = worker_of(L);
  double seconds = luaL_checknumber(L, 1);
  if (seconds != seconds) return luaL_argerror(L, 1, "number expected, got nan");
  wait_check(L, w, what);
  struct fiber *f = w->sched.current;
  double end = clock_seconds() + seconds, limit = is_timer ? 0 : f->deadline;
  if (!(seconds > 0)) {
    wait_yield(L, w, what);
    return 0;
  }
  while (!is_timer || !f->timer_ended) {
    enum wait_outcome how = wait_park(L, w, wait_nearer(end, limit));
    if (how == WAIT_OVER && (limit == 0 || end <= limit)) return 0;
    if (how != WAIT_WOKEN) return wait_raise(L, w, how, what);
  }
  return 0;
}

static int gaijin_sleep(lua_State *L) { return sleep_on(L, "gaijin.sleep", false); }
static int core_timer_sleep(lua_State *L) { return sleep_on(L, "a timer", true); }

/* The number of a fiber that is a timer: its sleeps are over. One that has ended is fine. */
static int core_end_timer(lua_State *L) {
  struct worker *w = worker_of(L);
  struct fiber *f = fiber_numbered(w, (uint64_t)luaL_checknumber(L, 1));
  if (!f) return 0;
  f->timer_ended = true;
  if (f != w->sched.current) fiber_wake(f);
  return 0;
}

static int gaijin_yield(lua_State *L) {
  wait_yield(L, worker_of(L), "gaijin.yield");
  return 0;
}

/* -> the status given to gaijin.stop. Serves until the worker is told to stop. The worker waits,
 * within --grace, for what the script does then. */
static int gaijin_run(lua_State *L) {
  struct worker *w = worker_of(L);
  wait_check(L, w, "gaijin.run");
  struct fiber *f = w->sched.current;
  worker_tell_ready(w); /* a loss is told by the loop */
  while (!w->stopping) {
    if (w->lost) return worker_raise(L, GAIJIN_STATUS_LOST, "%s", gaijin_error(w->g));
    fiber_list_add(&w->sched.runners, f);
    enum wait_outcome how = wait_park(L, w, f->deadline);
    fiber_list_remove(f);
    if (how != WAIT_WOKEN) return wait_raise(L, w, how, "gaijin.run");
  }
  lua_pushinteger(L, w->exit_code);
  return 1;
}

/* ---- Time limits ---- */

/* seconds -> what to give to set_limit afterwards. From now on the running fiber waits at most so
 * long; a nearer limit stays. */
static int core_limit(lua_State *L) {
  struct worker *w = worker_of(L);
  double seconds = luaL_checknumber(L, 1), until = clock_seconds() + (seconds > 0 ? seconds : 0);
  struct fiber *f = w->sched.current;
  if (!f)
    return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "gaijin.timeout where nothing can wait");
  lua_pushnumber(L, f->deadline);
  lua_pushnumber(L, f->limit);
  if (f->deadline > 0 && f->deadline <= until) return 2;
  f->deadline = until;
  f->limit = seconds;
  return 2;
}

static int core_set_limit(lua_State *L) {
  struct fiber *f = worker_of(L)->sched.current;
  if (!f) return 0; /* the connection was closed meanwhile */
  f->deadline = luaL_checknumber(L, 1);
  f->limit = luaL_checknumber(L, 2);
  return 0;
}

/* pcall that remembers the traceback. */
static int core_try(lua_State *L) {
  struct worker *w = worker_of(L);
  fiber_check_stack(L, w, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.trace_handler);
  lua_insert(L, 1);
  bool ok = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1) == 0;
  lua_pushboolean(L, ok);
  lua_replace(L, 1);
  return lua_gettop(L);
}

static int core_cancelled(lua_State *L) {
  const struct fiber *f = worker_of(L)->sched.current;
  lua_pushboolean(L, f && f->cancel_reason);
  return 1;
}

/* ---- Opening ---- */

void concurrency_open(lua_State *L, struct worker *w, int module, int core) {
  static const luaL_Reg visible[] = {
      {"sleep", gaijin_sleep}, {"yield", gaijin_yield}, {"run", gaijin_run}, {NULL, NULL}};
  static const luaL_Reg hidden[] = {
      {"sleep", gaijin_sleep}, {"timer_sleep", core_timer_sleep}, {"end_timer", core_end_timer},
      {"cancelled", core_cancelled}, {"limit", core_limit}, {"set_limit", core_set_limit},
      {"try", core_try}, {"async", async_call}, {NULL, NULL},
  };
  lua_pushvalue(L, module);
  worker_set_functions(L, w, visible);
  lua_pushvalue(L, core);
  worker_set_functions(L, w, hidden);
  future_open(L, w);
  lua_pop(L, 2);
  worker_load_chunk(L, concurrency_lua);
  lua_pushvalue(L, core);
  lua_pushvalue(L, module);
  lua_call(L, 2, 0);
}
