/* SPDX-License-Identifier: MIT
 *
 * A copy's environment holds { [TABLE] = root, [DEPTH] = limit, [LIST] = the
 * tables found, [PLACE] = table -> its place in the list, [ASK] = what is asked
 * about each table but the root, if set, [COUNTS] = how many entries each table
 * has }. Prepare finds the tables level by level without recursion; put walks the
 * list and allocates nothing.
 *
 * Most tables hold nothing but what travels as it is. One that begins so is put without being
 * prepared, in one walk: LIST is `true` then. If something else turns up on the way, the message is
 * given up, PREPARED is set, and the copy is prepared from now on.
 *
 * COUNTS is there when all else in the tables travels as it is, as mostly: then they are walked
 * once to be prepared and once to be put. Without it they are walked thrice more, for what stays a
 * reference, and for the counts. A table that a finaliser changes in between is found out by its
 * count or its values, and all begins again.
 */
#include "lua/ref/copy.h"

#include <assert.h>
#include <string.h>

#include "lua/ref/at.h"
#include "lua/ref/value.h"
#include "lua/vm/userdata.h"
#include "proto/base.h"

enum { TABLE = 1, DEPTH, LIST, PLACE, ASK, COUNTS, PREPARED };

/* So many entries are looked at before a table is supposed to be plain. */
enum { LOOKED_AT = 8 };

bool copy_is(lua_State *L, struct worker *w, int i) {
  return userdata_test(L, i, w->anchors.copy_meta) != NULL;
}

bool copy_push_table(lua_State *L, struct worker *w, int i) {
  if (!copy_is(L, w, i)) return false;
  lua_getfenv(L, i);
  lua_rawgeti(L, -1, TABLE);
  lua_remove(L, -2);
  assert(lua_istable(L, -1));
  return true;
}

bool copy_unwrap(lua_State *L, struct worker *w, int i) {
  if (!copy_push_table(L, w, i)) return false;
  lua_replace(L, i);
  return true;
}

/* As large as an AT, so that the replaced library functions look closer (at_may_be_userdata). */
static void push_new(lua_State *L, struct worker *w) {
  memset(userdata_new(L, sizeof(struct at), w->anchors.copy_meta), 0, sizeof(struct at));
  if (w->is_luajit) at_note(L, w);
}

int copy_make(lua_State *L) {
  struct worker *w = worker_of(L);
  lua_Number depth = luaL_optnumber(L, 2, 1e15);
  if (!(depth >= 1)) return luaL_argerror(L, 2, "a depth of 1 or more expected");
  luaL_checkany(L, 1);
  bool has_depth = !lua_isnoneornil(L, 2);
  lua_settop(L, 1);
  if (has_depth) copy_unwrap(L, w, 1);
  if (!lua_istable(L, 1)) return 1;
  push_new(L, w);
  lua_createtable(L, PREPARED, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, TABLE);
  lua_pushnumber(L, depth);
  lua_rawseti(L, -2, DEPTH);
  lua_setfenv(L, -2);
  return 1;
}

void copy_ask(lua_State *L, int i) {
  lua_getfenv(L, i);
  lua_insert(L, -2);
  lua_rawseti(L, -2, ASK);
  lua_pop(L, 1);
}

/* Asks about the table on top. */
static void ask(lua_State *L, int env) {
  lua_rawgeti(L, env, ASK);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_pushvalue(L, -2);
  lua_call(L, 1, 0);
}

/* What prepare finds, in tables at these indices. */
struct found {
  int list, place, counts;
  int n;         /* tables in the list */
  uint32_t left; /* entries that may be found before it is too much; 0: whatever */
  bool others;   /* there are values that are neither plain nor tables that go along */
};

/* Adds the table on top to list and place unless it is there; pops it. */
static void add_table(lua_State *L, struct found *f) {
  lua_pushvalue(L, -1);
  lua_rawget(L, f->place);
  bool known = !lua_isnil(L, -1);
  lua_pop(L, 1);
  assert(lua_istable(L, -1));
  if (!known) {
    lua_pushvalue(L, -1);
    lua_rawseti(L, f->list, ++f->n);
    lua_pushvalue(L, -1);
    lua_pushinteger(L, f->n);
    lua_rawset(L, f->place);
  }
  lua_pop(L, 1);
}

/* The copy on top has the place of its root table, which is added unless it is there; pops it. */
static void add_copy(lua_State *L, struct found *f) {
  lua_getfenv(L, -1);
  lua_rawgeti(L, -1, TABLE);
  lua_pushvalue(L, -1);
  add_table(L, f);
  lua_rawget(L, f->place); /* copy, environment, place */
  lua_remove(L, -2);
  lua_rawset(L, f->place);
}

/* An entry takes two bytes at least: tables with more of them than fit into a message are not
 * walked to their end. */
