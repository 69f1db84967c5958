/* SPDX-License-Identifier: MIT
 *
 * The kernel's random numbers and the monotonic clock, replaced for the whole program, libuv
 * included: the same input makes the same run, and time passes only when a target says so.
 */
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/fuzz/fuzz.h"

static uint64_t random_state, clock_ms;

void steady_begin(void) {
  random_state = 1;
  clock_ms = 1000000;
}

void steady_advance(uint64_t milliseconds) { clock_ms += milliseconds; }

ssize_t getrandom(void *out, size_t size, unsigned flags) {
  uint8_t *at = out;
  (void)flags;
  for (size_t i = 0; i < size; i++) {
    if (i % 8 == 0) random_state += 0x9e3779b97f4a7c15u;
    at[i] = (uint8_t)(mix64(random_state) >> (i % 8 * 8));
  }
  return (ssize_t)size;
}

int clock_gettime(clockid_t id, struct timespec *out) {
  if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
    return (int)syscall(SYS_clock_gettime, id, out);
  *out = (struct timespec){.tv_sec = (time_t)(clock_ms / 1000),
                           .tv_nsec = (long)(clock_ms % 1000) * 1000000};
  return 0;
}
