/* SPDX-License-Identifier: MIT
 *
 * How an object is reached (lua/walk/ways.c), and the texts of that (path.c). The walk is of a VM without a scheduler, and of no copy
 * of it: nothing runs meanwhile.
 */
#define _GNU_SOURCE
#include "lua/walk/path.h"

#include <stdlib.h>
#include <string.h>

#include <lualib.h>

#include "tests/unit/run.h"

enum { MANY = 1000000, TEXTS = 4096 };

static struct worker w;
static lua_State *L;
static struct ways h;
static char found[TEXTS]; /* the texts of the ways that were found, each with a newline */

static void setup(void) {
  L = luaL_newstate();
  ck_assert_ptr_nonnull(L);
  luaL_openlibs(L);
  w = (struct worker){.name = "shop", .L = L};
  lua_newtable(L);
  lua_setglobal(L, "labels");
  lua_getglobal(L, "labels");
  w.anchors.labels = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  w.anchors.lookup = luaL_ref(L, LUA_REGISTRYINDEX);
}
static void teardown(void) { lua_close(L); }

static void look(const struct ways_target *target, uint32_t most) {
  char text[PATH_TEXT];
  int top = lua_gettop(L);
  found[0] = '\0';
  lua_gc(L, LUA_GCSTOP, 0);
  ways_find(&h, L, &w, target, most);
  ck_assert_int_eq(lua_gettop(L), top + 3);
  for (unsigned i = 0; i < h.n_found; i++) {
    size_t size = path_text(&h, i, text);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_uint_lt(strlen(found) + size, sizeof found - 2);
    strcat(strcat(found, text), "\n");
  }
  lua_settop(L, top);
  lua_gc(L, LUA_GCRESTART, 0);
  free(h.walk.addresses);
  free(h.walk.set);
  free(h.nodes);
}

/* Runs the code with the object that is looked for as its argument. */
static const void *keep(const char *code) {
  ck_assert_msg(luaL_loadbuffer(L, code, strlen(code), "=test") == 0, "%s", lua_tostring(L, -1));
  lua_newtable(L);
  const void *x = lua_topointer(L, -1);
  ck_assert_msg(lua_pcall(L, 1, 0, 0) == 0, "%s", lua_tostring(L, -1));
  return x;
}

static void look_for(const char *code) {
  look(&(struct ways_target){.home = keep(code)}, MANY);
  ck_assert(!h.walk.cut);
}

#define S10 "0123456789"
#define S60 "x" S10 S10 S10 S10 S10 "012345678"
#define B20 "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"
#define AE5 "\u00e4\u00e4\u00e4\u00e4\u00e4"
#define AE29 AE5 AE5 AE5 AE5 AE5 "\u00e4\u00e4\u00e4\u00e4"

