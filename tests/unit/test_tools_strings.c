/* SPDX-License-Identifier: MIT
 *
 * Strings in blocks.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/run.h"
#include "tools/table/strings.h"

/* Each stays where it is and what it is, whatever comes after it: also beside one that is larger
 * than a block. */
START_TEST(strings_stay) {
  enum { N = 20000, LARGE = 200000 };
  static const char *kept[N];
  static char large[LARGE];
  struct strings s = {0};
  char text[32];
  memset(large, 'x', sizeof large);
  const char *empty = strings_add(&s, NULL, 0), *big = NULL;
  for (int i = 0; i < N; i++) {
    int n = snprintf(text, sizeof text, "string %d", i);
    kept[i] = strings_add(&s, text, (size_t)n);
    if (i == N / 2) big = strings_add(&s, large, sizeof large);
  }
  ck_assert_str_eq(empty, "");
  ck_assert_ptr_nonnull(big);
  ck_assert_uint_eq(strlen(big), LARGE);
  for (int i = 0; i < N; i++) {
    snprintf(text, sizeof text, "string %d", i);
    ck_assert_str_eq(kept[i], text);
  }
  strings_deinit(&s);
  strings_deinit(&s);
}
END_TEST

/* As large as a block, a byte less, a byte more. */
START_TEST(strings_of_a_block) {
  static char bytes[(64 << 10) + 1];
  struct strings s = {0};
  const char *kept[3];
  memset(bytes, 'y', sizeof bytes);
  for (size_t i = 0; i < 3; i++) kept[i] = strings_add(&s, bytes, sizeof bytes - 2 + i);
  for (size_t i = 0; i < 3; i++) ck_assert_uint_eq(strlen(kept[i]), sizeof bytes - 2 + i);
  strings_deinit(&s);
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools strings");
  TCase *t = tcase_create("strings");
  suite_add_tcase(s, t);
  tcase_add_test(t, strings_stay);
  tcase_add_test(t, strings_of_a_block);
  return run_suite(s);
}
