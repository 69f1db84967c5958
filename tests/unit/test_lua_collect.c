/* SPDX-License-Identifier: MIT
 *
 * Collections for others (lua/serve/collect.c): the budget for `free` and the safety net. The budget's state is set by the
 * test, so nothing depends on how long a collection takes.
 */
#define _GNU_SOURCE
#include "lua/serve/collect.h"

#include "lua/fiber/timer.h"

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE};

/* An AT that is garbage, but not yet collected. */
static void make_garbage(void) {
  vm_give(&v, "a", &A);
  vm_do(&v, "a = nil");
}

static void ask_free(uint64_t id) {
  fake_begin(&v.f, MESSAGE_REQUEST, GAIJIN_OP_FREE, id, 0);
  fake_deliver(&v.f);
}

/* So many seconds may be spent at this moment. */
static void set_budget(double seconds) {
  v.w.budget.seconds = seconds;
  v.w.budget.updated = clock_seconds();
}

/* The next message answers `id`, and tells of a budget of at most `most` ms and so many collections put off. */
static void expect_told(uint64_t id, uint64_t most, uint64_t put_off) {
  uint64_t budget, told;
  struct message *m = fake_next(&v.f);
  struct reader r = fake_values(m);
  ck_assert_int_eq(m->op, GAIJIN_OP_FREE);
  ck_assert_int_eq(m->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(m->id, id);
  ck_assert(reader_uint(&r, &budget) && reader_uint(&r, &told));
  ck_assert_uint_le(budget, most);
  ck_assert_uint_eq(told, put_off);
}

static void expect_answer(uint64_t id) {
  struct message *m = fake_next(&v.f);
  ck_assert_int_eq(m->op, GAIJIN_OP_FREE);
  ck_assert_int_eq(m->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(m->id, id);
}

static void flush(void) { ck_assert_int_eq(gaijin_flush(v.w.g, false), 0); }

static void note_due(uv_handle_t *handle, void *user) {
  if (handle->type == UV_TIMER && uv_is_active(handle)) *(uint64_t *)user = uv_timer_get_due_in((uv_timer_t *)handle);
}

static uint64_t due(void) {
  uint64_t ms = UINT64_MAX;
  uv_walk(&v.w.loop.uv, note_due, &ms);
  return ms;
}

START_TEST(within_the_budget_free_is_answered_at_once) {
  vm_connect(&v);
  make_garbage();
  ask_free(7);
  ck_assert_uint_eq(v.w.budget.n_waiting, 0);
  ck_assert_ptr_null(v.w.budget.timer);
  flush();
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_UNSUB); /* the release first */
  expect_told(7, 100, 0);
  vm_close(&v);
}
END_TEST

START_TEST(what_one_collection_finalises_may_keep_others_alive) {
  vm_connect(&v);
  vm_give(&v, "a", &A);
  vm_do(&v, "local a = a _G.a = nil local u = newproxy(true) getmetatable(u).__gc = function() return a end"); /* resurrects a for a while */
  ask_free(7);
  flush();
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_UNSUB);
  expect_answer(7);
  vm_close(&v);
}
END_TEST

START_TEST(time_spent_is_taken_off) {
  vm_connect(&v);
  vm_do(&v, "keep = {} for i = 1, 20000 do keep[i] = {} end"); /* so that a collection takes a while */
  ask_free(1);
  ck_assert_double_lt(v.w.budget.seconds, 0.100);
  vm_close(&v);
}
END_TEST

START_TEST(without_budget_it_is_put_off_and_all_are_answered_together) {
  vm_connect(&v);
  make_garbage();
  set_budget(-0.02);
  ask_free(7);
  ask_free(8);
  ask_free(9);
  ck_assert_uint_eq(v.w.budget.n_waiting, 3);
  ck_assert_ptr_nonnull(v.w.budget.timer);
  ck_assert_uint_le(due(), 210); /* a tenth of wall time: 20 ms need 200 */
  flush();
  ck_assert(fake_idle(&v.f));
  uv_run(&v.w.loop.uv, UV_RUN_DEFAULT); /* until the timer has fired */
  ck_assert_uint_eq(v.w.budget.n_waiting, 0);
  ck_assert_ptr_null(v.w.budget.timer);
  flush();
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_UNSUB);
  expect_told(7, 100, 1); /* one collection for the three of them */
  expect_told(8, 100, 1);
  expect_told(9, 100, 1);
  ck_assert(fake_idle(&v.f));
  /* And it begins anew. */
  set_budget(0.05);
  ask_free(10);
  flush();
  expect_told(10, 50, 1);
  vm_close(&v);
}
END_TEST

