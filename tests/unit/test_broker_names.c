/* SPDX-License-Identifier: MIT
 *
 * Names, and those who wait for them.
 */
#include "broker/books/names.h"

#include <string.h>

#include "tests/unit/run.h"

static struct names names;

static void setup(void) { ck_assert(names_init(&names, 1)); }
static void teardown(void) {
  ck_assert_ptr_null(names_check(&names));
  names_deinit(&names);
}

static uint32_t take(const char *text, uint32_t host) {
  uint32_t name;
  ck_assert_int_eq(names_take(&names, text, (uint32_t)strlen(text), host, &name), NAMES_OK);
  return name;
}

static uint32_t host_of(const char *text) {
  return names_host(&names, text, (uint32_t)strlen(text));
}

START_TEST(a_name_has_one_living_owner) {
  uint32_t shop = take("shop", 1), other;
  ck_assert_int_eq(names_take(&names, "shop", 4, 2, &other), NAMES_TAKEN);
  ck_assert_uint_eq(host_of("shop"), 1);
  ck_assert_uint_eq(host_of("sho"), SLAB_NONE);
  names_give_up(&names, shop, 1);
  ck_assert_uint_eq(host_of("shop"), SLAB_NONE);
  take("shop", 2);
  ck_assert_uint_eq(host_of("shop"), 2);
}
END_TEST

START_TEST(no_worker_is_found_by_a_longer_name) {
  char longest[NAME_MAX_BYTES + 1];
  memset(longest, 'x', sizeof longest);
  ck_assert_uint_eq(names_host(&names, longest, NAME_MAX_BYTES + 1), SLAB_NONE);
}
END_TEST

START_TEST(watches_come_true_by_event) {
  struct wait watch;
  uint32_t host;
  ck_assert(names_watch(&names, "shop", 4, NAMES_PRESENT, 7, 70));
  ck_assert(names_watch(&names, "shop", 4, NAMES_READY, 8, 80));
  ck_assert_uint_eq(host_of("shop"), SLAB_NONE);
  uint32_t shop = take("shop", 1);
  ck_assert(names_take_due(&names, shop, &watch));
  ck_assert_uint_eq(watch.client, 7);
  ck_assert_uint_eq(watch.request, 70);
  ck_assert(!names_take_due(&names, shop, &watch));
  ck_assert(names_has_happened(&names, "shop", 4, NAMES_PRESENT, &host));
  ck_assert(!names_has_happened(&names, "shop", 4, NAMES_READY, &host));
  names_at(&names, shop)->ready = true;
  ck_assert(names_has_happened(&names, "shop", 4, NAMES_READY, &host));
  ck_assert(names_take_due(&names, shop, &watch));
  ck_assert_uint_eq(watch.client, 8);
  ck_assert(!names_take_due(&names, shop, &watch));
}
END_TEST

START_TEST(a_new_owner_is_not_ready) {
  uint32_t shop = take("shop", 1), host;
  names_at(&names, shop)->ready = true;
  ck_assert(names_watch(&names, "other", 5, NAMES_READY, 7, 70));
  names_give_up(&names, shop, 1);
  take("shop", 2);
  ck_assert(!names_has_happened(&names, "shop", 4, NAMES_READY, &host));
  ck_assert(names_unwatch(&names, 7, 70));
}
END_TEST

