/* SPDX-License-Identifier: MIT
 *
 * What fibers that have ended leave for others (lua/fiber/reuse.c), and what makes a lua_State unfit for that.
 */
#define _GNU_SOURCE
#include "lua/fiber/reuse.h"

#include "lua/fiber/trace.h"
#include "lua/fiber/wait.h"
#include "tests/unit/vm.h"

static struct vm v;

static unsigned spare(void) { return v.w.sched.reuse.n_states; }

START_TEST(a_state_serves_the_next) {
  vm_open(&v);
  lua_State *first = vm_start(&v, "x = 1")->L;
  vm_run(&v);
  ck_assert_uint_eq(spare(), 1);
  ck_assert_ptr_eq(vm_start(&v, "park() note(x)")->L, first);
  vm_run(&v);
  ck_assert_uint_eq(spare(), 0);
  ck_assert_ptr_ne(vm_start(&v, "x = 2")->L, first); /* that one waits */
  vm_run(&v);
  fiber_wake(v.parked[0]);
  vm_run(&v);
  ck_assert_str_eq(v.log, "2");
  ck_assert_uint_eq(spare(), 2);
  vm_close(&v);
}
END_TEST

/* What a fiber does, whether its lua_State is kept, and whether any is from then on. */
static const struct {
  const char *code;
  bool kept, allowed;
} deeds[] = {
    {"local t = {} t[1] = t", true, true},
    {"setfenv(1, setmetatable({}, {__index = _G}))", true, true},
    {"setfenv(0, setmetatable({}, {__index = _G}))", false, true},
    {"local g = getfenv(0) setfenv(0, {}) setfenv(0, g)", true, true},
    {"debug.sethook(function() end, 'l')", false, true},
    {"debug.sethook(function() end, '', 1e6)", false, true},
    {"debug.sethook(function() end, 'l') debug.sethook()", true, true},
    {"error('text', 0)", true, true},
    {"error({})", true, true},
    {"coroutine.wrap(function() error('text', 0) end)()", true, true},
    {"coroutine.wrap(function() coroutine.yield(1) end)()", true, true},
    {"local function f(n) return n == 0 and 0 or 1 + f(n - 1) end f(15000)", false, true},
    {"local function f() return 1 + f() end f()", false, true},
    {"local s = ('x'):rep(1e6)", false, true}, /* which is taken for such */
    {"assert(coroutine.running() == nil)", true, true},
    {"for i = 1, 9 do local _, f = debug.getupvalue(coroutine.running, i) if type(f) == 'function' then f() end end", true, true},
    {"pcall(require, 'not there')", true, true},
    {"debug.getregistry()", false, false},
    {"for i = 1, 9 do local _, f = debug.getupvalue(debug.getregistry, i) assert(type(f) ~= 'function') end", true, true},
    {"package.loadlib('/not/there', 'f')", false, false},
};

START_TEST(what_a_fiber_may_leave) {
  vm_open(&v);
  v.expected_error = true;
  vm_do(&v, deeds[_i].code);
  ck_assert_msg(spare() == deeds[_i].kept, "%u are spare after: %s", spare(), deeds[_i].code);
  ck_assert_msg(v.w.sched.reuse.allowed == deeds[_i].allowed, "%s", deeds[_i].code);
  v.log[0] = '\0';
  v.expected_error = false;
  vm_do(&v, "note(getfenv(0) == _G, debug.gethook(), coroutine.running(), debug.traceback('', 2))");
  ck_assert_msg(strcmp(v.log, "truenilnil\nstack traceback:") == 0, "%s: %s", deeds[_i].code, v.log);
  ck_assert_uint_eq(spare(), deeds[_i].allowed);
  vm_close(&v);
}
END_TEST

