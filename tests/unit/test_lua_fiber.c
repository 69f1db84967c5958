/* SPDX-License-Identifier: MIT
 *
 * Fibers (lua/fiber/fiber.c): the ready queue, waiting anywhere in Lua, and their end.
 */
#define _GNU_SOURCE
#include "lua/fiber/fiber.h"
#include "lua/fiber/wait.h"

#include "tests/unit/vm.h"

static struct vm v;

static void wake(unsigned i) { fiber_wake(v.parked[i]); }

/* ---- The ready queue ---- */

START_TEST(first_in_first_out) {
  vm_open(&v);
  vm_start(&v, "note 'a' park() note 'd'");
  vm_start(&v, "note 'b' park() note 'e'");
  vm_start(&v, "note 'c' park() note 'f'");
  vm_run(&v);
  ck_assert_str_eq(v.log, "abc");
  wake(2);
  wake(0);
  wake(1);
  vm_run(&v);
  ck_assert_str_eq(v.log, "abcfde");
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
  vm_close(&v);
}
END_TEST

START_TEST(woken_twice_it_runs_once) {
  vm_open(&v);
  vm_start(&v, "note 'a' park() note 'b' park() note 'c'");
  vm_run(&v);
  wake(0);
  wake(0);
  vm_run(&v);
  ck_assert_str_eq(v.log, "ab");
  ck_assert_uint_eq(v.running, 1);
  wake(1);
  vm_run(&v);
  ck_assert_str_eq(v.log, "abc");
  vm_close(&v);
}
END_TEST

START_TEST(only_what_was_ready_runs) {
  vm_open(&v);
  ck_assert(!fiber_run_ready(&v.w));
  vm_start(&v, "note 'a' gaijin.spawn(function() note 'c' gaijin.spawn(note, 'd') end)");
  vm_start(&v, "note 'b'");
  ck_assert(fiber_run_ready(&v.w));
  ck_assert_str_eq(v.log, "ab");
  ck_assert(fiber_run_ready(&v.w));
  ck_assert_str_eq(v.log, "abc");
  ck_assert(!fiber_run_ready(&v.w));
  ck_assert_str_eq(v.log, "abcd");
  vm_close(&v);
}
END_TEST

/* The last of those that were ready wakes itself and others by way of the test's wake(). */
static int wake_all(lua_State *L) {
  (void)L;
  for (unsigned i = 0; i < v.n_parked; i++) wake(i);
  return 0;
}

START_TEST(a_fiber_that_wakes_itself_lets_others_run) {
  vm_open(&v);
  lua_register(v.w.L, "wake_all", wake_all);
  vm_start(&v, "park() note 'b'");
  vm_run(&v);
  vm_start(&v, "local function again(n) if n > 0 then gaijin.spawn(function() note(n) again(n - 1) end) end end again(3) wake_all()");
  while (fiber_run_ready(&v.w)) vm_note(&v, "|");
  ck_assert_str_eq(v.log, "|3b|2|1");
  vm_close(&v);
}
END_TEST

/* ---- Waiting anywhere ---- */

/* Two fibers run the same code in turns; it must note its argument before and after each park. */
static void in_turns(const char *code) {
  vm_open(&v);
  char both[2][600];
  for (int i = 0; i < 2; i++) {
    snprintf(both[i], sizeof both[i], "local function p(x) note(x) park() note(x) return x end local me = '%c' %s note '.'", "ab"[i], code);
    vm_start(&v, both[i]);
  }
  for (unsigned n = 0; v.running; n++) {
    vm_run(&v);
    ck_assert_msg(!v.running || v.n_parked > n, "it does not park: %s", code);
    if (v.running) wake(n);
    if (n % 3 == 0) vm_collect(&v);
  }
  ck_assert_uint_ge(v.n_parked, 2);
  size_t a = 0, b = 0, dots = 0;
  for (const char *c = v.log; *c; c++) a += *c == 'a', b += *c == 'b', dots += *c == '.';
  ck_assert_msg(a == b && a >= 2 && dots == 2, "%s: %s", code, v.log);
  ck_assert_msg(v.log[0] == 'a' && v.log[1] == 'b', "%s: %s", code, v.log);
  vm_close(&v);
}

