/* SPDX-License-Identifier: MIT
 *
 * Places where objects of ours and ATs of others may be: what a twin's collector finds (lua/cycles/probe.c), and whether
 * its walk sees what it does not (edges.c).
 */
#include "lua/cycles/probe.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/cycle_asker.h"

/* ---- Where they may be ---- */

/* The global `a` is the AT, which the object u is to have; `hide` puts u where it is to be found, or not. */
static const struct place {
  const char *what, *make, *hide;
  unsigned live;
  bool waits; /* the hiding piece of Lua waits in its place */
} places[] = {
    {"nowhere", "u = {t = a} a = nil", "u = nil", 0, false},
    {"a global", "u = {t = a} a = nil", "keep = u u = nil", LIVE_THERE, false},
    {"a global of the AT", "u = {t = a}", "u = nil", LIVE_THERE, false},
    {"an upvalue", "u = {t = a} a = nil", "do local x = u f = function() return x end end u = nil", LIVE_THERE, false},
    {"the vararg of a suspended coroutine", "u = {t = a} a = nil",
     "co = coroutine.create(function(...) coroutine.yield() return ... end) coroutine.resume(co, u) u = nil", LIVE_THERE, false},
    {"the vararg of a coroutine that is garbage", "u = {t = a} a = nil",
     "do local co = coroutine.create(function(...) coroutine.yield() return ... end) coroutine.resume(co, u) end u = nil", 0, false},
    {"a comparator", "u = {t = a} a = nil",
     "local done table.sort({1, 2}, function(x, y) if not done then done = true local mine = u u = nil park() note(mine) end return x < y end)",
     LIVE_THERE, true},
    {"a parked fiber", "u = {t = a} a = nil", "local mine = u u = nil park() note(mine)", LIVE_THERE, true},
    {"the vararg of a parked fiber", "u = {t = a} a = nil", "local function f(...) u = nil park() note(...) end f(u)", LIVE_THERE, true},
    {"a label", "u = {t = a} a = nil", "bakaGaijin.kept = u u = nil", LIVE_THERE, false},
    {"a timer", "u = {t = a} a = nil", "gaijin.after(1000, (function(x) return function() return x end end)(u)) u = nil", LIVE_THERE, false},
    {"a future's function", "u = {t = a} a = nil", "fu = gaijin.async(function(x) gaijin.sleep(1000) return x end, u) u = nil", LIVE_THERE, false},
    {"a weak table", "u = {t = a} a = nil", "weak = setmetatable({u}, {__mode = 'v'}) u = nil", 0, false},
    {"a weak key", "u = {t = a} a = nil", "weak = setmetatable({[u] = 1}, {__mode = 'k'}) u = nil", 0, false},
    {"a finaliser that has not run", "u = {t = a} a = nil",
     "do local p, x = newproxy(true), u getmetatable(p).__gc = function() fin = x end end u = nil", 0, false},
    {"the environment of a function", "u = {t = a} a = nil", "f = setfenv(function() return t end, u) u = nil", LIVE_THERE, false},
    {"the metatable of strings", "u = {t = a} a = nil", "getmetatable('').hidden = u u = nil", LIVE_THERE, false},
    {"a userdata", "u = newproxy(true) getmetatable(u).t = a a = nil", "u = nil", 0, false},
    {"a userdata with a finaliser", "u = newproxy(true) getmetatable(u).t = a getmetatable(u).__gc = function() note('finalised') end a = nil", "u = nil", 0, false},
    {"a userdata in a global", "u = newproxy(true) getmetatable(u).t = a a = nil", "keep = u u = nil", LIVE_THERE, false},
    {"a function", "do local x = a u = function() return x end end a = nil", "u = nil", 0, false},
    {"a function in a global", "do local x = a u = function() return x end end a = nil", "keep = u u = nil", LIVE_THERE, false},
    {"a coroutine", "u = coroutine.create(function(x) coroutine.yield() return x end) coroutine.resume(u, a) a = nil", "u = nil", 0, false},
    {"a coroutine in a global", "u = coroutine.create(function(...) coroutine.yield() return ... end) coroutine.resume(u, a) a = nil", "keep = u u = nil",
     LIVE_THERE, false},
    {"compiled code, which calls what has it", "u = {t = a} a = nil function hot(f) local n = 0 for i = 1, 500 do n = n + (f() and 1 or 0) end return n end",
     "do local x = u hot(function() return x.t end) end u = nil", 0, false},
    {"hot code", "u = {t = a} a = nil", "for i = 1, 500 do local x = u.t n = (n or 0) + i end u = nil", 0, false},
};

