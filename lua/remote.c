/* SPDX-License-Identifier: MIT
 *
 * The answer arrives in the scheduler, which only links it to the fiber and
 * wakes it; the fiber decodes. Between begin and end of a message no Lua runs.
 */
#include "lua/remote.h"

#include <stdlib.h>
#include <string.h>

#include "lua/at.h"
#include "lua/fiber.h"
#include "lua/loop.h"
#include "lua/marshal.h"
#include "lua/trace.h"

/* LUA_GCISRUNNING of LuaJIT, which 5.1 does not have. */
enum { LUAJIT_GCISRUNNING = 9 };

bool remote_possible(const struct worker *w) { return w->sched.current != NULL; }

static void need_fiber(lua_State *L, struct worker *w, enum op op) {
  if (w->lost) worker_raise(L, STATUS_lost, "the connection to the broker has ended");
  if (!remote_possible(w))
    worker_raise(L, STATUS_unsupported, "%s of a remote object where nothing can wait (a finaliser run by the scheduler or at the end)", op_name(op));
  /* LuaJIT stops its collector while it runs a finaliser; one that waited there would leave it stopped for the whole VM. */
  if (w->is_luajit && !w->gc_stopped && lua_gc(L, LUAJIT_GCISRUNNING, 0) == 0)
    worker_raise(L, STATUS_unsupported, "%s of a remote object in a finaliser under LuaJIT", op_name(op));
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

static void on_timeout(struct timer *t) {
  struct fiber *f = timer_user(t);
  if (!f->request) return; /* the answer was faster, the fiber has not run yet */
  f->timed_out = true;
  gaijin_cancel(f->w->g, f->request);
  f->request = 0;
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

/* Parks until the answer is there or the time is over. NULL: timed out. Raises when memory was short. */
static struct answer *wait(lua_State *L, struct worker *w, uint64_t id, double seconds) {
  struct fiber *f = w->sched.current;
  const void *frame = __builtin_frame_address(0);
  free_abandoned(f, frame);
  struct answer *before = f->answers;
  f->request = id;
  f->timed_out = false;
  f->timer = seconds > 0 ? timer_start(w, seconds, on_timeout, f) : NULL;
  fiber_park(w);
  if (f->timer) timer_stop(f->timer);
  f->timer = NULL;
  if (f->timed_out) return NULL;
  if (f->answers == before) worker_raise(L, STATUS_busy, "no memory for an answer; it was discarded");
  f->answers->frame = frame;
  return f->answers;
}

/* Pushes the results of an answer and frees it, or raises what it says. */
static int results(lua_State *L, struct worker *w, struct answer *a, bool rows) {
  struct fiber *f = w->sched.current;
  if (!a->ok && a->status != STATUS_raised) {
    lua_pushfstring(L, "gaijin: %s: %s", status_name(a->status), a->text ? a->text : "");
    answer_free(f, a);
    return lua_error(L);
  }
  int n = unmarshal(L, w, a->body, rows);
  bool ok = a->ok;
  answer_free(f, a);
  if (ok) return n;
  if (n >= 2 && lua_isstring(L, -1)) trace_remember(L, w, lua_gettop(L) - n + 1, lua_gettop(L));
  lua_settop(L, lua_gettop(L) - n + 1); /* the value raised; a traceback may follow it */
  return lua_error(L);
}

static void check_target(lua_State *L, struct worker *w, int i) {
  struct at *at = at_get(L, w, i);
  if (!at) luaL_argerror(L, i, "not a remote object");
  if (gaijin_host_dead(w->g, at->pt.host))
    worker_raise(L, STATUS_dead, "Gaijin tried accessing dead resource. (%s)", worker_host_name(w, at->pt.host));
  if (!at->holding) at_revive(L, w, i);
}

static void check_depth(lua_State *L, struct worker *w, enum op op) {
  unsigned depth = w->sched.current->depth + 1;
  if (depth > w->max_depth)
    worker_raise(L, STATUS_too_deep, "%s would make the chain of calls %u deep; the limit is %u (--max-depth)", op_name(op), depth, w->max_depth);
}

/* Writes and queues the message; the id of the request (0 when one way). Raises. */
static uint64_t send_request(lua_State *L, struct worker *w, const struct remote *r, bool one_way) {
  need_fiber(L, w, r->op);
  check_depth(L, w, r->op);
  struct gaijin_send to = {.op = r->op, .name = r->name, .depth = (uint16_t)(w->sched.current->depth + 1), .one_way = one_way};
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
  int status = gaijin_end_request(w->g, on_answer, w->sched.current, &id);
  if (status != 0) {
    marshal_discard(L, w, r->first, r->count);
    worker_raise(L, (enum status)status, "%s", gaijin_error(w->g));
  }
  return id;
}

enum remote_outcome remote_ask(lua_State *L, struct worker *w, const struct remote *r, int *n) {
  uint64_t id = send_request(L, w, r, false);
  struct answer *a = wait(L, w, id, r->seconds);
  if (!a) return REMOTE_TIMED_OUT;
  *n = results(L, w, a, r->op == OP_inspect);
  return REMOTE_OK;
}

int remote_call(lua_State *L, struct worker *w, enum op op, int target, int first, int count) {
  struct remote r = {.op = op, .target = target, .first = first, .count = count};
  int n = 0;
  remote_ask(L, w, &r, &n);
  return n;
}

void remote_claim(lua_State *L, struct worker *w, const struct pt *pt) {
  need_fiber(L, w, OP_sub);
  uint64_t id = 0;
  int status = gaijin_claim(w->g, pt, on_answer, w->sched.current, &id);
  if (status != 0) worker_raise(L, (enum status)status, "%s", gaijin_error(w->g));
  results(L, w, wait(L, w, id, 0), false);
}

void remote_post(lua_State *L, struct worker *w, int target, int first, int n) {
  struct remote r = {.op = OP_call, .target = target, .first = first, .count = n};
  send_request(L, w, &r, true);
}
