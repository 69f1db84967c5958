/* SPDX-License-Identifier: MIT
 *
 * Patterns, also against a matcher that is as simple as it is slow.
 */
#include <string.h>

#include "policy/pattern.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

static uint64_t steps;
static bool fits(const char *pattern, const char *text) {
  steps = 0;
  return pattern_fits(pattern, strlen(pattern), text, strlen(text), &steps);
}

START_TEST(what_fits) {
  ck_assert(fits("shop", "shop"));
  ck_assert(fits("*", ""));
  ck_assert(fits("*", "shop"));
  ck_assert(fits("till-*", "till-"));
  ck_assert(fits("till-*", "till-1"));
  ck_assert(fits("*-1", "till-1-1"));
  ck_assert(fits("a*b*c", "a-b-b-c"));
  ck_assert(fits("**", "x"));
  ck_assert(fits("\\*", "*"));
  ck_assert(fits("a\\,b", "a,b"));
  ck_assert(fits("\\\\", "\\"));
  ck_assert(fits("", ""));
}
END_TEST

START_TEST(what_does_not) {
  ck_assert(!fits("shop", "shops"));
  ck_assert(!fits("shop", "sho"));
  ck_assert(!fits("shop", "Shop"));
  ck_assert(!fits("", "x"));
  ck_assert(!fits("till-*", "till"));
  ck_assert(!fits("till-*", "xtill-1"));
  ck_assert(!fits("a*b", "a-b-"));
  ck_assert(!fits("a*a", "a"));
  ck_assert(!fits("\\*", "x"));
  ck_assert(!fits("\\*", "\\*"));
  ck_assert(!fits("*x", ""));
}
END_TEST

/* What is compared is counted: a text behind a star is tried at each of its places. */
START_TEST(the_work_is_counted) {
  fits("shop", "shop");
  ck_assert_uint_eq(steps, 5);
  fits("x", "shop");
  ck_assert_uint_eq(steps, 1);
  ck_assert(!fits("*aaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
  ck_assert_uint_ge(steps, 4 * 36);
}
END_TEST

START_TEST(what_is_plain) {
  char out[16];
  ck_assert_uint_eq(pattern_plain("a*\\*b\\\\", 7, out), 4);
  ck_assert(memcmp(out, "a*b\\", 4) == 0);
  ck_assert_uint_eq(pattern_plain("**", 2, out), 0);
}
END_TEST

static bool slow(const char *p, const char *t) {
  if (!*p) return !*t;
  if (*p == '*') return slow(p + 1, t) || (*t && slow(p, t + 1));
  if (*p == '\\' && p[1]) p++;
  return *t == *p && slow(p + 1, t + 1);
}

START_TEST(as_the_slow_matcher_says) {
  uint64_t r = random_seed("pattern");
  for (int i = 0; i < 20000; i++) {
    char pattern[12] = "", text[12] = "";
    for (uint32_t k = 0, n = random_below(&r, 9); k < n; k++) pattern[k] = "ab*\\*"[random_below(&r, 5)];
    for (uint32_t k = 0, n = random_below(&r, 9); k < n; k++) text[k] = "ab*\\"[random_below(&r, 4)];
    ck_assert_msg(fits(pattern, text) == slow(pattern, text), "'%s' and '%s'", pattern, text);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("pattern");
  TCase *c = tcase_create("pattern");
  tcase_add_test(c, what_fits);
  tcase_add_test(c, what_does_not);
  tcase_add_test(c, the_work_is_counted);
  tcase_add_test(c, what_is_plain);
  tcase_add_test(c, as_the_slow_matcher_says);
  suite_add_tcase(s, c);
  return run_suite(s);
}
