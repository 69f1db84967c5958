/* SPDX-License-Identifier: MIT
 *
 * A table sent by value becomes one of ours. Each table is looked through before anything is put
 * into it, and made with room for all its entries: as many as there are, whatever was announced,
 * and those of a long message have been spent by then (decode.h).
 *
 * Numbers are read many at a time. An entry whose key is its place in the table goes to the array,
 * where it takes no time; the clock is looked at all the more often for others. Most tables of
 * numbers have nothing but such entries.
 */
#include <assert.h>

#include "lua/ref/copy.h"
#include "lua/ref/decode.h"
#include "lua/ref/value.h"

static int malformed(lua_State *L) {
  return worker_raise(L, GAIJIN_STATUS_PROTOCOL, "a table sent by value is malformed");
}

/* How many of `left` values are read in one go. */
static size_t at_once(uint32_t left) { return left < DECODE_NUMBERS ? left : DECODE_NUMBERS; }

/* ---- Entries ---- */

/* Pushes a key or value: a table of the list, or any other value. */
static void push_element(lua_State *L, struct worker *w, gaijin_body *body, int list,
                         uint32_t count, struct decoding *d) {
  struct gaijin_value v;
  if (!gaijin_body_next(body, &v)) malformed(L);
  if (v.type != GAIJIN_ARRAY) {
    decode_spend_value(L, w, d, &v);
    value_push(L, w, &v);
    return;
  }
  if (v.count != 1 || !gaijin_body_next(body, &v) || v.type != GAIJIN_NUMBER || !v.is_uint ||
      v.integer < 1 || v.integer > count)
    malformed(L);
  lua_rawgeti(L, list, (int)v.integer);
}

static void check_key(lua_State *L) {
  if (lua_isnil(L, -1) ||
      (lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) != lua_tonumber(L, -1)))
    malformed(L);
}

/* Puts entries of numbers into the table on top, of which `place` is the place of the first. */
static void put_numbers(lua_State *L, struct worker *w, const double *numbers, size_t n,
                        uint32_t place, struct decoding *d) {
  decode_spend_many(L, w, d, (unsigned)n, 0);
  for (size_t i = 0; i < n; i += 2, place++) {
    if (numbers[i] != place) { /* NaN is no place either */
      decode_spend(L, w, d, 0);
      lua_pushnumber(L, numbers[i]);
      check_key(L);
      lua_pushnumber(L, numbers[i + 1]);
      lua_rawset(L, -3);
    } else {
      lua_pushnumber(L, numbers[i + 1]);
      lua_rawseti(L, -2, (int)place);
    }
  }
}

/* Puts entries of numbers into the empty table on top as long as they are in their places, so many
 * at most; how many there were. */
static uint32_t put_places(lua_State *L, struct worker *w, gaijin_body *body, uint32_t most,
                           struct decoding *d) {
  double numbers[DECODE_PLACES];
  uint32_t done = 0;
  size_t n, wanted;
  do {
    wanted = most - done < DECODE_PLACES ? most - done : DECODE_PLACES;
    n = gaijin_body_places(body, done + 1, numbers, wanted);
    if (n) decode_spend_places(L, w, d, n, 0);
    for (size_t i = 0; i < n; i++) {
      lua_pushnumber(L, numbers[i]);
      lua_rawseti(L, -2, (int)++done);
    }
  } while (n == wanted && done < most);
  return done;
}

/* Fills the table on top, whose array's header has been read. */
static void push_entries(lua_State *L, struct worker *w, gaijin_body *body, int list,
                         uint32_t tables, uint32_t count, struct decoding *d) {
  double numbers[DECODE_NUMBERS];
  uint32_t k = 2 * put_places(L, w, body, count / 2, d);
  while (k < count) {
    size_t n = gaijin_body_numbers(body, numbers, at_once(count - k));
    bool has_key = n % 2;
    if (n > 1) put_numbers(L, w, numbers, n - has_key, k / 2 + 1, d);
    k += (uint32_t)n - has_key;
    if (k == count || (n == DECODE_NUMBERS)) continue;
    decode_spend(L, w, d, 0);
    if (has_key)
      lua_pushnumber(L, numbers[n - 1]);
    else
      push_element(L, w, body, list, tables, d);
    check_key(L);
    push_element(L, w, body, list, tables, d);
    lua_rawset(L, -3);
    k += 2;
  }
}

/* ---- Tables ---- */

