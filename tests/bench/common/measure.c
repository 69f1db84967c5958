/* SPDX-License-Identifier: MIT
 *
 * Timing and placing, see measure.h. A tenth of what is measured is done before, so that pages,
 * caches and whatever a peer learns are there.
 */
#define _GNU_SOURCE
#include "tests/bench/common/measure.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/clock.h"

enum { CHILDREN_MOST = 64 };

void measure_die(const char *what) {
  fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
  exit(1);
}

long measure_number(const char *text, const char *what, long least, long most) {
  char *end;
  errno = 0;
  long n = strtol(text, &end, 10);
  if (errno || end == text || *end || n < least || n > most) {
    fprintf(stderr, "%s: %s is '%s': a number of %ld to %ld is wanted\n",
            program_invocation_short_name, what, text, least, most);
    exit(2);
  }
  return n;
}

void measure_place(long processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) measure_die("sched_setaffinity");
}

/* What they have used of the processor counts as ours only when they were waited for. */
static pid_t children[CHILDREN_MOST];
static size_t n_children;

static void end_children(void) {
  for (size_t i = 0; i < n_children; i++) kill(children[i], SIGKILL);
  for (size_t i = 0; i < n_children; i++) waitpid(children[i], NULL, 0);
}

int measure_fork(long processor) {
  if (n_children == CHILDREN_MOST || (n_children == 0 && atexit(end_children) != 0))
    measure_die("one child more");
  pid_t parent = getpid(), pid = fork();
  if (pid < 0) measure_die("fork");
  if (pid > 0) {
    children[n_children++] = pid;
    return 0;
  }
  n_children = 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  measure_place(processor);
  return 1;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void measure_trips(const char *row, long count, void (*trip)(void *user), void *user) {
  double *took = calloc((size_t)count, sizeof *took);
  if (!took) measure_die("memory");
  for (long i = 0; i < count / 10; i++) trip(user);
  for (long i = 0; i < count; i++) {
    double start = clock_seconds();
    trip(user);
    took[i] = (clock_seconds() - start) * 1e6;
  }
  measure_times(row, took, count);
  free(took);
}

void measure_times(const char *row, double *took, long count) {
  qsort(took, (size_t)count, sizeof *took, compare);
  measure_say(row, "p50", "us", took[count / 2]);
  measure_say(row, "p99", "us", took[count * 99 / 100]);
}

void measure_rate(const char *row, long count, long in_flight, void (*batch)(void *user, long n),
                  void *user) {
  long batches = count / in_flight ? count / in_flight : 1;
  for (long i = 0; i <= batches / 10; i++) batch(user, in_flight);
  double start = clock_seconds();
  for (long i = 0; i < batches; i++) batch(user, in_flight);
  double seconds = clock_seconds() - start;
  measure_say(row, "rate", "/s", (double)(batches * in_flight) / seconds);
}

void measure_say(const char *row, const char *figure, const char *unit, double value) {
  printf("%s %s %s %.6g\n", row, figure, unit, value);
  fflush(stdout);
}
