/* SPDX-License-Identifier: MIT
 *
 * Counts by small numbers.
 */
#include "broker/base/counts.h"
#include "tests/unit/run.h"

START_TEST(counts_begin_at_0_and_stay_when_the_array_grows) {
  struct counts c = {0};
  ck_assert_uint_eq(counts_at(&c, 5), 0);
  ck_assert(counts_reserve(&c, 5));
  *counts_place(&c, 5) = 7;
  ck_assert(counts_reserve(&c, 1000));
  ck_assert_uint_eq(counts_at(&c, 5), 7);
  for (uint32_t i = 6; i <= 1001; i++) ck_assert_uint_eq(counts_at(&c, i), 0);
  *counts_place(&c, 1000) = UINT64_MAX - 5;
  ck_assert_uint_eq(counts_sum(&c), 1);
  counts_deinit(&c);
  counts_deinit(&c);
}
END_TEST

/* What each record of a host is charged for: twice its place. */
START_TEST(the_array_is_no_longer_than_twice_the_largest_number) {
  struct counts c = {0};
  for (uint32_t n = 0; n < 5000; n++) {
    ck_assert(counts_reserve(&c, n));
    ck_assert_uint_le(c.capacity, n < 4 ? 8 : 2 * n);
  }
  ck_assert(!counts_reserve(&c, UINT32_MAX));
  counts_deinit(&c);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker counts");
  TCase *t = tcase_create("counts");
  suite_add_tcase(s, t);
  tcase_add_test(t, counts_begin_at_0_and_stay_when_the_array_grows);
  tcase_add_test(t, the_array_is_no_longer_than_twice_the_largest_number);
  return run_suite(s);
}
