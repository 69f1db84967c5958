/* SPDX-License-Identifier: MIT
 *
 * When a worker gives back what it has freed (lua/fiber/give_back.h). The clock and the count of pages that were mapped
 * are the test's; what is in use is Lua's heap, which stands still, and requests that are kept.
 */
#define _GNU_SOURCE /* syscall */
#include "lua/fiber/give_back.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#include "lua/fiber/timer.h"
#include "tests/unit/vm.h"

enum { MB = 1 << 20, PAGE = 4096, TIMER_MS = MEMORY_LOW_MS + 1 };

static struct vm v;
static uint64_t now_ms;
static long pages;
static bool no_counts;

/* The program's own, before the library's, for libuv too; once the test has set the clock. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *t) {
  bool is_own = now_ms && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE);
  if (!is_own) return (int)syscall(SYS_clock_gettime, clock, t);
  *t = (struct timespec){.tv_sec = (time_t)(now_ms / 1000), .tv_nsec = (long)(now_ms % 1000) * 1000000};
  return 0;
}

int getrusage(__rusage_who_t who, struct rusage *usage) {
  if (no_counts) return -1;
  int r = (int)syscall(SYS_getrusage, who, usage);
  usage->ru_minflt = pages;
  return r;
}

static void pass(uint64_t ms) {
  now_ms += ms;
  uv_run(&v.w.loop.uv, UV_RUN_NOWAIT);
}
/* A turn of the loop with so much in use. */
static void turn(size_t bytes) {
  v.w.backlog.bytes = bytes;
  give_back_turn(&v.w);
}
static bool waits(void) { return v.w.loop.low_timer != NULL; }
/* What was the most in use is known until it is given back. */
static uint64_t most(void) { return v.w.loop.memory.most; }

static void setup(void) {
  now_ms = 5000;
  pages = 100000;
  no_counts = false;
  vm_open(&v);
  uv_update_time(&v.w.loop.uv);
}
static void teardown(void) {
  v.w.backlog.bytes = 0;
  vm_close(&v);
}

START_TEST(what_stays_low_is_given_back) {
  turn(20 * MB);
  ck_assert(!waits());
  ck_assert_uint_ge(most(), 20 * MB);
  turn(6 * MB);
  ck_assert(!waits()); /* more than a quarter */
  turn(4 * MB);
  ck_assert(waits());
  struct timer *t = v.w.loop.low_timer;
  turn(3 * MB);
  ck_assert_ptr_eq(v.w.loop.low_timer, t);
  pass(TIMER_MS - 1);
  ck_assert(waits());
  ck_assert_uint_ge(most(), 20 * MB);
  pass(1);
  ck_assert(!waits());
  ck_assert(most() >= 3 * MB && most() < 4 * MB);
}
END_TEST

START_TEST(what_is_needed_again_is_kept) {
  turn(20 * MB);
  turn(4 * MB);
  ck_assert(waits());
  turn(20 * MB);
  ck_assert(!waits());
  pass(10 * TIMER_MS);
  ck_assert_uint_ge(most(), 20 * MB);
  turn(4 * MB);
  ck_assert(waits());
}
END_TEST

/* Each look remembers what it saw. _i: what is in use grows, stays, shrinks meanwhile; what has grown may be mapped twice. */
START_TEST(pages_that_were_needed_for_a_moment) {
  static const struct { size_t before, after; long mapped; } cases[] = {{MB, 2 * MB, 6 * MB}, {2 * MB, 2 * MB, 4 * MB}, {2 * MB, MB, 4 * MB}};
  turn(3 * MB); /* the first look has nothing to compare with, whatever came before */
  ck_assert(!waits());
  pass(MEMORY_LOW_MS);
  turn(cases[_i].before);
  ck_assert(!waits());
  pages += cases[_i].mapped / PAGE;
  pass(MEMORY_LOW_MS);
  turn(cases[_i].after);
  ck_assert(!waits());
  turn(cases[_i].before);
  pass(MEMORY_LOW_MS);
  turn(cases[_i].before);
  pages += cases[_i].mapped / PAGE + 1;
  pass(MEMORY_LOW_MS);
  turn(cases[_i].after);
  ck_assert(waits());
  pass(TIMER_MS);
  ck_assert(!waits());
  ck_assert(most() >= cases[_i].after && most() < cases[_i].after + MB);
}
END_TEST

