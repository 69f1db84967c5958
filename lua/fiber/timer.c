/* SPDX-License-Identifier: MIT
 *
 * Handles are reused, never closed before the end of the loop: a stopped timer is in
 * the list of idle ones, and only there is its record free for others.
 */
#include "lua/fiber/timer.h"

#include <assert.h>
#include <stdlib.h>

struct timer {
  uv_timer_t uv;
  struct worker *w;
  timer_fn fire;
  void *user;
  struct timer *next_all, *next_idle;
  bool idle; /* stopped, in the list of idle ones */
};

static void on_timer(uv_timer_t *uv) {
  struct timer *t = uv->data;
  assert(!t->idle && !t->w->sched.current);
  t->fire(t);
}

static struct timer *timer_new(struct worker *w) {
  struct timer *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  uv_timer_init(&w->loop.uv, &t->uv);
  t->uv.data = t;
  t->w = w;
  t->next_all = w->loop.all_timers;
  w->loop.all_timers = t;
  return t;
}

struct timer *timer_start(struct worker *w, double seconds, timer_fn fire, void *user) {
  struct timer *t = w->loop.idle_timers;
  if (t)
    w->loop.idle_timers = t->next_idle;
  else if (!(t = timer_new(w)))
    return NULL;
  t->idle = false;
  t->fire = fire;
  t->user = user;
  double ms = seconds * 1e3;
  uv_update_time(&w->loop.uv);
  /* Rounded up, and one more because the loop's clock is cut to milliseconds: nobody wakes before
   * the time. Bounded, so that huge values stay defined. */
  uv_timer_start(&t->uv, on_timer,
                 ms > 1e15 ? (uint64_t)1e15
                 : ms > 0  ? (uint64_t)(ms + 1.999)
                           : 0,
                 0);
  return t;
}

void timer_stop(struct timer *t) {
  assert(!t->idle);
  t->idle = true;
  uv_timer_stop(&t->uv);
  t->next_idle = t->w->loop.idle_timers;
  t->w->loop.idle_timers = t;
}

void *timer_user(const struct timer *t) { return t->user; }
struct worker *timer_worker(const struct timer *t) { return t->w; }

/* ---- The loop's next wait ---- */

static void on_idle(uv_idle_t *idle) { (void)idle; }

/* While the handle is active the loop does not wait. */
void timer_wake_loop(struct worker *w) { uv_idle_start(&w->loop.idle, on_idle); }
void timer_let_loop_wait(struct worker *w) { uv_idle_stop(&w->loop.idle); }

/* ---- Begin and end of the loop ---- */

void timer_init(struct worker *w) { uv_idle_init(&w->loop.uv, &w->loop.idle); }

void timer_close_all(struct worker *w) {
  for (struct timer *t = w->loop.all_timers; t; t = t->next_all)
    uv_close((uv_handle_t *)&t->uv, NULL);
  uv_close((uv_handle_t *)&w->loop.idle, NULL);
}

void timer_free_all(struct worker *w) {
  while (w->loop.all_timers) {
    struct timer *t = w->loop.all_timers;
    w->loop.all_timers = t->next_all;
    free(t);
  }
  w->loop.idle_timers = NULL;
}
