/* SPDX-License-Identifier: MIT
 *
 * The rule for loads: gain 1.4, 100 tokens at least.
 */
#include "broker/books/loads.h"

#include "tests/unit/run.h"

static struct loads loads;

static void setup(void) { ck_assert(loads_init(&loads, 1.4, 100, 1000, 1)); }
static void teardown(void) {
  ck_assert_ptr_null(loads_check(&loads));
  loads_deinit(&loads);
}

static uint32_t introduce(uint32_t host, uint32_t client) {
  uint32_t load;
  ck_assert_int_eq(loads_introduce(&loads, host, client, NULL, &load), LOADS_NEW);
  return load;
}

/* Raises n times; how many of them were over the allowance. */
static uint32_t raise_by(uint32_t load, uint32_t n) {
  uint32_t over = 0;
  while (n-- > 0) over += loads_raise(&loads, load);
  return over;
}

START_TEST(a_pair_is_introduced_once) {
  uint32_t first = introduce(1, 2), again;
  ck_assert_int_eq(loads_introduce(&loads, 1, 2, NULL, &again), LOADS_OK);
  ck_assert_uint_eq(first, again);
  ck_assert_uint_ne(introduce(2, 1), first);
  ck_assert_uint_eq(loads_find(&loads, 3, 1), SLAB_NONE);
}
END_TEST

START_TEST(the_allowance_is_load_min_first) {
  uint32_t load = introduce(1, 2);
  ck_assert_uint_eq(raise_by(load, 100), 0);
  ck_assert(loads_raise(&loads, load));
}
END_TEST

START_TEST(a_settled_load_may_grow_by_the_gain) {
  uint32_t load = introduce(1, 2);
  raise_by(load, 200);
  loads_settle(&loads, 2);
  ck_assert_double_eq(loads_allowance(&loads, load), 1.4 * 200);
  ck_assert_uint_eq(raise_by(load, 80), 0);
  ck_assert(loads_raise(&loads, load));
}
END_TEST

START_TEST(shadows_fall_with_their_load) {
  uint32_t load = introduce(1, 2);
  raise_by(load, 300);
  loads_settle(&loads, 2);
  for (int i = 0; i < 299; i++) loads_lower(&loads, load);
  ck_assert_uint_eq(loads_shadow(&loads, load), 1);
  ck_assert_double_eq(loads_allowance(&loads, load), 100);
  ck_assert_uint_eq(raise_by(load, 99), 0);
  ck_assert(loads_raise(&loads, load));
}
END_TEST

START_TEST(a_weight_has_an_allowance_of_its_own) {
  uint32_t load = introduce(1, 2);
  raise_by(load, 3);
  ck_assert(!loads_add_weight(&loads, load, 1000));
  ck_assert(loads_add_weight(&loads, load, 1));
  loads_settle(&loads, 2); /* all of it is used: it may grow to 1401 */
  ck_assert(!loads_add_weight(&loads, load, 400));
  ck_assert(loads_add_weight(&loads, load, 1));
  loads_take_weight(&loads, load, 1001); /* its shadow falls with it, to 401 */
  ck_assert_uint_eq(loads_weight_shadow(&loads, load), 401);
  ck_assert(!loads_add_weight(&loads, load, 599));
  ck_assert(loads_add_weight(&loads, load, 1));
}
END_TEST

START_TEST(settling_touches_one_client_and_all_its_hosts) {
  uint32_t a = introduce(1, 2), b = introduce(3, 2), other = introduce(1, 4);
  raise_by(a, 5);
  raise_by(b, 7);
  raise_by(other, 9);
  loads_settle(&loads, 2);
  ck_assert_uint_eq(loads_shadow(&loads, a), 5);
  ck_assert_uint_eq(loads_shadow(&loads, b), 7);
  ck_assert_uint_eq(loads_shadow(&loads, other), 0);
}
END_TEST

/* However many hosts a client knows: what follows is seen when a record is next looked at. */
START_TEST(settling_writes_to_no_record) {
  uint32_t load = introduce(1, 2), quiet = introduce(3, 2);
  raise_by(load, 5);
  raise_by(quiet, 3);
  struct load before[] = {*loads_at(&loads, load), *loads_at(&loads, quiet)};
  loads_settle(&loads, 2);
  ck_assert_mem_eq(loads_at(&loads, load), &before[0], sizeof before[0]);
  ck_assert_mem_eq(loads_at(&loads, quiet), &before[1], sizeof before[1]);
  raise_by(load, 2);
  ck_assert_uint_eq(loads_shadow(&loads, load), 5);
  loads_settle(&loads, 2);
  loads_settle(&loads, 2);
  ck_assert_uint_eq(loads_shadow(&loads, load), 7);
  ck_assert_uint_eq(loads_shadow(&loads, quiet), 3);
  loads_lower(&loads, quiet);
  raise_by(quiet, 2);
  ck_assert_uint_eq(loads_shadow(&loads, quiet), 2);
}
END_TEST

/* The number of a client that has gone is another's, and what that one gets has no shadow yet. */
START_TEST(a_number_that_is_used_again_brings_no_shadow) {
  introduce(1, 2);
  loads_settle(&loads, 2);
  loads_settle(&loads, 100); /* which knows nobody */
  loads_forget_client(&loads, 2, 1);
  uint32_t load = introduce(1, 2), far = introduce(1, 100);
  raise_by(load, 4);
  raise_by(far, 4);
  ck_assert(!loads_add_weight(&loads, load, 30));
  ck_assert_uint_eq(loads_shadow(&loads, load), 0);
  ck_assert_uint_eq(loads_weight_shadow(&loads, load), 0);
  ck_assert_uint_eq(loads_shadow(&loads, far), 0);
}
END_TEST

START_TEST(forgetting_takes_the_side_asked_for) {
  introduce(1, 2);
  introduce(1, 3);
  introduce(2, 1);
  ck_assert_uint_eq(loads_forget_client(&loads, 2, 0), 0);
  ck_assert_uint_ne(loads_find(&loads, 1, 2), SLAB_NONE);
  ck_assert_uint_eq(loads_forget_client(&loads, 2, 2), 1);
  ck_assert_uint_eq(loads_find(&loads, 1, 2), SLAB_NONE);
  ck_assert_uint_ne(loads_find(&loads, 2, 1), SLAB_NONE);
  uint32_t left = loads_first_of_host(&loads, 1);
  ck_assert_uint_eq(loads_at(&loads, left)->client, 3);
  ck_assert_uint_eq(loads_next_of_host(&loads, left), SLAB_NONE);
  ck_assert_uint_eq(loads_forget_host(&loads, 1, 10), 1);
  ck_assert_uint_eq(loads.all.count, 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker loads");
  TCase *t = tcase_create("loads");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_pair_is_introduced_once);
  tcase_add_test(t, the_allowance_is_load_min_first);
  tcase_add_test(t, a_settled_load_may_grow_by_the_gain);
  tcase_add_test(t, shadows_fall_with_their_load);
  tcase_add_test(t, a_weight_has_an_allowance_of_its_own);
  tcase_add_test(t, settling_touches_one_client_and_all_its_hosts);
  tcase_add_test(t, settling_writes_to_no_record);
  tcase_add_test(t, a_number_that_is_used_again_brings_no_shadow);
  tcase_add_test(t, forgetting_takes_the_side_asked_for);
  return run_suite(s);
}
