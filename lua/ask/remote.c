/* SPDX-License-Identifier: MIT
 *
 * The answer arrives in the scheduler, which only links it to the fiber and
 * wakes it; the fiber decodes. Between begin and end of a message no Lua runs.
 */
#include "lua/ask/remote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lua/ref/at.h"
#include "lua/fiber/fiber.h"
#include "lua/ref/marshal.h"
#include "lua/vm/trace.h"
#include "lua/fiber/wait.h"

static void need_fiber(lua_State *L, struct worker *w, enum gaijin_op op) {
  if (w->lost) worker_raise(L, GAIJIN_STATUS_LOST, "the connection to the broker has ended");
  wait_need_fiber(L, w, gaijin_op_name(op), " of a remote object");
}

static void on_answer(void *user, const struct gaijin_answer *got) {
  struct fiber *f = user;
  f->request = 0;
  struct answer *a = calloc(1, sizeof *a);
  if (a) {
    a->ok = got->ok;
    a->status = got->status;
    a->body = got->body;
    a->text = got->text ? strdup(got->text) : NULL;
    a->next = f->answers;
    f->answers = a;
  } else {
    gaijin_body_free(got->body); /* the fiber finds no answer and says so */
  }
  fiber_wake(f);
}

/* Frees the answers whose decoding raised: the stack grows down, so frames that still run are above this one. */
static void free_abandoned(struct fiber *f, const void *frame) {
  struct answer *next;
  for (struct answer *a = f->answers; a; a = next) {
    next = a->next;
    if ((uintptr_t)a->frame <= (uintptr_t)frame) answer_free(f, a);
  }
}

/* Parks until the answer is there or the wait ends otherwise (*how); then the request has been cancelled. NULL without an answer. */
static struct answer *wait(lua_State *L, struct worker *w, uint64_t id, double until, enum wait_outcome *how) {
  struct fiber *f = w->sched.current;
  const void *frame = __builtin_frame_address(0);
  free_abandoned(f, frame);
  struct answer *before = f->answers;
  f->request = id;
  do
    *how = wait_park(L, w, until);
  while (*how == WAIT_WOKEN && f->request == id);
  if (f->request != id) {
    *how = WAIT_WOKEN;
    if (f->answers == before) return NULL;
    f->answers->frame = frame;
    return f->answers;
  }
  f->request = 0;
  gaijin_cancel(w->g, id);
  return NULL;
}

int remote_decode(lua_State *L, struct worker *w, const struct answer *a, bool rows, bool *failed) {
  *failed = !a->ok;
  if (a->ok || a->status == GAIJIN_STATUS_RAISED) return unmarshal(L, w, a->body, rows);
  lua_pushfstring(L, "gaijin: %s: %s", gaijin_status_name(a->status), a->text ? a->text : "");
  return 1;
}

/* Pushes the results of an answer and frees it, or raises what it says. */
static int results(lua_State *L, struct worker *w, struct answer *a, bool rows) {
  bool failed;
  int n = remote_decode(L, w, a, rows, &failed);
  answer_free(w->sched.current, a);
  if (!failed) return n;
  if (n >= 2 && lua_isstring(L, -1)) trace_remember(L, w, lua_gettop(L) - n + 1, lua_gettop(L));
  lua_settop(L, lua_gettop(L) - n + 1); /* the value raised; a traceback may follow it */
  return lua_error(L);
}

/* "call to worker shop", for errors. */
static const char *describe(lua_State *L, struct worker *w, const struct remote *r) {
  struct at *at = r->target ? at_get(L, w, r->target) : NULL;
  const char *name = at ? worker_host_name(w, at->pt.host) : r->name;
  return lua_pushfstring(L, "%s to %s%s", gaijin_op_name(r->op), name ? "worker " : "the broker", name ? name : "");
}

static bool is_routed(const struct remote *r) { return gaijin_op_is_routed(r->op); }

/* Until when the request may take: the nearest of the fiber's limit and the default one. 0: for ever. */
static double limit_of(const struct worker *w, const struct remote *r) {
  const struct fiber *f = w->sched.current;
  double own = wait_nearer(f->deadline, f->asked_until);
  return r->patient || w->call_timeout == 0 ? own : wait_nearer(own, worker_now() + w->call_timeout);
}

