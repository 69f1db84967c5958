/* SPDX-License-Identifier: MIT
 *
 * News of deaths are queued only once a script has asked for any: then a fiber of
 * concurrency.lua waits for them for ever.
 */
#include "lua/api/concurrency.h"

#include <stdlib.h>
#include <string.h>

#include "lua/ask/async.h"
#include "lua/ref/at.h"
#include "lua/api/concurrency.lua.h"
#include "lua/fiber/fiber.h"
#include "lua/ask/future_lua.h"
#include "lua/fiber/loop.h"
#include "lua/ask/remote.h"
#include "lua/fiber/trace.h"
#include "lua/fiber/wait.h"
#include "proto/limits.h"

/* ---- Waiting ---- */

/* Sleeps for the seconds at index 1; `is_timer`: no limit counts, but it ends when it is roused, or was before. */
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
  while (!is_timer || !f->roused) {
    enum wait_outcome how = wait_park(L, w, wait_nearer(end, limit));
    if (how == WAIT_OVER && (limit == 0 || end <= limit)) return 0;
    if (how != WAIT_WOKEN) return wait_raise(L, w, how, what);
  }
  return 0;
}

static int gaijin_sleep(lua_State *L) { return sleep_on(L, "gaijin.sleep", false); }
static int core_nap(lua_State *L) { return sleep_on(L, "a timer", true); }

/* The number of a fiber; one that has ended is fine. */
static int core_rouse(lua_State *L) {
  struct worker *w = worker_of(L);
  struct fiber *f = fiber_numbered(w, (uint64_t)luaL_checknumber(L, 1));
  if (!f) return 0;
  f->roused = true;
  if (f != w->sched.current) fiber_wake(f);
  return 0;
}

static int gaijin_yield(lua_State *L) {
  wait_yield(L, worker_of(L), "gaijin.yield");
  return 0;
}