START_TEST(it_is_put_off_a_second_at_most) {
  vm_connect(&v);
  set_budget(-50);
  ask_free(7);
  ck_assert_uint_eq(v.w.budget.n_waiting, 1);
  ck_assert_uint_le(due(), 1010);
  vm_close(&v);
}
END_TEST

START_TEST(the_budget_grows_by_a_tenth_of_wall_time_to_100_ms) {
  vm_connect(&v);
  v.w.budget.seconds = -0.5;
  v.w.budget.updated = clock_seconds() - 4; /* 0.4 s later: -0.1 */
  ask_free(7);
  ck_assert_uint_eq(v.w.budget.n_waiting, 1);
  ck_assert_double_gt(v.w.budget.seconds, -0.11);
  ck_assert_double_lt(v.w.budget.seconds, -0.05);
  v.w.budget.seconds = -0.5;
  v.w.budget.updated = clock_seconds() - 1000;
  timer_stop(v.w.budget.timer);
  v.w.budget.timer = NULL;
  ask_free(8);
  flush();
  expect_answer(7);
  expect_answer(8);
  ck_assert_double_le(v.w.budget.seconds, 0.1);
  ck_assert_double_gt(v.w.budget.seconds, -1); /* it was full, and one collection is gone */
  vm_close(&v);
}
END_TEST

START_TEST(a_finaliser_that_raises_does_not_stop_it) {
  vm_connect(&v);
  make_garbage();
  vm_do(&v, "for i = 1, 3 do local u = newproxy(true) getmetatable(u).__gc = function() error('on purpose ' .. i) end end");
  FILE *null = freopen("/dev/null", "w", stderr);
  ck_assert_ptr_nonnull(null);
  ask_free(7);
  flush();
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_UNSUB);
  expect_answer(7);
  vm_close(&v);
}
END_TEST

/* ---- The safety net ---- */

START_TEST(each_nth_sweep_collects) {
  vm_connect(&v);
  v.w.collector_waits = 3;
  vm_do(&v, "collectgarbage 'stop'");
  for (int round = 0; round < 3; round++) {
    make_garbage();
    for (int i = 0; i < 2; i++) {
      collect_sweep(&v.w);
      ck_assert(fake_idle(&v.f));
      ck_assert_uint_eq(gaijin_holding_count(v.w.g), 1);
    }
    collect_sweep(&v.w);
    ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_UNSUB);
  }
  vm_close(&v);
}
END_TEST

START_TEST(releases_leave_with_each_sweep) {
  vm_connect(&v);
  make_garbage();
  vm_collect(&v);
  flush();
  ck_assert(fake_idle(&v.f));
  collect_sweep(&v.w);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_UNSUB);
  vm_close(&v);
}
END_TEST

START_TEST(the_loop_sweeps_each_atc_time) {
  vm_connect(&v);
  v.w.atc_time = 0.001;
  v.w.collector_waits = 2;
  ck_assert_int_eq(loop_watch(&v.w), 0);
  vm_do(&v, "collectgarbage 'stop' "
            "function again(n) local u = newproxy(true) getmetatable(u).__gc = function() note(n) if n == 3 then gaijin.stop() else again(n + 1) end end end again(1)");
  loop_run(&v.w); /* ends only if the third collection comes */
  ck_assert_str_eq(v.log, "123");
  vm_close(&v);
}
END_TEST

/* What only a finaliser lets go of goes with the second collection. */
START_TEST(what_finalisers_let_go_of_goes_too) {
  vm_connect(&v);
  vm_give(&v, "a", &A);
  vm_do(&v, "getmetatable(newproxy(true)).__gc = function() a = nil note 'finalised' end");
  vm_collect(&v);
  ck_assert_str_eq(v.log, "finalised");
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_collect");
  TCase *c = tcase_create("collect");
  tcase_add_test(c, within_the_budget_free_is_answered_at_once);
  tcase_add_test(c, what_one_collection_finalises_may_keep_others_alive);
  tcase_add_test(c, time_spent_is_taken_off);
  tcase_add_test(c, without_budget_it_is_put_off_and_all_are_answered_together);
  tcase_add_test(c, it_is_put_off_a_second_at_most);
  tcase_add_test(c, the_budget_grows_by_a_tenth_of_wall_time_to_100_ms);
  tcase_add_test(c, a_finaliser_that_raises_does_not_stop_it);
  tcase_add_test(c, each_nth_sweep_collects);
  tcase_add_test(c, releases_leave_with_each_sweep);
  tcase_add_test(c, the_loop_sweeps_each_atc_time);
  tcase_add_test(c, what_finalisers_let_go_of_goes_too);
  suite_add_tcase(s, c);
  return run_suite(s);
}
