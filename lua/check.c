/* SPDX-License-Identifier: MIT
 *
 * Counts against lists, flags against membership, both directions of each link.
 */
#include "lua/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "lua/ask/future.h"
#include "lua/cycles/rounds.h"
#include "lua/fiber/door.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/ration.h"
#include "lua/fiber/reuse.h"
#include "lua/fiber/trace.h"
#include "lua/fiber/turns.h"
#include "lua/ref/listed.h"
#include "lua/serve/backlog.h"
#include "lua/serve/label_waits.h"

static void must(const struct worker *w, bool holds, const char *what) {
  if (holds) return;
  worker_log(w, LOG_ERROR, "worker_check: %s", what);
  abort();
}
#define MUST(condition) must(w, (condition), "not true: " #condition)

/* ---- Fibers ---- */

/* One that has not ended, or the main fiber of an interpreter. */
static void check_fiber(const struct worker *w, const struct fiber *f) {
  MUST(f->w == w && f->L && !f->done && !f->next_to_cancel);
  MUST(f->is_serving ? f->serving.id || w->stopping : true);
  for (const struct fiber_child *c = f->children; c; c = c->next) {
    MUST(c->owner == f && c->cancel);
    MUST(!c->next || c->next->prev == c);
    MUST(!f->cancel_reason);
  }
  bool has_first = false;
  for (const struct answer *a = f->answers; a; a = a->next) {
    MUST(a->ok || !a->body || a->status == GAIJIN_STATUS_RAISED);
    has_first = has_first || a == &f->first_answer;
  }
  MUST(f->has_first_answer == has_first);
  MUST(f->is_traced == trace_is_kept(w, f));
}

static void check_fibers(const struct worker *w) {
  const struct scheduler *s = &w->sched;
  unsigned n = 0, requests = 0, serving = s->guest ? s->guest->is_serving : 0;
  for (const struct fiber *f = s->all; f; f = f->all_next, n++) {
    check_fiber(w, f);
    MUST(f != s->guest && (f->all_prev ? f->all_prev->all_next == f : s->all == f));
    MUST(f->number && f->number <= s->last_number && fiber_numbered(w, f->number) == f);
    MUST(!f->serving.id || fiber_serving(w, f->serving.id) == f);
    requests += f->serving.id != 0;
    serving += f->is_serving;
  }
  MUST(n == s->n_fibers && n <= s->max_fibers);
  MUST(requests == s->n_requests);
  MUST(serving == s->n_serving);
  if (s->guest) check_fiber(w, s->guest);
}

/* The length of a queue whose members are all marked as queued. */
static unsigned check_queue(const struct worker *w, const struct fiber *first,
                            const struct fiber *last) {
  unsigned n = 0;
  MUST(!first == !last && (!last || !last->next));
  for (const struct fiber *f = first; f; f = f->next, n++) {
    MUST(f->queued && f != w->sched.guest);
    MUST(f->next || f == last);
  }
  return n;
}

static void check_queues(const struct worker *w) {
  const struct scheduler *s = &w->sched;
  unsigned queued = 0;
  for (const struct fiber *f = s->all; f; f = f->all_next) queued += f->queued;
  const char *fault = turns_check(w);
  if (!fault) fault = backlog_check(w);
  if (!fault) fault = listed_check(w);
  if (!fault) fault = ration_check(w);
  if (!fault) fault = reuse_check(w);
  if (!fault) fault = rounds_check(w);
  if (fault) must(w, false, fault);
  MUST(queued == s->n_ready + check_queue(w, s->stackless_first, s->stackless_last));
  for (const struct fiber *f = s->stackless_first; f; f = f->next) MUST(!f->stack);
  MUST(!s->cancelling && !s->to_cancel && !s->current && !s->no_wait);
}

static void check_waiters(const struct worker *w, struct fiber *const *list) {
  for (const struct fiber *f = *list; f; f = f->next_waiter) {
    MUST(f->waits_in == list);
    MUST(f->prev_waiter ? f->prev_waiter->next_waiter == f : *list == f);
  }
}

static void check_stacks(const struct worker *w) {
  const struct stacks *k = &w->sched.stacks;
  size_t used = 0;
  for (const struct fiber *f = w->sched.all; f; f = f->all_next) used += f->stack != NULL;
  MUST(k->n_all == used + k->n_idle && k->least_idle <= k->n_idle);
}

/* ---- Futures ---- */

static void check_future(const struct worker *w, const struct future *u) {
  MUST(u->w == w && (u->prev ? u->prev->next == u : w->futures == u));
  MUST(!u->handle || *u->handle == u);
  if (u->state == FUTURE_OPEN) {
    MUST(!u->runs == (u->request != 0));
    MUST(!u->runs || u->runs->user == u);
  } else {
    MUST(!u->runs && !u->request && !u->waits && !u->child.owner);
  }
  MUST((u->state == FUTURE_DECODING) == (u->decoder != NULL));
  for (const struct future_wait *n = u->waits; n; n = n->next) {
    MUST(n->future == u && n->group->left > 0);
    MUST(!n->next || n->next->prev == n);
  }
}

static void check_futures(const struct worker *w) {
  unsigned open = 0;
  for (const struct future *u = w->futures; u; u = u->next) {
    check_future(w, u);
    open += u->state == FUTURE_OPEN;
  }
  MUST(open == w->open_futures);
  for (const struct future *u = w->dropped_futures; u; u = u->next_dropped)
    MUST(!u->handle && u->state != FUTURE_OPEN);
}

/* So many fibers and futures are looked at per turn on average. */
enum { RECORDS_PER_TURN = 64 };

void worker_check(struct worker *w) {
  uint64_t records = (uint64_t)w->sched.n_fibers + w->open_futures;
  if (++w->unchecked_turns * RECORDS_PER_TURN < records) return;
  w->unchecked_turns = 0;
  check_fibers(w);
  check_queues(w);
  check_waiters(w, &w->sched.runners);
  const char *fault = label_waits_check(w);
  if (!fault) fault = door_check(w);
  if (fault) must(w, false, fault);
  check_stacks(w);
  check_futures(w);
  MUST(!w->backlog.first == (backlog_count(w) == 0));
  MUST(!w->backlog.first == !w->backlog.last);
  MUST((w->budget.n_waiting > 0) == (w->budget.timer != NULL));
  MUST(!w->deaths.first == !w->deaths.last);
  MUST(w->lost || !w->g || w->loop.polling);
}
