/* SPDX-License-Identifier: MIT
 *
 * How much a pattern may take at worst (lua/serve/bounds_patterns.c), and a file's read method (lua/serve/bounded_files.c).
 * What becomes of it when another worker asks is in tests/lua/bounded_*.lua.
 */
#define _GNU_SOURCE
#include "lua/serve/bounds_patterns.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "lua/serve/bounded_files.h"
#include "proto/base.h"
#include "tests/unit/run.h"

START_TEST(each_repetition_multiplies) {
  static const struct {
    const char *pattern;
    double steps; /* in 9 bytes: 10 places */
  } cases[] = {
      {"", 10},        {"^", 2},          {"a", 20},          {"^a", 3},         {"a*", 300},       {"^a*", 40},      {"a+b", 400},
      {"a-b", 400},    {"a?", 60},        {"a?a?", 4 * 50},   {"%*", 30},        {"%**", 400},      {"[*]", 40},      {"[*]*", 500},
      {"[]*]*", 600},  {"[^]*]*", 700},   {"[%]*]*", 700},    {"[a", 30},        {"[", 20},         {"[%", 30},       {"%", 20},
      {"%b()", 500},   {"%b(", 400},      {"(a)%1", 600},     {"(a*)%1", 7000},  {".-.-", 5000},    {"%f[*]a", 70},   {"(.-)%s*$", 9000},
      {"^(.-)$", 70},  {"x^*", 400},      {"-", 20},          {"%b()*", 600},
      /* behind what cannot be repeated, the matcher takes the next for itself */
      {"(?*", 400},    {"()?*", 500},     {"(a)?*", 600},     {"%bxy?*", 7000},  {"%1?*", 5000},    {"%f[a]?*", 800}, {"%f", 30},
  };
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    double steps = bounds_steps(cases[i].pattern, strlen(cases[i].pattern), 9, true);
    ck_assert_msg(steps == cases[i].steps, "%s: %g steps, expected %g", cases[i].pattern, steps, cases[i].steps);
  }
  ck_assert_double_eq(bounds_steps("a\0*", 3, 9, true), 400);
  ck_assert_double_eq(bounds_steps("a*", 2, 1e6, true), 3 * 1000001.0 * 1000001.0);
  ck_assert_double_eq(bounds_steps("^a", 2, 9, false), 30);
  ck_assert_double_eq(bounds_steps("^*", 2, 9, false), 300);
}
END_TEST

START_TEST(text_is_looked_for_at_once) {
  ck_assert(!bounds_is_pattern("abc", 3) && !bounds_is_pattern("", 0) && !bounds_is_pattern("\0", 1));
  for (const char *c = "^$*+?.([%-"; *c; c++) ck_assert(bounds_is_pattern((char[]){'a', 0, *c}, 3));
  ck_assert_double_eq(bounds_plain_steps(0, 9), 10);
  ck_assert_double_eq(bounds_plain_steps(32, 9), 30);
}
END_TEST

START_TEST(a_replacement_is_made_for_each_match) {
  ck_assert_double_eq(bounds_replaced("xyz", 3, 100, 10), 130);
  ck_assert_double_eq(bounds_replaced("", 0, 100, 10), 100);
  ck_assert_double_eq(bounds_replaced("xyz", 3, 100, -1), 100);
  ck_assert_double_eq(bounds_replaced("%1", 2, 100, 10), 100 + 20 + 100);
  ck_assert_double_eq(bounds_replaced("%%1", 3, 100, 10), 130);
  ck_assert_double_eq(bounds_replaced("%0%9", 4, 100, 10), 100 + 40 + 200);
  ck_assert_double_eq(bounds_replaced("%", 1, 100, 10), 110);
}
END_TEST

/* What would be read of this file, from byte `at` on, with the formats of a piece of Lua; at most 100 bytes are counted. */
static double size_of(const char *text, long at, const char *formats) {
  char code[200];
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  snprintf(code, sizeof code, "local f = io.tmpfile() f:write(%s) f:flush() f:seek('set', %ld) return f%s%s", text, at, *formats ? ", " : "", formats);
  ck_assert_msg(luaL_dostring(L, code) == 0, "%s", lua_tostring(L, -1));
  int top = lua_gettop(L);
  double size = bounded_files_size(L, 1, 100);
  ck_assert_int_eq(lua_gettop(L), top);
  ck_assert_int_eq(ftell(*(FILE **)lua_touserdata(L, 1)), at);
  lua_close(L);
  return size;
}

START_TEST(a_file_is_read_as_the_formats_say) {
  static const char small[] = "('x'):rep(49) .. '\\n' .. ('y'):rep(50)", large[] = "('x'):rep(49) .. '\\n' .. ('y'):rep(149) .. '\\n'";
  ck_assert_double_eq(size_of(small, 0, "'*a'"), 100);
  ck_assert_double_eq(size_of(small, 90, "'*a'"), 10);
  ck_assert_double_eq(size_of(large, 0, "'*a'"), 200);
  ck_assert_double_eq(size_of(large, 0, "'a'"), 200);
  ck_assert_double_eq(size_of(small, 0, "7, 8"), 15);
  ck_assert_double_eq(size_of(small, 0, "0"), 0);
  ck_assert_double_eq(size_of(small, 1000, "'*a'"), 0);
  ck_assert(size_of(small, 0, "-1") > 100);
  ck_assert(size_of(small, 0, "0/0") > 100);
  ck_assert_double_eq(size_of(large, 0, ""), 50);
  ck_assert_double_eq(size_of(large, 0, "'*l'"), 50);
  ck_assert_double_eq(size_of(large, 0, "'*l', 3"), 53);
  ck_assert_double_eq(size_of(large, 0, "'*l', '*l'"), 101);
  ck_assert_double_eq(size_of(large, 50, ""), 101);
  ck_assert_double_eq(size_of(large, 150, ""), 0); /* so little is left that it need not be looked at */
  ck_assert_double_eq(size_of(small, 0, "'7'"), 0);
}
END_TEST

static double size_with(const char *code) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  ck_assert_msg(luaL_dostring(L, code) == 0, "%s", lua_tostring(L, -1));
  double size = bounded_files_size(L, 1, 100);
  lua_close(L);
  return size;
}

START_TEST(of_what_is_no_regular_file_only_numbers_count) {
  ck_assert_double_eq(size_with("local f = io.tmpfile() f:close() return f, 1e9"), 0);
  ck_assert_double_eq(size_with("return newproxy(true), 1e9"), 0);
  ck_assert_double_eq(size_with("return {}, 1e9"), 0);
  ck_assert_double_eq(size_with("return nil, 1e9"), 0);
  ck_assert_double_eq(size_with("return io.open('/dev/zero'), '*a'"), 0);
  ck_assert_double_eq(size_with("return io.open('/dev/zero'), 1e9"), 1e9);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_bounds");
  TCase *c = tcase_create("bounds");
  tcase_add_test(c, each_repetition_multiplies);
  tcase_add_test(c, text_is_looked_for_at_once);
  tcase_add_test(c, a_replacement_is_made_for_each_match);
  tcase_add_test(c, a_file_is_read_as_the_formats_say);
  tcase_add_test(c, of_what_is_no_regular_file_only_numbers_count);
  suite_add_tcase(s, c);
  return run_suite(s);
}
