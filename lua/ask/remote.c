/* SPDX-License-Identifier: MIT
 *
 * The message is written and queued without a break: between its begin and its end
 * no Lua runs. Then the fiber waits, and decodes what came.
 */
#include "lua/ask/remote.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/ask/form.h"
#include "lua/ask/room.h"
#include "lua/fiber/answer.h"
#include "lua/fiber/door.h"
#include "lua/fiber/position.h"
#include "lua/fiber/slices.h"
#include "lua/fiber/trace.h"
#include "lua/ref/at.h"
#include "lua/ref/decode.h"
#include "lua/ref/marshal.h"
#include "lua/ref/origin.h"
#include "lua/vm/fate.h"

static int unmarshal_answer(lua_State *L, struct worker *w, gaijin_body *body, bool rows) {
  return unmarshal(L, w, body, 0, rows);
}

/* body, rows -> its values. */
static int decode_protected(lua_State *L) {
  gaijin_body *body = lua_touserdata(L, 1);
  return unmarshal_answer(L, worker_of(L), body, lua_toboolean(L, 2));
}

/* Whatever is raised, the fiber is at long work no more; unless it was before: this is a finaliser
 * amid the decoding of something else. */
static int decode_long(lua_State *L, struct worker *w, gaijin_body *body, bool rows) {
  struct fiber *f = w->sched.current;
  bool nested = f && f->work;
  luaL_checkstack(L, 4, "no room for an answer");
  int top = lua_gettop(L);
  worker_push_function(L, w, decode_protected);
  lua_pushlightuserdata(L, body);
  lua_pushboolean(L, rows);
  int status = lua_pcall(L, 2, LUA_MULTRET, 0);
  if (f && !nested) slices_leave(f);
  if (status != 0) lua_error(L);
  return lua_gettop(L) - top;
}

int remote_decode(lua_State *L, struct worker *w, const struct answer *a, bool rows, bool *failed) {
  *failed = !a->ok;
  if (!a->ok && a->status != GAIJIN_STATUS_RAISED) {
    answer_push_error(L, a);
    return 1;
  }
  int n = (decode_is_long(a->body) ? decode_long : unmarshal_answer)(L, w, a->body, rows);
  if (*failed) form_check_raised(L, n);
  return n;
}

enum { ARGUMENTS_MOST = 8000 }; /* as many as Lua passes to C, about */

/* The library function that the host called from C does not know the name it was called by, nor
 * that it was as a method: the text at index i, if it is an error of its arguments', gets that, as
 * luaL_argerror gives it. */
static void name_function(lua_State *L, struct worker *w, int i) {
  static const char start[] = "bad argument #", unknown[] = " to '?' (";
  size_t size;
  const char *text = lua_tolstring(L, i, &size);
  if (strncmp(text, start, sizeof start - 1) != 0) return;
  char *rest;
  const char *digits = text + sizeof start - 1;
  bool is_number = *digits >= '0' && *digits <= '9';
  unsigned long number = is_number ? strtoul(digits, &rest, 10) : 0;
  if (number == 0 || number > ARGUMENTS_MOST) return;
  if (strncmp(rest, unknown, sizeof unknown - 1) != 0) return;
  rest += sizeof unknown - 2;
  lua_Debug ar;
  if (!lua_getstack(L, position_outermost(L, w), &ar) || !lua_getinfo(L, "n", &ar) || !ar.name)
    return;
  bool is_method = strcmp(ar.namewhat, "method") == 0;
  if (is_method && number == 1)
    lua_pushfstring(L, "calling '%s' on bad self ", ar.name);
  else
    lua_pushfstring(L, "%s%d to '%s' ", start, (int)number - is_method, ar.name);
  lua_pushlstring(L, rest, size - (size_t)(rest - text));
  lua_concat(L, 2);
  lua_replace(L, i);
}

/* The text at index i, which was raised with this level above, gets its position. Of a library
 * function it is that which it would have found in this VM. */
static void place(lua_State *L, struct worker *w, const struct remote *r, int i, unsigned above) {
  if (above == 0 || lua_type(L, i) != LUA_TSTRING) return;
  luaL_checkstack(L, 8, "no room for an error");
  bool applied = r->op == GAIJIN_OP_APPLY;
  if (above == 1 && (applied || r->op == GAIJIN_OP_CALL)) name_function(L, w, i);
  position_add(L, w, i, above, applied && above == 1);
}

