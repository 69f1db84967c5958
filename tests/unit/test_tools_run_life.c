/* SPDX-License-Identifier: MIT
 *
 * A supervised worker's states (tools/run/life/life.h), when it is started again (backoff.h), and lists of words (words.h).
 */
#include "tests/unit/run.h"
#include "tools/run/life/life.h"
#include "tools/run/plan/words.h"

static struct life life;
static struct life_policy policy;

static void setup(void) {
  life = (struct life){0};
  policy = (struct life_policy){LIFE_ON_FAILURE, {.most = 3, .within = 10, .first = 0.5, .longest = 0.8}};
}

static void runs(void) {
  life_started(&life);
  life_ready(&life);
  ck_assert(life_serves(&life) && life_runs(&life) && !life_is_over(&life));
}

START_TEST(an_end_without_fault) {
  ck_assert_int_eq(life.state, LIFE_WAITING);
  runs();
  life_ended(&life, &policy, false, 1);
  ck_assert_int_eq(life.state, LIFE_FINISHED);
  ck_assert(life_is_over(&life) && life_serves(&life) && !life_runs(&life));
}
END_TEST

START_TEST(failures_until_it_is_given_up) {
  static const int pauses[] = {0, 500, 800};
  for (int i = 0; i < 3; i++) {
    runs();
    life_ended(&life, &policy, true, 1 + i);
    ck_assert_int_eq(life.pause_ms, pauses[i]);
    ck_assert_int_eq(life.state, i ? LIFE_PAUSING : LIFE_WAITING);
    ck_assert(!life.given_up);
    if (i) life_resume(&life);
  }
  ck_assert_uint_eq(life.restarts, 3);
  runs();
  life_ended(&life, &policy, true, 10.9);
  ck_assert_int_eq(life.state, LIFE_FAILED);
  ck_assert(life.given_up && life_is_over(&life) && !life_serves(&life));
  ck_assert_uint_eq(life.restarts, 3);
  /* A user's start begins anew. */
  ck_assert(life_start(&life));
  ck_assert(!life.given_up);
  runs();
  life_ended(&life, &policy, true, 10.9);
  ck_assert_int_eq(life.state, LIFE_WAITING);
}
END_TEST

START_TEST(who_ran_well_begins_anew) {
  for (int i = 0; i < 20; i++) {
    runs();
    life_ended(&life, &policy, true, 10 * i);
    ck_assert_int_eq(life.state, LIFE_WAITING);
  }
}
END_TEST

START_TEST(policies) {
  policy.restart = LIFE_NEVER;
  life_started(&life);
  life_ended(&life, &policy, true, 1);
  ck_assert_int_eq(life.state, LIFE_FAILED);
  ck_assert(!life.given_up);
  policy.restart = LIFE_ALWAYS;
  life_start(&life);
  runs();
  life_ended(&life, &policy, false, 1);
  ck_assert_int_eq(life.state, LIFE_WAITING);
}
END_TEST

START_TEST(wishes) {
  ck_assert(!life_start(&life)); /* it will be */
  runs();
  ck_assert(!life_start(&life));
  ck_assert(life_stop(&life, false));
  ck_assert_int_eq(life.state, LIFE_STOPPING);
  ck_assert(!life_stop(&life, false)); /* told already */
  life_ended(&life, &policy, true, 1);
  ck_assert_int_eq(life.state, LIFE_STOPPED);
  ck_assert(!life_serves(&life) && life_is_over(&life));
  ck_assert(life_start(&life));
  runs();
  ck_assert(life_stop(&life, true));
  ck_assert(!life_start(&life)); /* it will be */
  life_ended(&life, &policy, false, 1);
  ck_assert_int_eq(life.state, LIFE_WAITING);
  runs();
  life_stop(&life, false);
  ck_assert(life_start(&life)); /* one that is about to end */
  ck_assert(!life_stop(&life, false)); /* and not, after all */
  life_ended(&life, &policy, false, 1);
  ck_assert_int_eq(life.state, LIFE_STOPPED);
  ck_assert(!life_stop(&life, true));
  ck_assert_int_eq(life.state, LIFE_WAITING);
  ck_assert(!life_stop(&life, false));
  ck_assert_int_eq(life.state, LIFE_STOPPED);
}
END_TEST

START_TEST(a_pause_is_cut_short) {
  for (int i = 0; i < 2; i++) {
    runs();
    life_ended(&life, &policy, true, 1);
  }
  ck_assert_int_eq(life.state, LIFE_PAUSING);
  ck_assert(life_start(&life));
  ck_assert_int_eq(life.state, LIFE_WAITING);
  life_refuse(&life);
  ck_assert_int_eq(life.state, LIFE_FAILED);
}
END_TEST

START_TEST(no_wait_at_all) {
  policy.rule.first = 0;
  for (int i = 0; i < 3; i++) {
    runs();
    life_ended(&life, &policy, true, 1);
    ck_assert_int_eq(life.state, LIFE_WAITING);
  }
  runs();
  life_ended(&life, &policy, true, 1);
  ck_assert_int_eq(life.state, LIFE_FAILED);
}
END_TEST

/* A successor is there. */
static void is_succeeded(void) {
  ck_assert(life_want(&life));
  ck_assert(life_is_passing(&life) && life_may_succeed(&life));
  life_succeed(&life);
  ck_assert(life_is_passing(&life) && !life_may_succeed(&life));
  ck_assert_int_eq(life.beside, LIFE_SUCCESSOR);
}