/* Shows the key or value that is *at bytes ahead. A table of the list takes two values. */
static void look(lua_State *L, const gaijin_body *body, size_t *at, struct gaijin_value *v) {
  struct gaijin_value place;
  if (!gaijin_body_look(body, at, v) ||
      (v->type == GAIJIN_ARRAY && (v->count != 1 || !gaijin_body_look(body, at, &place))))
    malformed(L);
}

/* Keys of a table as they come. */
struct keys {
  uint32_t run, others; /* keys 1, 2, ... in this order; all after these */
};

static void count_key(struct keys *c, bool is_number, double key) {
  bool next = is_number && !c->others && key == c->run + 1.0;
  c->run += next;
  c->others += !next;
}

/* Looks at the first entries as long as they are numbers in their places, so many at most. */
static void look_at_places(lua_State *L, struct worker *w, const gaijin_body *body, size_t *at,
                           uint32_t most, struct keys *c, struct decoding *d) {
  size_t n, wanted;
  do {
    wanted = most - c->run < DECODE_PLACES ? most - c->run : DECODE_PLACES;
    n = gaijin_body_look_places(body, at, c->run + 1, wanted);
    if (n) decode_spend_places(L, w, d, n, n * DECODE_ENTRY);
    c->run += (uint32_t)n;
  } while (n == wanted && c->run < most);
}

/* Looks at keys and values of which some are no numbers; how many values there were. */
static uint32_t look_through(lua_State *L, struct worker *w, const gaijin_body *body, size_t *at,
                             uint32_t left, struct keys *c, struct decoding *d) {
  double numbers[DECODE_NUMBERS];
  struct gaijin_value key, value;
  size_t n = gaijin_body_look_numbers(body, at, numbers, at_once(left)), pairs = n / 2;
  if (pairs) decode_spend_many(L, w, d, (unsigned)pairs, pairs * DECODE_ENTRY);
  for (size_t i = 0; i < pairs; i++) count_key(c, true, numbers[2 * i]);
  if (2 * pairs == left || n == DECODE_NUMBERS) return (uint32_t)n;
  decode_spend(L, w, d, DECODE_ENTRY);
  if (n % 2) {
    count_key(c, true, numbers[n - 1]);
  } else {
    look(L, body, at, &key);
    count_key(c, key.type == GAIJIN_NUMBER, key.number);
  }
  look(L, body, at, &value);
  return 2 * (uint32_t)pairs + 2;
}

/* Pushes an empty table with room for all entries of the one that is *at bytes ahead; *at moves
 * past it. Lua makes room by inserting all keys anew, in one go, and keys can be chosen so that
 * each takes as long as there are keys: that must not happen. */
static void push_roomy(lua_State *L, struct worker *w, const gaijin_body *body, size_t *at,
                       struct decoding *d) {
  struct gaijin_value table;
  struct keys c = {0, 0};
  if (!gaijin_body_look(body, at, &table) || table.type != GAIJIN_ARRAY || table.count % 2)
    malformed(L);
  look_at_places(L, w, body, at, table.count / 2, &c, d);
  for (uint32_t k = 2 * c.run; k < table.count;)
    k += look_through(L, w, body, at, table.count - k, &c, d);
  lua_createtable(L, (int)c.run, (int)c.others);
}

/* Pushes a list of `count` empty tables. */
static void push_tables(lua_State *L, struct worker *w, const gaijin_body *body, uint32_t count,
                        struct decoding *d) {
  size_t at = 0;
  lua_createtable(L, d->is_long ? 0 : (int)count, 0);
  for (uint32_t i = 1; i <= count; i++) {
    decode_spend(L, w, d, DECODE_TABLE);
    push_roomy(L, w, body, &at, d);
    lua_rawseti(L, -2, (int)i);
  }
}

void copy_push(lua_State *L, struct worker *w, gaijin_body *body, uint32_t count,
               struct decoding *d) {
  luaL_checkstack(L, 8, "too many values received");
  if (count < 1 || count > INT32_MAX) malformed(L);
  push_tables(L, w, body, count, d);
  int list = lua_gettop(L);
  for (uint32_t i = 1; i <= count; i++) {
    struct gaijin_value v;
    if (!gaijin_body_next(body, &v) || v.type != GAIJIN_ARRAY || v.count % 2) malformed(L);
    lua_rawgeti(L, list, (int)i);
    push_entries(L, w, body, list, count, v.count, d);
    lua_pop(L, 1);
  }
  lua_rawgeti(L, list, 1);
  lua_remove(L, list);
  assert(lua_gettop(L) == list && lua_istable(L, list));
}