static void check_form(lua_State *L, struct worker *w, const struct remote *r, int n) {
  const struct at *at = r->op == GAIJIN_OP_LEN ? at_get(L, w, r->target) : NULL;
  const struct form_question q = {
      .op = r->op,
      .of_table = at && at->pt.kind == GAIJIN_KIND_TABLE,
      .function = r->op == GAIJIN_OP_APPLY ? lua_tostring(L, r->first) : NULL};
  if (form_fits(L, &q, n)) return;
  at = r->target ? at_get(L, w, r->target) : NULL;
  const char *name = at ? worker_host_name(w, at->pt.host) : r->name;
  char from[GAIJIN_NAME_MAX + 16];
  snprintf(from, sizeof from, "%s%s", name ? "worker " : "the broker", name ? name : "");
  form_refuse(L, &q, from, n);
}

/* Pushes the results of an answer and frees it, or raises what it says. */
static int results(lua_State *L, struct worker *w, const struct remote *r, struct answer *a) {
  bool failed;
  int top = lua_gettop(L), n = -1;
  if (r->take && a->ok && a->body) n = r->take(L, a->body);
  if (n >= 0) {
    answer_free(w->sched.current, a);
    return n;
  }
  n = remote_decode(L, w, a, r->op == GAIJIN_OP_INSPECT, &failed);
  assert(lua_gettop(L) == top + n);
  if (failed) place(L, w, r, top + 1, a->above);
  answer_free(w->sched.current, a);
  if (!failed) {
    check_form(L, w, r, n);
    return n;
  }
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
                                  double until, double now) {
  if (until == 0) return 0;
  /* Rounding of doubles must not make it a millisecond more. */
  double ms = ceil((until - now) * 1e3 - 1e-3);
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
    worker_raise(L, GAIJIN_STATUS_DEAD, "Gaijin tried accessing dead resource. (%s%s)",
                 worker_host_name(w, at->pt.host), worker_host_fate(w, at->pt.host));
  if (!at->holding) at_revive(L, w, i);
}

/* The depth of the chain of calls that a request belongs to. */
static unsigned depth_of(lua_State *L, struct worker *w, enum gaijin_op op) {
  unsigned depth = w->sched.current->depth + 1;
  if (depth > w->max_depth)
    worker_raise(L, GAIJIN_STATUS_TOO_DEEP,
                 "%s would make the chain of calls %u deep; the limit is %u (--max-depth)",
                 gaijin_op_name(op), depth, w->max_depth);
  return depth;
}

/* What is sent with a request. */
static const struct origin_sending *trace_request(lua_State *L, struct worker *w,
                                                  const struct remote *r,
                                                  struct origin_sending *out) {
  const struct at *at = r->target ? at_get(L, w, r->target) : NULL;
  *out = (struct origin_sending){.op = r->op,
                                 .to = at ? worker_host_name(w, at->pt.host) : r->name};
  return out;
}

/* Writes and queues the message, whose target is filled in here; *id gets its id. 0, or the status
 * it was refused with. Raises what else stands against it. */
static int write_request(lua_State *L, struct worker *w, const struct remote *r,
                         struct gaijin_send *to, gaijin_answer_fn fn, void *user, uint64_t *id) {
  for (int tries = 0;; marshal_again(L, w, r->first, r->count, &tries)) {
    if (r->target) check_target(L, w, r->target);
    struct origin_sending traced;
    marshal_prepare(L, w, r->first, r->count,
                    w->traces_tokens ? trace_request(L, w, r, &traced) : NULL);
    struct at *at = r->target ? at_get(L, w, r->target) : NULL;
    if (!at || at->holding) {
      to->holding = at ? at->holding : NULL;
      gaijin_begin_request(w->g, to, (uint32_t)r->count);
      if (marshal_put(L, w, r->first, r->count)) break;
      gaijin_abort(w->g);
    }
  }
  assert(!r->target || to->holding);
  int status = gaijin_end_request(w->g, fn, user, id);
  if (status != 0) marshal_discard(L, w, r->first, r->count);
  return status;
}

/* The host whose object is asked; 0: none is. */
static uint64_t target_host(lua_State *L, struct worker *w, const struct remote *r) {
  const struct at *at = r->target ? at_get(L, w, r->target) : NULL;
  return at ? at->pt.host : 0;
}

/* Whether a request was refused because it has no room in the window of its host. */
static bool has_no_room(const struct worker *w, uint64_t host, int status) {
  return status == GAIJIN_STATUS_BUSY && host && gaijin_post_room(w->g, host) < SIZE_MAX;
}

/* The times of a request, however often it is sent. */
struct times {
  double begun;
  double now;   /* before the message was prepared, or after the last wait */
  double own;   /* when r->seconds are over; 0: never */
  double limit; /* by when it is to be answered; 0: whenever */
};

