/* SPDX-License-Identifier: MIT
 *
 * A request is served in a protected call: decode, check access, operate, send
 * the answer. Whatever is raised on the way before the answer left becomes the
 * answer, as the value it was raised with; of a value that cannot be sent, the
 * reason for that. Outside protected calls nothing is allocated: where Lua
 * allocates it may run a script's finaliser, and that may raise.
 */
#include "lua/serve/serve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/ask/room.h"
#include "lua/fiber/connection.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/trace.h"
#include "lua/fiber/wait.h"
#include "lua/ref/at.h"
#include "lua/ref/marshal.h"
#include "lua/ref/pool.h"
#include "lua/serve/access.h"
#include "lua/serve/apply.h"
#include "lua/serve/backlog.h"
#include "lua/serve/label_waits.h"
#include "lua/serve/labels.h"
#include "lua/serve/operator.h"
#include "lua/serve/quick.h"
#include "lua/serve/traverse.h"

/* ---- Operations ---- */

/* The object is at index 1, the values of the request follow; the results are left on top. */

static int op_get(lua_State *L, struct worker *w) {
  (void)w;
  lua_gettable(L, 1);
  return 1;
}

static int op_set(lua_State *L, struct worker *w) {
  (void)w;
  lua_settable(L, 1);
  return 0;
}

static int op_call(lua_State *L, struct worker *w) {
  (void)w;
  int arguments = lua_gettop(L) - 1;
  lua_call(L, arguments, LUA_MULTRET);
  return lua_gettop(L);
}

static int op_len(lua_State *L, struct worker *w) {
  (void)w;
  if (lua_istable(L, 1)) { /* 5.1 does not ask a table's __len */
    lua_pushinteger(L, (lua_Integer)lua_objlen(L, 1));
    return 1;
  }
  if (!luaL_getmetafield(L, 1, "__len"))
    return luaL_error(L, "attempt to get length of a %s value", luaL_typename(L, 1));
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static int op_str(lua_State *L, struct worker *w) {
  /* Lua's text of light userdata would be its address. */
  if (lua_islightuserdata(L, 1) && !luaL_getmetafield(L, 1, "__tostring")) {
    char id[24];
    const struct serving *s = &w->sched.current->serving;
    snprintf(id, sizeof id, "%llu", (unsigned long long)gaijin_token_pt(w->g, s->target).id);
    lua_pushfstring(L, "userdata: %s:%s", w->name, id);
    return 1;
  }
  lua_settop(L, 1);
  /* The script may have replaced the global function. */
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.applicable);
  lua_getfield(L, -1, "tostring");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  if (!lua_isstring(L, -1)) return luaL_error(L, "'tostring' must return a string to 'print'");
  return 1;
}

typedef int (*operation)(lua_State *L, struct worker *w);

static const operation operations[GAIJIN_OP_COUNT] = {
    [GAIJIN_OP_S2T] = labels_s2t,           [GAIJIN_OP_GET] = op_get,
    [GAIJIN_OP_SET] = op_set,           [GAIJIN_OP_CALL] = op_call,
    [GAIJIN_OP_PAIRS] = traverse_pairs, [GAIJIN_OP_IPAIRS] = traverse_ipairs,
    [GAIJIN_OP_NEXT] = traverse_next,   [GAIJIN_OP_LEN] = op_len,
    [GAIJIN_OP_STR] = op_str,           [GAIJIN_OP_OPERATOR] = operator_serve,
    [GAIJIN_OP_APPLY] = apply_serve,    [GAIJIN_OP_LABELS] = labels_serve,
};

/* ---- Answers ---- */

/* Sends the answer that has been written. False: it was refused, and the refusal has been sent. */
static bool end_answer(struct worker *w, struct serving *s) {
  int status = gaijin_end_answer(w->g);
  assert(!s->answered); /* no script ran since it was begun */
  s->answered = true;
  if (status == 0) return true;
  char text[256];
  snprintf(text, sizeof text, "%s", gaijin_error(w->g));
  gaijin_answer_error(w->g, s->id, s->op, (enum gaijin_status)status, text);
  return false;
}

/* Sends the n values on top of the stack as results, or as what was raised. Raises what cannot be
 * prepared. */
