/* SPDX-License-Identifier: MIT
 *
 * Requests under way.
 */
#include "broker/books/calls.h"

#include "proto/ops.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

static struct calls calls;

static void setup(void) { ck_assert(calls_init(&calls, 1)); }
static void teardown(void) {
  ck_assert_ptr_null(calls_check(&calls));
  calls_deinit(&calls);
}

static uint32_t add(uint32_t asker, uint64_t id, uint32_t host) {
  uint32_t call;
  ck_assert_int_eq(calls_add(&calls, asker, id, host, SLAB_NONE, 4, false, &call), CALLS_OK);
  return call;
}

START_TEST(a_call_is_found_by_both_ids) {
  uint32_t call = add(1, 77, 2);
  ck_assert_uint_eq(calls_find(&calls, calls_at(&calls, call)->id), call);
  ck_assert_uint_eq(calls_find_asked(&calls, 1, 77), call);
  ck_assert_uint_eq(calls_find_asked(&calls, 2, 77), SLAB_NONE);
  calls_remove(&calls, call);
  ck_assert_uint_eq(calls_find_asked(&calls, 1, 77), SLAB_NONE);
  ck_assert_uint_eq(calls_first_served(&calls, 2), SLAB_NONE);
}
END_TEST

START_TEST(an_open_id_is_not_taken_twice) {
  uint32_t call = add(1, 77, 2), other;
  ck_assert_int_eq(calls_add(&calls, 1, 77, 3, SLAB_NONE, 4, false, &other), CALLS_DUPLICATE);
  add(2, 77, 3);
  calls_remove(&calls, call);
  add(1, 77, 3);
}
END_TEST

START_TEST(broker_ids_are_never_used_again) {
  uint64_t last = 0;
  for (int i = 0; i < 1000; i++) {
    uint32_t call = add(1, 77, 2);
    ck_assert_uint_gt(calls_at(&calls, call)->id, last);
    last = calls_at(&calls, call)->id;
    calls_remove(&calls, call);
    ck_assert_uint_eq(calls_find(&calls, last), SLAB_NONE);
  }
  ck_assert_uint_gt(calls_next_id(&calls), last);
}
END_TEST

/* Ids that all have one place in front of the hash table, and more of the broker's than there are
 * places. */
START_TEST(calls_whose_places_are_taken_are_found) {
  enum { MANY = 3 * FRONT_PLACES };
  uint32_t made[MANY], other;
  for (uint32_t i = 0; i < MANY; i++) made[i] = add(7, (uint64_t)i * FRONT_PLACES, i % 5);
  ck_assert_uint_eq(front_count(&calls.id_front), FRONT_PLACES);
  ck_assert_uint_eq(front_count(&calls.asked_front), 1);
  ck_assert_ptr_null(calls_check(&calls)); /* each is found by its ids */
  for (uint32_t i = 0; i < MANY; i++) /* the one at the place goes first, and others come there */
    ck_assert_int_eq(calls_add(&calls, 7, (uint64_t)i * FRONT_PLACES, 1, SLAB_NONE, 4, false, &other),
                     CALLS_DUPLICATE);
  for (uint32_t i = 0; i < MANY; i += 2) {
    calls_remove(&calls, made[i]);
    ck_assert_uint_eq(calls_find_asked(&calls, 7, (uint64_t)i * FRONT_PLACES), SLAB_NONE);
    if (i % 4 == 0) add(7, (uint64_t)(MANY + i) * FRONT_PLACES, 2);
  }
  ck_assert_ptr_null(calls_check(&calls));
}
END_TEST

/* Op describe: as long as its asker waits. */
START_TEST(calls_that_look_are_counted) {
  uint32_t calls_of_5[3], other;
  for (unsigned i = 0; i < 3; i++)
    ck_assert_int_eq(calls_add(&calls, 5, i + 1, 2, SLAB_NONE, OP_describe, false, &calls_of_5[i]), CALLS_OK);
  ck_assert_int_eq(calls_add(&calls, 900, 1, 2, SLAB_NONE, OP_describe, false, &other), CALLS_OK);
  add(5, 10, 2);
  ck_assert_uint_eq(calls_looks(&calls, 5), 3);
  ck_assert_uint_eq(calls_looks(&calls, 900), 1);
  ck_assert_uint_eq(calls_looks(&calls, 901) + calls_looks(&calls, 4) + calls_looks(&calls, 100000), 0);
  calls_abandon(&calls, calls_of_5[0]);
  ck_assert_uint_eq(calls_looks(&calls, 5), 2);
  calls_remove(&calls, calls_of_5[0]);
  calls_remove(&calls, calls_of_5[1]);
  ck_assert_uint_eq(calls_looks(&calls, 5), 1);
  calls_remove(&calls, calls_of_5[2]);
  calls_remove(&calls, other);
  ck_assert_uint_eq(calls_looks(&calls, 5) + calls_looks(&calls, 900), 0);
}
END_TEST

START_TEST(an_abandoned_call_waits_for_its_late_answer) {
  uint32_t call = add(1, 77, 2);
  uint64_t id = calls_at(&calls, call)->id;
  calls_abandon(&calls, call);
  ck_assert_uint_eq(calls_find(&calls, id), call);
  ck_assert_uint_eq(calls_at(&calls, call)->asker, SLAB_NONE);
  ck_assert_uint_eq(calls_asked_count(&calls, 1), 0);
  ck_assert_uint_eq(calls_served_count(&calls, 2), 1);
  add(1, 77, 2); /* the asker may use its id again */
  calls_remove(&calls, call);
  ck_assert_uint_eq(calls_served_count(&calls, 2), 1);
}
END_TEST

/* Some have the place of others. */
static uint64_t random_id(uint64_t *random) {
  return random_below(random, 25) + (uint64_t)random_below(random, 2) * FRONT_PLACES;
}

START_TEST(random_events_keep_the_invariants) {
  uint64_t random = random_seed("calls");
  for (int step = 0; step < 20000; step++) {
    uint32_t who = random_below(&random, 5), call;
    switch (random_below(&random, 6)) {
      case 0:
      case 1:
      case 2:
        calls_add(&calls, who, random_id(&random), random_below(&random, 5), SLAB_NONE, 4,
                  random_below(&random, 2), &call);
        break;
      case 3:
        if ((call = calls_find_asked(&calls, who, random_id(&random))) != SLAB_NONE)
          calls_abandon(&calls, call);
        break;
      case 4:
        if ((call = calls_first_served(&calls, who)) != SLAB_NONE) calls_remove(&calls, call);
        break;
      default:
        if ((call = calls_first_asked(&calls, who)) != SLAB_NONE) calls_remove(&calls, call);
        break;
    }
    const char *fault = step % 8 ? NULL : calls_check(&calls);
    ck_assert_msg(!fault, "%s", fault);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker calls");
  TCase *t = tcase_create("calls");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_call_is_found_by_both_ids);
  tcase_add_test(t, an_open_id_is_not_taken_twice);
  tcase_add_test(t, broker_ids_are_never_used_again);
  tcase_add_test(t, calls_whose_places_are_taken_are_found);
  tcase_add_test(t, calls_that_look_are_counted);
  tcase_add_test(t, an_abandoned_call_waits_for_its_late_answer);
  tcase_add_test(t, random_events_keep_the_invariants);
  return run_suite(s);
}