static const char *const places[] = {
    "p(me)",
    "assert(pcall(p, me) == true)",
    "local ok, e = pcall(function() p(me) error('x', 0) end) assert(not ok and e == 'x')",
    "local ok, e = xpcall(function() error(me) end, function(m) p(me) return 'handled' end) assert(e == 'handled')",
    "local t = setmetatable({}, {__index = function(_, k) return p(k) end}) assert(t[me] == me)",
    "local t = setmetatable({}, {__newindex = function(_, k) p(k) end}) t[me] = 1",
    "local t = setmetatable({}, {__add = function() return p(me) end}) assert(t + 1 == me)",
    "local t = setmetatable({}, {__concat = function() return p(me) end}) assert(t .. 'x' == me and 1 .. t == me)",
    "local m = {__eq = function() p(me) return true end} assert(setmetatable({}, m) == setmetatable({}, m))",
    "local m = {__lt = function() p(me) return true end} assert(setmetatable({}, m) < setmetatable({}, m))",
    "local t = setmetatable({}, {__call = function(_, x) return p(x) end}) assert(t(me) == me)",
    "local t = setmetatable({}, {__tostring = function() return p(me) end}) assert(tostring(t) == me)",
    "assert(('xyz'):gsub('.', function() return p(me) end) == me .. me .. me)",
    "local t = {3, 1, 2} table.sort(t, function(a, b) p(me) return a < b end) assert(t[1] == 1 and t[3] == 3)",
    "for x in function(_, i) if not i then return p(me) end end do assert(x == me) end",
    "local n = 0 local f = load(function() n = n + 1 p(me) return n == 1 and 'return 7' or nil end) assert(f() == 7)",
    "local c = coroutine.wrap(function() p(me) coroutine.yield(1) p(me) return 2 end) assert(c() == 1 and c() == 2)",
    ("local c = coroutine.create(function() pcall(function() p(me) error 'x' end) return 5 end) "
     "assert(select(2, coroutine.resume(c)) == 5 and coroutine.status(c) == 'dead')"),
    "local c = coroutine.wrap(function() for i = 1, 2 do coroutine.wrap(function() p(me) end)() coroutine.yield(i) end end) c() c()",
    "local u = newproxy(true) getmetatable(u).__gc = function() p(me) end u = nil collectgarbage()",
};

START_TEST(it_can_wait_anywhere) {
  in_turns(places[_i]);
}
END_TEST

START_TEST(a_bare_fiber_is_no_coroutine) {
  vm_open(&v);
  vm_do(&v, "note(coroutine.running()) coroutine.wrap(function() note(type(coroutine.running())) end)() note(pcall(coroutine.yield))");
  ck_assert_str_eq(v.log, "nilthreadfalseattempt to yield across metamethod/C-call boundary");
  vm_close(&v);
}
END_TEST

START_TEST(an_error_passes_those_that_wait_by) {
  vm_open(&v);
  vm_start(&v, "note(pcall(function() park() error('mine', 0) end))");
  vm_start(&v, "note(pcall(function() park() return 'fine' end))");
  vm_run(&v);
  v.expected_error = true;
  vm_do(&v, "error('nobody catches this', 0)");
  vm_do(&v, "for i = 1, 100 do pcall(error, i) end");
  wake(1);
  wake(0);
  vm_run(&v);
  ck_assert_str_eq(v.log, "nobody catches thistruefinefalsemine");
  vm_close(&v);
}
END_TEST

/* ---- The end ---- */

START_TEST(what_it_leaves_behind_is_dropped) {
  vm_open(&v);
  vm_do(&v, "weak = setmetatable({}, {__mode = 'v'})");
  for (int i = 0; i < 100; i++) vm_do(&v, "weak[#weak + 1] = {} local t = {} weak[#weak + 1] = t");
  vm_collect(&v);
  vm_do(&v, "note(next(weak))");
  ck_assert_str_eq(v.log, "nil");
  lua_rawgeti(v.w.L, LUA_REGISTRYINDEX, v.w.anchors.threads);
  ck_assert_uint_le(lua_objlen(v.w.L, -1), 2); /* the slot is used again and again */
  ck_assert_ptr_null(v.w.sched.all);
  vm_close(&v);
}
END_TEST

START_TEST(it_is_not_collected_while_it_waits) {
  vm_open(&v);
  for (int i = 0; i < 50; i++) vm_start(&v, "local t = {{'x'}} local s = ('y'):rep(1000) park() assert(t[1][1] == 'x' and #s == 1000) note 'z'");
  vm_run(&v);
  for (unsigned i = 0; i < 50; i++) {
    vm_collect(&v);
    wake((i * 7) % 50);
    vm_run(&v);
  }
  ck_assert_uint_eq(strlen(v.log), 50);
  vm_close(&v);
}
END_TEST

