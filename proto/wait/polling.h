/* SPDX-License-Identifier: MIT
 *
 * Whether to look again before sleeping. A process that waits for a message may sleep until the
 * kernel wakes it, which takes both ends' processors tens of microseconds, or look whether one has
 * come, give way to others (sched_yield), and look again. This is when to do the latter: times go
 * in, decisions come out. It does no I/O and reads no clock; proto/wait/look.h gives way.
 *
 * The model. A *wait* begins when nothing is left to do, and ends with a *hit*: a whole message has
 * come. Some bytes of one, a timer, a new connection end no wait, so who drips bytes keeps nobody
 * awake. A wait is short if it took less than the limit, whether it was slept or looked through, so
 * no wait is looked through just to learn; one that was slept may have taken POLLING_WAKING more,
 * which is saved by looking. As long as more than POLLING_WORTH of the last waits were short, a
 * wait begins with looks, until it has taken as long as the limit. A process that nothing comes to
 * does not look at all: its wait does not end.
 *
 * Others may want the processor: a look and the giving way after it that took over POLLING_SLOW
 * together are *slow*, for somebody else had it meanwhile, and our message had to wait for him.
 * Then there are no looks for POLLING_REST times as long, so that little of the time is lost so;
 * and for twice as long as the last time, up to POLLING_PAUSE_MOST, if fewer than POLLING_GOOD
 * looks were good since: of somebody who wants the processor all the time one look in thousands of
 * waits is slow, and what happens by chance stops nothing for long.
 */
#ifndef GAIJIN_PROTO_POLLING_H
#define GAIJIN_PROTO_POLLING_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds: more than a look takes while others only answer and wait; what it takes about to wake a
 * process; the longest time without looks after slow ones; the longest that turns may follow each
 * other without one of the loop, which hears all else: timers, signals, new connections. */
#define POLLING_SLOW 300e-6
#define POLLING_WAKING 25e-6
#define POLLING_PAUSE_MOST 2.0
#define POLLING_STRETCH 0.001
/* Times what a slow look took. */
#define POLLING_REST 10
/* The share of short waits, as a moving average over POLLING_WAITS of them. */
#define POLLING_WORTH 0.6
enum { POLLING_WAITS = 8, POLLING_GOOD = 64 };

struct polling {
  bool is_on;     /* false: it never looks, and measures nothing */
  double limit;   /* seconds */
  double share;   /* of short waits, 0 to 1 */
  double began;   /* while is_waiting: when that began */
  double looked;  /* while is_looking: when the last look began */
  double until;   /* there are no looks before */
  double pause;   /* the last one, in seconds */
  uint32_t good;  /* looks since the last slow one, POLLING_GOOD at most */
  bool is_waiting;
  bool is_looking; /* the present wait is being looked through, */
  bool was_looked; /* or was, to the limit or a slow look */
  /* Looks that found nothing; waits that ended while they were looked through; slow looks. */
  uint64_t looks, hits, slow;
};

/* `most_us`: for how long a wait is looked through at most, in microseconds; 0: not at all. */
void polling_init(struct polling *p, uint32_t most_us);

/* All times are seconds of one monotonic clock.
 *
 * Nothing is left to do: a wait begins, if none has. True: look, and after each look that finds
 * nothing give way and ask polling_go_on. False: sleep. */
bool polling_begin(struct polling *p, double now);
/* A look has found nothing, and others were given way. True: look again; false: sleep. */
bool polling_go_on(struct polling *p, double now);
/* The wait goes on without looks, though it is not over: something else is to be done first. */
void polling_sleep(struct polling *p);
/* A whole message came. */
void polling_hit(struct polling *p, double now);
/* Whether that is of interest, for who would have to read the clock. */
static inline bool polling_wants_hit(const struct polling *p) { return p->is_waiting; }

#endif
