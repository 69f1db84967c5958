/* SPDX-License-Identifier: MIT
 *
 * The book of what is outstanding between pairs, and the rule of the window (proto/window.h).
 */
#include "broker/books/flows.h"

#include "proto/message.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

enum { POSTS = 8, BYTES = 4096, SMALL = MESSAGE_LEAST_BYTES };
static const struct window window = {POSTS, BYTES};
static struct flows flows;
static struct loads loads;

static void setup(void) {
  ck_assert(loads_init(&loads, 2, 100, 100, 1));
  flows_init(&flows, &window, &loads);
}
static void teardown(void) {
  ck_assert_ptr_null(flows_check(&flows));
  loads_deinit(&loads);
}

/* The record of a pair. */
static uint32_t pair(uint32_t sender, uint32_t target) {
  uint32_t load;
  ck_assert_int_ne(loads_introduce(&loads, sender, target, NULL, &load), LOADS_NO_MEMORY);
  return load;
}
static bool sent(uint32_t sender, uint32_t target, uint32_t size) {
  return flows_sent(&flows, pair(sender, target), size);
}
static bool taken(uint32_t sender, uint32_t target, uint32_t posts, uint64_t bytes) {
  return flows_taken(&flows, pair(sender, target), &(struct window){posts, bytes});
}
static bool opened(uint32_t sender, uint32_t target, uint32_t size, bool waits) {
  return flows_opened(&flows, pair(sender, target), size, waits ? FLOWS_WAITING : FLOWS_OLDER);
}
static void closed(uint32_t sender, uint32_t target, uint32_t size, bool waits) {
  flows_closed(&flows, pair(sender, target), size, waits);
}
static struct window outstanding(uint32_t sender, uint32_t target) {
  return flows_outstanding(&flows, pair(sender, target));
}

START_TEST(a_window_of_posts) {
  for (int i = 0; i < POSTS; i++) ck_assert(sent(1, 2, SMALL));
  ck_assert(!sent(1, 2, SMALL));
  ck_assert(sent(2, 1, SMALL)); /* another pair */
  ck_assert(taken(1, 2, 1, SMALL));
  ck_assert(sent(1, 2, SMALL));
  ck_assert(!sent(1, 2, SMALL));
}
END_TEST

START_TEST(a_window_of_bytes) {
  ck_assert(sent(1, 2, BYTES / 4 + 1));
  ck_assert(!sent(1, 2, BYTES));
  ck_assert(!sent(1, 2, BYTES - BYTES / 4));
  ck_assert(sent(1, 2, BYTES - BYTES / 4 - 1));
  ck_assert(!sent(1, 2, SMALL));
  ck_assert_uint_eq(outstanding(1, 2).bytes, BYTES);
}
END_TEST

START_TEST(a_large_one_goes_when_little_is_outstanding) {
  ck_assert(sent(1, 2, BYTES / 4));
  ck_assert(sent(1, 2, 1 << 30));
  ck_assert(!sent(1, 2, SMALL));
  ck_assert(taken(1, 2, 1, BYTES / 4));
  ck_assert(!sent(1, 2, SMALL));
  ck_assert(taken(1, 2, 1, 1 << 30));
  ck_assert(sent(1, 2, 1 << 30));
}
END_TEST

START_TEST(no_more_is_taken_than_was_sent) {
  ck_assert(!taken(1, 2, 1, SMALL));
  ck_assert(sent(1, 2, 100));
  ck_assert(sent(1, 2, 100));
  ck_assert(!taken(2, 1, 1, 100));
  ck_assert(!taken(1, 2, 3, 200));
  ck_assert(!taken(1, 2, 2, 201));
  ck_assert(!taken(1, 2, 1, 201));
  ck_assert(!taken(1, 2, 2, 199)); /* bytes of none would be left */
  ck_assert(!taken(1, 2, 1, 200)); /* one without bytes would be left */
  ck_assert(!taken(1, 2, 1, 200 - SMALL + 1));
  ck_assert_uint_eq(outstanding(1, 2).requests, 2);
  ck_assert(taken(1, 2, 2, 200));
  ck_assert_uint_eq(outstanding(1, 2).requests + outstanding(1, 2).bytes, 0);
}
END_TEST

/* What an older sender has open leaves no room by the limit of a newer one, and is no fault. */
START_TEST(of_newer_senders_no_more_is_open_than_a_window) {
  for (int i = 0; i < POSTS; i++) ck_assert(flows_opened(&flows, pair(1, 2), SMALL, FLOWS_NEWER));
  ck_assert(!flows_opened(&flows, pair(1, 2), SMALL, FLOWS_NEWER));
  ck_assert(opened(1, 2, SMALL, false));
  ck_assert_ptr_null(flows_check(&flows));
}
END_TEST

