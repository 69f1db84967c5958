/* SPDX-License-Identifier: MIT
 *
 * Pages of a table, as its host makes them (lua/serve/traverse.c). A traversal is done as a client does it, and its
 * entries are compared with those of the table.
 */
#define _GNU_SOURCE
#include "lua/serve/traverse.h"

#include <limits.h>
#include <lualib.h>
#include <math.h>
#include <string.h>

#include "lua/ref/listed.h"
#include "tests/unit/run.h"

enum { OBJECT = 1, SEEN = 2, CURSOR = 3 };

static struct worker worker;

static int pairs(lua_State *L) { return traverse_pairs(L, &worker); }
static int ipairs(lua_State *L) { return traverse_ipairs(L, &worker); }
static int next(lua_State *L) { return traverse_next(L, &worker); }

/* A VM with the table that the code returns at OBJECT. */
static lua_State *open_with(const char *code) {
  lua_State *L = luaL_newstate();
  ck_assert_ptr_nonnull(L);
  luaL_openlibs(L);
  listed_open(L, &worker);
  ck_assert_msg(luaL_dostring(L, code) == 0, "%s", lua_tostring(L, -1));
  lua_settop(L, OBJECT);
  return L;
}

static lua_State *open_n(int n) {
  lua_State *L = open_with("return {}");
  for (int i = 1; i <= n; i++) {
    lua_pushinteger(L, i * 3);
    if (i % 2) lua_pushfstring(L, "key %d", i), lua_insert(L, -2), lua_rawset(L, OBJECT);
    else lua_rawseti(L, OBJECT, i);
  }
  return L;
}

/* The entries from index `first` to the top go into the table SEEN; returns how many. Each key must be new. */
static int see(lua_State *L, int first) {
  int n = lua_gettop(L) - first + 1;
  ck_assert_int_eq(n % 2, 0);
  for (int i = first; i < first + n; i += 2) {
    lua_pushvalue(L, i);
    lua_rawget(L, SEEN);
    ck_assert_msg(lua_isnil(L, -1), "a key came twice");
    lua_pop(L, 1);
    ck_assert(!lua_isnil(L, i));
    ck_assert(!lua_isnil(L, i + 1));
    lua_pushvalue(L, i);
    lua_pushvalue(L, i + 1);
    lua_rawset(L, SEEN);
  }
  lua_settop(L, first - 1);
  return n / 2;
}

/* The first page; the cursor or nil stays at CURSOR. */
static int first_page(lua_State *L) {
  lua_settop(L, OBJECT);
  lua_newtable(L);
  lua_pushcfunction(L, pairs);
  lua_pushvalue(L, OBJECT);
  lua_call(L, 1, LUA_MULTRET);
  ck_assert(lua_isnil(L, CURSOR) || lua_iscfunction(L, CURSOR));
  return see(L, CURSOR + 1);
}

/* The cursor's next page; *more is what it says. */
static int next_page(lua_State *L, bool *more) {
  lua_settop(L, CURSOR);
  lua_pushvalue(L, CURSOR);
  lua_call(L, 0, LUA_MULTRET);
  ck_assert(lua_isboolean(L, CURSOR + 1));
  *more = lua_toboolean(L, CURSOR + 1);
  lua_remove(L, CURSOR + 1);
  return see(L, CURSOR + 1);
}

/* The sizes of all pages as "1000 1000 1". */
static const char *pages(lua_State *L) {
  static char text[256];
  int used = snprintf(text, sizeof text, "%d", first_page(L));
  bool more = !lua_isnil(L, CURSOR);
  while (more) used += snprintf(text + used, sizeof text - (size_t)used, " %d", next_page(L, &more));
  return text;
}

static int length(lua_State *L, int i) {
  int n = 0;
  lua_pushnil(L);
  while (lua_next(L, i)) {
    lua_pop(L, 1);
    n++;
  }
  return n;
}

/* SEEN has exactly the entries of OBJECT. */
static void expect_all_seen(lua_State *L) {
  ck_assert_int_eq(length(L, SEEN), length(L, OBJECT));
  lua_pushnil(L);
  while (lua_next(L, OBJECT)) {
    lua_pushvalue(L, -2);
    lua_rawget(L, SEEN);
    ck_assert(lua_rawequal(L, -1, -2));
    lua_pop(L, 2);
  }
}

