/* SPDX-License-Identifier: MIT
 *
 * Whose fiber runs next (lua/fiber/turns.c): by time, not by number, and who asks little goes first.
 * The clock is the test's: it stands but for what fibers say that they need.
 */
#include "lua/fiber/turns.h"

#include "tests/unit/vm.h"

static struct vm v;
static struct asker *a, *b;

static double now;

static double seconds(void) { return now; }

/* work(s): it takes so many seconds. */
static int work(lua_State *L) {
  now += luaL_checknumber(L, 1);
  return 0;
}

static void setup(void) {
  vm_open(&v);
  now = 1000;
  v.w.sched.seconds = seconds;
  lua_pushcfunction(v.w.L, work);
  lua_setglobal(v.w.L, "work");
  ck_assert_ptr_nonnull(a = turns_asker(&v.w, 11));
  ck_assert_ptr_nonnull(b = turns_asker(&v.w, 12));
}
static void teardown(void) {
  vm_close(&v);
}

static int wake_parked(lua_State *L) {
  (void)L;
  fiber_wake(v.parked[0]);
  return 0;
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

/* So many of the letter are in the log before the n-th of the other. */
static int before(char letter, char other, int n) {
  int count = 0;
  for (const char *p = v.log; *p && n > 0; p++) {
    count += *p == letter;
    n -= *p == other;
  }
  return count;
}

/* Requests of one cost 5 ms each, those of another a hundredth of that. */
START_TEST(the_time_is_shared_and_not_the_number) {
  for (int i = 0; i < 3; i++) start(a, "work(0.005) note 'a'");
  for (int i = 0; i < 250; i++) start(b, "work(0.00005) note 'b'");
  run();
  ck_assert_uint_eq(strlen(v.log), 253);
  ck_assert_int_eq(before('b', 'a', 1), 0);
  ck_assert_int_le(abs(before('b', 'a', 2) - 100), 8);
  ck_assert_int_le(abs(before('b', 'a', 3) - 200), 8);
}
END_TEST

/* Three that never have enough have a third each, in any part of the time. */
START_TEST(askers_with_much_to_do_have_equal_parts) {
  struct asker *c = turns_asker(&v.w, 13);
  for (int i = 0; i < 300; i++) {
    start(a, "work(0.0001) note 'a'");
    if (i % 2) start(b, "work(0.0002) note 'b'");
    if (i % 3 == 0) start(c, "work(0.0003) note 'c'");
  }
  run();
  for (int n = 10; n <= 100; n += 10) {
    ck_assert_int_le(abs(before('a', 'c', n) - 3 * n), 6);
    ck_assert_int_le(abs(2 * before('b', 'c', n) - 3 * n), 6);
  }
}
END_TEST

START_TEST(who_comes_with_credit_goes_first) {
  for (int i = 0; i < 10; i++) start(a, "work(0.002) note 'a'");
  ck_assert(fiber_run_ready(&v.w)); /* a turn is over after a millisecond */
  ck_assert_str_eq(v.log, "a");
  start(b, "note 'b'");
  ck_assert(fiber_run_ready(&v.w));
  ck_assert_str_eq(v.log, "aba");
  run();
}
END_TEST

START_TEST(a_turn_ends_after_its_time) {
  for (int i = 0; i < 8; i++) start(a, "work(0.0004) note 'a'");
  ck_assert(fiber_run_ready(&v.w));
  ck_assert_str_eq(v.log, "aaa");
  ck_assert(fiber_run_ready(&v.w));
  ck_assert_str_eq(v.log, "aaaaaa");
  run();
}
END_TEST

/* It has had its share, and is not first again and again. */
START_TEST(who_has_none_left_goes_behind) {
  struct asker *c = turns_asker(&v.w, 13);
  start(a, "work(0.0003) note 'a'");
  start(b, "work(0.002) note 'b'");
  start(a, "note 'c'");
  ck_assert(fiber_run_ready(&v.w)); /* one of a has not run */
  ck_assert_str_eq(v.log, "ab");
  start(c, "note 'd'");
  start(b, "note 'e'");
  run();
  ck_assert_str_eq(v.log, "abdce");
}
END_TEST

/* Who took a second is behind for as long. */
START_TEST(what_took_long_is_paid_back) {
  start(a, "work(1) note 'a'");
  start(a, "note 'A'");
  for (int i = 0; i < 150; i++) start(b, "work(0.01) note 'b'");
  run();
  ck_assert_int_le(abs(before('b', 'A', 1) - 100), 2);
}
END_TEST

/* Who took a minute is not behind for as long: ten seconds at most. */
START_TEST(more_than_some_debt_is_forgiven) {
  start(a, "work(60) note 'a'");
  start(a, "note 'A'");
  for (int i = 0; i < 150; i++) start(b, "work(0.1) note 'b'");
  run();
  ck_assert_int_le(abs(before('b', 'A', 1) - 100), 2);
}
END_TEST

/* Who owes less is the first to have credit again, however much both owe. */
START_TEST(of_those_that_owe_who_owes_less_is_first) {
  start(a, "work(8) note 'a'");
  start(b, "work(5) note 'b'");
  for (int i = 0; i < 3; i++) start(a, "work(1) note 'A'");
  for (int i = 0; i < 6; i++) start(b, "work(1) note 'B'");
  run();
  ck_assert_str_eq(v.log, "abBBBABABAB");
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
  for (uint64_t host = 20; host < 25; host++) turns_asker(&v.w, host);
  for (int i = 0; i < 3; i++) start(a, "work(0.002) note 'a'");
  ck_assert(fiber_run_ready(&v.w));
  v.log[0] = '\0';
  char code[] = "note '0'";
  for (uint64_t host = 20; host < 25; host++) {
    code[6] = (char)('0' + (host - 20));
    start(turns_asker(&v.w, host), code);
  }
  run();
  ck_assert_str_eq(v.log, "01234aa");
}
END_TEST

/* Who has credit is not put back by others that come with credit in later turns. */
START_TEST(those_that_come_later_with_credit_are_behind) {
  for (uint64_t host = 20; host < 30; host++) turns_asker(&v.w, host);
  for (int i = 0; i < 3; i++) start(a, "work(0.002)");
  ck_assert(fiber_run_ready(&v.w));
  start(turns_asker(&v.w, 20), "work(0.002)");
  start(b, "note 'b'");
  for (uint64_t host = 21; host < 30; host++) {
    start(turns_asker(&v.w, host), "work(0.002) note 'n'");
    ck_assert(fiber_run_ready(&v.w));
    check();
  }
  ck_assert_int_eq(v.log[0], 'b');
  run();
}
END_TEST

/* Nobody gets more by coming under a new name each time. */
START_TEST(who_is_not_known_begins_behind_the_others) {
  for (int i = 0; i < 2; i++) start(a, "work(0.0001) note 'a'");
  start(b, "note 'b'");
  start(turns_asker(&v.w, 20), "note 'n'");
  run();
  ck_assert_str_eq(v.log, "aabn");
  start(a, "work(0.002) note 'A'");
  start(a, "note 'A'");
  ck_assert(fiber_run_ready(&v.w));
  struct asker *c = turns_asker(&v.w, 20);
  start(turns_asker(&v.w, 21), "note 'N'");
  start(c, "note 'c'");
  run();
  ck_assert_str_eq(v.log, "aabnAcNA");
}
END_TEST

/* Its record stays, and the debt with it, however many others come. */
START_TEST(who_owes_is_not_forgotten) {
  start(b, "work(0.0015)");
  start(a, "note 'a'");
  ck_assert(fiber_run_ready(&v.w));
  for (uint64_t i = 0; i < 10000; i++) ck_assert_ptr_nonnull(turns_asker(&v.w, 100 + i));
  ck_assert_ptr_eq(turns_find(&v.w, 12), b);
  run();
  for (uint64_t i = 0; i < 10000; i++) ck_assert_ptr_nonnull(turns_asker(&v.w, 20000 + i));
  ck_assert_ptr_null(turns_find(&v.w, 12));
}
END_TEST

/* Unless it has ended: where somebody is always ready nothing would ever be forgiven. */
START_TEST(who_owes_and_has_ended_is_forgotten) {
  start(b, "work(0.0015)");
  start(a, "note 'a'");
  ck_assert(fiber_run_ready(&v.w));
  turns_host_died(&v.w, 12);
  turns_host_died(&v.w, 12345678); /* unknown */
  for (uint64_t i = 0; i < 10000; i++) ck_assert_ptr_nonnull(turns_asker(&v.w, 100 + i));
  ck_assert_ptr_null(turns_find(&v.w, 12));
  run();
}
END_TEST

/* What becomes ready in a turn runs in the next one, so that the socket is looked at in between. */
START_TEST(what_becomes_ready_in_a_turn_waits_for_the_next) {
  start(a, "note 'a' park() note 'A'");
  start(a, "wake() note 'b'");
  lua_register(v.w.L, "wake", wake_parked);
  ck_assert(fiber_run_ready(&v.w));
  ck_assert_str_eq(v.log, "ab");
  run();
  ck_assert_str_eq(v.log, "abA");
}
END_TEST

START_TEST(own_fibers_that_are_left_are_known) {
  uint64_t turn = v.w.sched.turn;
  ck_assert(!turns_own_left(&v.w, turn));
  start(a, "note 'a'");
  ck_assert(!turns_own_left(&v.w, turn));
  start(&v.w.sched.own, "park()");
  ck_assert(turns_own_left(&v.w, turn));
  run();
  ck_assert(!turns_own_left(&v.w, turn));
  fiber_wake(v.parked[0]);
  ck_assert(!turns_own_left(&v.w, turn) && turns_own_left(&v.w, v.w.sched.turn));
  run();
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
  tcase_add_test(c, askers_with_much_to_do_have_equal_parts);
  tcase_add_test(c, who_comes_with_credit_goes_first);
  tcase_add_test(c, a_turn_ends_after_its_time);
  tcase_add_test(c, who_has_none_left_goes_behind);
  tcase_add_test(c, what_took_long_is_paid_back);
  tcase_add_test(c, more_than_some_debt_is_forgiven);
  tcase_add_test(c, of_those_that_owe_who_owes_less_is_first);
  tcase_add_test(c, debts_are_forgiven_when_all_are_idle);
  tcase_add_test(c, among_those_that_come_with_credit_the_first_is_first);
  tcase_add_test(c, those_that_come_later_with_credit_are_behind);
  tcase_add_test(c, who_is_not_known_begins_behind_the_others);
  tcase_add_test(c, who_owes_is_not_forgotten);
  tcase_add_test(c, who_owes_and_has_ended_is_forgotten);
  tcase_add_test(c, what_becomes_ready_in_a_turn_waits_for_the_next);
  tcase_add_test(c, own_fibers_that_are_left_are_known);
  return run_suite(s);
}