START_TEST(a_successor_has_the_name_when_it_passes) {
  uint32_t shop = take("shop", 1), name, host;
  names_at(&names, shop)->ready = true;
  ck_assert_int_eq(names_succeed(&names, "shop", 4, 2, &name), NAMES_OK);
  ck_assert_uint_eq(name, shop);
  ck_assert_int_eq(names_succeed(&names, "shop", 4, 3, &name), NAMES_TAKEN);
  ck_assert_uint_eq(host_of("shop"), 1);
  ck_assert_uint_eq(names_pass(&names, shop), 1);
  ck_assert_uint_eq(host_of("shop"), 2);
  ck_assert(!names_has_happened(&names, "shop", 4, NAMES_READY, &host));
  /* one who waits keeps the record, and leaves the name to who has it */
  ck_assert_int_eq(names_succeed(&names, "shop", 4, 3, &name), NAMES_OK);
  names_give_up(&names, shop, 2);
  ck_assert_uint_eq(host_of("shop"), SLAB_NONE);
  ck_assert_uint_eq(names_find(&names, "shop", 4), shop);
  ck_assert_uint_eq(names_pass(&names, shop), SLAB_NONE);
  ck_assert_int_eq(names_succeed(&names, "shop", 4, 4, &name), NAMES_OK);
  names_give_up(&names, shop, 4);
  ck_assert_uint_eq(host_of("shop"), 3);
  names_give_up(&names, shop, 3);
  ck_assert_uint_eq(names_find(&names, "shop", 4), SLAB_NONE);
}
END_TEST

START_TEST(a_name_nobody_waits_for_is_forgotten) {
  ck_assert(names_watch(&names, "a", 1, NAMES_PRESENT, 7, 70));
  ck_assert(names_watch(&names, "b", 1, NAMES_READY, 7, 71));
  ck_assert(names_watch(&names, "b", 1, NAMES_READY, 8, 71));
  ck_assert(!names_unwatch(&names, 8, 70));
  ck_assert(names_unwatch(&names, 7, 70));
  ck_assert_uint_eq(names.all.count, 1);
  while (names_unwatch_one(&names, 7)) continue;
  ck_assert_uint_eq(names.all.count, 1);
  while (names_unwatch_one(&names, 8)) continue;
  ck_assert_uint_eq(names.all.count, 0);
}
END_TEST

/* With a walk over those that wait for the other event the next two would take minutes. */
enum { MANY_WATCHES = 100000, MANY_CLIENTS = 20 };

static void watch_often(enum names_event event, uint64_t first_request) {
  unsigned n = 0; /* an assertion each would take longer than all the rest */
  for (unsigned i = 0; i < MANY_WATCHES; i++)
    n += names_watch(&names, "shop", 4, event, i % MANY_CLIENTS, first_request + i);
  ck_assert_uint_eq(n, MANY_WATCHES);
}

START_TEST(an_event_is_taken_past_those_who_wait_for_the_other) {
  struct wait watch;
  watch_often(NAMES_PRESENT, 1);
  watch_often(NAMES_READY, 1 + MANY_WATCHES);
  uint32_t shop = take("shop", 1);
  unsigned n = 0, other = 0;
  for (; names_take_due(&names, shop, &watch); n++) other += watch.request > MANY_WATCHES;
  ck_assert_uint_eq(n, MANY_WATCHES);
  ck_assert_uint_eq(other, 0);
  names_at(&names, shop)->ready = true;
  while (names_take_due(&names, shop, &watch)) n++;
  ck_assert_uint_eq(n, 2 * MANY_WATCHES);
}
END_TEST

START_TEST(a_watch_is_found_among_many_of_its_client) {
  watch_often(NAMES_READY, 1);
  unsigned n = 0;
  for (unsigned i = 1; i <= 10 * MANY_WATCHES; i++)
    n += names_unwatch(&names, 0, 10 * MANY_WATCHES + i);
  ck_assert_uint_eq(n, 0);
  for (unsigned i = 0; i < MANY_WATCHES; i++)
    n += names_unwatch(&names, i % MANY_CLIENTS, 1 + i);
  ck_assert_uint_eq(n, MANY_WATCHES);
  ck_assert_uint_eq(names.all.count, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker names");
  TCase *t = tcase_create("names");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_name_has_one_living_owner);
  tcase_add_test(t, no_worker_is_found_by_a_longer_name);
  tcase_add_test(t, watches_come_true_by_event);
  tcase_add_test(t, a_new_owner_is_not_ready);
  tcase_add_test(t, a_successor_has_the_name_when_it_passes);
  tcase_add_test(t, a_name_nobody_waits_for_is_forgotten);
  tcase_add_test(t, an_event_is_taken_past_those_who_wait_for_the_other);
  tcase_add_test(t, a_watch_is_found_among_many_of_its_client);
  return run_suite(s);
}