START_TEST(none_is_used_again_once_they_have_been_shown) {
  vm_open(&v);
  vm_start(&v, "x = 1");
  vm_start(&v, "x = 2");
  vm_run(&v);
  ck_assert_uint_eq(spare(), 2);
  vm_do(&v, "debug.getregistry()"); /* on one of them, which shows both */
  lua_State *shown = v.w.sched.reuse.states[0].L;
  ck_assert_ptr_ne(vm_start(&v, "x = 3")->L, shown);
  vm_run(&v);
  ck_assert_uint_eq(spare(), 0);
  vm_do(&v, "kept = setmetatable({}, {__mode = 'k'}) for _, v in pairs(debug.getregistry()) do "
            "if type(v) == 'table' then for _, s in pairs(v) do if type(s) == 'thread' then kept[s] = true end end end end "
            "local n = 0 for _ in pairs(kept) do n = n + 1 end note(n)");
  ck_assert_str_eq(v.log, "1"); /* its own */
  ck_assert_uint_eq(spare(), 0);
  vm_close(&v);
}
END_TEST

/* As what finds C libraries does. */
START_TEST(a_c_library_ends_the_reuse) {
  vm_open(&v);
  vm_do(&v, "note 'x'");
  vm_do(&v, "loader = package.loaders[3]");
  ck_assert(v.w.sched.reuse.allowed);
  vm_do(&v, "assert(type(loader 'not there') == 'string')");
  ck_assert(v.w.sched.reuse.allowed);
  vm_do(&v, "package.cpath = (os.getenv 'BUILD' or 'build') .. '/tests/?.so' "
            "local loaded = package.loaders[3] 'system' assert(type(loaded) == 'function', loaded)");
  ck_assert(!v.w.sched.reuse.allowed);
  ck_assert_uint_eq(spare(), 0);
  vm_close(&v);
}
END_TEST

/* As with the functions of Lua's library themselves. */
START_TEST(what_shows_them_is_named_in_messages) {
  vm_open(&v);
  v.expected_error = true;
  vm_do(&v, "package.loadlib()");
  ck_assert_str_eq(v.log, "test:1: bad argument #1 to 'loadlib' (string expected, got no value)");
  v.log[0] = '\0';
  vm_do(&v, "local ok, text = xpcall(package.loadlib, function() return debug.traceback() end) "
            "local _, n = text:gsub('%[C%]', '') note(n)"); /* traceback's own is none */
  ck_assert_str_eq(v.log, "2");
  v.log[0] = '\0';
  vm_do(&v, "package.cpath = nil package.loaders[4] 'a.b'");
  ck_assert_str_eq(v.log, "test:1: 'package.cpath' must be a string");
  vm_close(&v);
}
END_TEST

/* Of a library that is not Lua's own they may be anything: they stay what they are, and nothing is used again. */
START_TEST(another_library_is_left_as_it_is) {
  vm_open(&v);
  ck_assert_int_eq(luaL_dostring(v.w.L, "loadlib = function() end package.loadlib = loadlib"), 0);
  showing_open(v.w.L, &v.w);
  ck_assert(!v.w.sched.reuse.allowed);
  ck_assert_int_eq(lua_gettop(v.w.L), 0);
  vm_do(&v, "assert(package.loadlib == loadlib)");
  vm_close(&v);
}
END_TEST

/* A finaliser may change what a new lua_State begins with. */
START_TEST(the_globals_of_the_worker_may_change) {
  vm_open(&v);
  vm_do(&v, "x = 1");
  ck_assert_int_eq(luaL_dostring(v.w.L, "setfenv(0, setmetatable({name = 'other'}, {__index = _G}))"), 0);
  vm_do(&v, "note(name)");
  ck_assert_str_eq(v.log, "other");
  vm_close(&v);
}
END_TEST

