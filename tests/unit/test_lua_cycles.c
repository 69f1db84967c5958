/* SPDX-License-Identifier: MIT
 *
 * Which suspects a VM uses (lua/cycles/): places where objects of ours and ATs of others may be, the halt, and what becomes
 * of what is condemned. The test is the broker.
 */
#define _GNU_SOURCE
#include "lua/cycles/cycles.h"

#include "lua/cycles/inquiry.h"
#include "lua/cycles/state.h"
#include "lua/fiber/ending.h"
#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, F = {OTHER_HOST, 2, 12, GAIJIN_KIND_FUNCTION};
static uint64_t request_number;
enum { ROUND = 5 };

/* ---- The broker ---- */

/* The global u becomes known to others and is no label any more; its id. */
static uint64_t export(void) {
  struct gaijin_pt pt;
  vm_do(&v, "bakaGaijin.suspect = u");
  vm_ask_label(&v, ++request_number + 1000, "suspect");
  struct message *m = fake_next(&v.f);
  while (m->op != OP_s2t || m->kind != MESSAGE_REPLY) m = fake_next(&v.f);
  struct reader r = fake_values(m);
  ck_assert(fake_read_pt(&r, &pt));
  vm_do(&v, "bakaGaijin.suspect = nil");
  return pt.id;
}

static void begin_question(unsigned phase, const uint64_t *ids, uint32_t n) {
  fake_begin(&v.f, MESSAGE_REQUEST, GAIJIN_OP_CYCLE, ++request_number, 4);
  pack_uint(&v.f.p, ROUND);
  pack_uint(&v.f.p, phase);
  pack_array(&v.f.p, n);
  for (uint32_t i = 0; i < n; i++) pack_uint(&v.f.p, ids[i]);
}

/* Asks about one of ours and one of others. */
static void ask(unsigned phase, uint64_t id, const struct gaijin_pt *pt) {
  begin_question(phase, &id, 1);
  pack_array(&v.f.p, 1);
  fake_put_pt(&v.f, pt);
  fake_deliver(&v.f);
}

/* Lets the loop turn until the question is answered. */
static void await_answer(void) {
  while (v.w.cycles->is_asked) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert_int_eq(gaijin_flush(v.w.g, false), 0);
}

enum { LIVE_HERE = 1, LIVE_THERE = 2, REFUSED = 4 };

/* The bits of the next answer, of one of ours and one of others. */
static unsigned read_answer(void) {
  struct message *m = fake_next(&v.f);
  while (m->op != OP_cycle) m = fake_next(&v.f);
  ck_assert_uint_eq(m->id, request_number);
  if (m->kind == MESSAGE_ERROR) return REFUSED;
  uint64_t ms;
  const char *live, *edges;
  uint32_t n_live, n_edges;
  struct reader r = fake_values(m);
  ck_assert(reader_uint(&r, &ms) && reader_string(&r, &live, &n_live) && reader_string(&r, &edges, &n_edges));
  ck_assert_uint_eq(n_live, 1);
  return (unsigned char)*live;
}

static unsigned asked(unsigned phase, uint64_t id, const struct gaijin_pt *pt) {
  ask(phase, id, pt);
  await_answer();
  return read_answer();
}

static void decide(enum gaijin_op op, const uint64_t *ids, uint32_t n) {
  fake_begin(&v.f, MESSAGE_NOTICE, op, 0, n + 1);
  pack_uint(&v.f.p, ROUND);
  for (uint32_t i = 0; i < n; i++) pack_uint(&v.f.p, ids[i]);
  fake_deliver(&v.f);
}
static void resume(void) { decide(GAIJIN_OP_RESUME, NULL, 0); }

static void open_vm(void) {
  vm_connect(&v);
  request_number = 0;
}

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
  ck_assert_msg(!strstr(v.log, "finalised"), "%s: a finaliser has run", p->what);
  /* The worker itself is as it was. */
  unsigned again = asked(GAIJIN_CYCLE_SCAN, id, pt);
  ck_assert_msg(again == p->live, "%s: %u the second time", p->what, again);
  ck_assert_ptr_nonnull(gaijin_token_find(v.w.g, id));
  ck_assert_ptr_nonnull(gaijin_holding_find(v.w.g, pt));
  vm_close(&v);
}

