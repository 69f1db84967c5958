/* SPDX-License-Identifier: MIT
 *
 * Histograms (proto/histogram.c): buckets without gaps, and what they tell of percentiles.
 */
#include "proto/histogram.h"
#include "tests/unit/run.h"

START_TEST(buckets_follow_each_other) {
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    uint64_t lower = histogram_lower(i), upper = histogram_upper(i);
    ck_assert_uint_lt(lower, upper);
    ck_assert_uint_eq(histogram_bucket(lower), i);
    ck_assert_uint_eq(histogram_bucket(upper - 1), i);
    ck_assert_uint_eq(histogram_of_upper(upper), i);
    ck_assert(upper - lower <= 2048 || (upper - lower) * 3 <= lower);
    if (upper > 1024) ck_assert_uint_eq(histogram_of_upper(upper - 1), HISTOGRAM_BUCKETS);
  }
  ck_assert_uint_eq(histogram_lower(0), 0);
  ck_assert_uint_eq(histogram_of_upper(0), HISTOGRAM_BUCKETS);
  ck_assert_uint_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
  ck_assert_uint_gt(histogram_lower(HISTOGRAM_BUCKETS), UINT64_C(3600) * 1000000000);
}
END_TEST

static void add(struct histogram *h, uint64_t ns, int times) {
  for (int i = 0; i < times; i++) histogram_add(h, histogram_bucket(ns), ns);
}

START_TEST(percentiles_are_known_to_a_fifth) {
  struct histogram h = {0};
  ck_assert_double_eq(histogram_quantile(&h, 0.5), 0);
  for (uint64_t us = 1; us <= 10000; us++) add(&h, us * 1000, 1);
  ck_assert_uint_eq(histogram_count(&h), 10000);
  for (int percent = 1; percent <= 100; percent++) {
    double truth = percent * 100e3, got = histogram_quantile(&h, percent / 100.0);
    ck_assert_msg(got > truth * 0.8 && got < truth * 1.2, "p%d: %g instead of %g", percent, got, truth);
  }
  ck_assert_double_ge(histogram_quantile(&h, 1), 10000e3);
}
END_TEST

START_TEST(what_is_longer_than_all_is_in_the_last) {
  struct histogram h = {0};
  add(&h, 1025, 7);
  ck_assert_double_le(histogram_quantile(&h, 1), 2048);
  add(&h, UINT64_MAX / 2, 1);
  ck_assert_uint_eq(histogram_count(&h), 8);
  ck_assert_double_eq(histogram_quantile(&h, 1), (double)histogram_upper(HISTOGRAM_BUCKETS - 1));
}
END_TEST

START_TEST(joined_ones_have_all) {
  struct histogram a = {0}, b = {0};
  add(&a, 5000, 3);
  add(&b, 5000, 2);
  add(&b, 7000000, 1);
  histogram_join(&a, &b);
  ck_assert_uint_eq(histogram_count(&a), 6);
  ck_assert_uint_eq(a.sum, 5 * 5000 + 7000000);
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_histogram");
  TCase *c = tcase_create("histogram");
  suite_add_tcase(s, c);
  tcase_add_test(c, buckets_follow_each_other);
  tcase_add_test(c, percentiles_are_known_to_a_fifth);
  tcase_add_test(c, what_is_longer_than_all_is_in_the_last);
  tcase_add_test(c, joined_ones_have_all);
  return run_suite(s);
}
