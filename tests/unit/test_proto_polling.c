/* SPDX-License-Identifier: MIT
 *
 * When a process that waits looks again, and when it sleeps. Time is the test's own.
 */
#include "proto/wait/polling.h"

#include "tests/unit/run.h"

enum { LIMIT_US = 50, MANY = 100 };
static const double limit = LIMIT_US * 1e-6, look = 1e-6, slow = 4e-3, rest = POLLING_REST * 4e-3;
static struct polling p;
static double now;

static void fresh(void) {
  polling_init(&p, LIMIT_US);
  now = 1000;
}

/* A wait of so many seconds: looked through as far as it may be, in looks of `look`. */
static void wait_for(double seconds) {
  double end = now + seconds;
  bool looks = polling_begin(&p, now);
  while (looks && now + look <= end) looks = polling_go_on(&p, now += look);
  polling_hit(&p, now = end);
}
static void waits(int n, double seconds) {
  while (n-- > 0) wait_for(seconds);
}
/* Whether the next wait begins with looks; it does not end. */
static bool would_look(void) {
  struct polling copy = p;
  return polling_begin(&copy, now);
}
/* It has learned that looking is worth it. */
static void learn(void) {
  fresh();
  waits(MANY, 10e-6);
  ck_assert(would_look());
}
/* A wait whose first look is slow; it ends with it. */
static void slow_look(void) {
  ck_assert(polling_begin(&p, now));
  ck_assert(!polling_go_on(&p, now += slow));
  polling_hit(&p, now);
}
/* The longest that there are no looks from now on, to a hundredth; its end is the present then. */
static double pause_left(void) {
  double begin = now;
  while (!would_look()) {
    ck_assert_double_lt(now - begin, 10);
    now += 0.001;
  }
  return now - begin;
}

START_TEST(off_it_never_looks) {
  polling_init(&p, 0);
  now = 1000;
  waits(MANY, 1e-6);
  ck_assert(!would_look() && !polling_wants_hit(&p));
  ck_assert_uint_eq(p.looks + p.hits + p.slow, 0);
}
END_TEST

START_TEST(a_new_one_learns_first) {
  fresh();
  int n = 0;
  for (; !would_look(); n++) {
    wait_for(10e-6);
    ck_assert_int_lt(n, MANY);
  }
  ck_assert_int_ge(n, 5);
  ck_assert_int_le(n, 2 * POLLING_WAITS);
  ck_assert_uint_eq(p.looks, 0); /* all of them were slept */
}
END_TEST

/* As one that was slept from its begin. */
START_TEST(a_wait_that_goes_on_asleep_counts_so) {
  learn();
  uint64_t hits = p.hits;
  double share = p.share;
  ck_assert(polling_begin(&p, now));
  polling_sleep(&p);
  ck_assert(polling_wants_hit(&p));
  polling_hit(&p, now += limit + POLLING_WAKING / 2);
  ck_assert_uint_eq(p.hits, hits);
  ck_assert_double_ge(p.share, share);
}
END_TEST

START_TEST(long_waits_end_it_soon) {
  learn();
  int n = 0;
  for (; would_look(); n++) {
    wait_for(3e-3);
    ck_assert_int_lt(n, MANY);
  }
  ck_assert_int_le(n, POLLING_WAITS / 2 + 1);
  uint64_t looks = p.looks;
  waits(MANY, 3e-3);
  ck_assert_uint_eq(p.looks, looks);
}
END_TEST

START_TEST(it_learns_from_waits_that_it_sleeps) {
  learn();
  waits(MANY, 3e-3);
  ck_assert(!would_look());
  uint64_t looks = p.looks;
  int n = 0;
  for (; !would_look(); n++) wait_for(10e-6);
  ck_assert_int_le(n, 2 * POLLING_WAITS);
  ck_assert_uint_eq(p.looks, looks);
}
END_TEST

START_TEST(a_wait_is_looked_through_up_to_the_limit) {
  learn();
  uint64_t looks = p.looks, hits = p.hits;
  ck_assert(polling_begin(&p, now));
  double begin = now;
  while (polling_go_on(&p, now += look)) ck_assert_double_lt(now - begin, limit);
  ck_assert_double_ge(now - begin, limit);
  ck_assert_uint_le(p.looks - looks, LIMIT_US + 1);
  polling_hit(&p, now);
  ck_assert_uint_eq(p.hits, hits); /* it was asleep by then */
}
END_TEST

/* Timers, and peers that send a byte at a time, wake the process and end no wait. */
START_TEST(what_is_no_hit_does_not_keep_it_awake) {
  learn();
  uint64_t looks = p.looks;
  for (int i = 0; i < 100000; i++) {
    bool again = polling_begin(&p, now);
    while (again) again = polling_go_on(&p, now += look);
    now += 5e-6;
  }
  ck_assert_uint_le(p.looks - looks, LIMIT_US + 1);
  polling_hit(&p, now); /* which was one long wait */
  ck_assert_double_lt(p.share, 1);
}
END_TEST

