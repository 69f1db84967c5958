/* SPDX-License-Identifier: MIT
 *
 * Each value is a copy or a single value; this file distinguishes the two.
 */
#include "lua/ref/marshal.h"

#include <assert.h>

#include "lua/ref/at.h"
#include "lua/ref/copy.h"
#include "lua/ref/decode.h"
#include "lua/ref/origin.h"
#include "lua/ref/value.h"

void marshal_prepare(lua_State *L, struct worker *w, int first, int n,
                     const struct origin_sending *s) {
  assert(first > 0 && n >= 0);
  luaL_checkstack(L, 8, "too many values to send");
  for (int i = first; i < first + n; i++) {
    if (value_is_plain(lua_type(L, i))) continue;
    if (copy_is(L, w, i))
      copy_prepare(L, w, i);
    else
      value_revive(L, w, i);
  }
  /* From here on nothing waits, and so nothing else is sent. */
  if (s) origin_begin(L, w, s);
  for (int i = first; i < first + n; i++) {
    if (value_is_plain(lua_type(L, i))) continue;
    if (copy_is(L, w, i))
      copy_give_tokens(L, w, i);
    else
      value_give_token(L, w, i);
  }
}

bool marshal_put(lua_State *L, struct worker *w, int first, int n) {
  int top = lua_gettop(L);
  bool good = true;
  for (int i = first; good && i < first + n; i++) {
    if (value_put_plain(L, w, i)) continue;
    good = copy_is(L, w, i) ? copy_put(L, w, i) : value_put(L, w, i);
  }
  assert(lua_gettop(L) == top);
  return good;
}

gaijin_holding *marshal_unconfirmed(lua_State *L, struct worker *w, int first, int n) {
  for (int i = first; i < first + n; i++) {
    const struct at *at = at_get(L, w, i);
    if (at && at->holding && gaijin_holding_standing(at->holding) == GAIJIN_UNCONFIRMED)
      return at->holding;
  }
  return NULL;
}

void marshal_discard(lua_State *L, struct worker *w, int first, int n) {
  for (int i = first; i < first + n; i++) {
    if (copy_is(L, w, i))
      copy_discard(L, w, i);
    else
      value_discard(L, w, i);
  }
}

enum { MOST_TRIES = 100 };

void marshal_again(lua_State *L, struct worker *w, int first, int n, int *tries) {
  marshal_discard(L, w, first, n); /* the next try may raise */
  if (++*tries >= MOST_TRIES)
    worker_raise(L, GAIJIN_STATUS_BUSY,
                 "the values changed each of the %d times they were about to be sent", *tries);
}

static void push_value(lua_State *L, struct worker *w, const struct gaijin_value *v,
                       struct decoding *d) {
  decode_spend_value(L, w, d, v);
  value_push(L, w, v);
}

/* Bodies are walked, so the nesting is bounded. */
static void push_row(lua_State *L, struct worker *w, gaijin_body *body, uint32_t count,
                     struct decoding *d) {
  luaL_checkstack(L, 4, "arrays nested too deep");
  decode_spend(L, w, d, DECODE_TABLE);
  lua_newtable(L);
  struct gaijin_value v;
  for (uint32_t k = 1; k <= count && gaijin_body_next(body, &v); k++) {
    if (v.type == GAIJIN_ARRAY)
      push_row(L, w, body, v.count, d);
    else
      push_value(L, w, &v, d);
    lua_rawseti(L, -2, (int)k);
  }
}

bool unmarshal_single(lua_State *L, struct worker *w, gaijin_body *body) {
  struct gaijin_value v;
  if (!gaijin_body_next(body, &v) || v.type == GAIJIN_ARRAY) return false;
  value_push(L, w, &v);
  return true;
}

/* Pushes the numbers that come next, so many at most; how many there were. */
static uint32_t push_numbers(lua_State *L, struct worker *w, gaijin_body *body, uint32_t most,
                             struct decoding *d) {
  double numbers[DECODE_NUMBERS];
  size_t n = gaijin_body_numbers(body, numbers, most < DECODE_NUMBERS ? most : DECODE_NUMBERS);
  if (n) decode_spend_many(L, w, d, (unsigned)n, 0);
  for (size_t i = 0; i < n; i++) lua_pushnumber(L, numbers[i]);
  return (uint32_t)n;
}

enum { FEW = 8 }; /* so few values are read one by one */

int unmarshal(lua_State *L, struct worker *w, gaijin_body *body, uint64_t host, bool rows) {
  if (!body) return 0;
  uint32_t count = gaijin_body_count(body);
  if (count > LUAI_MAXCSTACK || !lua_checkstack(L, (int)count + 8))
    return worker_raise(L, GAIJIN_STATUS_TOO_LARGE, "%u values are more than the Lua stack holds",
                        (unsigned)count);
  uint32_t n = 0;
  struct decoding d;
  decode_init(&d, w, body, host);
  struct gaijin_value v;
  for (; n < count; n++) {
    if (count - n > FEW) n += push_numbers(L, w, body, count - n, &d);
    if (n == count || !gaijin_body_next(body, &v)) break;
    if (v.type != GAIJIN_ARRAY)
      push_value(L, w, &v, &d);
    else if (rows)
      push_row(L, w, body, v.count, &d);
    else
      copy_push(L, w, body, v.count, &d);
  }
  assert(n == count);
  return (int)n;
}