START_TEST(the_vm_closes_with_300_parked) {
  vm_open(&v);
  lua_register(v.w.L, "wake_all", wake_all);
  vm_do(&v, "keep = {} function finalised(f) local u = newproxy(true) getmetatable(u).__gc = f return u end");
  for (int i = 0; i < 300; i++) vm_start(&v, "local u = finalised(function() end) pcall(function() coroutine.wrap(function() park() end)() end) note(u)");
  vm_do(&v, "local n = 0 for i = 1, 10 do keep[i] = finalised(function() n = n + 1 if n == 10 then note 'closed' end end) end");
  vm_run(&v);
  ck_assert_uint_eq(v.w.sched.n_fibers, 300);
  vm_close(&v);
  ck_assert_str_eq(v.log, "closed");
}
END_TEST

START_TEST(those_that_never_ran_are_discarded_too) {
  vm_open(&v);
  for (int i = 0; i < 10; i++) vm_start(&v, "note 'never'");
  ck_assert_ptr_null(v.w.sched.stacks.all); /* a stack comes with the first turn */
  vm_close(&v);
  ck_assert_str_eq(v.log, "");
}
END_TEST

/* ---- Refusals ---- */

/* Refused twice in a row, the second time sleeps: no busy loop. What has really waited begins anew. */
static int refused_and_waits(lua_State *L) {
  struct worker *w = worker_of(L);
  struct fiber *f = w->sched.current;
  wait_refuse(L, w);
  ck_assert_uint_eq(f->refused, 1);
  v.parked[v.n_parked++] = f;
  ck_assert_int_eq(wait_park(L, w, 0), WAIT_WOKEN);
  ck_assert_uint_eq(f->refused, 0);
  wait_refuse(L, w); /* so this one only takes a turn */
  vm_note(&v, "end");
  return 0;
}

START_TEST(a_real_wait_ends_a_row_of_refusals) {
  vm_open(&v);
  vm_start_c(&v, refused_and_waits);
  vm_run(&v);
  ck_assert_uint_eq(v.n_parked, 1);
  wake(0);
  vm_run(&v);
  ck_assert_str_eq(v.log, "end");
  vm_close(&v);
}
END_TEST

/* ---- Looking one up ---- */

START_TEST(each_is_found_by_its_number_while_it_lasts) {
  enum { N = 3 * FIBER_BUCKETS };
  static struct fiber *fibers[N];
  vm_open(&v);
  uint64_t first = v.w.sched.last_number + 1;
  for (unsigned i = 0; i < N; i++) fibers[i] = vm_start(&v, i / 7 % 3 == 1 ? "" : "gaijin.sleep(1e6)");
  for (unsigned i = 0; i < N; i++) ck_assert_ptr_eq(fiber_numbered(&v.w, first + i), fibers[i]);
  ck_assert_ptr_null(fiber_numbered(&v.w, first + N));
  ck_assert_ptr_null(fiber_numbered(&v.w, 0));
  vm_run(&v);
  for (unsigned i = 0; i < N; i++) ck_assert_ptr_eq(fiber_numbered(&v.w, first + i), i / 7 % 3 == 1 ? NULL : fibers[i]);
  vm_close(&v);
}
END_TEST

/* ---- What they own of the connection ---- */

static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, B = {OTHER_HOST, 2, 12, GAIJIN_KIND_FUNCTION};

START_TEST(discarded_they_cancel_what_they_wait_for) {
  vm_connect(&v);
  uint64_t id = vm_ask(&v, "note(bakaGaijin('bank').x)", GAIJIN_OP_S2T);
  fiber_discard_all(&v.w);
  gaijin_flush(v.w.g, false);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CANCEL);
  struct reader r = fake_values(&v.f.m);
  uint64_t cancelled;
  ck_assert(reader_uint(&r, &cancelled));
  ck_assert_uint_eq(cancelled, id);
  /* The answer that was on its way comes for nobody, and is given back. */
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_S2T, id, 1);
  fake_put_pt(&v.f, &A);
  fake_deliver(&v.f);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  vm_close(&v);
}
END_TEST