START_TEST(a_wait_in_pieces_is_looked_through_as_one) {
  learn();
  uint64_t looks = p.looks, hits = p.hits;
  ck_assert(polling_begin(&p, now));
  ck_assert(polling_go_on(&p, now += look));
  now += 10e-6; /* the loop has run */
  ck_assert(polling_begin(&p, now));
  polling_hit(&p, now += look);
  ck_assert_uint_eq(p.looks, looks + 1);
  ck_assert_uint_eq(p.hits, hits + 1);
  ck_assert(!polling_wants_hit(&p));
  polling_hit(&p, now); /* more of what came at once */
  ck_assert_uint_eq(p.hits, hits + 1);
}
END_TEST

/* What the process itself does between a hit and the next wait is none. */
START_TEST(work_is_no_wait) {
  learn();
  for (int i = 0; i < MANY; i++) {
    wait_for(10e-6);
    now += 5e-3;
  }
  ck_assert(would_look());
}
END_TEST

START_TEST(a_slow_look_stops_it_for_a_while) {
  learn();
  slow_look();
  ck_assert_uint_eq(p.slow, 1);
  ck_assert(!would_look());
  ck_assert_double_eq_tol(pause_left(), rest, 0.002);
}
END_TEST

START_TEST(while_looks_stay_slow_it_stops_for_longer) {
  learn();
  double expected = rest;
  for (int i = 0; i < 8; i++) {
    slow_look();
    ck_assert_double_eq_tol(pause_left(), expected, 0.002);
    expected = 2 * expected < POLLING_PAUSE_MOST ? 2 * expected : POLLING_PAUSE_MOST;
    waits(3, 10e-6); /* some good ones */
  }
  ck_assert_double_eq(expected, POLLING_PAUSE_MOST);
  ck_assert_uint_eq(p.slow, 8);
}
END_TEST

START_TEST(after_good_ones_it_begins_anew) {
  learn();
  for (int i = 0; i < 4; i++) {
    slow_look();
    pause_left();
    waits(3, 10e-6);
  }
  ck_assert_double_gt(p.pause, 4 * rest);
  while (p.good < POLLING_GOOD) wait_for(10e-6);
  slow_look();
  ck_assert_double_eq_tol(pause_left(), rest, 0.002);
}
END_TEST

/* What was slow by chance took little, and so stops it for little. */
START_TEST(a_pause_is_in_proportion_to_what_was_lost) {
  learn();
  double began = now;
  ck_assert(polling_begin(&p, now));
  ck_assert(!polling_go_on(&p, now += 2 * POLLING_SLOW));
  polling_hit(&p, now);
  double lost = now - began;
  ck_assert_double_eq_tol(pause_left(), POLLING_REST * lost, 0.002);
}
END_TEST

START_TEST(waking_is_no_part_of_a_wait) {
  double woken = limit + POLLING_WAKING / 2;
  fresh();
  waits(MANY, woken);
  ck_assert(would_look());
  waits(POLLING_WAITS, woken);
  ck_assert(!would_look());
}
END_TEST

/* Slept waits count on while there are no looks. */
START_TEST(what_is_learned_in_a_pause_counts) {
  learn();
  slow_look();
  waits(MANY, 100e-6);
  now += rest;
  ck_assert(!would_look());
}
END_TEST

/* With hogs each look is slow: they are fewer than one in a thousand round trips of 20 us. */
START_TEST(slow_looks_are_rare) {
  learn();
  double begin = now;
  uint64_t trips = 0;
  while (now - begin < 60) {
    if (would_look())
      slow_look();
    else
      wait_for(20e-6);
    trips++;
  }
  ck_assert_uint_lt(p.slow * 1000, trips);
  ck_assert_uint_lt(p.slow, 60);
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_polling");
  TCase *c = tcase_create("polling");
  suite_add_tcase(s, c);
  tcase_add_test(c, off_it_never_looks);
  tcase_add_test(c, a_new_one_learns_first);
  tcase_add_test(c, a_wait_that_goes_on_asleep_counts_so);
  tcase_add_test(c, long_waits_end_it_soon);
  tcase_add_test(c, it_learns_from_waits_that_it_sleeps);
  tcase_add_test(c, a_wait_is_looked_through_up_to_the_limit);
  tcase_add_test(c, what_is_no_hit_does_not_keep_it_awake);
  tcase_add_test(c, a_wait_in_pieces_is_looked_through_as_one);
  tcase_add_test(c, work_is_no_wait);
  tcase_add_test(c, a_slow_look_stops_it_for_a_while);
  tcase_add_test(c, while_looks_stay_slow_it_stops_for_longer);
  tcase_add_test(c, after_good_ones_it_begins_anew);
  tcase_add_test(c, a_pause_is_in_proportion_to_what_was_lost);
  tcase_add_test(c, waking_is_no_part_of_a_wait);
  tcase_add_test(c, what_is_learned_in_a_pause_counts);
  tcase_add_test(c, slow_looks_are_rare);
  return run_suite(s);
}
