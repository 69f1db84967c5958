/* SPDX-License-Identifier: MIT
 *
 * A page is about 1,000 entries or 64 KiB of strings. What does not fit into the
 * first page of pairs is remembered as a list of keys; the cursor, a function
 * that gives the next page, is held by the client like any other function.
 */
#include "lua/serve/traverse.h"

#include <assert.h>

enum { PAGE_ENTRIES = 1000, PAGE_BYTES = 64 << 10 };

/* Bytes of the value at index i as far as the page's size is concerned. */
static size_t weight(lua_State *L, int i) {
  return lua_type(L, i) == LUA_TSTRING ? lua_objlen(L, i) : 9;
}

static void need_table(lua_State *L, const char *who) {
  if (lua_istable(L, 1)) return;
  luaL_error(L, "bad argument #1 to '%s' (table expected, got %s)", who, luaL_typename(L, 1));
}

enum { CURSOR_TABLE = 1, CURSOR_KEYS, CURSOR_AT, CURSOR_N };

/* The next page: more, key, value, ... Entries that have gone meanwhile are left out. */
static int cursor(lua_State *L) {
  int at = (int)lua_tointeger(L, lua_upvalueindex(CURSOR_AT));
  int n = (int)lua_tointeger(L, lua_upvalueindex(CURSOR_N));
  lua_settop(L, 0);
  luaL_checkstack(L, 2 * PAGE_ENTRIES + 8, "no room for a page");
  lua_pushboolean(L, 0);
  size_t bytes = 0;
  while (at < n && lua_gettop(L) < 2 * PAGE_ENTRIES && bytes < PAGE_BYTES) {
    lua_rawgeti(L, lua_upvalueindex(CURSOR_KEYS), ++at);
    lua_pushvalue(L, -1);
    lua_rawget(L, lua_upvalueindex(CURSOR_TABLE));
    if (lua_isnil(L, -1))
      lua_pop(L, 2);
    else
      bytes += weight(L, -1) + weight(L, -2);
  }
  assert(at <= n && lua_gettop(L) % 2 == 1); /* keys and values, and what comes first */
  lua_pushboolean(L, at < n);
  lua_replace(L, 1);
  lua_pushinteger(L, at);
  lua_replace(L, lua_upvalueindex(CURSOR_AT));
  return lua_gettop(L);
}

bool traverse_is_cursor(lua_State *L, int i) { return lua_tocfunction(L, i) == cursor; }

/* The key at the top is the last of the page at indices 3...: lists the rest in the table at index
 * 2. Returns their number. */
static int list_rest(lua_State *L) {
  int n = 0;
  while (lua_next(L, 1)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, 2, ++n);
  }
  return n;
}

/* Puts a cursor for the n keys listed at index 2 there, or nil. */
static void make_cursor(lua_State *L, int n) {
  if (n > 0) {
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, 0);
    lua_pushinteger(L, n);
    lua_pushcclosure(L, cursor, 4);
  } else {
    lua_pushnil(L);
  }
  lua_replace(L, 2);
}

int traverse_pairs(lua_State *L, struct worker *w) {
  (void)w;
  need_table(L, "pairs");
  luaL_checkstack(L, 2 * PAGE_ENTRIES + 8, "no room for a page");
  lua_settop(L, 1);
  /* The other keys. Made now: a finaliser that ran amid the traversal might change the table. */
  lua_newtable(L);
  lua_pushnil(L);  /* the first key */
  size_t bytes = 0;
  int entries = 0, rest = 0;
  while (lua_next(L, 1)) {
    bytes += weight(L, -1) + weight(L, -2);
    lua_pushvalue(L, -2); /* key, value, key: the last goes on */
    if (++entries < PAGE_ENTRIES && bytes < PAGE_BYTES) continue;
    rest = list_rest(L);
    break;
  }
  make_cursor(L, rest);
  assert(lua_gettop(L) == 2 + 2 * entries);
  return lua_gettop(L) - 1;
}

int traverse_ipairs(lua_State *L, struct worker *w) {
  (void)w;
  need_table(L, "ipairs");
  lua_Number i = luaL_checknumber(L, 2); /* from the wire, so it may be any number */
  luaL_checkstack(L, PAGE_ENTRIES + 8, "no room for a page");
  lua_settop(L, 1);
  lua_pushboolean(L, 1);
  size_t bytes = 0;
  for (int entries = 0; entries < PAGE_ENTRIES && bytes < PAGE_BYTES; entries++) {
    lua_pushnumber(L, i++);
    lua_rawget(L, 1);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushboolean(L, 0);
      lua_replace(L, 2);
      break;
    }
    bytes += weight(L, -1);
  }
  return lua_gettop(L) - 1;
}

int traverse_next(lua_State *L, struct worker *w) {
  (void)w;
  need_table(L, "next");
  lua_settop(L, 2);
  if (lua_next(L, 1)) return 2;
  lua_pushnil(L);
  return 1;
}
