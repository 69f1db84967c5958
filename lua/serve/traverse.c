/* SPDX-License-Identifier: MIT
 *
 * A page is about 1,000 entries or 64 KiB of strings. The keys of what does not fit into the first
 * page of pairs are listed (lua/ref/listed.h); the cursor, a function that gives the next page, is
 * held by the client like any other function.
 */
#include "lua/serve/traverse.h"

#include <assert.h>

#include "lua/fiber/ration.h"
#include "lua/ref/listed.h"

static void need_table(lua_State *L, const char *who) {
  if (lua_istable(L, 1)) return;
  luaL_error(L, "bad argument #1 to '%s' (table expected, got %s)", who, luaL_typename(L, 1));
}

enum page_end { PAGE_ALL, PAGE_LEFT, PAGE_AGAIN };

/* Puts the first page behind index 2. What is left is listed at index 2, if there is a list, or is
 * to be after listed_collect (AGAIN); else it returns whether something is left. */
static enum page_end put_first_page(lua_State *L, struct worker *w, bool is_copy) {
  size_t bytes = 0;
  lua_pushnil(L); /* the first key */
  for (int entries = 1; lua_next(L, 1); entries++) {
    bytes += listed_weight(L, -1) + listed_weight(L, -2);
    lua_pushvalue(L, -2); /* key, value, key: the last goes on */
    if (entries < LISTED_PAGE && bytes < LISTED_PAGE_BYTES) continue;
    if (lua_isnil(L, 2)) return lua_next(L, 1) ? PAGE_LEFT : PAGE_ALL;
    return listed_fill(L, w, 2, 1, is_copy) ? PAGE_ALL : PAGE_AGAIN;
  }
  return PAGE_ALL;
}

/* From the begin: a finaliser that runs while the list is made, or in a collection, may change the
 * table. */
static enum page_end begin_again(lua_State *L, struct worker *w, bool is_copy, bool collected) {
  lua_settop(L, 1);
  if (collected) listed_collect(L, w);
  listed_push(L, w, collected);
  return put_first_page(L, w, is_copy);
}

static int traverse(lua_State *L, struct worker *w, bool is_copy) {
  need_table(L, "pairs");
  luaL_checkstack(L, 2 * LISTED_PAGE + 8, "no room for a page");
  lua_settop(L, 1);
  lua_pushnil(L); /* the place of the cursor */
  if (put_first_page(L, w, is_copy) == PAGE_LEFT) {
    lua_settop(L, 1);
    ration_wait(L, w, "pairs of a large table");
    enum page_end end = begin_again(L, w, is_copy, false);
    if (end == PAGE_AGAIN) end = begin_again(L, w, is_copy, true);
    assert(end == PAGE_ALL);
    listed_to_cursor(L, 2);
  }
  assert(lua_gettop(L) % 2 == 0);
  return lua_gettop(L) - 1;
}

int traverse_pairs(lua_State *L, struct worker *w) { return traverse(L, w, false); }

int traverse_copy(lua_State *L, struct worker *w) { return traverse(L, w, true); }

int traverse_ipairs(lua_State *L, struct worker *w) {
  (void)w;
  need_table(L, "ipairs");
  lua_Number i = luaL_checknumber(L, 2); /* from the wire, so it may be any number */
  luaL_checkstack(L, LISTED_PAGE + 8, "no room for a page");
  lua_settop(L, 1);
  lua_pushboolean(L, 1);
  size_t bytes = 0;
  for (int entries = 0; entries < LISTED_PAGE && bytes < LISTED_PAGE_BYTES; entries++) {
    lua_pushnumber(L, i++);
    lua_rawget(L, 1);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushboolean(L, 0);
      lua_replace(L, 2);
      break;
    }
    bytes += listed_weight(L, -1);
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
