/* SPDX-License-Identifier: MIT
 *
 * Those that wait are in one list, each on its C stack. One timer wakes the next of them, and the
 * end of its stretch, or of its wait, starts the timer for the one after it.
 */
#include "lua/fiber/ration.h"

#include <assert.h>
#include <math.h>

#include "lua/fiber/fiber.h"
#include "lua/fiber/slices.h"
#include "lua/fiber/timer.h"
#include "lua/fiber/wait.h"

struct ration_wait {
  struct fiber *fiber;
  bool let_through;
  struct ration_wait *next, *prev;
};

/* Seconds until a stretch may begin; 0: now. */
static double left(const struct worker *w) {
  const struct ration *r = &w->sched.ration;
  double rest = r->until > 0 ? r->until - w->sched.seconds() : 0;
  double since_ms = (double)(uv_now(&w->loop.uv) - r->other_ms);
  double active = r->took + (RATION_ACTIVE_MS - since_ms) / 1e3;
  return r->other == r->asker ? 0 : fmax(0, fmin(rest, active));
}

/* Of the asker whose last stretch was longest ago. */
static struct ration_wait *next_of(const struct ration *r) {
  struct ration_wait *next = r->first;
  for (struct ration_wait *k = r->first; k; k = k->next)
    if (k->fiber->asker->stretched < next->fiber->asker->stretched) next = k;
  return next;
}

static void start_timer(struct worker *w);

static void let_next(struct worker *w) {
  struct ration_wait *k = next_of(&w->sched.ration);
  k->let_through = true;
  w->sched.ration.is_taken = true;
  fiber_wake(k->fiber);
}

static void on_time(struct timer *t) {
  struct worker *w = timer_worker(t);
  w->sched.ration.timer = NULL;
  timer_stop(t);
  start_timer(w);
}

/* For the next that waits, if nobody has been let through. Without memory for the timer it does not
 * rest. */
static void start_timer(struct worker *w) {
  struct ration *r = &w->sched.ration;
  if (!r->first || r->timer || r->is_taken) return;
  double seconds = left(w);
  if (seconds > 0) r->timer = timer_start(w, seconds, on_time, NULL);
  if (!r->timer) let_next(w);
}

/* The stretch that was under way is over: the scheduler has noted when (turns.c). */
void ration_turn(struct worker *w) {
  struct ration *r = &w->sched.ration;
  if (r->ended == 0) return;
  r->took = r->ended - r->began;
  r->until = r->took > SLICE_SECONDS ? r->ended + fmin(RATION_REST * r->took, RATION_REST_MOST) : 0;
  r->began = r->ended = 0;
  r->is_taken = false;
  start_timer(w);
}

static void append(struct ration *r, struct ration_wait *k) {
  k->prev = r->last;
  if (r->last)
    r->last->next = k;
  else
    r->first = k;
  r->last = k;
}

static void take_out(struct ration *r, struct ration_wait *k) {
  if (k->prev)
    k->prev->next = k->next;
  else
    r->first = k->next;
  if (k->next)
    k->next->prev = k->prev;
  else
    r->last = k->prev;
}

static void wait_for_turn(lua_State *L, struct worker *w, const char *what) {
  struct ration *r = &w->sched.ration;
  struct fiber *f = w->sched.current;
  struct ration_wait k = {.fiber = f};
  enum wait_outcome how = WAIT_WOKEN;
  append(r, &k);
  start_timer(w);
  while (how == WAIT_WOKEN && !k.let_through)
    how = wait_park(L, w, wait_nearer(f->deadline, f->asked_until));
  take_out(r, &k);
  if (how == WAIT_WOKEN) return;
  if (k.let_through) r->is_taken = false;
  start_timer(w);
  wait_raise(L, w, how, what);
}

static void begin(struct worker *w) {
  struct ration *r = &w->sched.ration;
  struct fiber *f = w->sched.current;
  r->is_taken = true;
  r->began = w->sched.seconds();
  r->asker = f->asker->host;
  f->asker->stretched = ++r->stretches;
}

void ration_wait(lua_State *L, struct worker *w, const char *what) {
  struct ration *r = &w->sched.ration;
  if (wait_hindrance(L, w)) return;
  ration_turn(w); /* another's may have ended in this turn */
  if (r->began > 0) return; /* it goes on in the same stretch */
  if (r->is_taken || r->first || left(w) > 0) wait_for_turn(L, w, what);
  begin(w);
}

void ration_deinit(struct worker *w) { w->sched.ration = (struct ration){.first = NULL}; }

const char *ration_check(const struct worker *w) {
  const struct ration *r = &w->sched.ration;
  const struct ration_wait *last = NULL;
  for (const struct ration_wait *k = r->first; k; last = k, k = k->next)
    if (k->prev != last) return "ration: the list is not linked both ways";
  if (last != r->last) return "ration: the last that waits is not the last";
  if (r->first && !r->timer && !r->is_taken) return "ration: nobody wakes those that wait";
  return NULL;
}
