/* SPDX-License-Identifier: MIT
 *
 * Keys are strings, numbers or booleans, values these or nil, the table has the field or no
 * metatable, and no access function is set: then Lua's own get is a look-up, and its set an
 * assignment. They run protected on the scheduler's lua_State, for the key's string may allocate,
 * and so may run finalisers, and a table may grow.
 *
 * The askers' turns do not count the time of them, which can be long: keys may be chosen so that
 * Lua takes long for each. So no more are quick in a turn of the loop that has spent a fiber's time
 * on them; the others get fibers.
 */
#include "lua/serve/quick.h"

#include <assert.h>

#include "lua/fiber/turns.h"
#include "lua/ref/pool.h"
#include "lua/ref/value.h"
#include "lua/serve/access.h"

enum { KEY, VALUE, VALUES_MOST };

struct quick {
  struct worker *w;
  const struct gaijin_request *request;
  struct gaijin_value values[VALUES_MOST];
  bool done, answered;
};

static bool is_plain_value(const struct gaijin_value *v) {
  return v->type == GAIJIN_STRING || v->type == GAIJIN_NUMBER || v->type == GAIJIN_BOOL ||
         v->type == GAIJIN_NIL;
}

static bool is_plain_key(const struct gaijin_value *v) {
  return is_plain_value(v) && v->type != GAIJIN_NIL &&
         !(v->type == GAIJIN_NUMBER && v->number != v->number);
}

/* ---- The operations ---- */

/* In each the table is at index 2. False: it is for a fiber.
 *
 * Where a string is made a finaliser may run, which may set a metatable or gaijin.access. So what
 * the request brings is made first; from then on until it is done nothing is allocated. */

/* Pushes what the field of the key at this index has. */
static bool look_up(lua_State *L, const struct quick *q, int key) {
  if (access_is_asked(L, q->w)) return false;
  lua_pushvalue(L, key);
  lua_rawget(L, 2);
  return !lua_isnil(L, -1) || !lua_getmetatable(L, 2);
}

static bool get(lua_State *L, struct quick *q) {
  value_push(L, q->w, &q->values[KEY]);
  if (!look_up(L, q, 3) || !value_is_plain(lua_type(L, -1))) return false;
  gaijin_begin_reply(q->w->g, q->request->id, GAIJIN_OP_GET, 1);
  value_put(L, q->w, -1);
  /* What is too large is done again on a fiber, which answers with the error. */
  q->answered = gaijin_end_answer(q->w->g) == 0;
  return true;
}

static bool set(lua_State *L, struct quick *q) {
  value_push(L, q->w, &q->values[KEY]);
  value_push(L, q->w, &q->values[VALUE]);
  if (!look_up(L, q, 3)) return false;
  lua_settop(L, 4);
  lua_rawset(L, 2);
  q->done = true;
  gaijin_begin_reply(q->w->g, q->request->id, GAIJIN_OP_SET, 0);
  q->answered = gaijin_end_answer(q->w->g) == 0;
  return true;
}

static bool length(lua_State *L, struct quick *q) {
  if (access_is_asked(L, q->w)) return false;
  gaijin_begin_reply(q->w->g, q->request->id, GAIJIN_OP_LEN, 1);
  gaijin_put_number(q->w->g, (double)lua_objlen(L, 2));
  q->answered = gaijin_end_answer(q->w->g) == 0;
  return true;
}

/* Argument: struct quick. */
static int serve_protected(lua_State *L) {
  struct quick *q = lua_touserdata(L, 1);
  assert(!q->answered && q->request->target);
  pool_push(L, q->w, q->request->target);
  if (!lua_istable(L, 2)) return 0;
  switch (q->request->op) {
    case GAIJIN_OP_GET: get(L, q); break;
    case GAIJIN_OP_SET: set(L, q); break;
    default: length(L, q); break;
  }
  return 0;
}

/* ---- What can be quick ---- */

/* The values of the body are as many, and plain. */
static bool read_values(struct quick *q, const gaijin_body *body) {
  static const unsigned counts[GAIJIN_OP_COUNT] = {[GAIJIN_OP_GET] = 1, [GAIJIN_OP_SET] = 2};
  unsigned count = counts[q->request->op];
  size_t at = 0;
  if (gaijin_body_count(body) != count) return false;
  for (unsigned i = 0; i < count; i++)
    if (!gaijin_body_look(body, &at, &q->values[i]) || !is_plain_value(&q->values[i])) return false;
  return count == 0 || is_plain_key(&q->values[KEY]);
}

/* So many in a turn before the clock is looked at. */
enum { UNTIMED = 16 };

static bool has_time(struct scheduler *s) {
  if (s->quick_turn != s->turn) {
    s->quick_turn = s->turn;
    s->n_quick = 0;
    s->quick_over = false;
  }
  if (s->quick_over || ++s->n_quick % UNTIMED != 0) return !s->quick_over;
  double now = s->seconds();
  if (s->n_quick == UNTIMED) s->quick_ends = now + TURNS_SECONDS;
  s->quick_over = now > s->quick_ends;
  return !s->quick_over;
}

static bool may_be_quick(struct worker *w, const struct gaijin_request *request) {
  bool is_known = request->op == GAIJIN_OP_GET || request->op == GAIJIN_OP_SET ||
                  request->op == GAIJIN_OP_LEN;
  if (!is_known || request->one_way || w->stopping || w->sched.current || w->halted) return false;
  /* It must not overtake what was started before it. */
  return w->sched.n_ready == 0 && !w->sched.stackless_first && has_time(&w->sched);
}

void quick_open(lua_State *L, struct worker *w) {
  lua_pushcfunction(L, serve_protected);
  w->anchors.quick = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* What is done must not be done again. */
static void refuse_answer(struct worker *w, const struct gaijin_request *rq) {
  gaijin_answer_error(w->g, rq->id, rq->op, GAIJIN_STATUS_BUSY,
                      "it was done, but memory is too short for the answer");
}

bool quick_serve(struct worker *w, const struct gaijin_request *request, gaijin_body *body) {
  struct quick q;
  if (!may_be_quick(w, request)) return false;
  q.w = w;
  q.request = request;
  q.done = q.answered = false;
  if (!read_values(&q, body)) return false;
  lua_State *L = w->L;
  w->lua_ran++;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.quick);
  lua_pushlightuserdata(L, &q);
  /* If a finaliser raised, it is done again on a fiber. */
  if (lua_pcall(L, 1, 0, 0) != 0) lua_pop(L, 1);
  if (q.done && !q.answered) refuse_answer(w, request);
  if (q.done || q.answered) gaijin_body_free(body);
  return q.done || q.answered;
}