START_TEST(looks_at_pages_are_rare) {
  turn(MB);
  pages += 16 * MB / PAGE;
  pass(MEMORY_LOW_MS - 1);
  turn(MB);
  ck_assert(!waits());
  pass(1);
  turn(MB);
  ck_assert(waits());
  pass(TIMER_MS);
  turn(MB);
  ck_assert(!waits()); /* no more were mapped */
}
END_TEST

/* They begin the wait anew. */
START_TEST(pages_that_are_needed_while_it_is_low) {
  turn(20 * MB);
  pass(MEMORY_LOW_MS);
  turn(4 * MB);
  ck_assert(waits());
  pages += 16 * MB / PAGE;
  pass(MEMORY_LOW_MS);
  turn(4 * MB);
  pass(TIMER_MS - 1);
  ck_assert(waits());
  pass(1);
  ck_assert(!waits());
  pass(TIMER_MS);
  ck_assert_ptr_nonnull(v.w.loop.idle_timers);
}
END_TEST

START_TEST(without_counts_of_pages) {
  no_counts = true;
  turn(MB);
  pages += 16 * MB / PAGE;
  pass(MEMORY_LOW_MS);
  turn(MB);
  ck_assert(!waits());
  no_counts = false;
  turn(MB);
  ck_assert(!waits());
  pages += 16 * MB / PAGE;
  pass(MEMORY_LOW_MS);
  turn(MB);
  ck_assert(waits());
}
END_TEST

static void run_at_once(unsigned fibers) {
  for (unsigned i = 0; i < fibers; i++) vm_start(&v, "gaijin.yield()");
  while (v.running > 0) fiber_run_ready(&v.w);
  turn(MB);
}
static size_t idle(void) { return v.w.sched.stacks.n_idle; }

START_TEST(stacks_that_were_not_needed_for_a_second) {
  enum { MANY = 300, SOME = 100 };
  turn(MB);
  run_at_once(MANY);
  ck_assert_uint_eq(idle(), MANY);
  pass(500);
  run_at_once(SOME);
  ck_assert_uint_eq(idle(), MANY);
  pass(501);
  ck_assert_uint_lt(idle(), MANY); /* the first of them */
  for (int i = 0; i < MANY && idle() > SOME + STACKS_KEPT; i++) pass(11);
  ck_assert_uint_eq(idle(), SOME + STACKS_KEPT);
  turn(MB);
  for (int i = 0; i < MANY && idle() > STACKS_KEPT; i++) pass(i == 0 ? 1001 : 11);
  ck_assert_uint_eq(idle(), STACKS_KEPT);
  turn(MB);
  ck_assert_ptr_null(v.w.loop.stacks_timer);
}
END_TEST

START_TEST(stacks_do_not_lie_idle_where_the_heap_has_a_limit) {
  enum { MANY = 100 };
  v.w.heap.most = SIZE_MAX / 2;
  turn(MB);
  run_at_once(MANY);
  ck_assert_uint_eq(idle(), STACKS_KEPT);
  ck_assert_ptr_null(v.w.loop.stacks_timer);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua give back");
  TCase *c = tcase_create("give back");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, what_stays_low_is_given_back);
  tcase_add_test(c, what_is_needed_again_is_kept);
  tcase_add_loop_test(c, pages_that_were_needed_for_a_moment, 0, 3);
  tcase_add_test(c, looks_at_pages_are_rare);
  tcase_add_test(c, pages_that_are_needed_while_it_is_low);
  tcase_add_test(c, without_counts_of_pages);
  tcase_add_test(c, stacks_that_were_not_needed_for_a_second);
  tcase_add_test(c, stacks_do_not_lie_idle_where_the_heap_has_a_limit);
  suite_add_tcase(s, c);
  return run_suite(s);
}