static struct times times_of(const struct worker *w, const struct remote *r) {
  double begun = clock_seconds();
  return (struct times){.begun = begun,
                        .now = begun,
                        .own = r->seconds > 0 ? begun + r->seconds : 0,
                        .limit = answer_limit(w, begun, r->no_call_timeout)};
}

static bool own_is_over(const struct times *t) { return t->own > 0 && clock_seconds() >= t->own; }

static gaijin_holding *unconfirmed(lua_State *L, struct worker *w, const struct remote *r) {
  gaijin_holding *h = r->target ? marshal_unconfirmed(L, w, r->target, 1) : NULL;
  return h ? h : marshal_unconfirmed(L, w, r->first, r->count);
}

/* Waits at the door. False: r->seconds are over. Raises. */
static bool pass_door(lua_State *L, struct worker *w, const struct remote *r,
                      enum door_reason reason, struct times *t) {
  gaijin_holding *h = reason == DOOR_CLAIM ? unconfirmed(L, w, r) : NULL;
  enum wait_outcome how = door_wait(L, w, reason, h, wait_nearer(t->own, t->limit));
  t->now = clock_seconds();
  if (how == WAIT_OVER && own_is_over(t)) return false;
  if (how != WAIT_WOKEN) door_raise(L, w, how, describe(L, w, r), t->limit);
  answer_need_fiber(L, w, r->op);
  return true;
}

/* Sends a request that is answered, when the connection stands and there is room for it; its id, or
 * 0 when r->seconds were over before. Raises. */
static uint64_t send_request(lua_State *L, struct worker *w, const struct remote *r,
                             struct times *t, gaijin_answer_fn fn, void *user) {
  assert(!(r->target && r->name) && r->count >= 0);
  struct gaijin_send to = {
      .op = r->op, .name = r->name, .depth = (uint16_t)depth_of(L, w, r->op)};
  double until = is_routed(r) ? t->limit : 0;
  uint64_t id = 0;
  if (!door_is_free(w) && !pass_door(L, w, r, DOOR_LINK, t)) return 0;
  bool waited = w->n_room_queues && room_is_waited_for(w, target_host(L, w, r));
  if (waited) {
    room_wait(L, w, target_host(L, w, r), gaijin_op_name(r->op), until, false);
    t->now = clock_seconds();
  }
  for (;; waited = true) {
    enum door_reason reason;
    to.deadline_ms = milliseconds_left(L, w, r, until, t->now);
    int status = write_request(L, w, r, &to, fn, user, &id);
    if (status == 0) return id;
    if (door_refused(w, status, &reason)) {
      if (!pass_door(L, w, r, reason, t)) return 0;
      continue;
    }
    uint64_t host = target_host(L, w, r);
    if (!has_no_room(w, host, status))
      worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
    room_wait(L, w, host, gaijin_op_name(r->op), until, waited);
    t->now = clock_seconds();
  }
}

/* Raises where nothing can be asked, and on a fiber that is cancelled. */
static void need_to_ask(lua_State *L, struct worker *w, const struct remote *r) {
  answer_need_fiber(L, w, r->op);
  if (w->sched.current->cancel_reason) wait_raise(L, w, WAIT_CANCELLED, describe(L, w, r));
}

uint64_t remote_start(lua_State *L, struct worker *w, const struct remote *r, gaijin_answer_fn fn,
                      void *user) {
  need_to_ask(L, w, r);
  struct times t = times_of(w, r);
  assert(t.own == 0);
  return send_request(L, w, r, &t, fn, user);
}

/* The answer to the request, or NULL if r->seconds are over. Raises when it cannot be waited
 * for. */
static struct answer *get_answer(lua_State *L, struct worker *w, const struct remote *r,
                                 uint64_t id, const struct times *t) {
  /* For routed ones the broker looks at the clock. */
  double limit = is_routed(r) ? 0 : t->limit;
  enum wait_outcome how;
  struct answer *a = answer_wait(L, w, id, wait_nearer(t->own, limit), &how);
  if (a || (how == WAIT_OVER && own_is_over(t))) return a;
  answer_raise_none(L, w, how, describe(L, w, r), t->begun, limit);
  return NULL;
}

/* Whether the answer says that nothing was done because the worker asked has not come back yet,
 * after the return of the broker, or that the connection was lost on which something was asked that
 * changes nothing: then it is asked again, under the same limits. */
static bool is_asked_again(const struct worker *w, const struct remote *r, const struct answer *a) {
  if (a->ok || w->lost) return false;
  return a->status == GAIJIN_STATUS_AWAY ||
         (a->status == GAIJIN_STATUS_LOST && r->op == GAIJIN_OP_WATCH);
}

