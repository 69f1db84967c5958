/* SPDX-License-Identifier: MIT
 *
 * Which of repeated lines are written.
 */
#include "broker/base/thin.h"

#include "tests/unit/run.h"

static struct thin t;
static uint64_t left_out;

static int allowed(enum log_cause cause, uid_t uid, double now, int times) {
  int n = 0;
  for (int i = 0; i < times; i++) n += thin_allows(&t, cause, uid, now, &left_out);
  return n;
}

START_TEST(ten_at_once_then_one_a_second) {
  ck_assert_int_eq(allowed(CAUSE_HELLO, 7, 100, 1000), 10);
  ck_assert_int_eq(allowed(CAUSE_HELLO, 7, 100.9, 1), 0);
  ck_assert_int_eq(allowed(CAUSE_HELLO, 7, 101.1, 1), 1);
  ck_assert_uint_eq(left_out, 991);
  ck_assert_uint_eq(t.left_out, 0);
  ck_assert_int_eq(allowed(CAUSE_HELLO, 7, 105, 100), 4);
}
END_TEST

START_TEST(causes_and_users_do_not_hide_one_another) {
  allowed(CAUSE_HELLO, 7, 100, 1000);
  ck_assert_int_eq(allowed(CAUSE_HELLO, 8, 100, 1000), 10);
  ck_assert_int_eq(allowed(CAUSE_FORGERY, 7, 100, 1000), 10);
}
END_TEST

/* Who comes and goes is no fault, and hides none. */
START_TEST(comings_and_ends_are_apart) {
  ck_assert_int_eq(allowed(CAUSE_COMING, 7, 100, 1000), 40);
  ck_assert_int_eq(allowed(CAUSE_ENDED, 7, 100, 1000), 40);
  ck_assert_int_eq(allowed(CAUSE_DISCONNECTED, 7, 100, 1000), 10);
}
END_TEST

/* Many users together are bounded too, and so is the table. */
START_TEST(many_users_are_one_cause) {
  int n = 0;
  for (uid_t uid = 0; uid < 1000; uid++) n += allowed(CAUSE_HELLO, uid, 100 + uid / 1e6, 20);
  ck_assert_int_eq(n, 40);
  struct thin_rest rest;
  uint64_t told = 0;
  ck_assert_uint_eq(t.left_out, 20000 - 40);
  ck_assert(!thin_take(&t, 100.1, false, &rest) || rest.uid != 0);
  while (thin_take(&t, 200, false, &rest)) told += rest.left_out;
  ck_assert_uint_le(told, 20000 - 40);
  ck_assert_uint_eq(t.left_out, 0);
}
END_TEST

START_TEST(what_was_left_out_is_told_after_quiet) {
  struct thin_rest rest;
  allowed(CAUSE_POST, 7, 100, 15);
  ck_assert(!thin_take(&t, 105, false, &rest));
  ck_assert(thin_take(&t, 110.1, false, &rest));
  ck_assert(rest.cause == CAUSE_POST && rest.uid == 7 && rest.left_out == 5);
  ck_assert(!thin_take(&t, 110.1, false, &rest));
  allowed(CAUSE_POST, 7, 120, 15);
  ck_assert(thin_take(&t, 120, true, &rest));
  ck_assert_uint_eq(rest.left_out, 5);
}
END_TEST

START_TEST(every_cause_has_a_subject) {
  for (enum log_cause c = 0; c < LOG_CAUSES; c++) ck_assert_ptr_nonnull(thin_subject(c));
}
END_TEST

int main(void) {
  Suite *s = suite_create("thin");
  TCase *c = tcase_create("thin");
  tcase_add_test(c, ten_at_once_then_one_a_second);
  tcase_add_test(c, causes_and_users_do_not_hide_one_another);
  tcase_add_test(c, comings_and_ends_are_apart);
  tcase_add_test(c, many_users_are_one_cause);
  tcase_add_test(c, what_was_left_out_is_told_after_quiet);
  tcase_add_test(c, every_cause_has_a_subject);
  suite_add_tcase(s, c);
  return run_suite(s);
}