START_TEST(the_collector_finds_what_is_used) { check_place(&places[_i], &A); }
END_TEST

/* The AT of a function is known by the token inside. */
START_TEST(the_collector_finds_functions_of_others) { check_place(&places[_i], &F); }
END_TEST

/* ---- Live at once ---- */

START_TEST(what_waits_to_be_read_is_live) {
  open_vm();
  vm_give(&v, "a", &A);
  vm_do(&v, "u = {t = a} a = nil");
  uint64_t id = export();
  vm_do(&v, "u = nil");
  struct gaijin_pt own = gaijin_token_pt(v.w.g, gaijin_token_find(v.w.g, id));
  fake_begin_to(&v.f, GAIJIN_OP_CALL, 400, &own, 1); /* a call of u with A: its fiber has not run */
  fake_put_pt(&v.f, &A);
  fake_deliver(&v.f);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), LIVE_HERE | LIVE_THERE);
  v.expected_error = true;
  vm_run(&v);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  vm_close(&v);
}
END_TEST

START_TEST(what_is_not_there_is_not_live) {
  open_vm();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, 77, &A), 0);
  vm_give(&v, "a", &A);
  vm_do(&v, "a = nil");
  vm_collect(&v); /* it waits in the queue of releases */
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, 77, &A), 0);
  vm_close(&v);
}
END_TEST

/* A userdata that was finalised once is in no weak table, whoever has it. */
START_TEST(what_a_finaliser_brought_back_is_live) {
  open_vm();
  vm_give(&v, "a", &A);
  vm_do(&v, "u = {} do local x, p = a, newproxy(true) getmetatable(p).__gc = function() back = x end end a = nil");
  uint64_t id = export();
  vm_collect(&v);
  vm_start(&v, "note(back.x)"); /* it is a user of the holding again */
  vm_run(&v);
  ck_assert_ptr_nonnull(gaijin_holding_find(v.w.g, &A));
  ck_assert_uint_eq(gaijin_holding_users(gaijin_holding_find(v.w.g, &A)), 1);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A) & LIVE_THERE, LIVE_THERE);
  vm_close(&v);
}
END_TEST

START_TEST(nobody_is_asked_with_no_cycles) {
  open_vm();
  v.w.no_cycles = true;
  ask(GAIJIN_CYCLE_HALT, 1, &A);
  ck_assert_int_eq(gaijin_flush(v.w.g, false), 0);
  ck_assert_uint_eq(read_answer(), REFUSED);
  ck_assert(!v.w.halted);
  vm_close(&v);
}
END_TEST

/* ---- The halt ---- */

/* A cycle that is garbage; the id of its object here. */
static uint64_t make_garbage(void) {
  open_vm();
  vm_give(&v, "a", &A);
  vm_do(&v, "u = {t = a} a = nil weak = setmetatable({u}, {__mode = 'v'})");
  uint64_t id = export();
  vm_do(&v, "u = nil");
  return id;
}

START_TEST(halted_no_lua_runs) {
  uint64_t id = make_garbage();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  ck_assert(v.w.halted);
  uint64_t ran = v.w.lua_ran;
  struct gaijin_pt own = gaijin_token_pt(v.w.g, gaijin_token_find(v.w.g, id));
  fake_begin_to(&v.f, GAIJIN_OP_LEN, 401, &own, 0); /* quick otherwise */
  fake_deliver(&v.f);
  fake_begin(&v.f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 402, 0);
  fake_deliver(&v.f);
  v.w.loop.hooks->sweep(&v.w);
  ck_assert_uint_eq(v.w.lua_ran, ran);
  ck_assert_int_eq(gaijin_flush(v.w.g, true), 0);
  ck_assert(fake_idle(&v.f));
  resume();
  ck_assert(!v.w.halted);
  vm_run(&v);
  while (v.w.budget.n_waiting) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert_int_eq(gaijin_flush(v.w.g, true), 0);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_LEN);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_FREE);
  vm_close(&v);
}
END_TEST

