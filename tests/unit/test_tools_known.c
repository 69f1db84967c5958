/* SPDX-License-Identifier: MIT
 *
 * What is known by two numbers stays bounded, and what is in use stays known (tools/watch/known.h).
 */
#include "tools/watch/known.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/run.h"

enum { WORKERS = 100, MANY = 10 * KNOWN_MOST };

static struct known k;

static void finish(void) { known_deinit(&k); }

static bool put(uint64_t a, const char *text) { return known_put(&k, a, 0, text, strlen(text)); }

START_TEST(workers_outlive_many_observers) {
  for (uint64_t host = 1; host <= WORKERS; host++) put(host, "shop");
  for (uint64_t host = WORKERS + 1; host <= MANY; host++) {
    put(host, "@gaijinctl");
    ck_assert_uint_le(k.count, KNOWN_MOST);
    ck_assert_str_eq(known_get(&k, WORKERS + 1, 0), "@gaijinctl"); /* one that is in use */
  }
  for (uint64_t host = 1; host <= WORKERS; host++) ck_assert_str_eq(known_get(&k, host, 0), "shop");
  ck_assert_str_eq(known_get(&k, MANY, 0), "@gaijinctl");
  ck_assert_ptr_null(known_get(&k, WORKERS + 2, 0));
}
END_TEST

START_TEST(what_is_not_used_goes_first) {
  for (uint64_t id = 1; id <= MANY; id++) {
    put(id, "price");
    ck_assert_uint_le(k.count, KNOWN_MOST);
    ck_assert_str_eq(known_get(&k, 1, 0), "price");
  }
  ck_assert_ptr_null(known_get(&k, 2, 0));
  ck_assert_str_eq(known_get(&k, MANY, 0), "price");
}
END_TEST

START_TEST(all_in_use_are_bounded_too) {
  for (uint64_t id = 1; id <= KNOWN_MOST; id++) put(id, "price");
  for (uint64_t id = 1; id <= KNOWN_MOST; id++) ck_assert_ptr_nonnull(known_get(&k, id, 0));
  ck_assert(put(KNOWN_MOST + 1, "new"));
  ck_assert_uint_le(k.count, KNOWN_MOST);
  ck_assert_str_eq(known_get(&k, KNOWN_MOST + 1, 0), "new");
}
END_TEST

START_TEST(a_put_tells_what_is_new) {
  ck_assert(put(1, "price"));
  ck_assert(!put(1, "price"));
  ck_assert(put(1, "prices"));
  ck_assert_str_eq(known_get(&k, 1, 0), "prices");
  ck_assert_ptr_null(known_get(&k, 2, 0));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools known");
  TCase *t = tcase_create("known");
  suite_add_tcase(suite, t);
  tcase_add_checked_fixture(t, NULL, finish);
  tcase_add_test(t, workers_outlive_many_observers);
  tcase_add_test(t, what_is_not_used_goes_first);
  tcase_add_test(t, all_in_use_are_bounded_too);
  tcase_add_test(t, a_put_tells_what_is_new);
  return run_suite(suite);
}
