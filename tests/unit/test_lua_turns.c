/* SPDX-License-Identifier: MIT
 *
 * Whose fiber runs next (lua/fiber/turns.c): by time, not by number, and who asks little goes first.
 */
#include "lua/fiber/turns.h"

#include "tests/unit/vm.h"

static struct vm v;
static struct asker *a, *b;

static void setup(void) {
  vm_open(&v);
  v.w.sched.turn_seconds = TURNS_SECONDS;
  ck_assert_ptr_nonnull(a = turns_asker(&v.w, 11));
  ck_assert_ptr_nonnull(b = turns_asker(&v.w, 12));
  vm_do(&v, "function work(s) local till = os.clock() + s repeat until os.clock() > till end");
}
static void teardown(void) {
  vm_close(&v);
}

/* A fiber of the asker's that runs the code. */
static void start(struct asker *asker, const char *code) {
  struct fiber *f = fiber_new(&v.w, vm_job);
  ck_assert_ptr_nonnull(f);
  v.running++;
  turns_give(f, asker);
  ck_assert_int_eq(luaL_loadstring(f->L, code), 0);
  fiber_wake(f);
}

static void check(void) {
  const char *fault = turns_check(&v.w);
  ck_assert_msg(!fault, "%s", fault);
}

/* Turns until nothing is ready. */
static void run(void) {
  while (check(), fiber_run_ready(&v.w)) continue;
  check();
}

START_TEST(an_asker_is_found_by_its_host) {
  ck_assert_ptr_eq(turns_find(&v.w, 11), a);
  ck_assert_ptr_eq(turns_asker(&v.w, 12), b);
  ck_assert_ptr_null(turns_find(&v.w, 13));
  check();
}
END_TEST

START_TEST(those_that_do_nothing_are_forgotten_when_they_are_many) {
  start(a, "park()");
  for (uint64_t i = 0; i < 10000; i++) ck_assert_ptr_nonnull(turns_asker(&v.w, 100 + i));
  ck_assert_uint_lt(v.w.sched.n_askers, 1000);
  ck_assert_ptr_eq(turns_find(&v.w, 11), a);
  run();
  fiber_wake(v.parked[0]);
  run();
}
END_TEST

/* Three requests of one that cost 50 ms each, and ten of another that cost next to nothing. */
START_TEST(the_time_is_shared_and_not_the_number) {
  for (int i = 0; i < 3; i++) start(a, "work(0.05) note 'a'");
  for (int i = 0; i < 10; i++) start(b, "note 'b'");
  run();
  ck_assert_uint_eq(strlen(v.log), 13);
  ck_assert_msg(strrchr(v.log, 'b') < strchr(strchr(v.log, 'a') + 1, 'a'), "%s", v.log);
}
END_TEST

START_TEST(who_comes_with_credit_goes_first) {
  for (int i = 0; i < 10; i++) start(a, "work(0.002) note 'a'");
  ck_assert(fiber_run_ready(&v.w)); /* a turn is over after a millisecond */
  ck_assert_str_eq(v.log, "a");
  start(b, "note 'b'");
  ck_assert(fiber_run_ready(&v.w));
  ck_assert_msg(strncmp(v.log, "ab", 2) == 0, "%s", v.log);
  run();
}
END_TEST

/* It has had its share, and is not first again and again. */
START_TEST(who_has_none_left_goes_behind) {
  start(a, "work(0.0001) note 'a'");
  start(b, "work(0.002) note 'b'");
  start(a, "note 'c' park()");
  ck_assert(!fiber_run_ready(&v.w) || v.w.sched.n_ready > 0);
  struct asker *c = turns_asker(&v.w, 13);
  start(c, "note 'd'");
  start(b, "note 'e'");
  run();
  ck_assert_uint_gt((uintptr_t)strchr(v.log, 'e'), (uintptr_t)strchr(v.log, 'd'));
  fiber_wake(v.parked[0]);
  run();
}
END_TEST

/* Nobody owes anything for the time when it was alone. */
START_TEST(debts_are_forgiven_when_all_are_idle) {
  start(a, "work(0.01)");
  start(a, "work(0.01)");
  run();
  start(a, "note 'a'");
  start(b, "note 'b'");
  run();
  ck_assert_str_eq(v.log, "ab");
}
END_TEST

START_TEST(among_those_that_come_with_credit_the_first_is_first) {
  for (int i = 0; i < 3; i++) start(a, "work(0.002) note 'a'");
  ck_assert(fiber_run_ready(&v.w));
  v.log[0] = '\0';
  char code[] = "note '0'";
  for (uint64_t host = 20; host < 25; host++) {
    code[6] = (char)('0' + (host - 20));
    start(turns_asker(&v.w, host), code);
  }
  run();
  ck_assert_msg(strncmp(v.log, "01234", 5) == 0, "%s", v.log);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua turns");
  TCase *c = tcase_create("turns");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, an_asker_is_found_by_its_host);
  tcase_add_test(c, those_that_do_nothing_are_forgotten_when_they_are_many);
  tcase_add_test(c, the_time_is_shared_and_not_the_number);
  tcase_add_test(c, who_comes_with_credit_goes_first);
  tcase_add_test(c, who_has_none_left_goes_behind);
  tcase_add_test(c, debts_are_forgiven_when_all_are_idle);
  tcase_add_test(c, among_those_that_come_with_credit_the_first_is_first);
  return run_suite(s);
}