static const struct {
  const char *code, *path;
} ways[] = {
    {"g = ...", "_G.g"},
    {"g = {} g.a = {b = ...}", "_G.g.a.b"},
    {"g = {...}", "_G.g[1]"},
    {"g = {[1.5] = ...}", "_G.g[1.5]"},
    {"g = {[2^53] = ...}", "_G.g[9.007199254741e+15]"},
    {"g = {[true] = ...}", "_G.g[true]"},
    {"g = {[false] = ...}", "_G.g[false]"},
    {"g = {[{}] = ...}", "_G.g[a table]"},
    {"g = {[...] = 1}", "_G.g > a key"},
    {"g = {[{...}] = 1}", "_G.g > a key > [1]"},
    {"g = {[{x = ...}] = 1}", "_G.g > a key > x"},
    {"g = {a1_ = ...}", "_G.g.a1_"},
    {"g = {_a = ...}", "_G.g._a"},
    {"g = {['1a'] = ...}", "_G.g[\"1a\"]"},
    {"g = {[''] = ...}", "_G.g[\"\"]"},
    {"g = {['a b'] = ...}", "_G.g[\"a b\"]"},
    {"g = {['\"\\\\'] = ...}", "_G.g[\"\\\"\\\\\"]"},
    {"g = {['a\\0b\\n\\31\\32\\126\\127'] = ...}", "_G.g[\"a\\000b\\010\\031 ~\\127\"]"},
    {"g = {[('\\128'):rep(70)] = ...}", "_G.g[\"" B20 B20 B20 "...\"]"}, /* no UTF-8 */
    {"g = {['\u00e4'] = ...}", "_G.g[\"\u00e4\"]"},
    {"g = {['" S60 "'] = ...}", "_G.g." S60},
    {"g = {['" S60 "9'] = ...}", "_G.g[\"" S60 "...\"]"},
    {"g = {[' " S10 S10 S10 S10 S10 "012345678'] = ...}", "_G.g[\" " S10 S10 S10 S10 S10 "012345678\"]"},
    {"g = {[' " AE29 "\u00e4\u00e4'] = ...}", "_G.g[\" " AE29 "...\"]"}, /* no half of a character */
    {"g = setmetatable({}, {__index = ...})", "_G.g > metatable.__index"},
    {"g = setmetatable({}, {__index = {k = ...}})", "_G.g > metatable.__index.k"},
    {"g = setmetatable({}, ...)", "_G.g > metatable"},
    {"g = newproxy(true) getmetatable(g).__index = ...", "_G.g > metatable.__index"},
    {"g = newproxy() debug.setfenv(g, {k = ...})", "_G.g > environment.k"},
    {"local x = ... g = function() return x end", "_G.g > upvalue x of test:1"},
    {"local x = {...} g = function() return x end", "_G.g > upvalue x of test:1 > [1]"},
    {"local y, x = 1, {k = ...} g = function() return y, x end", "_G.g > upvalue x of test:1 > k"},
    {"g = coroutine.create(function(x) local t = x x = nil coroutine.yield() return t end) coroutine.resume(g, ...)",
     "_G.g > local t of test:1"},
    {"g = coroutine.wrap(function(x) local t = x x = nil coroutine.yield() return t end) g(...)",
     "_G.g > upvalue 1 of a C function > local t of test:1"},
    {"local x = ... g = coroutine.create(function() return x end)", "_G.g > a value on its stack > upvalue x of test:1"},
    {"local x = ... g = coroutine.create(function() coroutine.yield() return x end) coroutine.resume(g)",
     "_G.g > running function of test:1 > upvalue x of test:1"},
    {"g = setfenv(function() end, {k = ...})", "_G.g > environment.k"},
    {"g = setmetatable({...}, {__mode = 'v'})", NULL},
    {"g = setmetatable({[...] = 1}, {__mode = 'k'})", NULL},
    {"g = setmetatable({[...] = ...}, {__mode = 'kv'})", NULL},
    {"g = setmetatable({...}, {__mode = 'k'})", "_G.g[1]"},
    {"g = setmetatable({[...] = 1}, {__mode = 'v'})", "_G.g > a key"},
    {"g = setmetatable({...}, {__mode = 'x'})", "_G.g[1]"},
    {"g = setmetatable({...}, {__mode = 1})", "_G.g[1]"},
    {"debug.setmetatable(1, {__index = ...})", "the metatable of numbers.__index"},
    {"debug.setmetatable(nil, {__index = ...})", "the metatable of nil.__index"},
    {"debug.setmetatable(true, {__index = ...})", "the metatable of booleans.__index"},
    {"getmetatable('').x = ...", "the metatable of strings.x"},
    {"labels.shown = ... labels = nil", "label shown"},
    {"labels.shown = {k = ...} labels = nil", "label shown.k"},
    {"debug.getregistry().kept = ...", "registry.kept"},
};

START_TEST(a_way) {
  look_for(ways[_i].code);
  if (ways[_i].path) {
    ck_assert_uint_eq(h.n_found, 1);
    ck_assert_uint_eq(strlen(found), strlen(ways[_i].path) + 1);
    ck_assert_msg(strncmp(found, ways[_i].path, strlen(ways[_i].path)) == 0, "%s instead of %s", found, ways[_i].path);
  } else {
    ck_assert_str_eq(found, "");
  }
}
END_TEST

/* Of more than 24 steps before the last one 12 are shown at each end. */
START_TEST(a_long_way) {
  enum { AT_END = 12 };
  char code[200], expected[PATH_TEXT] = "_G";
  int steps = 2 * AT_END - 2 + _i; /* _G, g, and tables below it */
  snprintf(code, sizeof code, "local x, t = ..., {} g = t for i = 3, %d do t.next = {} t = t.next end t.x = x", steps);
  look_for(code);
  int shown = steps <= 2 * AT_END ? steps : AT_END;
  strcat(expected, ".g");
  for (int i = 2; i < shown; i++) strcat(expected, ".next");
  if (shown < steps) snprintf(expected + strlen(expected), 40, " > ... %d steps ... > next", steps - 2 * AT_END);
  for (int i = 1; shown < steps && i < AT_END; i++) strcat(expected, ".next");
  strcat(expected, ".x\n");
  ck_assert_str_eq(found, expected);
}
END_TEST