/* Nor does one that ends after the change vouch for those that were given back before. */
START_TEST(what_was_given_back_before_a_change_is_dropped) {
  vm_open(&v);
  vm_start(&v, "park()");
  vm_start(&v, "x = 1");
  vm_run(&v);
  ck_assert_uint_eq(spare(), 1);
  ck_assert_int_eq(luaL_dostring(v.w.L, "setfenv(0, setmetatable({name = 'other'}, {__index = _G}))"), 0);
  fiber_wake(v.parked[0]);
  vm_run(&v);
  vm_do(&v, "note(name)");
  ck_assert_str_eq(v.log, "other");
  vm_close(&v);
}
END_TEST

START_TEST(a_cancelled_fiber_leaves_its_state) {
  vm_open(&v);
  v.expected_error = true;
  struct fiber *f = vm_start(&v, "gaijin.sleep(1000)");
  vm_run(&v);
  fiber_cancel(f, "the test says so");
  vm_run(&v);
  ck_assert_ptr_nonnull(strstr(v.log, "gaijin: cancelled: "));
  ck_assert_uint_eq(spare(), 1);
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
  v.log[0] = '\0';
  vm_do(&v, "gaijin.yield() note 'not cancelled'");
  ck_assert_str_eq(v.log, "not cancelled");
  vm_close(&v);
}
END_TEST

START_TEST(so_many_are_kept_and_no_more) {
  vm_open(&v);
  for (int i = 0; i < 3 * REUSE_MOST; i++) vm_start(&v, "park()");
  vm_run(&v);
  for (unsigned i = 0; i < v.n_parked; i++) fiber_wake(v.parked[i]);
  vm_run(&v);
  ck_assert_uint_eq(spare(), REUSE_MOST);
  ck_assert_uint_le(v.w.sched.reuse.n_records, REUSE_MOST);
  reuse_drop(&v.w);
  ck_assert_uint_eq(spare() + v.w.sched.reuse.n_records, 0);
  vm_do(&v, "note 'x'");
  ck_assert_uint_eq(spare(), 1);
  vm_close(&v);
}
END_TEST

static unsigned remembered(void) {
  unsigned n = 0;
  lua_rawgeti(v.w.L, LUA_REGISTRYINDEX, v.w.anchors.traces);
  for (lua_pushnil(v.w.L); lua_next(v.w.L, -2); lua_pop(v.w.L, 1)) n++;
  lua_pop(v.w.L, 1);
  return n;
}

/* As new ones they would only be garbage after the collection that is to help. */
START_TEST(those_are_dropped_before_memory_is_sought) {
  vm_open(&v);
  vm_do(&v, "x = 1");
  instance_hooks.turn(&v.w);
  ck_assert_uint_eq(spare(), 1);
  ck_assert_int_eq(luaL_dostring(v.w.L, "return function() collectgarbage() end"), 0);
  v.w.heap.collector = luaL_ref(v.w.L, LUA_REGISTRYINDEX);
  v.w.heap.failed = true;
  instance_hooks.turn(&v.w);
  ck_assert_uint_eq(spare(), 0);
  vm_close(&v);
}
END_TEST

/* What the check of a hostile build would find. */
START_TEST(what_is_wrong_is_found) {
  struct reuse *r = &v.w.sched.reuse;
  vm_open(&v);
  struct fiber *f = vm_start(&v, "pcall(error, 'x') gaijin.traceback('x') park()");
  vm_start(&v, "x = 1");
  vm_start(&v, "x = 2");
  vm_run(&v);
  ck_assert_uint_eq(r->n_states, 2);
  ck_assert_ptr_null(reuse_check(&v.w));
  lua_pushnil(r->states[1].L);
  ck_assert_str_eq(reuse_check(&v.w), "a spare lua_State is not as new");
  lua_settop(r->states[1].L, 0);
  r->states[1].slot++;
  ck_assert_str_eq(reuse_check(&v.w), "a spare lua_State is not anchored at its slot");
  r->states[1].slot--;
  struct spare_state spared = r->states[1];
  r->states[1] = (struct spare_state){.L = f->L, .slot = f->thread_slot};
  ck_assert_ptr_nonnull(reuse_check(&v.w));
  r->states[1] = spared;
  r->n_records++;
  ck_assert_str_eq(reuse_check(&v.w), "spare records are not as many as are counted");
  r->n_records--;
  v.w.heap.most = 1;
  r->n_states = REUSE_MOST; /* more than with a limit; those behind are not looked at */
  ck_assert_str_eq(reuse_check(&v.w), "more lua_States are spare than are kept");
  r->n_states = 2;
  v.w.heap.most = 0;
  fiber_wake(f);
  vm_run(&v);
  vm_close(&v);
}
END_TEST

