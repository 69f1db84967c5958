/* SPDX-License-Identifier: MIT
 *
 * The timer's record lives on the waiting fiber's C stack: it is stopped before the
 * frame is left, and a fiber that never runs again never sees its loop turn either.
 */
#include "lua/fiber/wait.h"

#include <assert.h>

#include "lua/fiber/fiber.h"
#include "lua/fiber/timer.h"
#include "lua/vm/luajit.h"

static const double refused_seconds = 0.01; /* for one that tries again and again */

struct alarm {
  struct fiber *fiber;
  bool rang;
};

static void on_alarm(struct timer *t) {
  struct alarm *a = timer_user(t);
  a->rang = true;
  fiber_wake(a->fiber);
}

bool wait_possible(const struct worker *w) { return w->sched.current && !w->sched.no_wait; }

static bool is_interrupted(const struct worker *w) {
  return w->sched.interrupted && w->sched.current == w->sched.guest;
}

enum wait_outcome wait_park(lua_State *L, struct worker *w, double until) {
  struct fiber *f = w->sched.current;
  struct alarm alarm = {.fiber = f};
  struct timer *t = NULL;
  assert(f && !w->sched.no_wait); /* wait_need_fiber has refused all others */
  if (is_interrupted(w)) return WAIT_INTERRUPTED;
  if (f->cancel_reason) return WAIT_CANCELLED;
  if (until > 0) {
    double left = until - clock_seconds();
    if (left <= 0) return WAIT_OVER;
    if (!(t = timer_start(w, left, on_alarm, &alarm))) return WAIT_FAILED;
  }
  fiber_park(L, w);
  assert(w->sched.current == f);
  if (t) timer_stop(t);
  f->refused = 0;
  if (is_interrupted(w)) return WAIT_INTERRUPTED;
  return f->cancel_reason ? WAIT_CANCELLED : alarm.rang ? WAIT_OVER : WAIT_WOKEN;
}

double wait_nearer(double a, double b) { return a == 0 ? b : b == 0 || a < b ? a : b; }

const char *wait_hindrance(lua_State *L, struct worker *w) {
  if (!wait_possible(w))
    return "where nothing can wait (a finaliser run by the scheduler or at the end)";
  /* LuaJIT stops its collector while it runs a finaliser; one that waited there would leave it
   * stopped for the whole VM. */
  if (luajit_is_stopped(w) && luajit_in_finaliser(L, w))
    return "in a finaliser under LuaJIT";
  return NULL;
}

void wait_need_fiber(lua_State *L, struct worker *w, const char *what, const char *of) {
  if (worker_is_closed(w))
    worker_raise(L, GAIJIN_STATUS_LOST, "%s%s: the connection to the broker was closed", what, of);
  worker_refuse_fork(L, w);
  const char *why = wait_hindrance(L, w);
  if (why) worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s%s %s", what, of, why);
}

void wait_need_memory(lua_State *L, const struct worker *w) {
  if (!fiber_may_park(w))
    luaL_error(L, "not enough memory for the C stacks of what waits (--memory-limit)");
}

void wait_check(lua_State *L, struct worker *w, const char *what) {
  wait_need_fiber(L, w, what, "");
  if (w->sched.current->cancel_reason) wait_raise(L, w, WAIT_CANCELLED, what);
  wait_need_memory(L, w);
}

void wait_turn(lua_State *L, struct worker *w) {
  fiber_wake(w->sched.current);
  fiber_park(L, w);
}

void wait_refuse(lua_State *L, struct worker *w) {
  struct fiber *f = w->sched.current;
  struct alarm alarm = {.fiber = f};
  struct timer *t = f->refused++ > 0 ? timer_start(w, refused_seconds, on_alarm, &alarm) : NULL;
  if (!t) {
    wait_turn(L, w);
    return;
  }
  while (!alarm.rang && !is_interrupted(w)) fiber_park(L, w);
  timer_stop(t);
}

int wait_raise(lua_State *L, struct worker *w, enum wait_outcome outcome, const char *what) {
  assert(outcome != WAIT_WOKEN);
  worker_refuse_fork(L, w); /* what it waited for is its parent's now */
  if (outcome != WAIT_INTERRUPTED) wait_refuse(L, w);
  if (outcome == WAIT_INTERRUPTED || is_interrupted(w)) {
    w->sched.interrupted = false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.interrupt);
    return lua_error(L);
  }
  const struct fiber *f = w->sched.current;
  switch (outcome) {
    case WAIT_CANCELLED:
      return worker_raise(L, GAIJIN_STATUS_CANCELLED, "%s: %s", what, f->cancel_reason);
    case WAIT_OVER:
      return worker_raise(L, GAIJIN_STATUS_TIMEOUT, "%s: the time limit of %g s is over", what,
                          f->limit);
    default: return worker_raise(L, GAIJIN_STATUS_BUSY, "%s: no memory for a timer", what);
  }
}

void wait_yield(lua_State *L, struct worker *w, const char *what) {
  wait_check(L, w, what);
  struct fiber *f = w->sched.current;
  if (f->deadline > 0 && clock_seconds() >= f->deadline) wait_raise(L, w, WAIT_OVER, what);
  wait_turn(L, w);
  if (is_interrupted(w)) wait_raise(L, w, WAIT_INTERRUPTED, what);
  if (f->cancel_reason) wait_raise(L, w, WAIT_CANCELLED, what);
}