/* A text has 1,000 bytes with its 0; of a longer one the middle is left out, but no half of a character. */
START_TEST(a_long_text) {
  char code[400];
  /* "_G.g", and keys of 63 bytes with what stands around them. */
  snprintf(code, sizeof code,
           "local x, t = ..., {} g = t for i = 1, 15 do local k = (' '):rep(3) .. ('\u00e4'):rep(28) t[k] = {} t = t[k] end\n"
           "t[('a'):rep(%d)] = {x} ", 1 + _i);
  look_for(code);
  size_t whole = 4 + 15 * 63 + 1 + 1 + (size_t)_i + 3;
  ck_assert_uint_eq(h.n_found, 1);
  size_t size = strlen(found) - 1;
  bool is_cut = strstr(found, " ... ") != NULL;
  ck_assert_int_eq(is_cut, whole >= PATH_TEXT);
  ck_assert_msg(is_cut ? size < PATH_TEXT && size > PATH_TEXT - 10 : size == whole, "%zu of %zu bytes", size, whole);
  ck_assert(strncmp(found, "_G.g[\"   \u00e4", 11) == 0 && strcmp(found + size - 4, "a[1]\n") == 0);
  for (const char *p = found; (p = strpbrk(p, "\xc3\xa4")); p += 2) ck_assert(strncmp(p, "\u00e4", 2) == 0);
}
END_TEST

START_TEST(so_many_ways_are_told) {
  char code[80];
  unsigned n = WAYS_MOST - 1 + (unsigned)_i;
  snprintf(code, sizeof code, "g = {} for i = 1, %u do g[i] = ... end", n);
  look_for(code);
  ck_assert_uint_eq(h.n_found, n < WAYS_MOST ? n : WAYS_MOST);
  ck_assert(strstr(found, "_G.g[1]\n") && strstr(found, "_G.g[15]\n"));
}
END_TEST

/* What is nearest to a root is found first, and of two ways to something on the way the shorter one is told. */
START_TEST(the_shortest_way_is_told) {
  look_for("local a = {...} g = {x = {x = {x = a}}, y = {z = a}}");
  ck_assert_str_eq(found, "_G.g.y.z[1]\n");
}
END_TEST

START_TEST(so_many_objects_are_looked_at) {
  const void *x = keep("g = {} local t = g for i = 1, 10000 do t.next = {} t = t.next end t.x = ...");
  look(&(struct ways_target){.home = x}, 10000);
  ck_assert(h.walk.cut);
  ck_assert_uint_eq(h.walk.count, 10000);
  ck_assert_uint_eq(h.n_found, 0);
  look(&(struct ways_target){.home = x}, MANY);
  ck_assert(!h.walk.cut);
  ck_assert_uint_eq(h.n_found, 1);
}
END_TEST

/* What the library itself has to keep is no way. */
START_TEST(what_is_ours_is_no_way) {
  lua_newtable(L);
  w.anchors.pool = luaL_ref(L, LUA_REGISTRYINDEX);
  const void *x = keep("for _, t in pairs(debug.getregistry()) do if type(t) == 'table' and next(t) == nil then t[1] = ... end end labels = nil");
  lua_rawgeti(L, LUA_REGISTRYINDEX, w.anchors.labels);
  lua_pushnil(L);
  lua_rawseti(L, -2, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w.anchors.lookup);
  lua_pushnil(L);
  lua_rawseti(L, -2, 1);
  lua_pop(L, 2);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w.anchors.pool);
  lua_rawgeti(L, -1, 1);
  ck_assert_ptr_eq(lua_topointer(L, -1), x);
  lua_pop(L, 2);
  look(&(struct ways_target){.home = x}, MANY);
  ck_assert_str_eq(found, "");
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_ways");
  TCase *c = tcase_create("ways");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_loop_test(c, a_way, 0, sizeof ways / sizeof ways[0]);
  tcase_add_loop_test(c, a_long_way, 0, 6);
  tcase_add_loop_test(c, a_long_text, 40, 52);
  tcase_add_loop_test(c, so_many_ways_are_told, 0, 3);
  tcase_add_test(c, the_shortest_way_is_told);
  tcase_add_test(c, so_many_objects_are_looked_at);
  tcase_add_test(c, what_is_ours_is_no_way);
  suite_add_tcase(s, c);
  return run_suite(s);
}