/* ---- pairs ---- */

START_TEST(each_entry_comes_once_at_every_boundary) {
  static const struct {
    int n;
    const char *pages;
  } cases[] = {{0, "0"}, {1, "1"}, {2, "2"}, {999, "999"}, {1000, "1000"}, {1001, "1000 1"},
               {1999, "1000 999"}, {2000, "1000 1000"}, {2001, "1000 1000 1"}, {5000, "1000 1000 1000 1000 1000"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    lua_State *L = open_n(cases[i].n);
    ck_assert_str_eq(pages(L), cases[i].pages);
    expect_all_seen(L);
    lua_close(L);
  }
}
END_TEST

START_TEST(a_page_ends_at_64_kib_of_strings) {
  /* Numbers weigh 9, so each entry 9 + 1015 = 1024 bytes, and 64 fill a page. */
  lua_State *L = open_with("local t = {} for i = 1, 64 do t[i] = ('x'):rep(1015) end return t");
  ck_assert_str_eq(pages(L), "64");
  lua_close(L);
  L = open_with("local t = {} for i = 1, 65 do t[i] = ('x'):rep(1015) end return t");
  ck_assert_str_eq(pages(L), "64 1");
  expect_all_seen(L);
  lua_close(L);
  L = open_with("local t = {} for i = 1, 200 do t[('x'):rep(1012) .. 1000 + i] = true end return t"); /* keys weigh too */
  ck_assert_str_eq(pages(L), "64 64 64 8");
  expect_all_seen(L);
  lua_close(L);
  L = open_with("return {('a'):rep(1e6), ('b'):rep(65535), 'c', 'd'}"); /* one larger than a page is a page */
  ck_assert_str_eq(pages(L), "1 1 2");
  expect_all_seen(L);
  lua_close(L);
}
END_TEST

START_TEST(any_key_and_value) {
  lua_State *L = open_with("return {[true] = false, [false] = true, [1.5] = math.huge, [-1] = '', [''] = 0/0 ~= 0/0, [{}] = {}, [print] = print, "
                           "[math.huge] = -math.huge, ['a\\0b'] = 'c\\0d', 1, nil, 3}");
  pages(L);
  expect_all_seen(L);
  lua_close(L);
}
END_TEST

START_TEST(metamethods_are_not_asked) {
  lua_State *L = open_with("return setmetatable({a = 1}, {__index = function() error 'asked' end, __newindex = error})");
  ck_assert_str_eq(pages(L), "1");
  lua_close(L);
}
END_TEST

/* ---- pairs, with changes meanwhile ---- */

static void run(lua_State *L, const char *code) {
  ck_assert_int_eq(luaL_loadstring(L, code), 0);
  lua_pushvalue(L, OBJECT);
  ck_assert_msg(lua_pcall(L, 1, 0, 0) == 0, "%s", lua_tostring(L, -1));
}

START_TEST(entries_cleared_meanwhile_are_left_out) {
  lua_State *L = open_n(3500);
  bool more;
  ck_assert_int_eq(first_page(L), 1000);
  run(L, "local t = ... local odd for k in pairs(t) do odd = not odd if odd then t[k] = nil end end");
  int left = length(L, OBJECT), seen = 1000;
  do {
    int n = next_page(L, &more);
    ck_assert_int_le(n, 1000);
    ck_assert(n > 0 || !more); /* no empty page in the middle */
    seen += n;
  } while (more);
  ck_assert_int_gt(seen, left);
  ck_assert_int_lt(seen, 3500);
  lua_pushnil(L); /* all that are left have been seen */
  while (lua_next(L, OBJECT)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawget(L, SEEN);
    ck_assert(!lua_isnil(L, -1));
    lua_pop(L, 1);
  }
  lua_close(L);
}
END_TEST

START_TEST(all_cleared_meanwhile) {
  lua_State *L = open_n(2500);
  bool more;
  ck_assert_int_eq(first_page(L), 1000);
  run(L, "local t = ... for k in pairs(t) do t[k] = nil end collectgarbage()");
  ck_assert_int_eq(next_page(L, &more), 0);
  ck_assert(!more);
  lua_close(L);
}
END_TEST

START_TEST(entries_added_meanwhile_do_no_harm) {
  lua_State *L = open_n(2500);
  bool more;
  int seen = first_page(L);
  run(L, "local t = ... for i = 1, 9000 do t['new' .. i] = i end for i = 2, 2500, 2 do t[i] = 'changed' end collectgarbage()");
  do seen += next_page(L, &more);
  while (more);
  ck_assert_int_eq(seen, 2500);
  lua_close(L);
}
END_TEST

START_TEST(a_cursor_after_its_end_gives_nothing) {
  lua_State *L = open_n(1500);
  bool more = true;
  first_page(L);
  ck_assert_int_eq(next_page(L, &more), 500);
  ck_assert(!more);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(next_page(L, &more), 0);
    ck_assert(!more);
  }
  lua_pushvalue(L, CURSOR); /* what a client passes is ignored */
  lua_pushinteger(L, 1);
  lua_pushvalue(L, OBJECT);
  lua_call(L, 2, LUA_MULTRET);
  ck_assert_int_eq(lua_gettop(L), CURSOR + 1);
  lua_close(L);
}
END_TEST

