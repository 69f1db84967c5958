/* SPDX-License-Identifier: MIT
 *
 * What the bench's programs have in common: round trips are timed one by one, throughput as a
 * whole, and a process is put on one processor. Each ends its program with a line on stderr when
 * something fails: figures of half a run are none.
 *
 * Figures are lines `ROW FIGURE UNIT VALUE`, which rows/run.sh and peers/run.sh collect.
 */
#ifndef GAIJIN_BENCH_MEASURE_H
#define GAIJIN_BENCH_MEASURE_H

#include <stddef.h>

/* `what` and errno's text; does not return. */
void measure_die(const char *what) __attribute__((noreturn));

/* A whole number of `least` to `most`, or the program ends and says so. */
long measure_number(const char *text, const char *what, long least, long most);

/* Puts the calling process on that processor alone, or ends. */
void measure_place(long processor);

/* A child that runs on that processor, and is ended with us, at the latest. True in the child. */
int measure_fork(long processor);

/* Does `trip` for a tenth of `count` times unmeasured, then `count` times, and prints p50 and p99 in
 * microseconds. A trip that fails calls measure_die itself. */
void measure_trips(const char *row, long count, void (*trip)(void *user), void *user);

/* Prints p50 and p99 of so many times in microseconds, which are sorted. */
void measure_times(const char *row, double *took, long count);

/* Like measure_trips for a `batch` of so many requests at once, of which about `count` are made; prints how
 * many a second that is. */
void measure_rate(const char *row, long count, long in_flight, void (*batch)(void *user, long n),
                  void *user);

/* Prints one figure. */
void measure_say(const char *row, const char *figure, const char *unit, double value);

#endif