START_TEST(discarded_they_give_answers_back) {
  vm_connect(&v);
  uint64_t id = vm_ask(&v, "note(bakaGaijin('bank').x)", GAIJIN_OP_S2T);
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_S2T, id, 2);
  fake_put_pt(&v.f, &A);
  fake_put_pt(&v.f, &B);
  fake_deliver(&v.f); /* arrived, not yet decoded */
  ck_assert_uint_eq(gaijin_holding_count(v.w.g), 2);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  fiber_discard_all(&v.w);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 2);
  vm_close(&v);
}
END_TEST

START_TEST(discarded_they_give_requests_back) {
  vm_connect(&v);
  vm_start(&v, "bakaGaijin('bank').f(function() end)");
  vm_run(&v);
  fake_next(&v.f);
  uint64_t id = v.f.m.id;
  struct gaijin_pt f = {OTHER_HOST, 9, 99, GAIJIN_KIND_FUNCTION};
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_S2T, id, 1);
  fake_put_pt(&v.f, &f);
  vm_deliver(&v);
  struct reader r = fake_values(fake_next(&v.f));
  struct gaijin_pt ours;
  ck_assert_int_eq(v.f.m.op, GAIJIN_OP_CALL);
  ck_assert(fake_read_pt(&r, &ours));
  /* A request for our function that is not decoded yet: its values wait, its target is pinned. */
  fake_begin_to(&v.f, GAIJIN_OP_CALL, 7, &ours, 1);
  fake_put_pt(&v.f, &A);
  fake_deliver(&v.f);
  ck_assert_uint_eq(v.w.sched.n_serving, 1);
  fake_drop(&v.f, ours.id, 1);
  ck_assert_int_eq(gaijin_dispatch(v.f.g), 0);
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 1);
  fiber_discard_all(&v.w);
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 0);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1); /* A; the function f has an AT */
  vm_close(&v);
}
END_TEST

static int litter(lua_State *L) {
  lua_getglobal(L, "litter");
  lua_call(L, 0, 0);
  return 0;
}

static void nothing(struct worker *w, struct fiber *f) {
  (void)w;
  (void)f;
}

/* Lua runs finalisers after calls too, so making a fiber may raise when its lua_State is there already. */
START_TEST(a_finaliser_that_raises_leaves_no_state_behind) {
  vm_open(&v);
  v.w.sched.reuse.allowed = false;
  vm_do(&v, "function litter() local p = newproxy(true) getmetatable(p).__gc = function() error 'finaliser' end end");
  for (int i = 0; i < 3000; i++) {
    lua_cpcall(v.w.L, litter, NULL);
    lua_settop(v.w.L, 0);
    struct fiber *f = fiber_new(&v.w, nothing);
    ck_assert_ptr_nonnull(f);
    fiber_wake(f);
    fiber_run_ready(&v.w);
  }
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
  unsigned states = 0;
  lua_rawgeti(v.w.L, LUA_REGISTRYINDEX, v.w.anchors.threads);
  for (lua_pushnil(v.w.L); lua_next(v.w.L, -2); lua_pop(v.w.L, 1)) states += lua_isthread(v.w.L, -1);
  ck_assert_uint_eq(states, 0);
  lua_settop(v.w.L, 0);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_fiber");
  TCase *c = tcase_create("fiber");
  tcase_add_test(c, first_in_first_out);
  tcase_add_test(c, woken_twice_it_runs_once);
  tcase_add_test(c, only_what_was_ready_runs);
  tcase_add_test(c, a_fiber_that_wakes_itself_lets_others_run);
  tcase_add_loop_test(c, it_can_wait_anywhere, 0, (int)ARRAY_SIZE(places));
  tcase_add_test(c, a_bare_fiber_is_no_coroutine);
  tcase_add_test(c, an_error_passes_those_that_wait_by);
  tcase_add_test(c, what_it_leaves_behind_is_dropped);
  tcase_add_test(c, it_is_not_collected_while_it_waits);
  tcase_add_test(c, the_vm_closes_with_300_parked);
  tcase_add_test(c, those_that_never_ran_are_discarded_too);
  tcase_add_test(c, a_real_wait_ends_a_row_of_refusals);
  tcase_add_test(c, each_is_found_by_its_number_while_it_lasts);
  tcase_add_test(c, discarded_they_cancel_what_they_wait_for);
  tcase_add_test(c, discarded_they_give_answers_back);
  tcase_add_test(c, discarded_they_give_requests_back);
  tcase_add_test(c, a_finaliser_that_raises_leaves_no_state_behind);
  suite_add_tcase(s, c);
  return run_suite(s);
}
