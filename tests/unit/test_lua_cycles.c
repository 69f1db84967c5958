/* SPDX-License-Identifier: MIT
 *
 * A worker's part in a round about cycles (lua/cycles/): what is live at once, the halt, and what becomes of what is
 * condemned. The test is the broker.
 */
#define _GNU_SOURCE
#include "lua/cycles/rounds.h"

#include "lua/cycles/inquiry.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/loop.h"
#include "tests/unit/cycle_asker.h"

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

/* The same of an argument of a call to something else. */
START_TEST(an_argument_that_waits_is_live) {
  open_vm();
  vm_give(&v, "a", &A);
  vm_do(&v, "f = function() end u = f");
  struct gaijin_pt other = gaijin_token_pt(v.w.g, gaijin_token_find(v.w.g, export()));
  vm_do(&v, "u = {t = a} a = nil");
  uint64_t id = export();
  vm_do(&v, "u = nil");
  fake_begin_to(&v.f, GAIJIN_OP_CALL, 400, &other, 1);
  fake_put_pt(&v.f, &A);
  fake_deliver(&v.f);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), LIVE_THERE);
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

/* A userdata that was finalised once is in no weak table, whoever has it; the function around one still is. */
START_TEST(what_a_finaliser_brought_back_is_live) {
  const struct gaijin_pt *pt = _i ? &F : &A;
  open_vm();
  vm_give(&v, "a", pt);
  vm_do(&v, "u = {} do local x, p = a, newproxy(true) getmetatable(p).__gc = function() back = x end end a = nil");
  uint64_t id = export();
  vm_collect(&v);
  vm_start(&v, _i ? "note(back())" : "note(back.x)"); /* it is a user of the holding again */
  vm_run(&v);
  ck_assert_ptr_nonnull(gaijin_holding_find(v.w.g, pt));
  ck_assert_uint_eq(gaijin_holding_users(gaijin_holding_find(v.w.g, pt)), 1);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, pt) & LIVE_THERE, LIVE_THERE);
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

/* Not even one for which a collection is due. */
START_TEST(halted_no_sweep_collects) {
  uint64_t id = make_garbage();
  vm_do(&v, "do local p = newproxy(true) getmetatable(p).__gc = function() note('finalised') end end");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  for (unsigned i = 0; i < 2; i++) {
    v.w.sweeps = v.w.collector_waits;
    v.w.loop.hooks->sweep(&v.w);
    ck_assert_str_eq(v.log, i ? "finalised" : "");
    if (i == 0) resume();
  }
  vm_close(&v);
}
END_TEST

START_TEST(who_has_run_no_lua_since_answers_at_once) {
  uint64_t id = make_garbage();
  vm_give(&v, "used", &F);
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
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &F), LIVE_THERE); /* another list */
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

static void pause_reading(void *worker, uint64_t id) {
  (void)id;
  gaijin_pause(((struct worker *)worker)->g);
}

/* What was read with it and is not handled yet is handled in the next turn: the loop does not wait. */
START_TEST(halted_it_reads_on) {
  uint64_t id = make_garbage();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  ck_assert_int_eq(loop_watch(&v.w), 0);
  v.w.g->events.free = pause_reading;
  for (uint64_t n = 0; n < 2; n++) {
    fake_begin(&v.f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 500 + n, 0);
    fake_send(&v.f);
  }
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_RESUME, 0, 1);
  pack_uint(&v.f.p, ROUND);
  fake_send(&v.f);
  uv_run(&v.w.loop.uv, UV_RUN_NOWAIT); /* the first */
  ck_assert(gaijin_paused(v.w.g));
  uv_run(&v.w.loop.uv, UV_RUN_NOWAIT); /* the second */
  ck_assert(gaijin_paused(v.w.g) && v.w.halted);
  ck_assert_int_eq(uv_backend_timeout(&v.w.loop.uv), 0);
  uv_run(&v.w.loop.uv, UV_RUN_NOWAIT);
  ck_assert(!v.w.halted);
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
  while (!v.w.cycles->withdrawn) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
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

/* Whatever it has to do. */
START_TEST(all_that_waits_is_a_reason_to_withdraw) {
  uint64_t id = make_garbage();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  if (_i == 0) v.w.budget.n_waiting++;
  if (_i == 1) v.w.stop_waits = true;
  while (!v.w.cycles->withdrawn) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert_uint_eq(count_withdrawals(), 1);
  if (_i == 0) v.w.budget.n_waiting--;
  v.w.stop_waits = false;
  resume();
  vm_close(&v);
}
END_TEST