START_TEST(who_has_run_no_lua_since_answers_at_once) {
  uint64_t id = make_garbage();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  ask(GAIJIN_CYCLE_HALT, id, &A);
  ck_assert(!v.w.cycles->is_asked); /* answered already */
  await_answer();
  ck_assert_uint_eq(read_answer(), 0);
  resume();
  vm_do(&v, "local x = 1");
  ask(GAIJIN_CYCLE_HALT, id, &A);
  ck_assert(v.w.cycles->is_asked);
  await_answer();
  ck_assert_uint_eq(read_answer(), 0);
  resume();
  ask(GAIJIN_CYCLE_HALT, id, &F); /* another list */
  ck_assert(!v.w.cycles->is_asked);
  vm_close(&v);
}
END_TEST

/* Between check and halt a script takes the object out of a weak table. */
START_TEST(what_was_fetched_since_the_check_is_live) {
  uint64_t id = make_garbage();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  vm_do(&v, "keep = weak[1]");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), LIVE_THERE);
  vm_close(&v);
}
END_TEST

START_TEST(only_the_round_that_halts_ends_it) {
  uint64_t id = make_garbage();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_RESUME, 0, 1);
  pack_uint(&v.f.p, ROUND + 1);
  fake_deliver(&v.f);
  ck_assert(v.w.halted);
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_CONDEMN, 0, 2);
  pack_uint(&v.f.p, ROUND + 1);
  pack_uint(&v.f.p, id);
  fake_deliver(&v.f);
  ck_assert(v.w.halted);
  ck_assert_ptr_nonnull(gaijin_token_find(v.w.g, id));
  resume();
  ck_assert(!v.w.halted);
  decide(GAIJIN_OP_CONDEMN, &id, 1); /* too late */
  ck_assert_ptr_nonnull(gaijin_token_find(v.w.g, id));
  vm_close(&v);
}
END_TEST

static unsigned count_withdrawals(void) {
  unsigned n = 0;
  ck_assert_int_eq(gaijin_flush(v.w.g, false), 0);
  while (!fake_idle(&v.f)) n += fake_next(&v.f)->op == OP_withdraw;
  return n;
}

START_TEST(who_has_something_to_do_withdraws_once_and_waits_on) {
  uint64_t id = make_garbage();
  vm_start(&v, "park() note('ran')");
  vm_run(&v);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  double until = clock_seconds() + 0.2;
  while (clock_seconds() < until) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert_uint_eq(count_withdrawals(), 0);
  fiber_wake(v.parked[0]);
  for (until = clock_seconds() + 0.2; clock_seconds() < until;) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert_uint_eq(count_withdrawals(), 1);
  ck_assert(v.w.halted);
  ck_assert_str_eq(v.log, "");
  resume();
  vm_run(&v);
  ck_assert_str_eq(v.log, "ran");
  vm_close(&v);
}
END_TEST

START_TEST(a_broker_that_hangs_is_given_up) {
  uint64_t id = make_garbage();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  while (!*v.w.g->condemned) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert(v.w.halted); /* until the connection is gone */
  ck_assert_int_eq(gaijin_dispatch(v.w.g), GAIJIN_STATUS_LOST);
  connection_lost(&v.w);
  ck_assert(!v.w.halted);
  vm_close(&v);
}
END_TEST

START_TEST(a_signal_waits_for_the_decision) {
  uint64_t id = make_garbage();
  ck_assert_int_eq(ending_watch_signals(&v.w, false), 0);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  raise(SIGTERM);
  while (!v.w.stop_waits) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert(!v.w.stopping);
  ck_assert_uint_eq(count_withdrawals(), 1);
  resume();
  ck_assert(v.w.stopping && !v.w.stop_waits);
  vm_close(&v);
}
END_TEST