/* The milliseconds left until a time, for the wire. Raises if it is over. */
static uint32_t milliseconds_left(lua_State *L, struct worker *w, const struct remote *r, double until) {
  if (until == 0) return 0;
  double ms = ceil((until - worker_now()) * 1e3 - 1e-3); /* not a millisecond more for the rounding of doubles */
  if (ms <= 0) {
    wait_refuse(L, w);
    worker_raise(L, GAIJIN_STATUS_TIMEOUT, "%s was not begun: the time limit is over", describe(L, w, r));
  }
  return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static void check_target(lua_State *L, struct worker *w, int i) {
  struct at *at = at_get(L, w, i);
  if (!at) luaL_argerror(L, i, "not a remote object");
  if (gaijin_host_dead(w->g, at->pt.host))
    worker_raise(L, GAIJIN_STATUS_DEAD, "Gaijin tried accessing dead resource. (%s)", worker_host_name(w, at->pt.host));
  if (!at->holding) at_revive(L, w, i);
}

/* How many calls deep a request is. Nobody waits for a post: what it starts stands on nothing. */
static unsigned depth_of(lua_State *L, struct worker *w, enum gaijin_op op, bool one_way) {
  unsigned depth = one_way ? 1 : w->sched.current->depth + 1;
  if (depth > w->max_depth)
    worker_raise(L, GAIJIN_STATUS_TOO_DEEP, "%s would make the chain of calls %u deep; the limit is %u (--max-depth)", gaijin_op_name(op), depth, w->max_depth);
  return depth;
}

/* Writes and queues the message; the id of the request (0 when one way, without fn). Raises. */
static uint64_t send_request(lua_State *L, struct worker *w, const struct remote *r, gaijin_answer_fn fn, void *user) {
  need_fiber(L, w, r->op);
  if (fn && w->sched.current->cancelled) wait_raise(L, w, WAIT_CANCELLED, describe(L, w, r));
  struct gaijin_send to = {.op = r->op, .name = r->name, .depth = (uint16_t)depth_of(L, w, r->op, !fn), .one_way = !fn};
  if (fn && is_routed(r)) to.deadline_ms = milliseconds_left(L, w, r, limit_of(w, r));
  for (;;) {
    if (r->target) check_target(L, w, r->target);
    marshal_prepare(L, w, r->first, r->count);
    struct at *at = r->target ? at_get(L, w, r->target) : NULL;
    if (!at || at->holding) {
      to.holding = at ? at->holding : NULL;
      gaijin_begin_request(w->g, &to, (uint32_t)r->count);
      if (marshal_put(L, w, r->first, r->count)) break;
      gaijin_abort(w->g);
    }
    marshal_discard(L, w, r->first, r->count); /* the next try may raise */
  }
  uint64_t id = 0;
  int status = gaijin_end_request(w->g, fn, user, &id);
  if (status != 0) {
    marshal_discard(L, w, r->first, r->count);
    worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
  }
  return id;
}

uint64_t remote_start(lua_State *L, struct worker *w, const struct remote *r, gaijin_answer_fn fn, void *user) {
  return send_request(L, w, r, fn, user);
}

/* The answer to the request, or NULL if r->seconds are over. Raises when it cannot be waited for. */
static struct answer *get_answer(lua_State *L, struct worker *w, const struct remote *r, uint64_t id) {
  double begin = worker_now(), own = r->seconds > 0 ? begin + r->seconds : 0;
  double limit = is_routed(r) ? 0 : limit_of(w, r); /* for others the broker looks at the clock */
  enum wait_outcome how;
  struct answer *a = wait(L, w, id, wait_nearer(own, limit), &how);
  if (a || (how == WAIT_OVER && own > 0 && worker_now() >= own)) return a;
  if (how == WAIT_WOKEN) worker_raise(L, GAIJIN_STATUS_BUSY, "no memory for an answer; it was discarded");
  if (how == WAIT_OVER && w->sched.current->deadline != limit)
    worker_raise(L, GAIJIN_STATUS_TIMEOUT, "%s got no answer in %.3g s; whether it was done is not known", describe(L, w, r), limit - begin);
  wait_raise(L, w, how, describe(L, w, r));
  return NULL;
}

enum remote_outcome remote_ask(lua_State *L, struct worker *w, const struct remote *r, int *n) {
  uint64_t id = send_request(L, w, r, on_answer, w->sched.current);
  struct answer *a = get_answer(L, w, r, id);
  if (!a) return REMOTE_TIMED_OUT;
  *n = results(L, w, a, r->op == GAIJIN_OP_INSPECT);
  return REMOTE_OK;
}

int remote_call(lua_State *L, struct worker *w, enum gaijin_op op, int target, int first, int count) {
  struct remote r = {.op = op, .target = target, .first = first, .count = count};
  int n = 0;
  remote_ask(L, w, &r, &n);
  return n;
}

void remote_claim(lua_State *L, struct worker *w, const struct gaijin_pt *pt) {
  const struct remote r = {.op = GAIJIN_OP_SUB};
  need_fiber(L, w, GAIJIN_OP_SUB);
  wait_check(L, w, "claim of a remote object");
  uint64_t id = 0;
  int status = gaijin_claim(w->g, pt, on_answer, w->sched.current, &id);
  if (status != 0) worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
  results(L, w, get_answer(L, w, &r, id), false);
}

void remote_post(lua_State *L, struct worker *w, int target, int first, int n) {
  struct remote r = {.op = GAIJIN_OP_CALL, .target = target, .first = first, .count = n};
  send_request(L, w, &r, NULL, NULL);
}
