/* SPDX-License-Identifier: MIT
 *
 * Futures, limits and cancelling message by message: what goes to the broker, and that nothing stays behind.
 */
#include "lua/ask/future_lua.h"

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, F = {OTHER_HOST, 9, 99, GAIJIN_KIND_FUNCTION};

static void setup(void) {
  vm_connect(&v);
  vm_give(&v, "f", &F);
}
static void teardown(void) {
  vm_close(&v);
}

/* Runs the code, which must leave one request on the wire: its id. */
static uint64_t start(const char *code) {
  vm_do(&v, code);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CALL);
  return v.f.m.id;
}

static void expect_cancel(uint64_t id) {
  uint64_t got;
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CANCEL);
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_uint(&r, &got));
  ck_assert_uint_eq(got, id);
}

static void answer_with_table(uint64_t id) {
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, id, 1);
  fake_put_pt(&v.f, &A);
  vm_deliver(&v);
}

START_TEST(the_request_is_there_when_async_returns) {
  uint64_t id = start("u = gaijin.async(f, 1, 2) note(u:done())");
  ck_assert_uint_eq(v.f.m.body_count, 2);
  ck_assert_uint_eq(v.f.m.deadline_ms, 25000);
  ck_assert_uint_eq(v.w.open_futures, 1);
  answer_with_table(id);
  ck_assert_uint_eq(v.w.open_futures, 0);
  vm_do(&v, "note(u:done(), type(u:get()), u:get() == u:get())");
  ck_assert_str_eq(v.log, "falsetruetabletrue");
}
END_TEST

START_TEST(an_unread_result_is_given_back) {
  answer_with_table(start("u = gaijin.async(f)"));
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  vm_do(&v, "u = nil");
  vm_collect(&v);
  future_free_dropped(&v.w);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  ck_assert_ptr_null(v.w.futures);
}
END_TEST

START_TEST(one_dropped_while_open_ends_with_its_answer) {
  uint64_t id = start("gaijin.async(f)");
  vm_collect(&v);
  future_free_dropped(&v.w);
  ck_assert_ptr_nonnull(v.w.futures);
  answer_with_table(id);
  future_free_dropped(&v.w);
  ck_assert_ptr_null(v.w.futures);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
}
END_TEST

START_TEST(a_cancelled_one_tells_the_broker_once) {
  uint64_t id = start("u = gaijin.async(f)");
  vm_do(&v, "note(u:cancel(), u:cancel(), select(2, pcall(u.get, u)))");
  expect_cancel(id);
  ck_assert_str_eq(v.log, "truefalsegaijin: cancelled: the future was cancelled");
  answer_with_table(id);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
}
END_TEST

START_TEST(discarded_with_the_worker_they_leave_nothing) {
  start("u = gaijin.async(f)");
  vm_start(&v, "u:get()");
  vm_start(&v, "gaijin.all{u, gaijin.async(park)}:get()");
  vm_run(&v);
  answer_with_table(start("w = gaijin.async(f)"));
}
END_TEST

START_TEST(limits_go_out_as_what_is_left) {
  start("gaijin.timeout(1000, gaijin.async, f)");
  ck_assert_uint_eq(v.f.m.deadline_ms, 25000);
  start("gaijin.timeout(5, gaijin.async, f)");
  ck_assert(v.f.m.deadline_ms <= 5000 && v.f.m.deadline_ms > 0);
  v.w.call_timeout = 0;
  start("gaijin.async(f)");
  ck_assert_uint_eq(v.f.m.deadline_ms, 0);
}
END_TEST

START_TEST(a_fiber_that_is_cancelled_cancels_what_it_started) {
  struct fiber *fiber = vm_start(&v, "u = gaijin.async(f) w = gaijin.async(park) note(select(2, pcall(w.get, w)))");
  vm_run(&v);
  uint64_t id = fake_next(&v.f)->id;
  fiber_cancel(fiber, "why not");
  vm_run(&v);
  expect_cancel(id);
  ck_assert_uint_eq(v.w.open_futures, 0);
  ck_assert_ptr_nonnull(strstr(v.log, "gaijin: cancelled: why not"));
}
END_TEST

/* ---- Chains ---- */

enum { CHAIN = 40000 };

static void noop(struct worker *w, struct fiber *f) {
  (void)w;
  (void)f;
}

/* Fibers that have not run yet, of which each runs for a future that the one before it has started. */
static int cancel_a_chain(lua_State *L) {
  struct worker *w = worker_of(L);
  struct fiber *self = w->sched.current;
  for (int i = 0; i < CHAIN; i++) {
    struct future *u = future_push(L, w);
    struct fiber *f = fiber_new(w, noop);
    ck_assert_ptr_nonnull(f);
    future_begin(u, f, 0);
    lua_pop(L, 1);
    w->sched.current = f;
  }
  w->sched.current = self;
  ck_assert_uint_eq(w->open_futures, CHAIN);
  fiber_cancel(self, "all of it");
  ck_assert_uint_eq(w->open_futures, 0);
  return 0;
}

START_TEST(a_chain_of_any_length_is_cancelled) {
  v.w.sched.max_fibers = CHAIN + 1;
  stacks_guard_overflow(&v.w.sched.stacks, false);
  vm_do_c(&v, cancel_a_chain);
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_future");
  TCase *c = tcase_create("future");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, the_request_is_there_when_async_returns);
  tcase_add_test(c, an_unread_result_is_given_back);
  tcase_add_test(c, one_dropped_while_open_ends_with_its_answer);
  tcase_add_test(c, a_cancelled_one_tells_the_broker_once);
  tcase_add_test(c, discarded_with_the_worker_they_leave_nothing);
  tcase_add_test(c, limits_go_out_as_what_is_left);
  tcase_add_test(c, a_fiber_that_is_cancelled_cancels_what_it_started);
  tcase_add_test(c, a_chain_of_any_length_is_cancelled);
  suite_add_tcase(s, c);
  return run_suite(s);
}