START_TEST(two_traversals_at_once) {
  lua_State *L = open_n(2500);
  bool more;
  first_page(L);
  lua_pushvalue(L, CURSOR);
  int other = luaL_ref(L, LUA_REGISTRYINDEX);
  next_page(L, &more);
  int seen = first_page(L);
  do seen += next_page(L, &more);
  while (more);
  ck_assert_int_eq(seen, 2500);
  expect_all_seen(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, other);
  lua_call(L, 0, LUA_MULTRET);
  ck_assert_int_eq(lua_gettop(L) - CURSOR, 1 + 2 * 500);
  ck_assert(!lua_toboolean(L, CURSOR + 1));
  lua_close(L);
}
END_TEST

/* ---- ipairs ---- */

/* The page from index `from`: "more 1000", "end 3". */
static const char *ipage(lua_State *L, double from) {
  static char text[64];
  lua_settop(L, OBJECT);
  lua_pushcfunction(L, ipairs);
  lua_pushvalue(L, OBJECT);
  lua_pushnumber(L, from);
  lua_call(L, 2, LUA_MULTRET);
  ck_assert(lua_isboolean(L, OBJECT + 1));
  int n = lua_gettop(L) - OBJECT - 1;
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, OBJECT, (int)from + i - 1);
    ck_assert(lua_rawequal(L, -1, OBJECT + 1 + i));
    lua_pop(L, 1);
  }
  snprintf(text, sizeof text, "%s %d", lua_toboolean(L, OBJECT + 1) ? "more" : "end", n);
  return text;
}

START_TEST(pages_of_a_sequence) {
  static const struct {
    int n;
    double from;
    const char *page;
  } cases[] = {{0, 1, "end 0"}, {1, 1, "end 1"}, {999, 1, "end 999"}, {1000, 1, "more 1000"}, {1000, 1001, "end 0"}, {1001, 1, "more 1000"},
               {1001, 1001, "end 1"}, {2000, 1001, "more 1000"}, {2000, 2001, "end 0"}, {10, 10, "end 1"}, {10, 12, "end 0"}, {10, 0, "end 0"},
               {10, -5, "end 0"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    lua_State *L = open_with("return {}");
    for (int k = 1; k <= cases[i].n; k++) {
      lua_pushinteger(L, -k);
      lua_rawseti(L, OBJECT, k);
    }
    ck_assert_msg(strcmp(ipage(L, cases[i].from), cases[i].page) == 0, "%d from %g: %s", cases[i].n, cases[i].from, ipage(L, cases[i].from));
    lua_close(L);
  }
}
END_TEST

START_TEST(a_sequence_ends_at_the_first_nil_and_pages_at_64_kib) {
  lua_State *L = open_with("return {1, 2, false, nil, 5}");
  ck_assert_str_eq(ipage(L, 1), "end 3");
  ck_assert_str_eq(ipage(L, 5), "end 1");
  lua_close(L);
  L = open_with("local t = {} for i = 1, 65 do t[i] = ('x'):rep(1024) end return t");
  ck_assert_str_eq(ipage(L, 1), "more 64");
  ck_assert_str_eq(ipage(L, 65), "end 1");
  lua_close(L);
}
END_TEST

/* Calls fn(object, value) and expects an error that contains the text. */
static void expect_error(lua_State *L, lua_CFunction fn, const char *text) {
  lua_settop(L, OBJECT + 1);
  lua_pushcfunction(L, fn);
  lua_insert(L, 1);
  ck_assert_int_ne(lua_pcall(L, 2, LUA_MULTRET, 0), 0);
  ck_assert_msg(strstr(lua_tostring(L, -1), text), "%s", lua_tostring(L, -1));
}

START_TEST(any_number_is_an_index) {
  static const double none[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 2147483649.0, -2147483649.0, 0.5};
  lua_State *L = open_with("local t = {1, 2} for i = 0, 5 do t[2147483648 - i] = i end return t");
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) ck_assert_str_eq(ipage(L, none[i]), "end 0");
  lua_settop(L, OBJECT);
  lua_pushcfunction(L, ipairs);
  lua_pushvalue(L, OBJECT);
  lua_pushnumber(L, INT_MAX - 4.0);
  lua_call(L, 2, LUA_MULTRET);
  ck_assert_int_eq(lua_gettop(L) - OBJECT, 1 + 6); /* beyond what an int can be, too */
  lua_settop(L, OBJECT);
  lua_pushliteral(L, "x");
  expect_error(L, ipairs, "number expected, got string");
  lua_close(L);
}
END_TEST

