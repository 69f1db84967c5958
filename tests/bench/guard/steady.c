/* SPDX-License-Identifier: MIT
 *
 * Preloaded into what make bench-guard counts: a clock and a source of random
 * bytes that are the same in each run. Hash seeds, ids and places in timer wheels
 * then depend on what a program does and not on the hour. The clock moves on by
 * one step with each look at it, however long the program waits; so no timer
 * fires early, and nothing counted may depend on one.
 *
 * Also a function for Lua that does nothing: callgrind writes its counts down,
 * and begins anew, wherever that is called.
 */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

enum { STEP_NS = 10000, SECOND_NS = 1000000000 };

EXPORT int clock_gettime(clockid_t clock, struct timespec *now) {
  static uint64_t ns = (uint64_t)1000 * SECOND_NS;
  (void)clock;
  ns += STEP_NS;
  *now = (struct timespec){.tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS)};
  return 0;
}

/* splitmix64 */
static uint64_t next(void) {
  static uint64_t state;
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

EXPORT ssize_t getrandom(void *bytes, size_t size, unsigned flags) {
  (void)flags;
  for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
    uint64_t word = next();
    memcpy((char *)bytes + at, &word, size - at < sizeof word ? size - at : sizeof word);
  }
  return (ssize_t)size;
}

int guard_mark(void *lua_state);
EXPORT int guard_mark(void *lua_state) {
  (void)lua_state;
  return 0;
}
