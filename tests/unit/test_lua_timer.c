/* SPDX-License-Identifier: MIT
 *
 * The worker's timers (lua/fiber/timer.c). The kernel's clocks are replaced by this file's, so that a coarse clock, which
 * libuv prefers where it ticks each millisecond, is there on every machine.
 */
#define _GNU_SOURCE
#include "lua/fiber/timer.h"

#include <math.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/unit/vm.h"

static struct vm v;

/* ---- Clocks ---- */

#define FOR_LIBUV __attribute__((visibility("default")))

/* Every clock of the program; the coarse one lags by up to a millisecond. */
FOR_LIBUV int clock_gettime(clockid_t clock, struct timespec *t) {
  if (clock != CLOCK_MONOTONIC_COARSE) return (int)syscall(SYS_clock_gettime, clock, t);
  int r = (int)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, t);
  long lag = (t->tv_nsec + 400000) % 1000000; /* its ticks are not those of whole milliseconds */
  t->tv_nsec -= lag;
  if (t->tv_nsec < 0) t->tv_nsec += 1000000000, t->tv_sec--;
  return r;
}

FOR_LIBUV int clock_getres(clockid_t clock, struct timespec *t) {
  if (clock != CLOCK_MONOTONIC_COARSE) return (int)syscall(SYS_clock_getres, clock, t);
  *t = (struct timespec){0, 1000000};
  return 0;
}

/* ---- Timers ---- */

struct alarm {
  double due;
  unsigned number;
};

static void on_alarm(struct timer *t) {
  struct alarm *a = timer_user(t);
  char text[16];
  ck_assert_double_ge(clock_seconds(), a->due);
  snprintf(text, sizeof text, "%u ", a->number);
  vm_note(vm_of(timer_worker(t)), text);
  timer_stop(t);
}

static void start(struct alarm *a, unsigned number, double seconds) {
  a->number = number;
  a->due = clock_seconds() + seconds;
  ck_assert_ptr_nonnull(timer_start(&v.w, seconds, on_alarm, a));
}

/* Until no timer is left. */
static void run_timers(void) { uv_run(&v.w.loop.uv, UV_RUN_DEFAULT); }

START_TEST(timers_are_never_early) {
  static struct alarm alarms[400];
  vm_open(&v);
  for (unsigned i = 0; i < 400; i++) {
    start(&alarms[i], i, 0.0001 * (i % 100) + 1e-7 * i);
    for (volatile int spin = 0; spin < 2000; spin++) continue; /* at all phases of the clock */
  }
  run_timers();
  size_t n = 0;
  for (const char *c = v.log; *c; c++) n += *c == ' ';
  ck_assert_uint_eq(n, 400);
  vm_close(&v);
}
END_TEST

START_TEST(timers_fire_in_the_order_of_their_time) {
  struct alarm alarms[5];
  vm_open(&v);
  start(&alarms[0], 0, 0.3);
  start(&alarms[1], 1, 0.1);
  start(&alarms[2], 2, 0);
  start(&alarms[3], 3, 0.2);
  start(&alarms[4], 4, 0);
  run_timers();
  ck_assert_str_eq(v.log, "2 4 1 3 0 ");
  vm_close(&v);
}
END_TEST

START_TEST(a_stopped_timer_is_used_again_and_does_not_fire) {
  struct alarm alarms[2];
  vm_open(&v);
  struct timer *first = timer_start(&v.w, 0.001, on_alarm, &alarms[0]);
  timer_stop(first);
  start(&alarms[1], 1, 0.002);
  ck_assert_ptr_eq(v.w.loop.all_timers, first);
  ck_assert_ptr_null(v.w.loop.idle_timers);
  run_timers();
  ck_assert_str_eq(v.log, "1 ");
  ck_assert_ptr_eq(v.w.loop.idle_timers, first);
  for (int i = 0; i < 100; i++) {
    ck_assert_ptr_eq(timer_start(&v.w, 100, on_alarm, NULL), first);
    timer_stop(first);
  }
  vm_close(&v);
}
END_TEST

static void note_due(uv_handle_t *handle, void *user) {
  if (handle->type == UV_TIMER && uv_is_active(handle)) *(uint64_t *)user = uv_timer_get_due_in((uv_timer_t *)handle);
}

/* Milliseconds until a timer of so many seconds fires. */
static uint64_t due_in(double seconds) {
  uint64_t due = UINT64_MAX;
  struct timer *t = timer_start(&v.w, seconds, on_alarm, NULL);
  uv_walk(&v.w.loop.uv, note_due, &due);
  timer_stop(t);
  return due;
}

START_TEST(any_number_of_seconds) {
  vm_open(&v);
  ck_assert_uint_eq(due_in(0), 0);
  ck_assert_uint_eq(due_in(-1), 0);
  ck_assert_uint_eq(due_in(-1e300), 0);
  ck_assert_uint_eq(due_in(-INFINITY), 0);
  ck_assert_uint_eq(due_in(NAN), 0);
  ck_assert_uint_gt(due_in(1e9), 900000000000u);
  ck_assert_uint_gt(due_in(1e300), 900000000000u);
  ck_assert_uint_gt(due_in(INFINITY), 900000000000u);
  ck_assert_uint_ge(due_in(1e-9), 1);
  ck_assert_uint_le(due_in(1), 1010);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_timer");
  TCase *c = tcase_create("timer");
  tcase_add_test(c, timers_are_never_early);
  tcase_add_test(c, timers_fire_in_the_order_of_their_time);
  tcase_add_test(c, a_stopped_timer_is_used_again_and_does_not_fire);
  tcase_add_test(c, any_number_of_seconds);
  suite_add_tcase(s, c);
  return run_suite(s);
}