/* ---- next ---- */

START_TEST(next_steps_through) {
  lua_State *L = open_n(50);
  lua_newtable(L);
  lua_pushnil(L);
  for (int n = 0;; n++) {
    lua_pushcfunction(L, next);
    lua_pushvalue(L, OBJECT);
    lua_pushvalue(L, SEEN + 1);
    lua_remove(L, SEEN + 1);
    lua_call(L, 2, LUA_MULTRET);
    if (lua_isnil(L, SEEN + 1)) {
      ck_assert_int_eq(lua_gettop(L), SEEN + 1);
      ck_assert_int_eq(n, 50);
      break;
    }
    lua_pushvalue(L, SEEN + 1);
    lua_pushvalue(L, SEEN + 2);
    lua_rawset(L, SEEN);
    lua_settop(L, SEEN + 1);
  }
  expect_all_seen(L);
  lua_close(L);
}
END_TEST

START_TEST(next_after_a_key_that_is_not_there) {
  static const char *const keys[] = {"'not there'", "0/0", "{}", "99", "1.5"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    char code[64];
    lua_State *L = open_with("return {1, 2, a = 1}");
    snprintf(code, sizeof code, "return %s", keys[i]);
    ck_assert_int_eq(luaL_dostring(L, code), 0);
    expect_error(L, next, "invalid key to 'next'");
    lua_close(L);
  }
}
END_TEST

START_TEST(what_is_no_table_has_no_pages) {
  static const struct {
    lua_CFunction fn;
    const char *text;
  } cases[] = {{pairs, "bad argument #1 to 'pairs' (table expected, got function)"},
               {ipairs, "bad argument #1 to 'ipairs' (table expected, got function)"},
               {next, "bad argument #1 to 'next' (table expected, got function)"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    lua_State *L = open_with("return print");
    lua_pushnumber(L, 1);
    expect_error(L, cases[i].fn, cases[i].text);
    lua_close(L);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_traverse");
  TCase *c = tcase_create("traverse");
  tcase_add_test(c, each_entry_comes_once_at_every_boundary);
  tcase_add_test(c, a_page_ends_at_64_kib_of_strings);
  tcase_add_test(c, any_key_and_value);
  tcase_add_test(c, metamethods_are_not_asked);
  tcase_add_test(c, entries_cleared_meanwhile_are_left_out);
  tcase_add_test(c, all_cleared_meanwhile);
  tcase_add_test(c, entries_added_meanwhile_do_no_harm);
  tcase_add_test(c, a_cursor_after_its_end_gives_nothing);
  tcase_add_test(c, two_traversals_at_once);
  tcase_add_test(c, pages_of_a_sequence);
  tcase_add_test(c, a_sequence_ends_at_the_first_nil_and_pages_at_64_kib);
  tcase_add_test(c, any_number_is_an_index);
  tcase_add_test(c, next_steps_through);
  tcase_add_test(c, next_after_a_key_that_is_not_there);
  tcase_add_test(c, what_is_no_table_has_no_pages);
  suite_add_tcase(s, c);
  return run_suite(s);
}
