/* SPDX-License-Identifier: MIT
 *
 * A request is served in a protected call: check access, decode, operate, send
 * the answer. Whatever is raised on the way before the answer left becomes the
 * answer, in another, as the value it was raised with; of a value that cannot be
 * sent, the reason for that. Outside protected calls nothing is allocated: where
 * Lua allocates it may run a script's finaliser, and that may raise.
 */
#include "lua/serve/serve.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lua/fiber/door.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/position.h"
#include "lua/fiber/slices.h"
#include "lua/fiber/trace.h"
#include "lua/fiber/wait.h"
#include "lua/ref/at.h"
#include "lua/ref/decode.h"
#include "lua/ref/marshal.h"
#include "lua/ref/origin.h"
#include "lua/ref/pool.h"
#include "lua/ref/value.h"
#include "lua/serve/access.h"
#include "lua/serve/apply.h"
#include "lua/serve/bounds.h"
#include "lua/serve/describe.h"
#include "lua/serve/eval.h"
#include "lua/serve/labels.h"
#include "lua/serve/operator.h"
#include "lua/serve/paths.h"
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
  bounds_check(L, w, 1);
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
  /* tostring was called where the request comes from, and is a level there. */
  if (!luaL_callmeta(L, 1, "__tostring")) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.applicable); /* not the script's perhaps own one */
    lua_getfield(L, -1, "tostring");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
  }
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
    [GAIJIN_OP_EVAL] = eval_serve,      [GAIJIN_OP_PATHS] = paths_serve,
    [GAIJIN_OP_DESCRIBE] = describe_serve,
};

bool serve_knows(enum gaijin_op op) { return operations[op] != NULL; }

/* ---- Answers ---- */

/* The answer that was written has been sent, or refused with this status: then the refusal is sent.
 * Whether it was sent. */
static bool answer_ended(struct worker *w, struct serving *s, int status) {
  assert(!s->answered); /* no script ran since it was begun */
  s->answered = true;
  if (status == 0) return true;
  char text[256];
  snprintf(text, sizeof text, "%s", gaijin_error(w->g));
  if (status == GAIJIN_STATUS_DEAD) { /* which would say that nothing was done */
    status = GAIJIN_STATUS_LOST;
    snprintf(text, sizeof text,
             "%s has answered with an object of a worker that ended while the broker was away; it "
             "was done, and that object cannot be sent",
             w->name);
  }
  gaijin_answer_error(w->g, s->id, s->op, (enum gaijin_status)status, text);
  return false;
}

static bool end_answer(struct worker *w, struct serving *s) {
  return answer_ended(w, s, gaijin_end_answer(w->g));
}

/* Nobody waits for it: it was one way, its asker has given up, or was told `lost` when the
 * connection was. Then it is as good as answered. */
static bool is_for_nobody(struct worker *w, struct serving *s) {
  if (!s->one_way && !s->given_up && gaijin_answerable(w->g, s->id)) return false;
  /* The broker keeps the record of a request that was given up until it hears of it. */
  if (!s->one_way && gaijin_answerable(w->g, s->id))
    gaijin_answer_error(w->g, s->id, s->op, GAIJIN_STATUS_CANCELLED, "given up");
  s->answered = true;
  return true;
}

/* Of the n values from index `first` one is of a worker of which it is not known yet whether it is
 * back: waits until it is. Raises. */
static void wait_for_confirmation(lua_State *L, struct worker *w, int first, int n) {
  static const char what[] = "an answer with an object of another worker";
  marshal_discard(L, w, first, n); /* the wait may raise */
  double until = w->sched.current->asked_until;
  enum wait_outcome how =
      door_wait(L, w, DOOR_CLAIM, marshal_unconfirmed(L, w, first, n), until);
  if (how != WAIT_WOKEN) door_raise(L, w, how, what, until);
}

/* What is sent as an answer. */
static const struct origin_sending *trace_answer(const struct worker *w, const struct serving *s,
                                                 struct origin_sending *out) {
  *out = (struct origin_sending){.op = s->op,
                                 .to = worker_host_name(w, s->caller),
                                 .answer = true,
                                 .called = s->op == GAIJIN_OP_CALL ? &s->called : NULL};
  return out;
}

/* Of values that are sent as they are there is nothing to prepare. False, and nothing is written:
 * there are others among them. */
static bool answer_plain(lua_State *L, struct worker *w, struct serving *s, int first, int n) {
  int last = first + n - 1;
  if (n > 0 && !(value_is_plain(lua_type(L, first)) && value_is_plain(lua_type(L, last))))
    return false;
  gaijin_begin_reply(w->g, s->id, s->op, (uint32_t)n);
  if (value_put_run(L, w, first, last) <= last) {
    gaijin_abort(w->g);
    return false;
  }
  end_answer(w, s);
  return true;
}

/* Sends the n values on top of the stack as results, or as what was raised. Raises what cannot be
 * prepared. */
static void answer(lua_State *L, struct worker *w, struct serving *s, int n, bool raised) {
  assert(!s->answered && n >= 0 && n <= lua_gettop(L));
  if (is_for_nobody(w, s)) return;
  int first = lua_gettop(L) - n + 1;
  if (!raised && answer_plain(L, w, s, first, n)) return;
  unsigned above = raised ? position_take_above(L, w, first) : 0;
  for (int tries = 0;; marshal_again(L, w, first, n, &tries)) {
    struct origin_sending traced;
    marshal_prepare(L, w, first, n, w->traces_tokens ? trace_answer(w, s, &traced) : NULL);
    if (raised)
      gaijin_begin_raise_level(w->g, s->id, s->op, (uint32_t)n, above);
    else
      gaijin_begin_reply(w->g, s->id, s->op, (uint32_t)n);
    if (!marshal_put(L, w, first, n)) {
      gaijin_abort(w->g);
      continue;
    }
    int status = gaijin_end_answer(w->g);
    if (status != GAIJIN_STATUS_AWAY) {
      if (!answer_ended(w, s, status)) marshal_discard(L, w, first, n);
      return;
    }
    wait_for_confirmation(L, w, first, n);
    if (is_for_nobody(w, s)) return;
    tries = 0;
  }
}

