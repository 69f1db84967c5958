/* SPDX-License-Identifier: MIT
 *
 * The kernel's random numbers, the monotonic clock and poll(), replaced for the whole program, libuv
 * included: the same input makes the same run, and time passes only when a target says so, or when
 * the client library waits for what does not come: that takes no time of ours.
 */
#define _GNU_SOURCE
#include <poll.h>
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

/* For libraries, too, which do not see what is hidden. */
#pragma GCC visibility push(default)
ssize_t getrandom(void *out, size_t size, unsigned flags);
int clock_gettime(clockid_t id, struct timespec *out);
int poll(struct pollfd *fds, nfds_t n, int ms);
#pragma GCC visibility pop

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

int poll(struct pollfd *fds, nfds_t n, int ms) {
  int ready = ppoll(fds, n, &(struct timespec){.tv_sec = 0}, NULL);
  FUZZ_REQUIRE(ready != 0 || ms >= 0, "waits for ever");
  if (ready == 0) steady_advance((uint64_t)ms);
  return ready;
}