static void answer(lua_State *L, struct worker *w, struct serving *s, int n, bool raised) {
  assert(!s->answered && n >= 0 && n <= lua_gettop(L));
  if (s->one_way || s->given_up) {
    /* The broker keeps the record of a request that was given up until it hears of it. */
    if (!s->one_way) gaijin_answer_error(w->g, s->id, s->op, GAIJIN_STATUS_CANCELLED, "given up");
    s->answered = true;
    return;
  }
  int first = lua_gettop(L) - n + 1;
  unsigned above = raised ? trace_above(L, w, first) : 0;
  for (int tries = 0;; marshal_again(L, w, first, n, &tries)) {
    marshal_prepare(L, w, first, n);
    if (raised)
      gaijin_begin_raise_level(w->g, s->id, s->op, (uint32_t)n, above);
    else
      gaijin_begin_reply(w->g, s->id, s->op, (uint32_t)n);
    if (marshal_put(L, w, first, n)) break;
    gaijin_abort(w->g);
  }
  if (!end_answer(w, s)) marshal_discard(L, w, first, n);
}

/* The stack index of the key that gaijin.access is called with; 0: the op has none. */
static int key_index(const struct serving *s) {
  switch (s->op) {
    case GAIJIN_OP_S2T: return 1;
    case GAIJIN_OP_GET:
    case GAIJIN_OP_SET:
    case GAIJIN_OP_NEXT:
    case GAIJIN_OP_OPERATOR:
    case GAIJIN_OP_APPLY: return 2;
    default: return 0;
  }
}

static int serve(lua_State *L) {
  struct worker *w = worker_of(L);
  struct fiber *f = w->sched.current;
  struct serving *s = &f->serving;
  lua_settop(L, 0);
  if (s->one_way) gaijin_body_taken(s->body);
  if (s->given_up) return worker_raise(L, GAIJIN_STATUS_CANCELLED, "given up before it began");
  assert(!s->target == (s->op == GAIJIN_OP_S2T || s->op == GAIJIN_OP_LABELS));
  if (s->target) pool_push(L, w, s->target);
  unmarshal(L, w, s->body, false);
  access_check(L, w, s->op, s->target ? 1 : 0, key_index(s));
  int n = operations[s->op](L, w);
  if (n == ANSWER_WRITTEN)
    end_answer(w, s);
  else if (n == ANSWER_LATER)
    s->answered = true; /* as far as this fiber is concerned */
  else
    answer(L, w, s, n, false);
  return 0;
}

void serve_open(struct worker *w) { w->serves = serve; }

/* Logs an error that cannot be sent, because the call was one way or has been answered. False: it
 * can be sent. */
static bool log_unsendable(struct worker *w, const struct serving *s, const char *text) {
  if (s->one_way) {
    w->posts_failed++;
    worker_log_often(w, LINE_POST_FAILED, "a post of %s failed: %s",
                     worker_host_name(w, s->caller), text);
  } else if (s->answered) { /* raised after the answer left: by a finaliser of the script's */
    worker_log_often(w, LINE_ERROR, "%s", text);
  }
  return s->one_way || s->answered;
}

/* Argument: the worker. Raises only what hinders the error of a request from being sent. */
static int serve_protected(lua_State *L) {
  struct worker *w = lua_touserdata(L, 1);
  struct serving *s = &w->sched.current->serving;
  char buffer[64];
  lua_settop(L, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.trace_handler);
  worker_push_function(L, w, serve);
  if (lua_pcall(L, 0, 0, 1) == 0) return 0;
  lua_remove(L, 1);
  if (!log_unsendable(w, s, worker_error_text(L, 1, buffer, sizeof buffer)))
    answer(L, w, s, trace_push(L, w, 1) ? 2 : 1, true);
  return 0;
}

static void serve_job(struct worker *w, struct fiber *f) {
  struct serving *s = &f->serving;
  char buffer[64];
  if (lua_cpcall(f->L, serve_protected, w) == 0) {
    assert(s->answered || s->one_way);
    return;
  }
  const char *text = worker_error_text(f->L, lua_gettop(f->L), buffer, sizeof buffer);
  if (log_unsendable(w, s, text)) return;
  gaijin_begin_raise(w->g, s->id, s->op, 1);
  gaijin_put_text(w->g, text);
  if (gaijin_end_answer(w->g) != 0)
    gaijin_answer_error(w->g, s->id, s->op, GAIJIN_STATUS_UNSUPPORTED, text);
  s->answered = true;
}

/* ---- Beginning ---- */

/* Makes a fiber the one that serves the request. The body is its own. */
static void give(struct fiber *f, const struct gaijin_request *rq, gaijin_body *body) {
  f->depth = rq->depth;
  if (rq->deadline_ms) f->asked_until = clock_seconds() + rq->deadline_ms / 1e3;
  const struct serving serving = {.id = rq->id, .op = rq->op, .caller = rq->caller,
                                  .target = rq->target, .body = body, .one_way = rq->one_way};
  fiber_serve(f, &serving);
}