static void spend_entry(lua_State *L, struct worker *w, uint32_t *left) {
  if (*left) --*left;
  if (*left || !w->g) return;
  worker_raise(L, GAIJIN_STATUS_TOO_LARGE,
               "the tables sent by value have more entries than fit into a message of %u bytes "
               "(the broker's --max-message)",
               gaijin_max_message(w->g));
}

/* Adds the key or value at index i if it goes along. */
static void add_value(lua_State *L, struct worker *w, int i, bool tables, struct found *f) {
  int type = lua_type(L, i);
  if (value_is_plain(type)) return;
  bool is_table = tables && type == LUA_TTABLE;
  if (!is_table && !copy_is(L, w, i)) {
    f->others = true;
    return;
  }
  lua_pushvalue(L, i);
  if (is_table)
    add_table(L, f);
  else
    add_copy(L, f);
}

/* Adds the tables that are keys or values of the table on top; without `tables` only copies. How
 * many entries it has. */
static uint32_t add_content(lua_State *L, struct worker *w, bool tables, struct found *f) {
  int table = lua_gettop(L);
  uint32_t entries = 0;
  lua_pushnil(L);
  for (; lua_next(L, table); entries++) {
    spend_entry(L, w, &f->left);
    add_value(L, w, table + 1, tables, f);
    add_value(L, w, table + 2, tables, f);
    lua_pop(L, 1);
  }
  return entries;
}

/* Calls fn with the index of each key and value of the table on top that has no place. */
static void visit_content(lua_State *L, struct worker *w, int place,
                          void (*fn)(lua_State *L, struct worker *w, int value)) {
  int table = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    for (int k = 1; k <= 2; k++) {
      lua_pushvalue(L, table + k);
      lua_rawget(L, place);
      bool inside = !lua_isnil(L, -1);
      lua_pop(L, 1);
      if (!inside) fn(L, w, table + k);
    }
    lua_pop(L, 1);
  }
}

/* Calls fn with the stack index of each key and value in the tables found that stays a
 * reference. */
static void visit(lua_State *L, struct worker *w, int i,
                  void (*fn)(lua_State *L, struct worker *w, int value)) {
  luaL_checkstack(L, 16, "too many values to send");
  int top = lua_gettop(L);
  lua_getfenv(L, i);
  lua_rawgeti(L, -1, LIST);
  lua_rawgeti(L, -2, PLACE);
  lua_rawgeti(L, -3, COUNTS);
  int list = top + 2, place = top + 3;
  bool has_others = lua_isnil(L, -1);
  int n = has_others && lua_istable(L, list) ? (int)lua_objlen(L, list) : 0;
  for (int at = 1; at <= n; at++) {
    lua_rawgeti(L, list, at);
    visit_content(L, w, place, fn);
    lua_pop(L, 1);
  }
  lua_settop(L, top);
}

/* A copy that a script put into a table after that had been looked through gets none: copy_put
 * fails then. */
static void give_token(lua_State *L, struct worker *w, int value) {
  if (!copy_is(L, w, value)) value_give_token(L, w, value);
}

void copy_give_tokens(lua_State *L, struct worker *w, int i) { visit(L, w, i, give_token); }
void copy_discard(lua_State *L, struct worker *w, int i) { visit(L, w, i, value_discard); }

/* Finds the tables of the copy whose environment is at index env. */
static void find(lua_State *L, struct worker *w, int env, struct found *f) {
  lua_rawgeti(L, env, DEPTH);
  lua_Number depth = lua_tonumber(L, -1);
  lua_pop(L, 1);
  lua_rawgeti(L, env, TABLE);
  add_table(L, f);
  for (int at = 1, level_end = 1; at <= f->n; at++) {
    lua_rawgeti(L, f->list, at);
    if (at > 1) ask(L, env); /* not amid a traversal: it may wait, and others change the tables */
    lua_pushinteger(L, (lua_Integer)add_content(L, w, depth > 1, f));
    lua_rawseti(L, f->counts, at);
    lua_pop(L, 1);
    if (at == level_end) {
      level_end = f->n;
      depth--;
    }
  }
}

/* Whether the first entries of the copy's table, whose environment is at index env, are plain; then
 * LIST says so. */
static bool begins_plain(lua_State *L, int env) {
  int table = env + 1;
  bool plain = true;
  lua_rawgeti(L, env, PREPARED);
  bool prepared = lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (prepared) return false;
  lua_rawgeti(L, env, TABLE);
  lua_pushnil(L);
  for (int n = 0; plain && n < LOOKED_AT && lua_next(L, table); n++) {
    plain = value_is_plain(lua_type(L, -1)) && value_is_plain(lua_type(L, -2));
    lua_pop(L, 1);
  }
  lua_settop(L, env);
  if (!plain) return false;
  lua_pushboolean(L, 1);
  lua_rawseti(L, env, LIST);
  return true;
}