/* It lets others take so long as it has told the broker. */
START_TEST(who_has_something_to_do_waits_for_others) {
  uint64_t id = make_garbage();
  v.w.cycle_pause = 0.4;
  vm_start(&v, "park() note('ran')");
  vm_run(&v);
  double asked_at = clock_seconds();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  fiber_wake(v.parked[0]);
  while (!v.w.cycles->withdrawn) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert(clock_seconds() - asked_at >= 0.4);
  ck_assert_uint_eq(count_withdrawals(), 1);
  resume();
  vm_run(&v);
  ck_assert_str_eq(v.log, "ran");
  vm_close(&v);
}
END_TEST

START_TEST(a_broker_that_hangs_is_given_up) {
  uint64_t id = make_garbage();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  v.w.cycles->answered_at -= 9; /* as if it had been silent for most of the time */
  while (!*v.w.g->condemned) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert(v.w.halted); /* until the connection is gone */
  ck_assert_int_eq(gaijin_dispatch(v.w.g), GAIJIN_STATUS_LOST);
  connection_lost(&v.w);
  ck_assert(!v.w.halted);
  vm_close(&v);
}
END_TEST

/* Also by one that could not say what it uses. */
START_TEST(who_has_refused_is_patient_too) {
  uint64_t id = make_garbage();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  vm_do(&v, "local x = 1");
  v.w.cycles->n_inquiries += 100; /* it has too many */
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), REFUSED);
  v.w.cycles->n_inquiries -= 100;
  ck_assert(v.w.halted);
  ck_assert_ptr_nonnull(v.w.cycles->patience);
  resume();
  ck_assert_ptr_null(v.w.cycles->patience);
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

/* It is repeated until it comes to its end, and that is said once. */
START_TEST(a_collection_that_fails_is_repeated) {
  open_vm();
  vm_give(&v, "a", &A);
  vm_do(&v, "u = {t = a} a = nil weak = setmetatable({u, u.t}, {__mode = 'v'})");
  uint64_t id = export();
  vm_do(&v, "u = nil");
  vm_do(&v, "tries = 0 function collector() tries = tries + 1 if tries <= 3 then error('x', 0) end collectgarbage() end");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  lua_getglobal(v.w.L, "collector"); /* what stands for it here fails as often as in one and a half goes: it cannot even be noted that it begins */
  v.w.anchors.collector = luaL_ref(v.w.L, LUA_REGISTRYINDEX);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  ck_assert(v.w.cycles->has_to_drop && v.w.cycles->finishing);
  while (v.w.cycles->finishing) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert(!v.w.cycles->has_to_drop);
  vm_do(&v, "note(tostring(weak[1]), tostring(weak[2]))");
  ck_assert_str_eq(v.log, "nilnil");
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
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
  TCase *d = tcase_create("rounds");
  tcase_set_timeout(d, 60);
  tcase_add_test(d, what_waits_to_be_read_is_live);
  tcase_add_test(d, an_argument_that_waits_is_live);
  tcase_add_test(d, what_is_not_there_is_not_live);
  tcase_add_loop_test(d, what_a_finaliser_brought_back_is_live, 0, 2);
  tcase_add_test(d, nobody_is_asked_with_no_cycles);
  tcase_add_test(d, halted_no_lua_runs);
  tcase_add_test(d, halted_no_sweep_collects);
  tcase_add_test(d, who_has_run_no_lua_since_answers_at_once);
  tcase_add_test(d, what_was_fetched_since_the_check_is_live);
  tcase_add_test(d, only_the_round_that_halts_ends_it);
  tcase_add_test(d, halted_it_reads_on);
  tcase_add_test(d, who_has_something_to_do_withdraws_once_and_waits_on);
  tcase_add_loop_test(d, all_that_waits_is_a_reason_to_withdraw, 0, 2);
  tcase_add_test(d, who_has_something_to_do_waits_for_others);
  tcase_add_test(d, a_broker_that_hangs_is_given_up);
  tcase_add_test(d, who_has_refused_is_patient_too);
  tcase_add_test(d, a_signal_waits_for_the_decision);
  tcase_add_test(d, a_question_under_way_ends_with_the_next_one);
  tcase_add_test(d, what_is_condemned_goes_before_any_lua_runs);
  tcase_add_test(d, a_collection_that_fails_is_repeated);
  tcase_add_test(d, an_object_that_is_used_here_gets_a_new_token);
  suite_add_tcase(s, d);
  return run_suite(s);
}