/* A request whose label has been set is served as if it had just come. */
static void begin_label_wait(struct worker *w) {
  struct label_wait *k = label_waits_take(w);
  struct fiber *f = fiber_new(w, serve_job);
  if (f) {
    k->request.deadline_ms = 0;
    give(f, &k->request, k->body);
    f->asked_until = k->asked_until;
    k->body = NULL;
    fiber_wake(f);
  } else {
    gaijin_answer_error(w->g, k->request.id, k->request.op, GAIJIN_STATUS_BUSY,
                        label_waits_fault(LABEL_WAITS_NO_MEMORY));
  }
  label_waits_free(w, k);
}

static void begin_post(struct worker *w, struct backlog_entry *e) {
  struct fiber *f = fiber_new(w, serve_job);
  if (!f) {
    worker_post_failed(w, e->request.op, GAIJIN_STATUS_BUSY, "memory is short");
    gaijin_body_free(e->body);
    return;
  }
  give(f, &e->request, e->body);
  fiber_wake(f);
}

/* What waits behind posts that cannot be begun, and may itself be what those wait for that have the
 * fibers: it must not wait. */
static bool may_be_awaited(unsigned depth) { return depth > 1; }

static void refuse_stuck(struct worker *w, const struct gaijin_request *rq) {
  char text[160];
  snprintf(text, sizeof text,
           "%s has not begun what you posted to it before: its fibers for posts are used up "
           "(--max-fibers)",
           w->name);
  gaijin_answer_error(w->g, rq->id, rq->op, GAIJIN_STATUS_BUSY, text);
}

static void refuse_if_awaited(struct worker *w, uint64_t number) {
  struct fiber *f = fiber_numbered(w, number);
  if (!f || f->queued || !may_be_awaited(f->depth)) return;
  refuse_stuck(w, &(struct gaijin_request){.id = f->serving.id, .op = f->serving.op});
  f->serving.answered = true;
  f->job = fiber_no_job;
  fiber_wake(f);
}

static void note_stuck(struct worker *w) {
  bool stuck = w->backlog.n_posts > 0 && !fiber_left_for_posts(w);
  bool is_new = stuck && !w->backlog.stuck;
  w->backlog.stuck = stuck;
  if (!is_new) return;
  room_refuse_all(w);
  if (w->backlog.n_calls) backlog_each_call(w, refuse_if_awaited);
}

/* The worker ends: nothing more is begun. A call behind posts that are given up is not begun
 * either: that would be out of its order. */
static void give_up_call(struct worker *w, uint64_t number) {
  struct fiber *f = fiber_numbered(w, number);
  char text[160];
  if (!f || f->stack || f->serving.answered) return;
  snprintf(text, sizeof text, "Gaijin tried accessing dead resource. (%s)", w->name);
  if (!w->lost)
    gaijin_answer_error(w->g, f->serving.id, f->serving.op, GAIJIN_STATUS_DEAD, text);
  f->serving.answered = true;
  f->job = fiber_no_job;
  fiber_wake(f);
}

/* The worker ends: nothing more is begun. */
static void give_up(struct worker *w) {
  struct backlog_entry *e;
  while ((e = backlog_take(w, true))) {
    if (e->body) {
      gaijin_body_not_done(e->body);
      gaijin_body_free(e->body);
    } else {
      give_up_call(w, e->fiber);
    }
    free(e);
  }
}

void serve_begin(struct worker *w) {
  if (!w->backlog.first && !w->backlog.stuck && !w->backlog.n_due) return;
  if (w->unwinding || w->lost) give_up(w);
  while (!w->unwinding && w->backlog.n_due && w->sched.n_ready < FIBERS_READY_MOST &&
         fiber_left_for_posts(w))
    begin_label_wait(w);
  while (!w->unwinding && w->backlog.first && w->sched.n_ready < FIBERS_READY_MOST) {
    struct backlog_entry *e = backlog_take(w, fiber_left_for_posts(w));
    if (!e) break;
    struct fiber *f = e->fiber ? fiber_numbered(w, e->fiber) : NULL;
    if (f)
      fiber_wake(f);
    else if (!e->fiber)
      begin_post(w, e);
    free(e);
  }
  w->backlog.held_back =
      (w->backlog.first || w->backlog.n_due) && w->sched.n_ready >= FIBERS_READY_MOST;
  note_stuck(w);
}

/* ---- Events ---- */

/* A worker that stops goes on with what is under way, and that may need to be called back by those
 * it asks. It is not known which nested request is such a call, so all are served while it waits
 * for somebody. */
static bool may_be_call_back(const struct worker *w, const struct gaijin_request *rq) {
  return rq->depth > 1 && !rq->one_way && connection_asks(w);
}

