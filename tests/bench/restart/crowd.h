/* SPDX-License-Identifier: MIT
 *
 * What the two benches of brokers that come and go begin with: a broker of their own, and very many
 * connections to it. Each ends its program with a line on stderr when something fails.
 */
#ifndef GAIJIN_BENCH_CROWD_H
#define GAIJIN_BENCH_CROWD_H

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/clock.h"
#include "tests/bench/common/measure.h"
#include "tests/hostile/raw.h"

enum { CROWD_PATH = 100, CROWD_FLAGS = 16, CROWD_S = 60 };

/* Workers that the program may have; it may open as many descriptors as the system allows then. */
static inline uint32_t crowd_workers(const char *text) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) measure_die("descriptors");
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) < 0) measure_die("descriptors");
  return (uint32_t)measure_number(text, "WORKERS", 1, 1000000);
}

/* Tokens of each worker. */
static inline uint32_t crowd_tokens(const char *text) {
  return (uint32_t)measure_number(text, "TOKENS", 0, 100000000);
}

/* Starts a broker with these flags, the last of which is NULL. */
static inline pid_t crowd_start(const char *program, const char *path, const char *const *flags) {
  const char *words[4 + CROWD_FLAGS] = {program, "-s", path};
  size_t n = 3;
  while (*flags && n < sizeof words / sizeof words[0] - 1) words[n++] = *flags++;
  pid_t pid = fork();
  if (pid < 0) measure_die("fork");
  if (pid == 0) {
    execv(program, (char *const *)(uintptr_t)words);
    measure_die(program);
  }
  return pid;
}

/* Connects as soon as the broker listens. */
static inline void crowd_connect(struct raw *r, const char *path) {
  double end = clock_seconds() + CROWD_S;
  while (!raw_connect(r, path)) {
    if (clock_seconds() > end) measure_die("no broker");
    usleep(1000);
  }
}

#endif