/* A text that is raised again later is known by its fiber only. */
START_TEST(an_error_of_another_fiber_is_not_remembered) {
  vm_open(&v);
  vm_start(&v, "local function inner() error('text', 0) end local f = gaijin.async(function() inner() end) pcall(f.get, f) "
               "assert(gaijin.traceback('text'):find 'inner') park()");
  vm_run(&v);
  ck_assert_uint_eq(remembered(), 1);
  ck_assert(v.parked[0]->is_traced && trace_is_kept(&v.w, v.parked[0]));
  fiber_wake(v.parked[0]);
  vm_run(&v);
  ck_assert_uint_eq(remembered(), 0);
  vm_do(&v, "assert(not gaijin.traceback('text'):find 'inner')");
  vm_close(&v);
}
END_TEST

/* Calls a function of ours that raises: the texts of the answer, of which one is the traceback. */
static const char *raised(uint64_t id, const struct gaijin_pt *target) {
  static char texts[2048];
  struct value x;
  fake_begin_to(&v.f, GAIJIN_OP_CALL, id, target, 0);
  vm_deliver(&v);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(v.f.m.id, id);
  struct reader r = fake_values(&v.f.m);
  texts[0] = '\0';
  while (reader_next(&r, &x))
    if (x.type == VALUE_STRING) strncat(texts, x.bytes, x.size);
  return texts;
}

/* They are on the same lua_State, as those of any two callers may be. */
START_TEST(a_request_knows_no_error_of_the_one_before) {
  static const struct gaijin_pt f = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};
  struct gaijin_pt first, second;
  vm_connect(&v);
  vm_give(&v, "f", &f);
  vm_do(&v, "local function marked() error('text', 0) end local function plain() error('text', 0) end "
            "gaijin.post(f, function() marked() end, function() plain() end)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &first) && fake_read_pt(&r, &second));
  ck_assert_ptr_nonnull(strstr(raised(10, &first), "marked"));
  ck_assert_uint_eq(spare(), 1);
  const char *texts = raised(11, &second);
  ck_assert_ptr_nonnull(strstr(texts, "plain"));
  ck_assert_msg(!strstr(texts, "marked"), "%s", texts);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_reuse");
  TCase *c = tcase_create("reuse");
  tcase_add_test(c, a_state_serves_the_next);
  tcase_add_loop_test(c, what_a_fiber_may_leave, 0, (int)ARRAY_SIZE(deeds));
  tcase_add_test(c, none_is_used_again_once_they_have_been_shown);
  tcase_add_test(c, a_c_library_ends_the_reuse);
  tcase_add_test(c, what_shows_them_is_named_in_messages);
  tcase_add_test(c, another_library_is_left_as_it_is);
  tcase_add_test(c, the_globals_of_the_worker_may_change);
  tcase_add_test(c, what_was_given_back_before_a_change_is_dropped);
  tcase_add_test(c, a_cancelled_fiber_leaves_its_state);
  tcase_add_test(c, so_many_are_kept_and_no_more);
  tcase_add_test(c, those_are_dropped_before_memory_is_sought);
  tcase_add_test(c, what_is_wrong_is_found);
  tcase_add_test(c, an_error_of_another_fiber_is_not_remembered);
  tcase_add_test(c, a_request_knows_no_error_of_the_one_before);
  suite_add_tcase(s, c);
  return run_suite(s);
}
