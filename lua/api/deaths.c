/* SPDX-License-Identifier: MIT
 *
 * News of deaths are queued only once a script has asked for any: then a fiber of
 * deaths.lua waits for them for ever.
 *
 * A broker tells of the end of those that it has introduced to us. One that was started again has
 * introduced nobody, so deaths.lua looks itself then who is there, and watches them anew.
 */
#include "lua/api/deaths.h"

#include <stdio.h>
#include <stdlib.h>

#include "lua/api/deaths.lua.h"
#include "lua/ask/remote.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/wait.h"
#include "lua/ref/at.h"
#include "proto/limits.h"

struct death {
  struct death *next;
  unsigned long number;
  bool succeeded; /* another worker had its name before */
  uint64_t host;
  char name[TOLD_NAME_MAX_BYTES + 1];
};

void deaths_on_dead(void *worker, uint64_t host) {
  struct worker *w = worker;
  if (!w->deaths.wanted) return;
  struct death *d = calloc(1, sizeof *d);
  if (!d) {
    worker_log(w, LOG_ERROR, "no memory to tell gaijin.on_death of the end of %s",
               worker_host_name(w, host));
    return;
  }
  d->number = ++w->deaths.received;
  d->succeeded = gaijin_host_succeeded(w->g, host);
  d->host = host;
  snprintf(d->name, sizeof d->name, "%s", worker_host_name(w, host));
  if (w->deaths.last)
    w->deaths.last->next = d;
  else
    w->deaths.first = d;
  w->deaths.last = d;
  if (w->deaths.listener) fiber_wake(w->deaths.listener);
}

void deaths_on_return(void *worker) {
  struct worker *w = worker;
  if (!w->deaths.wanted) return;
  w->deaths.returned = true;
  if (w->deaths.listener) fiber_wake(w->deaths.listener);
}

static void forget_first(struct worker *w) {
  struct death *d = w->deaths.first;
  w->deaths.first = d->next;
  if (!d->next) w->deaths.last = NULL;
  free(d);
}

void deaths_deinit(struct worker *w) {
  while (w->deaths.first) forget_first(w);
}

/* A host's id, all of its digits. */
static void push_host(lua_State *L, uint64_t host) {
  char text[17];
  snprintf(text, sizeof text, "%016llx", (unsigned long long)host);
  lua_pushstring(L, text);
}

/* How a worker has ended, for scripts. */
static void push_how(lua_State *L, bool succeeded) {
  lua_pushstring(L, succeeded ? "succeeded" : "ended");
}

/* -> host of a worker that has ended, the same as core.clients tells it, name, the number of this
 * piece of news, how it has; or nothing: the connection came back. Waits for one. Only one fiber
 * may. The next time it is the same, until core.death_told or core.return_told: nothing is lost
 * when a finaliser raises. */
static int core_next_death(lua_State *L) {
  struct worker *w = worker_of(L);
  w->deaths.wanted = true;
  while (!w->deaths.first && !w->deaths.returned) {
    wait_need_fiber(L, w, "waiting for deaths", "");
    if (w->deaths.listener) return luaL_error(L, "somebody waits for deaths already");
    w->deaths.listener = w->sched.current;
    enum wait_outcome how = wait_park(L, w, 0);
    w->deaths.listener = NULL;
    if (how != WAIT_WOKEN) return wait_raise(L, w, how, "waiting for deaths");
  }
  if (w->deaths.returned) return 0;
  const struct death *d = w->deaths.first;
  push_host(L, d->host);
  lua_pushnumber(L, (lua_Number)d->host);
  lua_pushstring(L, d->name);
  lua_pushnumber(L, (lua_Number)d->number);
  push_how(L, d->succeeded);
  return 5;
}

static int core_death_told(lua_State *L) {
  struct worker *w = worker_of(L);
  if (w->deaths.first) forget_first(w);
  return 0;
}

static int core_return_told(lua_State *L) {
  worker_of(L)->deaths.returned = false;
  return 0;
}

/* -> how many deaths have been heard of, told or not. */
static int core_deaths(lua_State *L) {
  lua_pushnumber(L, (lua_Number)worker_of(L)->deaths.received);
  return 1;
}

static int core_want_deaths(lua_State *L) {
  worker_of(L)->deaths.wanted = true;
  return 0;
}

/* [true] -> whether a fiber tells the deaths; true: from now on one does. */
static int core_listening(lua_State *L) {
  struct worker *w = worker_of(L);
  if (lua_toboolean(L, 1)) w->deaths.listening = true;
  lua_pushboolean(L, w->deaths.listening);
  return 1;
}

/* AT -> host, name, whether it is dead, host as core.clients tells it, how it has ended if it is;
 * nothing for any other value. */
static int core_host_of(lua_State *L) {
  struct worker *w = worker_of(L);
  struct at *at = at_get(L, w, 1);
  if (!at) return 0;
  worker_need_connection(L, w);
  push_host(L, at->pt.host);
  lua_pushstring(L, worker_host_name(w, at->pt.host));
  lua_pushboolean(L, gaijin_host_dead(w->g, at->pt.host));
  lua_pushnumber(L, (lua_Number)at->pt.host);
  push_how(L, gaijin_host_succeeded(w->g, at->pt.host));
  return 5;
}

/* cursor -> cursor or nil, row, ... of the broker's books on its clients. */
static int core_clients(lua_State *L) {
  lua_settop(L, 1);
  lua_pushliteral(L, "clients");
  lua_insert(L, 1);
  return remote_call(L, worker_of(L), GAIJIN_OP_INSPECT, 0, 1, 2);
}

/* -> nil, row of what the broker says of itself; nothing: it knows of no earlier broker. */
static int core_status(lua_State *L) {
  struct worker *w = worker_of(L);
  worker_need_connection(L, w);
  if (!gaijin_generation(w->g)) return 0;
  lua_settop(L, 0);
  lua_pushliteral(L, "status");
  return remote_call(L, w, GAIJIN_OP_INSPECT, 0, 1, 1);
}

void deaths_open(lua_State *L, struct worker *w, int module, int core) {
  static const luaL_Reg hidden[] = {
      {"next_death", core_next_death},
      {"death_told", core_death_told},
      {"return_told", core_return_told},
      {"deaths", core_deaths},
      {"want_deaths", core_want_deaths},
      {"listening", core_listening},
      {"host_of", core_host_of},
      {"clients", core_clients},
      {"status", core_status},
      {NULL, NULL},
  };
  lua_pushvalue(L, core);
  worker_set_functions(L, w, hidden);
  lua_pop(L, 1);
  worker_load_chunk(L, deaths_lua);
  lua_pushvalue(L, core);
  lua_pushvalue(L, module);
  lua_call(L, 2, 0);
}
