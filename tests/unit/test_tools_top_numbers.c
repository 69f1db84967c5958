/* SPDX-License-Identifier: MIT
 *
 * What gaijinctl top's model makes of single figures (tools/top/model): differences of counters (counters.h), processes (process.h),
 * numbers and widths as they are shown.
 */
#include <string.h>

#include "proto/base.h"
#include "tests/unit/run.h"
#include "tools/top/model/counters.h"
#include "tools/top/model/number.h"
#include "tools/top/model/process.h"
#include "tools/top/model/width.h"

/* ---- Counters ---- */

static void count(struct histogram *h, uint64_t us, unsigned times) {
  while (times--) histogram_add(h, histogram_bucket(us * 1000), us * 1000);
}

START_TEST(counters_that_begin_anew_have_counted_since) {
  ck_assert_uint_eq(counter_since(7, 5), 2);
  ck_assert_uint_eq(counter_since(5, 5), 0);
  ck_assert_uint_eq(counter_since(3, 5), 3);
  ck_assert_uint_eq(counter_since(UINT64_MAX, 0), UINT64_MAX);
}
END_TEST

START_TEST(seconds_are_those_since_the_counters_began) {
  struct counters_span s = {.began_before = 100, .began_now = 102, .passed = 2};
  ck_assert(!counters_began(&s));
  ck_assert_double_eq(counters_seconds(&s), 2);
  s.began_now = 101; /* whole seconds are told */
  ck_assert(!counters_began(&s));
  s = (struct counters_span){.began_before = 100, .began_now = 3, .passed = 10};
  ck_assert(counters_began(&s));
  ck_assert_double_eq(counters_seconds(&s), 3);
  s.began_now = 0;
  ck_assert_double_gt(counters_seconds(&s), 0);
  s = (struct counters_span){.began_before = 100, .began_now = 100.4, .passed = 2};
  ck_assert(counters_began(&s)); /* it should be 102 by now, or 101 in whole seconds */
  ck_assert_double_eq(counters_seconds(&s), 2);
  s = (struct counters_span){.began_before = 1, .began_now = 3, .passed = 10};
  ck_assert_double_eq(counters_seconds(&s), 3);
  s = (struct counters_span){.began_before = 1, .began_now = 3, .passed = 2};
  ck_assert_double_eq(counters_seconds(&s), 2);
}
END_TEST

START_TEST(percentiles_of_what_came_since) {
  struct histogram before = {0}, now, since;
  count(&before, 10, 1000);
  now = before;
  count(&now, 5000, 100);
  histogram_since(&since, &now, &before);
  ck_assert_uint_eq(histogram_count(&since), 100);
  ck_assert_double_gt(histogram_quantile(&since, 0.5), 3e6);
  ck_assert_double_lt(histogram_quantile(&now, 0.5), 1e5);
  histogram_since(&since, &now, &now);
  ck_assert_uint_eq(histogram_count(&since), 0);
  histogram_since(&since, &now, NULL);
  ck_assert_uint_eq(histogram_count(&since), 1100);
}
END_TEST

START_TEST(each_bucket_counts) {
  struct histogram before = {0}, now = {0}, since;
  before.counts[0] = before.counts[HISTOGRAM_BUCKETS - 1] = 3;
  now.counts[0] = now.counts[HISTOGRAM_BUCKETS - 1] = 5;
  before.sum = now.sum = 7;
  histogram_since(&since, &now, &before);
  ck_assert_uint_eq(since.counts[0], 2);
  ck_assert_uint_eq(since.counts[HISTOGRAM_BUCKETS - 1], 2);
  ck_assert_uint_eq(since.sum, 0);
  now.counts[0] = 2; /* begun anew, as one bucket alone tells */
  histogram_since(&since, &now, &before);
  ck_assert_uint_eq(since.counts[0], 2);
  ck_assert_uint_eq(since.counts[HISTOGRAM_BUCKETS - 1], 5);
  now.counts[0] = 5;
  now.counts[HISTOGRAM_BUCKETS - 1] = 2;
  histogram_since(&since, &now, &before);
  ck_assert_uint_eq(since.counts[0], 5);
}
END_TEST

START_TEST(percentiles_when_counting_began_anew) {
  struct histogram before = {0}, now = {0}, since;
  count(&before, 10, 1000);
  count(&now, 5000, 10);
  histogram_since(&since, &now, &before);
  ck_assert_uint_eq(histogram_count(&since), 10);
  /* The sum is larger by now, but a bucket is not. */
  count(&now, 5000, 100000);
  histogram_since(&since, &now, &before);
  ck_assert_uint_eq(histogram_count(&since), 100010);
}
END_TEST

/* ---- Processes ---- */