void copy_prepare(lua_State *L, struct worker *w, int i) {
  luaL_checkstack(L, 16, "too many values to send");
  int top = lua_gettop(L), env = top + 1;
  struct found f = {.list = top + 2, .place = top + 3, .counts = top + 4};
  assert(copy_is(L, w, i));
  if (w->g) f.left = gaijin_max_message(w->g) / 2;
  lua_getfenv(L, i);
  if (w->g && begins_plain(L, env)) {
    lua_settop(L, top);
    return;
  }
  lua_newtable(L);
  lua_newtable(L);
  lua_newtable(L);
  find(L, w, env, &f);
  lua_rawgeti(L, env, ASK);
  if (f.others || !lua_isnil(L, -1)) { /* others may have changed the tables, or will */
    lua_pushnil(L);
    lua_replace(L, f.counts);
  }
  lua_settop(L, f.counts);
  lua_rawseti(L, env, COUNTS);
  lua_rawseti(L, env, PLACE);
  lua_rawseti(L, env, LIST);
  lua_settop(L, top);
  visit(L, w, i, value_revive);
}

static bool put_value(lua_State *L, struct worker *w, int place, int i) {
  if (value_put_plain(L, w, i)) return true;
  if (lua_istable(L, i) || copy_is(L, w, i)) {
    lua_pushvalue(L, i);
    lua_rawget(L, place);
    lua_Number n = lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (n > 0) {
      gaijin_put_array(w->g, 1);
      gaijin_put_number(w->g, n);
      return true;
    }
  }
  return value_put(L, w, i);
}

/* Of the table on top. */
static uint32_t count_entries(lua_State *L) {
  uint32_t entries = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    entries++;
    lua_pop(L, 1);
  }
  return entries;
}

/* The table on top, of which it is known, or supposed, how many entries it has. */
static bool put_table(lua_State *L, struct worker *w, int place, uint32_t entries) {
  int table = lua_gettop(L);
  gaijin_put_array(w->g, 2 * entries);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (entries-- == 0) return false;
    if (!put_value(L, w, place, table + 1) || !put_value(L, w, place, table + 2)) return false;
    lua_pop(L, 1);
  }
  return entries == 0;
}

/* Numbers on their way into a message. */
struct numbers {
  double of[64];
  size_t n;
};

static void put_numbers(struct worker *w, struct numbers *k) {
  gaijin_put_numbers(w->g, k->of, k->n);
  k->n = 0;
}

/* The entries of the table at index `table`, which is supposed to have plain ones, and no more of
 * them than fit into a message. */
static bool put_entries(lua_State *L, struct worker *w, int table) {
  struct numbers k = {.n = 0};
  uint32_t left = gaijin_max_message(w->g) / 2;
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (--left == 0) return false;
    if (lua_type(L, table + 1) == LUA_TNUMBER && lua_type(L, table + 2) == LUA_TNUMBER) {
      if (k.n == ARRAY_SIZE(k.of)) put_numbers(w, &k);
      k.of[k.n++] = lua_tonumber(L, table + 1);
      k.of[k.n++] = lua_tonumber(L, table + 2);
    } else {
      put_numbers(w, &k);
      if (!value_put_plain(L, w, table + 1) || !value_put_plain(L, w, table + 2)) return false;
    }
    lua_pop(L, 1);
  }
  put_numbers(w, &k);
  return true;
}

/* The copy whose environment is on top, and which is not prepared. */
static bool put_plain(lua_State *L, struct worker *w) {
  int env = lua_gettop(L), table = env + 1;
  lua_rawgeti(L, env, TABLE);
  gaijin_put_array(w->g, 1);
  gaijin_put_array_begin(w->g);
  if (put_entries(L, w, table)) {
    gaijin_put_array_end(w->g);
    return true;
  }
  lua_pushboolean(L, 1);
  lua_rawseti(L, env, PREPARED); /* it has room for that */
  return false;
}

bool copy_put(lua_State *L, struct worker *w, int i) {
  int top = lua_gettop(L);
  lua_getfenv(L, i);
  lua_rawgeti(L, -1, LIST);
  bool is_plain = lua_isboolean(L, -1);
  lua_pop(L, 1);
  if (is_plain) {
    bool good = put_plain(L, w);
    lua_settop(L, top);
    return good;
  }
  lua_rawgeti(L, -1, LIST);
  lua_rawgeti(L, -2, PLACE);
  lua_rawgeti(L, -3, COUNTS);
  int list = top + 2, place = top + 3, counts = top + 4;
  bool good = lua_istable(L, list), counted = lua_istable(L, counts);
  int n = good ? (int)lua_objlen(L, list) : 0;
  if (good) gaijin_put_array(w->g, (uint32_t)n);
  for (int at = 1; good && at <= n; at++) {
    uint32_t entries = 0;
    if (counted) lua_rawgeti(L, counts, at);
    if (counted) entries = (uint32_t)lua_tonumber(L, -1);
    lua_rawgeti(L, list, at);
    if (!counted) entries = count_entries(L);
    good = put_table(L, w, place, entries);
    lua_settop(L, counts);
  }
  lua_settop(L, top);
  return good;
}
