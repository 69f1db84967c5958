/* SPDX-License-Identifier: MIT
 *
 * The budget for `free`: a tenth of wall time, at most 100 ms saved up. A
 * collection may start while there is budget left and may overdraw it; one that
 * may not yet start is put off until the budget allows, at most a second.
 */
#include "lua/serve/collect.h"

#include <assert.h>
#include <stdlib.h>

#include "lua/fiber/timer.h"
#include "lua/vm/gc.h"

static const double share = 0.1, burst = 0.100, longest_delay = 1.0;

static void refill(struct free_budget *b) {
  double now = clock_seconds();
  if (b->updated == 0) b->seconds = burst;
  else b->seconds += (now - b->updated) * share;
  if (b->seconds > burst) b->seconds = burst;
  b->updated = now;
}

static void answer(struct worker *w, uint64_t id) {
  const struct free_budget *b = &w->budget;
  gaijin_answer_free(w->g, id, b->seconds > 0 ? (uint32_t)(b->seconds * 1e3) : 0, b->put_off);
}

/* Halted it collects nothing, and is here only because memory is too short for a timer. */
static void answer_waiting(struct worker *w) {
  struct free_budget *b = &w->budget;
  assert(!b->timer && b->n_waiting > 0);
  double start = clock_seconds();
  if (!w->halted) gc_full(w->L, w);
  b->seconds -= clock_seconds() - start;
  for (unsigned i = 0; i < b->n_waiting; i++) answer(w, b->waiting[i]);
  b->n_waiting = 0;
}

static const double halted_delay = 0.010;

static void on_time(struct timer *t) {
  struct worker *w = timer_worker(t);
  w->budget.timer = NULL;
  timer_stop(t);
  if (w->halted && (w->budget.timer = timer_start(w, halted_delay, on_time, NULL))) return;
  refill(&w->budget);
  answer_waiting(w);
}

void collect_on_free(void *worker, uint64_t id) {
  struct worker *w = worker;
  struct free_budget *b = &w->budget;
  uint64_t *ids = realloc(b->waiting, (b->n_waiting + 1) * sizeof *ids);
  if (!ids) {
    answer(w, id); /* memory is short: the broker must not wait for ever */
    return;
  }
  b->waiting = ids;
  b->waiting[b->n_waiting++] = id;
  if (b->timer) return;
  refill(b);
  if (b->seconds > 0 && !w->halted) {
    answer_waiting(w);
    return;
  }
  double delay = b->seconds > 0 ? halted_delay : -b->seconds / share;
  b->timer = timer_start(w, delay < longest_delay ? delay : longest_delay, on_time, NULL);
  if (b->timer)
    b->put_off++;
  else
    answer_waiting(w);
}

void collect_sweep(struct worker *w) {
  if (w->halted) return;
  if (++w->sweeps >= w->collector_waits) {
    w->sweeps = 0;
    gc_full(w->L, w);
  }
  gaijin_flush(w->g, true); /* a loss is noticed when reading */
}

void collect_forget(struct worker *w) {
  struct free_budget *b = &w->budget;
  if (b->timer) timer_stop(b->timer);
  b->timer = NULL;
  b->n_waiting = 0;
}

void collect_deinit(struct worker *w) {
  free(w->budget.waiting);
  w->budget = (struct free_budget){0};
}