START_TEST(a_question_under_way_ends_with_the_next_one) {
  uint64_t id = make_garbage();
  ask(GAIJIN_CYCLE_SCAN, id, &A);
  ck_assert(v.w.cycles->is_asked && v.w.cycles->inquiry);
  ask(GAIJIN_CYCLE_CHECK, id, &A);
  ck_assert_uint_eq(v.w.cycles->n_inquiries, 1);
  await_answer();
  request_number--; /* the first one's, which says that all is live */
  ck_assert_uint_eq(read_answer(), LIVE_HERE | LIVE_THERE);
  request_number++;
  ck_assert_uint_eq(read_answer(), 0);
  ask(GAIJIN_CYCLE_SCAN, id, &A);
  vm_close(&v); /* and with the worker */
}
END_TEST

/* ---- What is condemned ---- */

START_TEST(what_is_condemned_goes_before_any_lua_runs) {
  uint64_t id = make_garbage();
  vm_do(&v, "fin = newproxy(true) getmetatable(fin).__gc = function() note(tostring(weak[1])) end fin = nil");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  ck_assert(!v.w.halted);
  ck_assert_str_eq(v.log, "nil"); /* a finaliser is the first to see the weak table */
  ck_assert_ptr_null(gaijin_token_find(v.w.g, id));
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1); /* of A */
  vm_do(&v, "note(tostring(weak[1]))");
  ck_assert_str_eq(v.log, "nilnil");
  ck_assert_int_eq(gaijin_flush(v.w.g, true), 0);
  while (fake_next(&v.f)->op != OP_unsub) continue;
  fake_drop(&v.f, id, 1);
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 0);
  vm_close(&v);
}
END_TEST

/* An object that is a label, say, stays; its token ends. */
START_TEST(an_object_that_is_used_here_gets_a_new_token) {
  open_vm();
  vm_do(&v, "u = {}");
  uint64_t id = export();
  fake_begin(&v.f, MESSAGE_REQUEST, GAIJIN_OP_CYCLE, ++request_number, 4);
  pack_uint(&v.f.p, ROUND);
  pack_uint(&v.f.p, GAIJIN_CYCLE_HALT);
  pack_array(&v.f.p, 1);
  pack_uint(&v.f.p, id);
  pack_array(&v.f.p, 0);
  fake_deliver(&v.f);
  ck_assert(!v.w.cycles->is_asked); /* no AT: the collector is not asked */
  await_answer();
  ck_assert_uint_eq(read_answer(), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  vm_do(&v, "note(type(u))");
  ck_assert_str_eq(v.log, "table");
  uint64_t second = export();
  ck_assert_uint_ne(second, id);
  fake_drop(&v.f, id, 1);
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  vm_do(&v, "note(type(u))");
  ck_assert_ptr_nonnull(gaijin_token_find(v.w.g, second));
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_cycles");
  TCase *c = tcase_create("places"), *d = tcase_create("rounds");
  tcase_set_timeout(c, 60);
  tcase_set_timeout(d, 60);
  tcase_add_loop_test(c, the_collector_finds_what_is_used, 0, (int)(sizeof places / sizeof *places));
  tcase_add_loop_test(c, the_collector_finds_functions_of_others, 0, (int)(sizeof places / sizeof *places));
  tcase_add_test(d, what_waits_to_be_read_is_live);
  tcase_add_test(d, what_is_not_there_is_not_live);
  tcase_add_test(d, what_a_finaliser_brought_back_is_live);
  tcase_add_test(d, nobody_is_asked_with_no_cycles);
  tcase_add_test(d, halted_no_lua_runs);
  tcase_add_test(d, who_has_run_no_lua_since_answers_at_once);
  tcase_add_test(d, what_was_fetched_since_the_check_is_live);
  tcase_add_test(d, only_the_round_that_halts_ends_it);
  tcase_add_test(d, who_has_something_to_do_withdraws_once_and_waits_on);
  tcase_add_test(d, a_broker_that_hangs_is_given_up);
  tcase_add_test(d, a_signal_waits_for_the_decision);
  tcase_add_test(d, a_question_under_way_ends_with_the_next_one);
  tcase_add_test(d, what_is_condemned_goes_before_any_lua_runs);
  tcase_add_test(d, an_object_that_is_used_here_gets_a_new_token);
  suite_add_tcase(s, c);
  suite_add_tcase(s, d);
  return run_suite(s);
}