/* -> the status given to gaijin.stop. Serves until the worker is told to stop. The worker waits, within --grace, for what the script does then. */
static int gaijin_run(lua_State *L) {
  struct worker *w = worker_of(L);
  wait_check(L, w, "gaijin.run");
  struct fiber *f = w->sched.current;
  gaijin_notice(w->g, GAIJIN_OP_READY); /* a loss is told by the loop */
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

/* seconds -> what to give to set_limit afterwards. From now on the running fiber waits at most so long; a nearer limit stays. */
static int core_limit(lua_State *L) {
  struct worker *w = worker_of(L);
  double seconds = luaL_checknumber(L, 1), until = clock_seconds() + (seconds > 0 ? seconds : 0);
  struct fiber *f = w->sched.current;
  if (!f) return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "gaijin.timeout where nothing can wait");
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

/* ---- Deaths ---- */

struct death {
  struct death *next;
  unsigned long number;
  char host[17];
  char name[NAME_MAX_BYTES + 1];
};

static void set_host_text(char text[17], uint64_t host) { snprintf(text, 17, "%016llx", (unsigned long long)host); }

void concurrency_on_dead(void *worker, uint64_t host) {
  struct worker *w = worker;
  if (!w->deaths.wanted) return;
  struct death *d = calloc(1, sizeof *d);
  if (!d) {
    worker_log(w, "no memory to tell gaijin.on_death of the end of %s", worker_host_name(w, host));
    return;
  }
  d->number = ++w->deaths.received;
  set_host_text(d->host, host);
  snprintf(d->name, sizeof d->name, "%s", worker_host_name(w, host));
  if (w->deaths.last)
    w->deaths.last->next = d;
  else
    w->deaths.first = d;
  w->deaths.last = d;
  if (w->deaths.listener) fiber_wake(w->deaths.listener);
}

static void forget_first(struct worker *w) {
  struct death *d = w->deaths.first;
  w->deaths.first = d->next;
  if (!d->next) w->deaths.last = NULL;
  free(d);
}

void concurrency_deinit(struct worker *w) {
  while (w->deaths.first) forget_first(w);
}

/* -> host, name of a worker that has ended, the number of this piece of news; waits for one. Only one fiber may. The next time it is
 * the same, until core.death_told: nothing is lost when a finaliser raises. */
static int core_next_death(lua_State *L) {
  struct worker *w = worker_of(L);
  w->deaths.wanted = true;
  while (!w->deaths.first) {
    w->deaths.listener = w->sched.current;
    enum wait_outcome how = wait_park(L, w, 0);
    w->deaths.listener = NULL;
    if (how != WAIT_WOKEN) return wait_raise(L, w, how, "waiting for deaths");
  }
  lua_pushstring(L, w->deaths.first->host);
  lua_pushstring(L, w->deaths.first->name);
  lua_pushnumber(L, (lua_Number)w->deaths.first->number);
  return 3;
}

static int core_death_told(lua_State *L) {
  struct worker *w = worker_of(L);
  if (w->deaths.first) forget_first(w);
  return 0;
}

/* -> how many deaths have been heard of, told or not. */
static int core_deaths(lua_State *L) {
  lua_pushnumber(L, (lua_Number)worker_of(L)->deaths.received);
  return 1;
}

static int core_cancelled(lua_State *L) {
  const struct fiber *f = worker_of(L)->sched.current;
  lua_pushboolean(L, f && f->cancelled);
  return 1;
}

static int core_want_deaths(lua_State *L) {
  worker_of(L)->deaths.wanted = true;
  return 0;
}

/* AT -> host, name, whether it is dead; nothing for any other value. */
static int core_host_of(lua_State *L) {
  struct worker *w = worker_of(L);
  struct at *at = at_get(L, w, 1);
  char text[17];
  if (!at) return 0;
  if (!w->g) return worker_raise(L, GAIJIN_STATUS_LOST, "the connection to the broker was closed");
  set_host_text(text, at->pt.host);
  lua_pushstring(L, text);
  lua_pushstring(L, worker_host_name(w, at->pt.host));
  lua_pushboolean(L, gaijin_host_dead(w->g, at->pt.host));
  return 3;
}

/* ---- Figures ---- */

/* cursor -> cursor or nil, row, ... of the broker's books on its clients. */
static int core_clients(lua_State *L) {
  lua_settop(L, 1);
  lua_pushliteral(L, "clients");
  lua_insert(L, 1);
  return remote_call(L, worker_of(L), GAIJIN_OP_INSPECT, 0, 1, 2);
}

static int gaijin_stats(lua_State *L) {
  struct worker *w = worker_of(L);
  if (!w->g) return worker_raise(L, GAIJIN_STATUS_LOST, "the connection to the broker was closed");
  const struct {
    const char *name;
    double value;
  } figures[] = {
      {"fibers", w->sched.n_fibers},
      {"serving", w->sched.n_serving},
      {"futures", w->open_futures},
      {"stacks", (double)w->sched.stacks.n_all},
      {"idle_stacks", (double)w->sched.stacks.n_idle},
      {"tokens", (double)gaijin_token_count(w->g)},
      {"holdings", (double)gaijin_holding_count(w->g)},
      {"posts_failed", (double)w->posts_failed},
      {"queued_bytes", (double)gaijin_queued_bytes(w->g)},
      {"lua_bytes", 1024.0 * lua_gc(L, LUA_GCCOUNT, 0) + lua_gc(L, LUA_GCCOUNTB, 0)},
  };
  lua_createtable(L, 0, (int)(sizeof figures / sizeof figures[0]));
  for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
    lua_pushnumber(L, figures[i].value);
    lua_setfield(L, -2, figures[i].name);
  }
  return 1;
}

/* ---- Opening ---- */

static void set_functions(lua_State *L, struct worker *w, int table, const luaL_Reg *list) {
  for (; list->name; list++) {
    worker_push_function(L, w, list->func);
    lua_setfield(L, table, list->name);
  }
}

void concurrency_open(lua_State *L, struct worker *w, int module, int core) {
  static const luaL_Reg visible[] = {{"sleep", gaijin_sleep}, {"yield", gaijin_yield}, {"run", gaijin_run}, {"stats", gaijin_stats}, {NULL, NULL}};
  static const luaL_Reg hidden[] = {
      {"sleep", gaijin_sleep}, {"nap", core_nap}, {"rouse", core_rouse}, {"cancelled", core_cancelled},
      {"limit", core_limit}, {"set_limit", core_set_limit}, {"try", core_try}, {"next_death", core_next_death},
      {"death_told", core_death_told}, {"deaths", core_deaths},
      {"want_deaths", core_want_deaths}, {"host_of", core_host_of}, {"clients", core_clients}, {"async", async_call}, {NULL, NULL},
  };
  set_functions(L, w, module, visible);
  set_functions(L, w, core, hidden);
  lua_pushvalue(L, core);
  future_open(L, w);
  lua_pop(L, 1);
  if (luaL_loadbuffer(L, concurrency_lua, strlen(concurrency_lua), "=gaijin") != 0) lua_error(L);
  lua_pushvalue(L, core);
  lua_pushvalue(L, module);
  lua_call(L, 2, 0);
}
