/* SPDX-License-Identifier: MIT
 *
 * Library functions that know ATs (lua/serve/apply.c): with values of this VM they are what they were, word for word; with a
 * remote value they are one request.
 */
#define _GNU_SOURCE
#include "lua/serve/apply.h"

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION}, T = {OTHER_HOST, 4, 14, GAIJIN_KIND_THREAD};

/* ---- At home ---- */

/* What a piece of code gives, its error included: run in stock Lua and in a worker, it must be the same. */
static const char *const pieces[] = {
    "return rawget(1, 2)", "return rawget({5}, 1), rawget({}, 1)", "return rawset({}, nil, 1)", "return rawset({}, 1)", "return rawget()",
    "return setmetatable(1)", "return setmetatable({}, 1)", "return setmetatable(setmetatable({}, {__metatable = 1}), {})", "return setmetatable({})",
    "return getmetatable()", "return getmetatable('x').__index == string, getmetatable({}), getmetatable(setmetatable({}, {__metatable = 7}))",
    "return unpack()", "return unpack({1, nil, 3}, 1, 3)", "return unpack({}, 1, 1e8)", "return select('#', unpack({}, 1, 0))",
    "return table.concat({{}})", "return table.concat({1, 2, 3}, '-')", "return table.concat(1)", "return table.concat({1}, 1, 1, 2)",
    "return table.insert(nil, 1)", "return table.insert({})", "return table.insert({}, 1, 2, 3)", "local t = {1} table.insert(t, 1, 0) return unpack(t)",
    "return table.remove({})", "return table.remove()", "return table.sort({3, 1, 'x'})", "return table.sort({2, 1}, 1)", "return table.maxn('x')",
    "return table.sort({3, 2, 1}, function() error('in it') end)", "return table.foreach(1)", "return table.getn()", "return table.setn({}, 1)",
    "return string.gsub('x')", "return ('x'):gsub('(', '')", "return ('x'):gsub('x', true)", "return ('abc'):gsub('%w', {a = 1, b = false})",
    "return ('abc'):gsub('%w', function(c) error('in ' .. c) end)", "return ('x'):gsub('x', function() return {} end)", "local g = string.gsub return g(1, 2, 3)",
    "return coroutine.resume(1)", "return coroutine.status(nil)", "return coroutine.resume(coroutine.create(error), 'x')",
    "return coroutine.resume(coroutine.create(function(...) return coroutine.yield(...) end), 1, 2)", "return tostring()", "return tostring(nil), tostring(12)",
    "return tostring(setmetatable({}, {__tostring = function() return 1 end}))", "return tostring(setmetatable({}, {__tostring = function() return 'mine' end}))",
    "return next({}, 1)", "local x = next()", "return next({})", "local x = pairs()", "local x = pairs(nil)", "local x = ipairs()", "local x = ipairs('x')", "local x = type()", "return type(nil), type(type)",
    "return string.dump(print)", "return string.dump()", "return #string.dump(function() end) > 0", "return debug.getmetatable('x').__index == string",
    "return setfenv(print, {})", "return setfenv(1)", "return setfenv(function() end, 1)", "return getfenv(-1)", "return getfenv(100)", "return getfenv('x')",
    "return getfenv(1) == _G, getfenv() == _G, getfenv(0) == _G, getfenv(print) == _G",
    "local e = {getfenv = getfenv} setfenv(1, e) x = 1 return getfenv(1) == e, e.x, getfenv() == e",
    "local e = {} local function f() setfenv(2, e) end f() y = 2 return e.y",
    "local function f() return getfenv(2) end local e = {f = f} setfenv(f, {getfenv = getfenv}) return f() == _G",
    "local f = setfenv(function() return z end, {z = 26}) return f()",
    "return pcall(setfenv, 1, {})", "return pcall(getfenv, 5)", "return pcall(rawget)", "return pcall(table.insert, {})", "return select(2, xpcall(table.concat, function(m) return 'm: ' .. m end))",
    "local t = setmetatable({}, {__index = table}) return t:concat(), t:insert(1), t:insert()",
    "return pcall(string.rep)", "return (' x '):gsub('^%s+', '')", "return newproxy(true) ~= nil, pcall(newproxy, 1)",
};

