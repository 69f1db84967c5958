/* SPDX-License-Identifier: MIT
 *
 * The one queue of work. Whatever takes longer than its share of a turn is a job: it is run round
 * robin at the end of turns, a slice each time, until it says that it is done. Sockets are polled
 * between two turns, so nobody waits for longer than a turn.
 *
 * Work is measured in units of about 100 ns of this thread's time, counted and not clocked: what
 * is counted is the same in every run. Who works calls work_charge where the work is done. A job
 * may spend WORK_QUANTUM a turn, all jobs of a turn together WORK_TURN; what comes directly from a
 * socket counts, too.
 *
 * Whoever should not be worked for without a break may rest: that costs the processor nothing, and
 * others who run on it are not kept waiting.
 *
 * Always true: a job is in the queue at most once, or rests; the loop sleeps only if none is in the
 * queue, and while one rests not for long.
 */
#ifndef GAIJIN_BROKER_WORK_H
#define GAIJIN_BROKER_WORK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Units: a slice, about 0.2 ms; the slices of one turn, about 1 ms. Longer slices would save the
 * calls of poll between them, which take about a hundredth of one. */
enum { WORK_QUANTUM = 2000, WORK_TURN = 5 * WORK_QUANTUM };

/* Milliseconds that a job rests at most: less if others rest already, or the turn has taken
 * long. */
enum { WORK_REST_MS = 2 };

struct work;
struct job;

/* Runs a slice. True: there is more to do; the job joins the end of the queue again. False: it is
 * done, and may have been freed. */
typedef bool (*job_run_fn)(struct work *w, struct job *j);

/* Embedded in what is worked on; zeroed, it is a job that is not queued. */
struct job {
  struct job *prev, *next;
  job_run_fn run; /* NULL: not queued */
  uint64_t turn; /* the last one in which it was queued or run */
  bool rests; /* it is in the list of those */
};

struct work {
  uv_idle_t idle; /* active while there is a job: the loop does not wait for sockets then */
  struct job *first, *last;
  struct job *first_resting; /* they join the queue when the timer fires, which runs meanwhile */
  uv_timer_t rested;
  bool is_running; /* inside of work_run: the job that is run is not queued */
  uint64_t turn; /* counts them */
  uint64_t spent; /* units in this turn, so far */
};

void work_open(struct work *w, uv_loop_t *loop);
/* Forgets all jobs, and lets the loop end. */
void work_close(struct work *w);

/* Queues a job that is not queued; it is run for the first time in the next work_run. */
void work_add(struct work *w, struct job *j, job_run_fn run);
/* The same, but it joins the queue in WORK_REST_MS at most: until then the loop may sleep. */
void work_rest(struct work *w, struct job *j, job_run_fn run);
/* Takes it out of the queue if it is there. Any job may be removed at any time. */
void work_remove(struct work *w, struct job *j);
static inline bool job_is_queued(const struct job *j) { return j->run != NULL; }

/* One slice of each job that is queued now, as far as WORK_TURN goes, but of one at least: half of
 * it is theirs, however much the sockets have spent. */
void work_run(struct work *w);
/* The turn is over: the next begins with nothing spent. */
void work_end_turn(struct work *w);

static inline void work_charge(struct work *w, uint64_t units) { w->spent += units; }
/* Whether so much was done in this turn that what can wait should. */
static inline bool work_is_spent(const struct work *w) { return w->spent >= WORK_TURN; }

/* Whether it was so much that sockets that are ready have to wait for the queue of work. */
static inline bool work_is_overspent(const struct work *w) { return w->spent >= 2 * WORK_TURN; }

/* NULL, or a static text that says which invariant is broken. */
const char *work_check(const struct work *w);

#endif
