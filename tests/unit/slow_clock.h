/* SPDX-License-Identifier: MIT
 *
 * For a program in which a test and what it tests, with its loop, are one process: time passes there at a fiftieth of its pace. So it
 * may stand still for a while, as all do on a machine that has much else to do, and no limit is over by that. Who sleeps lets pass what
 * it sleeps for, at once.
 *
 * Both functions stand in the place of the C library's, for libuv, too.
 */
#ifndef GAIJIN_TESTS_SLOW_CLOCK_H
#define GAIJIN_TESTS_SLOW_CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLOW_CLOCK_PACE = 50 };
static int64_t slow_clock_slept; /* nanoseconds */

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *t) {
  static int64_t first;
  int r = (int)syscall(SYS_clock_gettime, clock, t);
  if (r != 0 || (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)) return r;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, t); /* the coarse one is behind */
  int64_t now = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
  if (!first) first = now;
  now = first + (now - first) / SLOW_CLOCK_PACE + slow_clock_slept;
  *t = (struct timespec){.tv_sec = (time_t)(now / 1000000000), .tv_nsec = (long)(now % 1000000000)};
  return 0;
}

__attribute__((visibility("default"))) int nanosleep(const struct timespec *t, struct timespec *left) {
  (void)left;
  slow_clock_slept += (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
  return 0;
}

#endif