/* Runs the piece at the state and writes what came of it. */
static void outcome(lua_State *L, const char *code, char *out, size_t n) {
  size_t used = 0;
  int top = lua_gettop(L);
  ck_assert_int_eq(luaL_loadbuffer(L, code, strlen(code), "=piece"), 0);
  bool ok = lua_pcall(L, 0, LUA_MULTRET, 0) == 0;
  used += (size_t)snprintf(out, n, "%s:", ok ? "ok" : "error");
  for (int i = top + 1; i <= lua_gettop(L) && used < n; i++) {
    const char *text = lua_isstring(L, i) ? lua_tostring(L, i) : lua_isboolean(L, i) ? (lua_toboolean(L, i) ? "true" : "false") : luaL_typename(L, i);
    used += (size_t)snprintf(out + used, n - used, " %s", text);
  }
  lua_settop(L, top);
}

static char here[1024];

static int run_piece(lua_State *L) {
  outcome(L, pieces[lua_tointeger(L, lua_upvalueindex(2))], here, sizeof here);
  return 0;
}

START_TEST(at_home_they_are_as_in_stock_lua) {
  char stock[1024];
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  outcome(L, pieces[_i], stock, sizeof stock);
  lua_close(L);
  vm_open(&v);
  struct fiber *f = vm_new_fiber(&v);
  lua_pushlightuserdata(f->L, &v.w);
  lua_pushinteger(f->L, _i);
  lua_pushcclosure(f->L, run_piece, 2);
  vm_run(&v);
  ck_assert_msg(strcmp(stock, here) == 0, "%s\n stock: %s\n  here: %s", pieces[_i], stock, here);
  vm_close(&v);
}
END_TEST

/* ---- Elsewhere ---- */

START_TEST(with_a_remote_value_they_are_one_request) {
  static const struct {
    const char *code, *title;
    const struct gaijin_pt *target;
    uint32_t count; /* values, the title included */
  } cases[] = {
      {"rawget(a, 1)", "rawget", &A, 3},          {"rawset(a, 1, 2)", "rawset", &A, 4},       {"unpack(a)", "unpack", &A, 2},
      {"getmetatable(a)", "getmetatable", &A, 2}, {"setmetatable(a, nil)", "setmetatable", &A, 3}, {"setmetatable(a, a)", "setmetatable", &A, 3},
      {"getfenv(f)", "getfenv", &F, 2},           {"setfenv(f, {})", "setfenv", &F, 3},       {"table.insert(a, 1)", "table.insert", &A, 3},
      {"table.concat(a, ',')", "table.concat", &A, 3}, {"table.sort(a)", "table.sort", &A, 2},
      {"coroutine.status(t)", "coroutine.status", &T, 2},
      {"coroutine.resume(t, 1, 2)", "coroutine.resume", &T, 4}, {"gaijin.fetch(a)", "fetch", &A, 3}, {"debug.getmetatable(a)", "debug.getmetatable", &A, 2},
  };
  vm_connect(&v);
  vm_give(&v, "a", &A);
  vm_give(&v, "f", &F);
  vm_give(&v, "t", &T);
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    const char *title;
    uint32_t size;
    vm_ask(&v, cases[i].code, GAIJIN_OP_APPLY);
    ck_assert(fake_same_pt(&v.f.m.pt, cases[i].target));
    struct reader r = fake_values(&v.f.m);
    ck_assert(reader_string(&r, &title, &size));
    ck_assert_msg(size == strlen(cases[i].title) && memcmp(title, cases[i].title, size) == 0, "%s: %.*s", cases[i].code, (int)size, title);
    ck_assert_msg(v.f.m.body_count == cases[i].count, "%s: %u values", cases[i].code, v.f.m.body_count);
    v.expected_error = true;
    fake_begin(&v.f, MESSAGE_ERROR, GAIJIN_OP_APPLY, v.f.m.id, 2);
    pack_uint(&v.f.p, GAIJIN_STATUS_DENIED);
    pack_text(&v.f.p, "no");
    vm_deliver(&v);
    v.log[0] = '\0';
  }
  ck_assert_uint_eq(v.running, 0);
  vm_close(&v);
}
END_TEST

/* ---- For others ---- */

static struct gaijin_pt ours[2]; /* a table {7, 8} and a function */

static void open_host(void) {
  vm_connect(&v);
  vm_give(&v, "f", &F);
  vm_do(&v, "secret = {5} gaijin.post(f, {7, 8}, function() end)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours[0]) && fake_read_pt(&r, &ours[1]));
}

/* Sends an apply to the target with up to two arguments (0: an integer 1) and reads the answer's first value. */
static enum message_kind apply(const struct gaijin_pt *target, const char *title, const struct gaijin_pt *first, struct value *out) {
  fake_begin_to(&v.f, GAIJIN_OP_APPLY, 42, target, 3);
  pack_text(&v.f.p, title);
  if (first)
    fake_put_pt(&v.f, first);
  else
    pack_uint(&v.f.p, 1);
  pack_uint(&v.f.p, 1);
  vm_deliver(&v);
  enum message_kind kind = fake_next(&v.f)->kind;
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_next(&r, out));
  return kind;
}

