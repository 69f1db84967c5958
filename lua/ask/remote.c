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
#include "lua/fiber/position.h"
#include "lua/fiber/slices.h"
#include "lua/fiber/trace.h"
#include "lua/ref/at.h"
#include "lua/ref/decode.h"
#include "lua/ref/marshal.h"

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
  int top = lua_gettop(L), n = remote_decode(L, w, a, r->op == GAIJIN_OP_INSPECT, &failed);
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

/* The depth of the chain of calls that a request belongs to. */
static unsigned depth_of(lua_State *L, struct worker *w, enum gaijin_op op) {
  unsigned depth = w->sched.current->depth + 1;
  if (depth > w->max_depth)
    worker_raise(L, GAIJIN_STATUS_TOO_DEEP,
                 "%s would make the chain of calls %u deep; the limit is %u (--max-depth)",
                 gaijin_op_name(op), depth, w->max_depth);
  return depth;
}

/* Writes and queues the message, whose target is filled in here; *id gets its id. 0, or the status
 * it was refused with. Raises what else stands against it. */
static int write_request(lua_State *L, struct worker *w, const struct remote *r,
                         struct gaijin_send *to, gaijin_answer_fn fn, void *user, uint64_t *id) {
  for (int tries = 0;; marshal_again(L, w, r->first, r->count, &tries)) {
    if (r->target) check_target(L, w, r->target);
    marshal_prepare(L, w, r->first, r->count);
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

/* Sends a request that is answered, when there is room for it; its id. Raises. */
static uint64_t send_request(lua_State *L, struct worker *w, const struct remote *r,
                             gaijin_answer_fn fn, void *user) {
  assert(!(r->target && r->name) && r->count >= 0);
  answer_need_fiber(L, w, r->op);
  if (w->sched.current->cancel_reason) wait_raise(L, w, WAIT_CANCELLED, describe(L, w, r));
  struct gaijin_send to = {
      .op = r->op, .name = r->name, .depth = (uint16_t)depth_of(L, w, r->op)};
  double until = is_routed(r) ? answer_limit(w, r->no_call_timeout) : 0;
  uint64_t id = 0;
  bool waited = w->n_room_queues && room_is_waited_for(w, target_host(L, w, r));
  if (waited) room_wait(L, w, target_host(L, w, r), gaijin_op_name(r->op), until, false);
  for (;; waited = true) {
    to.deadline_ms = milliseconds_left(L, w, r, until);
    int status = write_request(L, w, r, &to, fn, user, &id);
    if (status == 0) return id;
    uint64_t host = target_host(L, w, r);
    if (!has_no_room(w, host, status))
      worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
    room_wait(L, w, host, gaijin_op_name(r->op), until, waited);
  }
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

/* Whether the post is sent; false: there is no room in the window of its host. Raises. */
static bool try_post(lua_State *L, struct worker *w, const struct remote *r, uint64_t host) {
  /* Nobody waits for it: it begins a chain of its own, and limits of time are not its. */
  struct gaijin_send to = {.op = r->op, .depth = 1, .one_way = true};
  if (w->lost) worker_raise(L, GAIJIN_STATUS_LOST, "the connection to the broker has ended");
  int status = write_request(L, w, r, &to, NULL, NULL, NULL);
  if (has_no_room(w, host, status)) return false;
  if (status != 0) worker_raise(L, (enum gaijin_status)status, "%s", gaijin_error(w->g));
  return true;
}

void remote_post(lua_State *L, struct worker *w, int target, int first, int n) {
  const struct remote r = {.op = GAIJIN_OP_CALL, .target = target, .first = first, .count = n};
  const struct at *at = at_get(L, w, target);
  uint64_t host = at->pt.host;
  worker_refuse_fork(L, w);
  const struct fiber *f = w->sched.current;
  double until = f ? wait_nearer(f->deadline, f->asked_until) : 0;
  bool waited = room_is_waited_for(w, host);
  if (waited) room_wait(L, w, host, "post", until, false);
  for (;; waited = true) {
    if (!w->lost && gaijin_host_dead(w->g, host)) {
      char text[GAIJIN_NAME_MAX + 64];
      snprintf(text, sizeof text, "Gaijin tried accessing dead resource. (%s)",
               worker_host_name(w, host));
      worker_post_failed(w, r.op, GAIJIN_STATUS_DEAD, text);
      return;
    }
    if (try_post(L, w, &r, host)) return;
    room_wait(L, w, host, "post", until, waited);
  }
}
