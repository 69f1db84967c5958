/* SPDX-License-Identifier: MIT
 *
 * Seconds of the monotonic clock, which all times and limits of the project are measured by.
 */
#ifndef GAIJIN_PROTO_CLOCK_H
#define GAIJIN_PROTO_CLOCK_H

#include <time.h>

static inline double clock_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
