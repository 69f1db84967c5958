/* SPDX-License-Identifier: MIT
 *
 * A remote function's request is queued at once; one of ours runs on a fiber that
 * takes limits, depth and caller from the one that started it.
 */
#include "lua/ask/async.h"

#include "lua/ask/future.h"
#include "lua/ask/future_lua.h"
#include "lua/ask/remote.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/trace.h"
#include "lua/fiber/wait.h"
#include "lua/ref/at.h"
#include "lua/vm/luajit.h"
#include "lua/vm/thread.h"

/* future, function, arguments: calls the function, the future gets what comes of it. */
static int run(lua_State *L) {
  struct worker *w = worker_of(L);
  struct fiber *f = w->sched.current;
  char buffer[64];
  if (!f->user) return 0; /* it was cancelled before it began */
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.trace_handler);
  lua_insert(L, 2);
  bool ok = lua_pcall(L, lua_gettop(L) - 3, LUA_MULTRET, 2) == 0;
  if (!f->user) return 0; /* it was cancelled meanwhile */
  int n = lua_gettop(L) - 2;
  luaL_checkstack(L, 8, "too many results");
  if (!ok)
    future_complaint(f->user, lua_isstring(L, -1)
                                  ? worker_error_text(L, lua_gettop(L), buffer, sizeof buffer)
                                  : NULL);
  if (!ok && trace_push(L, w, lua_gettop(L))) n++;
  worker_push_function(L, w, future_keep);
  lua_replace(L, 2);
  lua_pushvalue(L, 1);
  lua_insert(L, 3);
  lua_call(L, n + 1, 0);
  if (f->user) future_finish(f, ok, NULL);
  return 0;
}

/* Stack: run, the future, the function, its arguments. Outside the protected call nothing may
 * allocate: a finaliser that runs then may raise. */
static void job(struct worker *w, struct fiber *f) {
  char buffer[64];
  (void)w;
  if (lua_pcall(f->L, lua_gettop(f->L) - 1, 0, 0) != 0 && f->user)
    future_finish(f, false, worker_error_text(f->L, lua_gettop(f->L), buffer, sizeof buffer));
}

/* The function of ours at index 1 with the arguments after it, the future on top. */
static struct fiber *start_here(lua_State *L, struct worker *w) {
  struct fiber *by = w->sched.current;
  worker_push_function(L, w, run);
  lua_insert(L, 1);
  struct fiber *f = fiber_new_here(w, job);
  if (!f) {
    luajit_back(L, w);
    fiber_raise_none_here(L, w);
    return NULL;
  }
  fiber_wake(f);
  int n = lua_gettop(L);
  const char *why_not = thread_make_room(f->L, n + 8);
  luajit_back(L, w);
  if (why_not) {
    f->job = fiber_no_job;
    luaL_error(L, "%s", why_not);
  }
  f->depth = by->depth;
  f->deadline = by->deadline;
  f->limit = by->limit;
  f->asked_until = by->asked_until;
  f->serving.caller = by->serving.caller;
  lua_pushvalue(L, n); /* this one stays */
  lua_insert(L, 1);
  lua_insert(L, 3); /* future, run, future, function, arguments */
  lua_xmove(L, f->L, n);
  return f;
}

int async_call(lua_State *L) {
  struct worker *w = worker_of(L);
  int n = lua_gettop(L);
  bool remote = at_get(L, w, 1) != NULL;
  if (!remote && lua_type(L, 1) != LUA_TFUNCTION && !luaL_getmetafield(L, 1, "__call"))
    return luaL_typerror(L, 1, "function");
  lua_settop(L, n);
  luaL_checkstack(L, 8, "too many arguments");
  wait_check(L, w, "gaijin.async");
  struct future *u = future_push(L, w);
  if (remote) {
    const struct remote r = {.op = GAIJIN_OP_CALL, .target = 1, .first = 2, .count = n - 1};
    future_begin(u, NULL, remote_start(L, w, &r, future_on_answer, u));
  } else {
    future_begin(u, start_here(L, w), 0);
  }
  lua_settop(L, remote ? n + 1 : 1);
  return 1;
}