/* Whether the first value of the request is the label, key, operator or name that gaijin.access is
 * called with. */
static bool has_key(enum gaijin_op op) {
  switch (op) {
    case GAIJIN_OP_S2T:
    case GAIJIN_OP_GET:
    case GAIJIN_OP_SET:
    case GAIJIN_OP_NEXT:
    case GAIJIN_OP_OPERATOR:
    case GAIJIN_OP_EVAL:
    case GAIJIN_OP_APPLY: return true;
    default: return false;
  }
}

static void check(lua_State *L, struct worker *w, const struct serving *s, bool key) {
  int object = s->target ? 1 : 0;
  access_check(L, w, s->op, object, key ? object + 1 : 0);
}

/* Whoever is refused costs nothing: of what came only the key is decoded before gaijin.access is
 * asked, and a table sent by value is no key then, for it would have to be decoded. False: there is
 * no such function. */
static bool check_before_decoding(lua_State *L, struct worker *w, const struct serving *s) {
  if (!access_is_asked(L, w)) return false;
  bool key = has_key(s->op) && gaijin_body_count(s->body) > 0;
  if (key && !unmarshal_single(L, w, s->body))
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED,
                 "%s comes with a table sent by value, which %s cannot show to gaijin.access",
                 gaijin_op_name(s->op), w->name);
  check(L, w, s, key);
  return true;
}

/* Once its values are Lua's a handler that waits for long would keep it for nothing. s2t reads it
 * again, and str, which has no values, its target, which it keeps alive. */
static void free_read_body(struct serving *s) {
  if (s->op == GAIJIN_OP_S2T || s->op == GAIJIN_OP_STR) return;
  gaijin_body_free(s->body);
  s->body = NULL;
}

static int serve(lua_State *L) {
  struct worker *w = worker_of(L);
  struct fiber *f = w->sched.current;
  struct serving *s = &f->serving;
  bool is_long = decode_is_long(s->body);
  slices_follow(L, w, s->caller, is_long);
  gaijin_body_taken(s->body);
  fiber_begun(f);
  if (s->given_up || (!s->one_way && !gaijin_answerable(w->g, s->id)))
    return worker_raise(L, GAIJIN_STATUS_CANCELLED, "given up before it began");
  assert(!s->target == (s->op == GAIJIN_OP_S2T || s->op == GAIJIN_OP_LABELS ||
                        s->op == GAIJIN_OP_EVAL || s->op == GAIJIN_OP_PATHS ||
                        s->op == GAIJIN_OP_DESCRIBE));
  if (s->target) pool_push(L, w, s->target);
  if (w->traces_tokens && s->op == GAIJIN_OP_CALL) origin_place(L, 1, &s->called);
  bool checked = check_before_decoding(L, w, s);
  unmarshal(L, w, s->body, s->caller, false);
  free_read_body(s);
  slices_leave(f);
  /* It may have been set meanwhile, also by a finaliser, which runs where a string is made. */
  if (!checked) check(L, w, s, has_key(s->op));
  int n = operations[s->op](L, w);
  if (n == ANSWER_WRITTEN)
    end_answer(w, s);
  else if (n == ANSWER_LATER)
    s->answered = true; /* as far as this fiber is concerned */
  else
    answer(L, w, s, n, false);
  return 0;
}

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

/* Argument: what was raised. Raises only what hinders that from being sent. */
static int answer_raised(lua_State *L) {
  struct worker *w = worker_of(L);
  struct serving *s = &w->sched.current->serving;
  char buffer[64];
  if (!log_unsendable(w, s, worker_error_text(L, 1, buffer, sizeof buffer)))
    answer(L, w, s, trace_push(L, w, 1) ? 2 : 1, true);
  return 0;
}

void serve_open(lua_State *L, struct worker *w) {
  w->serves = serve;
  worker_push_function(L, w, serve);
  w->anchors.serve = luaL_ref(L, LUA_REGISTRYINDEX);
  worker_push_function(L, w, answer_raised);
  w->anchors.answer_raised = luaL_ref(L, LUA_REGISTRYINDEX);
}

void serve_job(struct worker *w, struct fiber *f) {
  struct serving *s = &f->serving;
  lua_State *L = f->L;
  char buffer[64];
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.trace_handler);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.serve);
  bool done = lua_pcall(L, 0, 0, 1) == 0;
  if (!done) {
    slices_leave(f);
    lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.answer_raised);
    lua_insert(L, -2);
    done = lua_pcall(L, 1, 0, 0) == 0;
  }
  if (done) {
    assert(s->answered || s->one_way);
    return;
  }
  const char *text = worker_error_text(L, lua_gettop(L), buffer, sizeof buffer);
  if (log_unsendable(w, s, text)) return;
  gaijin_begin_raise(w->g, s->id, s->op, 1);
  gaijin_put_text(w->g, text);
  if (gaijin_end_answer(w->g) != 0)
    gaijin_answer_error(w->g, s->id, s->op, GAIJIN_STATUS_UNSUPPORTED, text);
  s->answered = true;
}
