/* SPDX-License-Identifier: MIT
 *
 * The timer wheel against a plain list of times.
 */
#include "broker/base/wheel.h"

#include <stddef.h>

#include "tests/unit/random.h"
#include "tests/unit/run.h"

struct item {
  uint64_t due; /* 0: not in the wheel */
  struct wheel_link link;
};

static struct slab slab;
static struct wheel wheel;

static struct item *at(uint32_t index) { return slab_at(&slab, index); }

static void setup(void) {
  slab_init(&slab, sizeof(struct item));
  wheel_init(&wheel, &slab, offsetof(struct item, link));
}
static void teardown(void) { slab_deinit(&slab); }

static uint32_t add(uint64_t now, uint64_t due) {
  uint32_t index = slab_add(&slab);
  at(index)->due = due;
  wheel_add(&wheel, index, now, due);
  return index;
}

START_TEST(empty_it_never_wakes) {
  ck_assert_uint_eq(wheel_next(&wheel), WHEEL_NEVER);
  ck_assert_uint_eq(wheel_take(&wheel, 1000000), SLAB_NONE);
  ck_assert_ptr_null(wheel_check(&wheel));
}
END_TEST

START_TEST(nothing_is_taken_before_its_time) {
  static const uint64_t delays[] = {0,
                                    1,
                                    2,
                                    255,
                                    256,
                                    257,
                                    511,
                                    25000,
                                    65535,
                                    65536,
                                    65537,
                                    1 << 24,
                                    (1 << 24) + 1,
                                    1ull << 32,
                                    (1ull << 32) + 5};
  static const uint64_t starts[] = {0,      1,       255,        256,         0xfffe,
                                    0xffff, 0x10000, 0xffffffff, 0x1234567890};
  for (size_t s = 0; s < ARRAY_SIZE(starts); s++) {
    for (size_t d = 0; d < ARRAY_SIZE(delays); d++) {
      setup();
      uint64_t now = starts[s], due = now + delays[d];
      uint32_t index = add(now, due);
      ck_assert_uint_le(wheel_next(&wheel), due);
      if (due > now) ck_assert_uint_eq(wheel_take(&wheel, due - 1), SLAB_NONE);
      ck_assert_ptr_null(wheel_check(&wheel));
      ck_assert_uint_eq(wheel_take(&wheel, due), index);
      ck_assert_uint_eq(wheel_take(&wheel, due), SLAB_NONE);
      teardown();
    }
  }
}
END_TEST

START_TEST(what_is_due_already_comes_at_once) {
  ck_assert_uint_eq(wheel_take(&wheel, 5000), SLAB_NONE);
  uint32_t index = add(5000, 10);
  ck_assert_uint_eq(wheel_next(&wheel), 5000);
  ck_assert_uint_eq(wheel_take(&wheel, 5000), index);
}
END_TEST

START_TEST(a_removed_item_does_not_come) {
  uint32_t one = add(0, 300), two = add(0, 300);
  wheel_remove(&wheel, one);
  wheel_remove(&wheel, one);
  ck_assert_ptr_null(wheel_check(&wheel));
  ck_assert_uint_eq(wheel_take(&wheel, 400), two);
  ck_assert_uint_eq(wheel_take(&wheel, 400), SLAB_NONE);
  ck_assert_uint_eq(wheel_next(&wheel), WHEEL_NEVER);
}
END_TEST

START_TEST(waking_at_next_visits_few_times) {
  add(0, 25000);
  unsigned wakes = 0;
  uint64_t now = 0;
  while (wheel_take(&wheel, now) == SLAB_NONE) {
    now = wheel_next(&wheel);
    wakes++;
  }
  ck_assert_uint_eq(now, 25000);
  ck_assert_uint_le(wakes, WHEEL_LEVELS);
}
END_TEST

enum { ITEMS = 300, STEPS = 20000 };

START_TEST(random_times_come_in_order) {
  uint64_t seed = random_seed("wheel"), now = random_below(&seed, 1 << 20);
  uint32_t items[ITEMS];
  for (int i = 0; i < ITEMS; i++) items[i] = slab_add(&slab);
  for (int step = 0; step < STEPS; step++) {
    uint32_t index = items[random_below(&seed, ITEMS)];
    struct item *k = at(index);
    if (!k->due) {
      k->due = now + 1 + random_below(&seed, 1u << random_below(&seed, 26));
      wheel_add(&wheel, index, now, k->due);
    } else if (random_below(&seed, 3) == 0) {
      wheel_remove(&wheel, index);
      k->due = 0;
    }
    if (random_below(&seed, 8)) continue;
    now += random_below(&seed, 1u << random_below(&seed, 18));
    uint64_t last = 0;
    for (uint32_t i; (i = wheel_take(&wheel, now)) != SLAB_NONE;) {
      ck_assert_uint_le(at(i)->due, now);
      ck_assert_uint_le(last, at(i)->due);
      last = at(i)->due;
      at(i)->due = 0;
    }
    const char *fault = wheel_check(&wheel);
    ck_assert_msg(!fault, "%s", fault);
    for (int i = 0; i < ITEMS; i++)
      ck_assert_msg(!at(items[i])->due || at(items[i])->due > now, "an item was missed");
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker_wheel");
  TCase *c = tcase_create("wheel");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, empty_it_never_wakes);
  tcase_add_test(c, what_is_due_already_comes_at_once);
  tcase_add_test(c, a_removed_item_does_not_come);
  tcase_add_test(c, waking_at_next_visits_few_times);
  tcase_add_test(c, random_times_come_in_order);
  suite_add_tcase(s, c);
  TCase *many = tcase_create("many wheels");
  tcase_add_test(many, nothing_is_taken_before_its_time);
  suite_add_tcase(s, many);
  return run_suite(s);
}