static void check_place(const struct place *p, const struct gaijin_pt *pt) {
  open_vm();
  vm_give(&v, "a", pt);
  vm_do(&v, p->make);
  uint64_t id = export();
  if (p->waits) {
    vm_start(&v, p->hide);
    vm_run(&v);
  } else {
    vm_do(&v, p->hide);
  }
  uint64_t ran = v.w.lua_ran;
  unsigned live = asked(GAIJIN_CYCLE_CHECK, id, pt);
  ck_assert_msg(live == p->live, "%s: %u instead of %u", p->what, live, p->live);
  ck_assert_uint_eq(v.w.lua_ran, ran);
  ck_assert_uint_eq(told_edges, 0); /* in a scan only */
  ck_assert_msg(!strstr(v.log, "finalised"), "%s: a finaliser has run", p->what);
  /* The worker itself is as it was. */
  unsigned again = asked(GAIJIN_CYCLE_SCAN, id, pt);
  ck_assert_msg(again == p->live, "%s: %u the second time", p->what, again);
  /* What the collector marks for a finaliser counts as used, unless the walk sees whose it is. */
  bool is_seen = !p->live && strcmp(p->what, "a finaliser that has not run") != 0;
  ck_assert_msg(told_edges == is_seen, "%s: %u edges", p->what, told_edges);
  ck_assert_ptr_nonnull(gaijin_token_find(v.w.g, id));
  ck_assert_ptr_nonnull(gaijin_holding_find(v.w.g, pt));
  vm_close(&v);
}

START_TEST(the_collector_finds_what_is_used) { check_place(&places[_i], &A); }
END_TEST

/* The AT of a function is known by the token inside. */
START_TEST(the_collector_finds_functions_of_others) { check_place(&places[_i], &F); }
END_TEST

/* In whatever it was about to do: marking, sweeping what it has marked before, waiting. */
START_TEST(the_collector_may_be_anywhere) {
  open_vm();
  vm_give(&v, "a", &A);
  vm_do(&v, "u = {t = a} a = nil weak = setmetatable({u}, {__mode = 'v'}) keep = {}");
  uint64_t id = export();
  vm_do(&v, "u = nil collectgarbage() collectgarbage('stop')");
  for (unsigned i = 0; i < 50; i++) {
    vm_do(&v, "for i = 1, 50 do keep[i] = {i .. 'x'} end collectgarbage('step', 4)");
    vm_do(&v, i % 2 ? "used = weak[1]" : "used = nil");
    ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), i % 2 ? LIVE_THERE : 0);
  }
  vm_close(&v);
}
END_TEST

/* LuaJIT tells a script when its code is dropped: not in the twin, where no script runs. */
START_TEST(no_handler_runs_in_the_twin) {
  char path[] = "/tmp/gaijin-XXXXXX", text[256];
  if (!luajit_is_here()) return;
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  open_vm();
  vm_give(&v, "a", &A);
  vm_do(&v, "u = {t = a} a = nil");
  uint64_t id = export();
  snprintf(text, sizeof text, "jit.attach(function(what) if what == 'flush' then os.remove('%s') end end, 'trace') u = nil", path);
  vm_do(&v, text);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  ck_assert_int_eq(access(path, F_OK), 0);
  vm_close(&v);
  close(fd);
  unlink(path);
}
END_TEST

/* A function stays in weak tables, so it is received again as what was brought back: then it is no garbage, but may become some, with
 * an object here that only the other worker keeps. */
START_TEST(what_was_brought_back_may_be_garbage) {
  open_vm();
  vm_give(&v, "a", &F);
  vm_do(&v, "do local x, p = a, newproxy(true) getmetatable(p).__gc = function() back = x end end a = nil");
  vm_collect(&v);
  uint64_t call = vm_ask(&v, "back()", GAIJIN_OP_CALL);
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, call, 0);
  vm_deliver(&v);
  vm_do(&v, "u = {back}");
  uint64_t id = export();
  vm_do(&v, "u = nil");
  for (int phase = GAIJIN_CYCLE_SCAN; phase <= GAIJIN_CYCLE_CHECK; phase++) {
    ck_assert_uint_eq(asked((unsigned)phase, id, &F), LIVE_THERE);
    ck_assert_uint_eq(told_edges, 0);
  }
  vm_do(&v, "back = nil");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_SCAN, id, &F), 0);
  ck_assert_uint_eq(told_edges, 1);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &F), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  ck_assert_ptr_null(gaijin_token_find(v.w.g, id));
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_cycles_places");
  TCase *c = tcase_create("places");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, the_collector_finds_what_is_used, 0, (int)(sizeof places / sizeof *places));
  tcase_add_loop_test(c, the_collector_finds_functions_of_others, 0, (int)(sizeof places / sizeof *places));
  tcase_add_test(c, the_collector_may_be_anywhere);
  tcase_add_test(c, no_handler_runs_in_the_twin);
  tcase_add_test(c, what_was_brought_back_may_be_garbage);
  suite_add_tcase(s, c);
  return run_suite(s);
}
