/* SPDX-License-Identifier: MIT
 *
 * The message is written and queued without a break: between its begin and its end
 * no Lua runs. Then the fiber waits, and decodes what came.
 */
#include "lua/ask/remote.h"

#include <assert.h>
#include <math.h>

#include "lua/fiber/answer.h"
#include "lua/fiber/trace.h"
#include "lua/ref/at.h"
#include "lua/ref/marshal.h"

int remote_decode(lua_State *L, struct worker *w, const struct answer *a, bool rows, bool *failed) {
  *failed = !a->ok;
  if (a->ok || a->status == GAIJIN_STATUS_RAISED) return unmarshal(L, w, a->body, rows);
  answer_push_error(L, a);
  return 1;
}

/* Pushes the results of an answer and frees it, or raises what it says. */
static int results(lua_State *L, struct worker *w, struct answer *a, bool rows) {
  bool failed;
  int top = lua_gettop(L), n = remote_decode(L, w, a, rows, &failed);
  assert(lua_gettop(L) == top + n);
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
  return lua_pushfstring(L, "%s to %s%s", gaijin_op_name(r->op), name ? "worker " : "the broker",
                         name ? name : "");
}

static bool is_routed(const struct remote *r) { return gaijin_op_is_routed(r->op); }

/* The milliseconds left until a time, for the wire. Raises if it is over. */
static uint32_t milliseconds_left(lua_State *L, struct worker *w, const struct remote *r,
                                  double until) {
  if (until == 0) return 0;
  /* Rounding of doubles must not make it a millisecond more. */
  double ms = ceil((until - clock_seconds()) * 1e3 - 1e-3);
  if (ms <= 0) {
    wait_refuse(L, w);
    worker_raise(L, GAIJIN_STATUS_TIMEOUT, "%s was not begun: the time limit is over",
                 describe(L, w, r));
  }
  return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static void check_target(lua_State *L, struct worker *w, int i) {
  struct at *at = at_get(L, w, i);
  if (!at) {
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED,
                 "no remote object of this worker's (a fork that has connected anew has none of "
                 "its parent's)");
    return;
  }
  if (gaijin_host_dead(w->g, at->pt.host))
    worker_raise(L, GAIJIN_STATUS_DEAD, "Gaijin tried accessing dead resource. (%s)",
                 worker_host_name(w, at->pt.host));
  if (!at->holding) at_revive(L, w, i);
}

/* The depth of the chain of calls that a request belongs to. Nobody waits for a one-way call: it
 * begins a chain of its own. */
static unsigned depth_of(lua_State *L, struct worker *w, enum gaijin_op op, bool one_way) {
  unsigned depth = one_way ? 1 : w->sched.current->depth + 1;
  if (depth > w->max_depth)
    worker_raise(L, GAIJIN_STATUS_TOO_DEEP,
                 "%s would make the chain of calls %u deep; the limit is %u (--max-depth)",
                 gaijin_op_name(op), depth, w->max_depth);
  return depth;
}

/* Writes and queues the message; the id of the request (0 when one way, without fn). Raises. */
static uint64_t send_request(lua_State *L, struct worker *w, const struct remote *r,
                             gaijin_answer_fn fn, void *user) {
  assert(!(r->target && r->name) && r->count >= 0);
  answer_need_fiber(L, w, r->op);
  if (fn && w->sched.current->cancel_reason) wait_raise(L, w, WAIT_CANCELLED, describe(L, w, r));
  struct gaijin_send to = {
      .op = r->op, .name = r->name, .depth = (uint16_t)depth_of(L, w, r->op, !fn), .one_way = !fn};
  if (fn && is_routed(r))
    to.deadline_ms = milliseconds_left(L, w, r, answer_limit(w, r->no_call_timeout));
  for (int tries = 0;; marshal_again(L, w, r->first, r->count, &tries)) {
    if (r->target) check_target(L, w, r->target);
    marshal_prepare(L, w, r->first, r->count);
    struct at *at = r->target ? at_get(L, w, r->target) : NULL;
    if (!at || at->holding) {
      to.holding = at ? at->holding : NULL;
      gaijin_begin_request(w->g, &to, (uint32_t)r->count);
      if (marshal_put(L, w, r->first, r->count)) break;
      gaijin_abort(w->g);
    }
  }
  assert(!r->target || to.holding);
  uint64_t id = 0;
  int status = gaijin_end_request(w->g, fn, user, &id);
  if (status != 0) {
    marshal_discard(L, w, r->first, r->count);
    worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
  }
  return id;
}

uint64_t remote_start(lua_State *L, struct worker *w, const struct remote *r, gaijin_answer_fn fn,
                      void *user) {
  return send_request(L, w, r, fn, user);
}

/* The answer to the request, or NULL if r->seconds are over. Raises when it cannot be waited
 * for. */
static struct answer *get_answer(lua_State *L, struct worker *w, const struct remote *r,
                                 uint64_t id) {
  double begun = clock_seconds(), own = r->seconds > 0 ? begun + r->seconds : 0;
  /* For routed ones the broker looks at the clock. */
  double limit = is_routed(r) ? 0 : answer_limit(w, r->no_call_timeout);
  enum wait_outcome how;
  struct answer *a = answer_wait(L, w, id, wait_nearer(own, limit), &how);
  if (a || (how == WAIT_OVER && own > 0 && clock_seconds() >= own)) return a;
  answer_raise_none(L, w, how, describe(L, w, r), begun, limit);
  return NULL;
}

enum remote_outcome remote_ask(lua_State *L, struct worker *w, const struct remote *r, int *n) {
  uint64_t id = send_request(L, w, r, answer_arrived, w->sched.current);
  struct answer *a = get_answer(L, w, r, id);
  if (!a) return REMOTE_TIMED_OUT;
  *n = results(L, w, a, r->op == GAIJIN_OP_INSPECT);
  return REMOTE_OK;
}

int remote_call(lua_State *L, struct worker *w, enum gaijin_op op, int target, int first,
                int count) {
  struct remote r = {.op = op, .target = target, .first = first, .count = count};
  int n = 0;
  remote_ask(L, w, &r, &n);
  return n;
}

void remote_post(lua_State *L, struct worker *w, int target, int first, int n) {
  struct remote r = {.op = GAIJIN_OP_CALL, .target = target, .first = first, .count = n};
  send_request(L, w, &r, NULL, NULL);
}
