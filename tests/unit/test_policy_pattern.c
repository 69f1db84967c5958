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

/* What is compared is counted. A pattern goes over a text once, whatever they are. */
START_TEST(the_work_is_counted) {
  enum { TEXT = 1024 };
  char text[TEXT + 1] = "";
  memset(text, 'a', TEXT);
  fits("shop", "shop");
  ck_assert_uint_eq(steps, 5);
  fits("x", "shop");
  ck_assert_uint_eq(steps, 1);
  ck_assert(!fits("*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab*", text));
  ck_assert_uint_ge(steps, TEXT);
  ck_assert_uint_le(steps, 2 * TEXT + 100);
  ck_assert(!fits("*ab*aab*aaab*aaaab*aaaaab*", text));
  ck_assert_uint_le(steps, 2 * TEXT + 100);
  ck_assert(!fits("a*aa*aaa*aaaa*aaaaa*aaaaaa*ab", text));
  ck_assert_uint_le(steps, 2 * TEXT + 100);
  ck_assert(!fits("*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", text)); /* of its end only that of the text */
  ck_assert_uint_le(steps, 100);
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

static void fill(uint64_t *r, char *text, const char *of, uint32_t most) {
  uint32_t kinds = (uint32_t)strlen(of), size = random_below(r, most);
  for (uint32_t k = 0; k < size; k++) text[k] = of[random_below(r, kinds)];
}

/* And it takes no more steps than are foreseen. */
START_TEST(as_the_slow_matcher_says) {
  uint64_t r = random_seed("pattern");
  for (int i = 0; i < 60000; i++) {
    char pattern[20] = "", text[40] = "";
    switch (i % 3) {
      case 0: fill(&r, pattern, "ab*\\*", 9), fill(&r, text, "ab*\\", 9); break;
      case 1: fill(&r, pattern, "aab*", 16), fill(&r, text, "aaab", 32); break;
      default: /* one piece that repeats itself */
        pattern[0] = '*';
        fill(&r, pattern + 1, "aab", 9);
        strcat(pattern, "*");
        fill(&r, text, "aab", 39);
    }
    ck_assert_msg(fits(pattern, text) == slow(pattern, text), "'%s' and '%s'", pattern, text);
    uint64_t most = pattern_most_steps(pattern, strlen(pattern), strlen(text));
    ck_assert_msg(steps <= most, "'%s' and '%s': %d steps", pattern, text, (int)steps);
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