/* None of the three takes room of another. */
START_TEST(what_is_open_is_bounded_by_itself) {
  for (int i = 0; i < FLOWS_OPEN_MOST; i++) ck_assert(opened(1, 2, SMALL, false));
  ck_assert(!opened(1, 2, SMALL, false));
  for (int i = 0; i < FLOWS_OPEN_MOST; i++) ck_assert(opened(1, 2, SMALL, true));
  ck_assert(!opened(1, 2, SMALL, true));
  for (int i = 0; i < POSTS; i++) ck_assert(sent(1, 2, SMALL));
  ck_assert(opened(2, 1, FLOWS_OPEN_BYTES, false) && opened(2, 1, FLOWS_OPEN_BYTES, true));
  ck_assert(!opened(2, 1, SMALL, false) && !opened(2, 1, SMALL, true));
  ck_assert_ptr_null(flows_check(&flows));
  closed(1, 2, SMALL, false);
  ck_assert(!opened(1, 2, SMALL, true) && opened(1, 2, SMALL, false));
  closed(1, 2, SMALL, true);
  ck_assert(!opened(1, 2, SMALL, false) && opened(1, 2, SMALL, true));
  ck_assert(!sent(1, 2, SMALL));
}
END_TEST

/* A sender that keeps to the window and a receiver that reports in time: whatever they do, once all
 * is taken a message of any size may be sent, and nothing else was refused. */
START_TEST(nobody_waits_for_ever) {
  uint64_t state = random_seed("flows");
  struct window under_way = {0}, untaken = {0}, unreported = {0};
  for (int n = 0; n < 100000; n++) {
    uint32_t size = SMALL + random_below(&state, random_below(&state, 8) ? 600 : 3 * BYTES);
    if (random_below(&state, 2) && window_room(&window, &under_way) >= size) {
      ck_assert(sent(1, 2, size));
      under_way.requests++, under_way.bytes += size, untaken.requests++, untaken.bytes += size;
    } else if (untaken.requests) {
      uint32_t part = (uint32_t)(untaken.requests == 1 ? untaken.bytes : SMALL);
      untaken.requests--, untaken.bytes -= part, unreported.requests++, unreported.bytes += part;
    }
    if (window_is_due(&window, &unreported)) {
      ck_assert(taken(1, 2, unreported.requests, unreported.bytes));
      under_way.requests -= unreported.requests, under_way.bytes -= unreported.bytes;
      unreported = (struct window){0};
    }
    if (!untaken.requests) ck_assert_uint_eq(window_room(&window, &under_way), UINT64_MAX);
  }
}
END_TEST

START_TEST(the_check_looks_at_each_record) {
  ck_assert(sent(1, 2, 100));
  ck_assert(sent(1, 3, 100));
  for (uint32_t i = 0; i < 6; i++) {
    struct load *load = loads_at(&loads, pair(1, 2 + i % 2));
    struct window *k = i < 2 ? &load->outstanding : &load->open[i / 2 - 1], as_it_was = *k;
    *k = (struct window){0, 1};
    ck_assert_ptr_nonnull(flows_check(&flows));
    *k = (struct window){i < 2 ? POSTS + 1 : FLOWS_OPEN_MOST + 1, 1 << 30};
    ck_assert_ptr_nonnull(flows_check(&flows));
    *k = (struct window){2, SMALL};
    ck_assert_ptr_nonnull(flows_check(&flows));
    *k = as_it_was;
    ck_assert_ptr_null(flows_check(&flows));
  }
}
END_TEST

START_TEST(the_smallest_window_works) {
  const struct window one = {1, BYTES};
  ck_assert_uint_eq(window_room(&one, &(struct window){0}), UINT64_MAX);
  ck_assert_uint_eq(window_room(&one, &(struct window){1, SMALL}), 0);
  ck_assert(window_is_due(&one, &(struct window){1, SMALL}));
  ck_assert(!window_is_due(&one, &(struct window){0}));
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker flows");
  TCase *t = tcase_create("flows");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_window_of_posts);
  tcase_add_test(t, a_window_of_bytes);
  tcase_add_test(t, a_large_one_goes_when_little_is_outstanding);
  tcase_add_test(t, no_more_is_taken_than_was_sent);
  tcase_add_test(t, what_is_open_is_bounded_by_itself);
  tcase_add_test(t, of_newer_senders_no_more_is_open_than_a_window);
  tcase_add_test(t, nobody_waits_for_ever);
  tcase_add_test(t, the_check_looks_at_each_record);
  tcase_add_test(t, the_smallest_window_works);
  return run_suite(s);
}