/* Without windows nobody but us bounds what waits here. */
static bool is_overfull(const struct worker *w) {
  return !gaijin_post_window(w->g) && w->backlog.n_posts >= w->sched.max_fibers;
}

/* NULL, or why the request is not served at all. The text is in the buffer. */
static const char *refusal(const struct worker *w, const struct gaijin_request *rq,
                           enum gaijin_status *status, char *text, size_t n) {
  if (!operations[rq->op]) {
    *status = GAIJIN_STATUS_UNSUPPORTED;
    snprintf(text, n, "%s does not know %s", w->name, gaijin_op_name(rq->op));
    return text;
  }
  if (!w->stopping || may_be_call_back(w, rq)) return NULL;
  *status = GAIJIN_STATUS_DEAD;
  snprintf(text, n, "Gaijin tried accessing dead resource. (%s)", w->name);
  return text;
}

static void on_post(struct worker *w, const struct gaijin_request *rq, gaijin_body *body) {
  enum gaijin_status status = GAIJIN_STATUS_BUSY;
  char text[160];
  const char *why = refusal(w, rq, &status, text, sizeof text);
  if (status == GAIJIN_STATUS_DEAD && gaijin_post_window(w->g)) {
    gaijin_body_not_done(body); /* its sender counts it */
    gaijin_body_free(body);
    return;
  }
  if (!why && (is_overfull(w) || !backlog_add(w, rq, body, 0))) {
    snprintf(text, sizeof text,
             "%s has as many posts waiting as it can (%u, --max-fibers) or is short of memory",
             w->name, w->backlog.n_posts);
    why = text;
  }
  if (!why) {
    serve_begin(w);
    return;
  }
  worker_post_failed(w, rq->op, status, why);
  gaijin_body_free(body);
}

/* Not in the order of its asker's calls: it is to wait. */
static void on_label_wait(struct worker *w, const struct gaijin_request *rq, gaijin_body *body) {
  enum gaijin_status status = GAIJIN_STATUS_BUSY;
  char text[160];
  const char *why = refusal(w, rq, &status, text, sizeof text);
  if (!why) {
    double until = rq->deadline_ms ? clock_seconds() + rq->deadline_ms / 1e3 : 0;
    enum label_waits_outcome o = label_waits_add(w, rq, until, body, true);
    if (o == LABEL_WAITS_OK) {
      serve_begin(w);
      return;
    }
    why = label_waits_fault(o);
  }
  gaijin_answer_error(w->g, rq->id, rq->op, status, why);
  gaijin_body_free(body);
}

static void on_call(struct worker *w, const struct gaijin_request *rq, gaijin_body *body) {
  enum gaijin_status status = GAIJIN_STATUS_BUSY;
  char text[160];
  const char *why = refusal(w, rq, &status, text, sizeof text);
  bool behind = !why && backlog_has(w, rq->caller);
  struct fiber *f = NULL;
  if (behind && w->backlog.stuck && may_be_awaited(rq->depth)) {
    refuse_stuck(w, rq);
    gaijin_body_free(body);
    return;
  }
  if (!why && !(f = fiber_new(w, serve_job))) {
    snprintf(text, sizeof text,
             "%s serves as many requests as it can (%u, --max-fibers) or is short of memory",
             w->name, w->sched.n_fibers);
    why = text;
  }
  if (why) {
    gaijin_answer_error(w->g, rq->id, rq->op, status, why);
    gaijin_body_free(body);
    return;
  }
  give(f, rq, body);
  /* Without memory for that it overtakes the posts before it. */
  if (!behind || !backlog_add(w, rq, NULL, f->number)) fiber_wake(f);
}

void serve_request(void *worker, const struct gaijin_request *rq, gaijin_body *body) {
  struct worker *w = worker;
  if (rq->one_way)
    on_post(w, rq, body);
  else if (label_waits_is(rq, body))
    on_label_wait(w, rq, body);
  else if (backlog_has(w, rq->caller) || !quick_get(w, rq, body))
    on_call(w, rq, body);
  if (w->sched.n_ready >= FIBERS_READY_MOST) gaijin_pause(w->g);
}

void serve_cancel(void *worker, uint64_t id) {
  struct worker *w = worker;
  struct fiber *f = fiber_serving(w, id);
  if (!f) {
    /* The broker keeps the record of a request until it hears of it. */
    if (label_waits_cancel(w, id))
      gaijin_answer_error(w->g, id, GAIJIN_OP_S2T, GAIJIN_STATUS_CANCELLED, "given up");
    return;
  }
  f->serving.given_up = true;
  fiber_cancel(f, "the caller waits no longer");
}