START_TEST(a_name_that_passes) {
  ck_assert(!life_want(&life)); /* it does not serve */
  ck_assert(!life_is_passing(&life));
  runs();
  is_succeeded();
  life_passed(&life);
  ck_assert(life_serves(&life) && !life_is_passing(&life));
  ck_assert_int_eq(life.beside, LIFE_FORMER);
  ck_assert_uint_eq(life.passes, 1);
  ck_assert(life_want(&life));
  ck_assert(!life_may_succeed(&life)); /* there is no room yet */
  life_beside_ended(&life);
  ck_assert(life_may_succeed(&life));
  ck_assert_uint_eq(life.restarts, 0);
}
END_TEST

START_TEST(a_successor_that_fails) {
  runs();
  is_succeeded();
  life_beside_ended(&life);
  ck_assert(life_serves(&life) && !life_is_passing(&life) && !life_may_succeed(&life));
  ck_assert_uint_eq(life.passes, 0);
  is_succeeded();
  ck_assert(life_want(&life)); /* a newer one, afterwards */
  life_beside_ended(&life);
  ck_assert(life_may_succeed(&life));
}
END_TEST

START_TEST(a_successor_that_inherits) {
  runs();
  ck_assert(!life_inherit(&life));
  is_succeeded();
  ck_assert(life_inherit(&life));
  ck_assert_int_eq(life.state, LIFE_STARTING);
  ck_assert_int_eq(life.beside, LIFE_ALONE);
  ck_assert_uint_eq(life.passes, 1);
  life_ready(&life);
  ck_assert(life_serves(&life));
}
END_TEST

START_TEST(two_that_are_to_end) {
  runs();
  is_succeeded();
  ck_assert(life_stop(&life, false));
  ck_assert(!life_is_passing(&life) && !life_inherit(&life));
  life_ended(&life, &policy, false, 1);
  ck_assert_int_eq(life.state, LIFE_STOPPED);
  ck_assert(!life_runs(&life) && life_has_process(&life));
  life_beside_ended(&life);
  ck_assert(!life_has_process(&life));
  /* And when the former one is still there: its own end is the policy's. */
  life_start(&life);
  runs();
  is_succeeded();
  life_passed(&life);
  ck_assert(life_want(&life));
  life_ended(&life, &policy, true, 1);
  ck_assert_int_eq(life.state, LIFE_WAITING);
  ck_assert(!life_is_passing(&life)); /* it is another process anyway */
  runs();
  life_stop(&life, true);
  life_ended(&life, &policy, false, 1);
  ck_assert_int_eq(life.state, LIFE_WAITING);
  ck_assert(life_has_process(&life));
}
END_TEST

static struct words words;

START_TEST(words_of_a_line) {
  ck_assert_ptr_null(words_split(&words, " one 'two  three' \"fo'ur\" fi\\ ve '' "));
  ck_assert_uint_eq(words.count, 5);
  static const char *const are[] = {"one", "two  three", "fo'ur", "fi ve", ""};
  for (size_t i = 0; i < 5; i++) ck_assert_str_eq(words.at[i], are[i]);
  ck_assert(words_have(&words, "fi ve"));
  ck_assert(!words_have(&words, "two"));
  static const char *const wrong[] = {"a 'b", "a \"b", "a \\\n"};
  for (int i = 0; i < 3; i++) {
    ck_assert_ptr_nonnull(words_split(&words, wrong[i]));
    ck_assert_uint_eq(words.count, 5);
  }
  ck_assert_ptr_null(words_split(&words, ""));
  ck_assert_uint_eq(words.count, 5);
  words_deinit(&words);
}
END_TEST

START_TEST(words_that_are_set) {
  struct words more = {0};
  words_set(&words, "KEY", "1");
  words_set(&words, "KEY2", "2");
  words_set(&words, "KEY", "3=3");
  ck_assert_uint_eq(words.count, 2);
  ck_assert_str_eq(words.at[0], "KEY2=2");
  ck_assert_str_eq(words.at[1], "KEY=3=3");
  words_add_all(&more, &words);
  ck_assert(words_equal(&more, &words));
  words_set(&more, "KEY", "4");
  ck_assert(!words_equal(&more, &words));
  words_add(&words, "x");
  ck_assert(!words_equal(&more, &words));
  words_deinit(&more);
  words_deinit(&words);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools run life");
  TCase *c = tcase_create("life");
  suite_add_tcase(suite, c);
  tcase_add_checked_fixture(c, setup, NULL);
  tcase_add_test(c, an_end_without_fault);
  tcase_add_test(c, failures_until_it_is_given_up);
  tcase_add_test(c, who_ran_well_begins_anew);
  tcase_add_test(c, policies);
  tcase_add_test(c, wishes);
  tcase_add_test(c, a_pause_is_cut_short);
  tcase_add_test(c, no_wait_at_all);
  tcase_add_test(c, a_name_that_passes);
  tcase_add_test(c, a_successor_that_fails);
  tcase_add_test(c, a_successor_that_inherits);
  tcase_add_test(c, two_that_are_to_end);
  tcase_add_test(c, words_of_a_line);
  tcase_add_test(c, words_that_are_set);
  return run_suite(suite);
}