/* Before asking again. False: that would be too late. Raises. */
static bool pause_before_again(lua_State *L, struct worker *w, const struct remote *r,
                               const struct answer *a, const struct times *t, double *pause) {
  if (a->status != GAIJIN_STATUS_AWAY) return true; /* it waits at the door */
  return door_pause(L, w, describe(L, w, r), wait_nearer(t->own, t->limit), pause);
}

enum remote_outcome remote_ask(lua_State *L, struct worker *w, const struct remote *r, int *n) {
  need_to_ask(L, w, r);
  struct times t = times_of(w, r);
  struct answer *a;
  for (double pause = 0;; answer_free(w->sched.current, a), t.now = clock_seconds()) {
    uint64_t id = send_request(L, w, r, &t, answer_arrived, w->sched.current);
    if (!id) return REMOTE_TIMED_OUT;
    if (!(a = get_answer(L, w, r, id, &t))) return REMOTE_TIMED_OUT;
    if (!is_asked_again(w, r, a) || !pause_before_again(L, w, r, a, &t, &pause)) break;
  }
  *n = results(L, w, r, a);
  return REMOTE_OK;
}

int remote_call(lua_State *L, struct worker *w, enum gaijin_op op, int target, int first,
                int count) {
  struct remote r = {.op = op, .target = target, .first = first, .count = count};
  int n = 0;
  remote_ask(L, w, &r, &n);
  return n;
}

/* A post is not done, of which its sender hears nothing but in the log. True. */
static bool fail_post(struct worker *w, enum gaijin_status status, const char *format,
                      const char *word) {
  char text[GAIJIN_NAME_MAX + 512];
  snprintf(text, sizeof text, format, word);
  worker_post_failed(w, GAIJIN_OP_CALL, status, text);
  return true;
}

/* Whether it is not worth to send it: its host has ended, or the broker has gone, for which no post
 * waits. */
static bool post_fails(struct worker *w, uint64_t host) {
  if (w->lost) return false; /* that is raised */
  if (gaijin_host_dead(w->g, host))
    return fail_post(w, GAIJIN_STATUS_DEAD, "Gaijin tried accessing dead resource. (%s)",
                     worker_host_name(w, host));
  if (door_is_shut(w))
    return fail_post(w, GAIJIN_STATUS_LOST,
                     "it was not sent: the broker has gone; call worker %s instead, which waits "
                     "for its return, or post again then",
                     worker_host_name(w, host));
  return false;
}

enum post { POST_OVER, POST_NO_ROOM, POST_UNCONFIRMED };

/* OVER: it is sent, or has failed. Raises. */
static enum post try_post(lua_State *L, struct worker *w, const struct remote *r, uint64_t host) {
  /* Nobody waits for it: it begins a chain of its own, and limits of time are not its. */
  struct gaijin_send to = {.op = r->op, .depth = 1, .one_way = true};
  if (w->lost) worker_raise(L, GAIJIN_STATUS_LOST, "the connection to the broker has ended");
  int status = write_request(L, w, r, &to, NULL, NULL, NULL);
  if (status == 0 || (status != GAIJIN_STATUS_AWAY && post_fails(w, host))) return POST_OVER;
  if (has_no_room(w, host, status)) return POST_NO_ROOM;
  if (status != GAIJIN_STATUS_AWAY)
    worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
  if (!wait_hindrance(L, w)) return POST_UNCONFIRMED;
  fail_post(w, GAIJIN_STATUS_AWAY, "%s", gaijin_error(w->g));
  return POST_OVER;
}

void remote_post(lua_State *L, struct worker *w, int target, int first, int n) {
  const struct remote r = {.op = GAIJIN_OP_CALL, .target = target, .first = first, .count = n};
  const struct at *at = at_get(L, w, target);
  uint64_t host = at->pt.host;
  worker_refuse_fork(L, w);
  const struct fiber *f = w->sched.current;
  double until = f ? wait_nearer(f->deadline, f->asked_until) : 0;
  struct times t = {.limit = until};
  bool waited = room_is_waited_for(w, host);
  if (waited) room_wait(L, w, host, "post", until, false);
  for (;; waited = true) {
    if (post_fails(w, host)) return;
    switch (try_post(L, w, &r, host)) {
      case POST_OVER: return;
      case POST_NO_ROOM: room_wait(L, w, host, "post", until, waited); break;
      case POST_UNCONFIRMED: pass_door(L, w, &r, DOOR_CLAIM, &t); break;
    }
  }
}