START_TEST(the_function_named_works_on_the_target) {
  struct value got;
  open_host();
  ck_assert_int_eq(apply(&ours[0], "rawget", &ours[0], &got), MESSAGE_REPLY);
  ck_assert_double_eq(got.number, 7);
  ck_assert_int_eq(apply(&ours[0], "unpack", &ours[0], &got), MESSAGE_REPLY);
  ck_assert_uint_eq(v.f.m.body_count, 2);
  ck_assert_int_eq(apply(&ours[0], "os.exit", &ours[0], &got), MESSAGE_ERROR);
  ck_assert_uint_eq(got.integer, GAIJIN_STATUS_RAISED);
  vm_close(&v);
}
END_TEST

/* What gaijin.access was asked about must be what is worked on. */
START_TEST(and_on_nothing_else) {
  static const char *const titles[] = {"getfenv", "rawget", "setfenv", "unpack", "fetch", "path", "steps", "setmetatable", "table.insert"};
  struct value got;
  open_host();
  for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
    ck_assert_msg(apply(&ours[0], titles[i], &ours[1], &got) == MESSAGE_ERROR, "%s", titles[i]);
    ck_assert_msg(apply(&ours[0], titles[i], NULL, &got) == MESSAGE_ERROR, "%s", titles[i]); /* getfenv(1) is all the globals */
  }
  vm_close(&v);
}
END_TEST

/* A path that is walked in the worker's own name, as older releases ask for it, ends at what is no object: string.rep and
 * string.dump are not the asker's. */
START_TEST(not_on_the_functions_of_a_whole_type) {
  struct gaijin_pt table;
  vm_connect(&v);
  vm_give(&v, "f", &F);
  vm_do(&v, "gaijin.post(f, {name = 'x'})");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &table));
  for (uint32_t keys = 1; keys <= 2; keys++) {
    fake_begin_to(&v.f, GAIJIN_OP_APPLY, 42, &table, 2 + keys);
    pack_text(&v.f.p, "path");
    fake_put_pt(&v.f, &table);
    pack_text(&v.f.p, "name");
    if (keys == 2) pack_text(&v.f.p, "rep");
    vm_deliver(&v);
    while (fake_next(&v.f)->kind == MESSAGE_NOTICE) continue;
    ck_assert_int_eq(v.f.m.kind, keys == 1 ? MESSAGE_REPLY : MESSAGE_ERROR);
  }
  vm_close(&v);
}
END_TEST

START_TEST(not_on_the_metatable_of_a_whole_type) {
  struct value got;
  vm_connect(&v);
  vm_give(&v, "f", &F);
  lua_pushlightuserdata(v.w.L, &v);
  lua_setglobal(v.w.L, "light");
  vm_do(&v, "gaijin.post(f, light, print, coroutine.create(function() end), {})");
  struct reader r = fake_values(fake_next(&v.f));
  struct gaijin_pt all[4];
  for (size_t i = 0; i < ARRAY_SIZE(all); i++) ck_assert(fake_read_pt(&r, &all[i]));
  for (size_t i = 0; i < 3; i++) {
    fake_begin_to(&v.f, GAIJIN_OP_APPLY, 42, &all[i], 3);
    pack_text(&v.f.p, "debug.setmetatable");
    fake_put_pt(&v.f, &all[i]);
    fake_put_pt(&v.f, &all[3]);
    vm_deliver(&v);
    ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
    r = fake_values(&v.f.m);
    ck_assert(reader_next(&r, &got) && reader_next(&r, &got));
    ck_assert_int_eq(memcmp(got.bytes, "gaijin: unsupported: debug.setmetatable: all ", 45), 0);
  }
  vm_do(&v, "assert(not debug.getmetatable(print) and not debug.getmetatable(light) and not debug.getmetatable(coroutine.create(function() end)))");
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_apply");
  TCase *c = tcase_create("apply");
  tcase_add_loop_test(c, at_home_they_are_as_in_stock_lua, 0, (int)ARRAY_SIZE(pieces));
  tcase_add_test(c, with_a_remote_value_they_are_one_request);
  tcase_add_test(c, the_function_named_works_on_the_target);
  tcase_add_test(c, and_on_nothing_else);
  tcase_add_test(c, not_on_the_functions_of_a_whole_type);
  tcase_add_test(c, not_on_the_metatable_of_a_whole_type);
  suite_add_tcase(s, c);
  return run_suite(s);
}
