/* SPDX-License-Identifier: MIT
 *
 * Random numbers for tests: a seed from GAIJIN_TEST_SEED, else from the clock, printed so that a failure can be
 * run again. SplitMix64.
 */
#ifndef GAIJIN_TESTS_RANDOM_H
#define GAIJIN_TESTS_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/base.h"

static inline uint64_t random_seed(const char *test) {
  const char *given = getenv("GAIJIN_TEST_SEED");
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
  printf("%s: GAIJIN_TEST_SEED=%llu\n", test, (unsigned long long)seed);
  fflush(stdout);
  return seed;
}

static inline uint64_t random_next(uint64_t *state) { return mix64(*state += 0x9e3779b97f4a7c15u); }
/* 0 to n - 1. */
static inline uint32_t random_below(uint64_t *state, uint32_t n) { return (uint32_t)(random_next(state) % n); }

#endif