START_TEST(processes_are_read_whatever_their_names) {
  struct process p;
  ck_assert(process_parse("7 (a) R b) S 1 2 3 4 5 6 7 8 9 10 200 100 0 0 20 0 1 0 555 4096 3 99", &p));
  ck_assert_uint_eq(p.begun, 555);
  ck_assert_uint_eq(p.memory, 3 * (uint64_t)sysconf(_SC_PAGESIZE));
  ck_assert_double_eq_tol(p.cpu, 300.0 / (double)sysconf(_SC_CLK_TCK), 1e-9);
  ck_assert(!process_parse("7 (a) S 1 2", &p));
  ck_assert(!process_parse("", &p));
  ck_assert(!p.is_known);
}
END_TEST

START_TEST(another_process_is_not_the_workers) {
  uint64_t pid = (uint64_t)getpid(), uid = (uint64_t)geteuid();
  struct process p = process_read(pid, uid, 0);
  ck_assert(p.is_known && p.memory > 0);
  ck_assert(!process_read(pid, uid + 1, 0).is_known || uid == 0); /* root's files may be of one that hides */
  ck_assert(!process_read(pid, uid, 1e9).is_known); /* it is younger than that */
  ck_assert(!process_read(0, uid, 0).is_known);
  struct process later = p;
  later.cpu += 1;
  ck_assert_double_eq_tol(process_load(&later, &p, 2), 0.5, 1e-9);
  p.cpu = 5;
  later.cpu = 6;
  ck_assert_double_eq_tol(process_load(&later, &p, 2), 0.5, 1e-9);
  ck_assert_double_eq(process_load(&p, &later, 2), 0); /* the kernel's figures are rounded */
  ck_assert_double_lt(process_load(&later, &p, 0), 0);
  ck_assert_double_lt(process_load(&later, &(struct process){.begun = later.begun}, 2), 0);
  ck_assert_double_lt(process_load(&(struct process){.begun = p.begun}, &p, 2), 0);
  later.begun++;
  ck_assert_double_lt(process_load(&later, &p, 2), 0);
}
END_TEST

static void expect_number(void (*write)(struct text *t, double v), double v, const char *text) {
  struct text t = {0};
  write(&t, v);
  ck_assert_str_eq(t.bytes, text);
  text_deinit(&t);
}

START_TEST(numbers_are_short) {
  expect_number(number_count, 0, "0");
  expect_number(number_count, 99999, "99999");
  expect_number(number_count, 1234567, "1.2M");
  expect_number(number_count, 999999, "1.0M");
  expect_number(number_rate, 0.25, "0.2");
  expect_number(number_rate, 0, "0");
  expect_number(number_rate, 12.6, "13");
  expect_number(number_bytes, 1023, "1023");
  expect_number(number_bytes, 1536, "1.5K");
  expect_number(number_bytes, 268435456, "256M");
  expect_number(number_us, 458.7, "459us");
  expect_number(number_us, 3400000, "3.4s");
  expect_number(number_age, 119, "119s");
  expect_number(number_age, 120, "2m");
  expect_number(number_age, 7199, "120m");
  expect_number(number_age, 7200, "2h");
  expect_number(number_age, 172799, "48h");
  expect_number(number_age, 172800, "2d");
  expect_number(number_age, 864000, "10d");
  expect_number(number_part, 0.4, "40%");
}
END_TEST

START_TEST(widths_are_those_of_terminals) {
  ck_assert_uint_eq(width_of("abc", 3), 3);
  ck_assert_uint_eq(width_of("\xe6\x97\xa5\xe6\x9c\xac", 6), 4); /* two of East Asia */
  ck_assert_uint_eq(width_of("e\xcc\x81", 3), 1);                  /* e and an accent that joins it */
  ck_assert_uint_eq(width_fit("\xe6\x97\xa5\xe6\x9c\xac", 6, 3), 3);
  ck_assert_uint_eq(width_fit("e\xcc\x81x", 4, 1), 3);
  ck_assert_uint_eq(width_fit("abc", 3, 0), 0);
  ck_assert_uint_eq(width_of("a\xe6\x97\xa5", 3), 3); /* what is behind the end does not complete it */
  ck_assert_uint_eq(width_fit("a\xe6\x97\xa5", 3, 2), 2);
}
END_TEST

int main(void) {
  Suite *s = suite_create("top's numbers");
  TCase *c = tcase_create("numbers");
  width_begin();
  suite_add_tcase(s, c);
  tcase_add_test(c, counters_that_begin_anew_have_counted_since);
  tcase_add_test(c, seconds_are_those_since_the_counters_began);
  tcase_add_test(c, percentiles_of_what_came_since);
  tcase_add_test(c, each_bucket_counts);
  tcase_add_test(c, percentiles_when_counting_began_anew);
  tcase_add_test(c, processes_are_read_whatever_their_names);
  tcase_add_test(c, another_process_is_not_the_workers);
  tcase_add_test(c, numbers_are_short);
  tcase_add_test(c, widths_are_those_of_terminals);
  return run_suite(s);
}
