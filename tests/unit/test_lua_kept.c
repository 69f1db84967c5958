/* SPDX-License-Identifier: MIT
 *
 * Who has the most of what is kept here (lua/fiber/kept.c): found at once, whatever comes and goes.
 */
#include "lua/fiber/kept.h"

#include "tests/unit/random.h"
#include "tests/unit/run.h"

enum { ASKERS = 300, STEPS = 200000 };
static struct worker w;
static struct asker askers[ASKERS];

static void setup(void) {
  memset(&w, 0, sizeof w);
  memset(askers, 0, sizeof askers);
}

/* As the backlog has them. */
static void link_listed(void) {
  w.backlog.first = NULL;
  for (unsigned i = 0; i < ASKERS; i++) {
    if (!askers[i].is_sized) continue;
    askers[i].next_waiting = w.backlog.first;
    w.backlog.first = &askers[i];
  }
}

static void check(void) {
  const struct asker *most = kept_most(&w);
  size_t bytes = 0, largest = 0;
  bool some = false;
  for (unsigned i = 0; i < ASKERS; i++) {
    bytes += askers[i].bytes;
    some = some || askers[i].is_sized;
    if (askers[i].is_sized && askers[i].bytes > largest) largest = askers[i].bytes;
  }
  ck_assert_uint_eq(w.backlog.bytes, bytes);
  ck_assert_int_eq(most != NULL, some);
  if (most) ck_assert(most->is_sized && (most->bytes >= largest - largest / 9 || largest < 256));
  link_listed();
  const char *fault = kept_check(&w);
  ck_assert_msg(!fault, "%s", fault);
}

START_TEST(it_is_found_whatever_comes_and_goes) {
  uint64_t state = random_seed("kept");
  for (unsigned step = 0; step < STEPS; step++) {
    struct asker *a = &askers[random_below(&state, ASKERS)];
    size_t bytes = random_below(&state, 1u << random_below(&state, 24));
    if (random_below(&state, 8) == 0)
      (a->is_sized ? kept_unlist : kept_list)(&w, a);
    else if (random_below(&state, 2))
      kept_add(&w, a, bytes);
    else
      kept_remove(&w, a, bytes < a->bytes ? bytes : a->bytes);
    if (step % 64 == 0) check();
  }
  check();
}
END_TEST

START_TEST(who_has_no_records_is_not_found) {
  kept_add(&w, &askers[0], 1000);
  ck_assert_ptr_null(kept_most(&w));
  kept_list(&w, &askers[1]);
  kept_add(&w, &askers[1], 1);
  ck_assert_ptr_eq(kept_most(&w), &askers[1]);
  kept_list(&w, &askers[0]);
  ck_assert_ptr_eq(kept_most(&w), &askers[0]);
  kept_remove(&w, &askers[0], 1000);
  kept_add(&w, &askers[1], 299);
  ck_assert_ptr_eq(kept_most(&w), &askers[1]);
  check();
}
END_TEST

/* However much it is. */
START_TEST(the_largest_are_in_the_last_list) {
  for (unsigned i = 0; i < 3; i++) {
    kept_list(&w, &askers[i]);
    kept_add(&w, &askers[i], (size_t)1 << (20 + i * 20));
  }
  ck_assert_uint_eq(askers[2].size_list, KEPT_LISTS - 1);
  ck_assert_ptr_eq(kept_most(&w), &askers[2]);
  kept_unlist(&w, &askers[2]);
  ck_assert_ptr_eq(kept_most(&w), &askers[1]);
  check();
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua kept");
  TCase *c = tcase_create("kept");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, NULL);
  tcase_add_test(c, it_is_found_whatever_comes_and_goes);
  tcase_add_test(c, who_has_no_records_is_not_found);
  tcase_add_test(c, the_largest_are_in_the_last_list);
  return run_suite(s);
}
