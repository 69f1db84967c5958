/* SPDX-License-Identifier: MIT
 *
 * Askers with ready fibers are in one list, in the order of their turns. Whoever has nothing to run
 * in this turn of the loop is marked and goes to its end; a marked one at the front means that all
 * have had theirs, because only such are behind it, and those that became ready meanwhile.
 */
#include "lua/fiber/turns.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* ---- Records ---- */

static struct asker **bucket_of(struct scheduler *s, uint64_t host) {
  return &s->askers[host % HOST_BUCKETS]; /* the broker chooses them at random */
}

struct asker *turns_find(const struct worker *w, uint64_t host) {
  struct asker *a = w->sched.askers[host % HOST_BUCKETS];
  while (a && a->host != host) a = a->next_by_host;
  return a;
}

/* It has nothing here, and owes nothing that would be forgiven with its record. One that has ended
 * never comes back. */
static bool is_idle(const struct scheduler *s, const struct asker *a) {
  assert(a->bytes == 0 || a->n_fibers > 0 || a->first);
  return a->n_fibers == 0 && a->n_ready == 0 && !a->first &&
         (a->credit >= 0 || a->epoch != s->epoch || a->is_dead);
}

static void forget_idle(struct scheduler *s, bool all) {
  for (unsigned i = 0; i < HOST_BUCKETS; i++) {
    for (struct asker **p = &s->askers[i]; *p;) {
      struct asker *a = *p;
      if (!all && !is_idle(s, a)) {
        p = &a->next_by_host;
        continue;
      }
      *p = a->next_by_host;
      free(a);
      s->n_askers--;
    }
  }
}

enum { ASKERS_KEPT = 256 };

static struct asker *make(struct scheduler *s, uint64_t host) {
  if (s->n_askers >= s->askers_most) {
    forget_idle(s, false);
    s->askers_most = s->n_askers * 2 > ASKERS_KEPT ? s->n_askers * 2 : ASKERS_KEPT;
  }
  struct asker *a = calloc(1, sizeof *a), **bucket = bucket_of(s, host);
  if (!a) return NULL;
  a->host = host;
  a->epoch = s->epoch;
  a->credit = TURNS_QUANTUM;
  a->is_late = s->turn_first;
  a->next_by_host = *bucket;
  *bucket = a;
  s->n_askers++;
  return a;
}

struct asker *turns_asker(struct worker *w, uint64_t host) {
  struct asker *a = turns_find(w, host);
  return a ? a : make(&w->sched, host);
}

static void join(struct fiber *f, struct asker *a) {
  f->asker = a;
  if (a->n_fibers++ == 0) f->w->sched.n_holders++;
}

void turns_host_died(struct worker *w, uint64_t host) {
  struct asker *a = turns_find(w, host);
  if (a) a->is_dead = true;
}

void turns_join(struct fiber *f) { join(f, &f->w->sched.own); }

void turns_give(struct fiber *f, struct asker *a) {
  assert(!f->queued && !f->stack);
  turns_leave(f);
  join(f, a);
}

void turns_leave(struct fiber *f) {
  assert(f->asker->n_fibers > 0 && f->w->sched.n_holders > 0);
  if (--f->asker->n_fibers == 0) f->w->sched.n_holders--;
}

/* ---- The list of turns ---- */

/* What was earned or owed before everybody was idle does not count. */
static void refresh(const struct scheduler *s, struct asker *a) {
  if (a->epoch == s->epoch) return;
  a->epoch = s->epoch;
  a->credit = TURNS_QUANTUM;
  a->is_late = false;
}

/* Behind one that is there; NULL: before all. */
static void insert(struct scheduler *s, struct asker *before, struct asker *a) {
  struct asker **next = before ? &before->next_turn : &s->turn_first;
  a->prev_turn = before;
  a->next_turn = *next;
  *next = a;
  if (a->next_turn)
    a->next_turn->prev_turn = a;
  else
    s->turn_last = a;
}

static void append(struct scheduler *s, struct asker *a) { insert(s, s->turn_last, a); }

static void unlink_turn(struct scheduler *s, struct asker *a) {
  assert(a->prev_turn ? a->prev_turn->next_turn == a : s->turn_first == a);
  if (a->prev_turn)
    a->prev_turn->next_turn = a->next_turn;
  else
    s->turn_first = a->next_turn;
  if (a->next_turn)
    a->next_turn->prev_turn = a->prev_turn;
  else
    s->turn_last = a->prev_turn;
  if (s->turn_new == a) s->turn_new = a->prev_turn;
}

/* It has had its turn. */
static void put_last(struct scheduler *s, struct asker *a) {
  unlink_turn(s, a);
  append(s, a);
}

/* While a turn runs the new one is behind those that have had theirs in it. */
static void enter(struct scheduler *s, struct asker *a) {
  assert(!a->in_turns);
  refresh(s, a);
  a->in_turns = true;
  bool last = a->credit <= 0 || a->is_late || s->in_turn;
  a->is_late = false;
  if (last) {
    append(s, a);
    return;
  }
  /* Of several such, who came first is before the others, whichever turn it came in. */
  insert(s, s->turn_new, a);
  s->turn_new = a;
}

static void leave(struct scheduler *s, struct asker *a) {
  assert(a->in_turns && !a->ready_first);
  unlink_turn(s, a);
  a->in_turns = false;
  if (!s->turn_first) s->epoch++;
}

/* ---- Ready fibers ---- */

void turns_add(struct worker *w, struct fiber *f) {
  struct asker *a = f->asker;
  assert(f->queued);
  f->ready_in = w->sched.turn;
  f->next = NULL;
  if (a->ready_last)
    a->ready_last->next = f;
  else
    a->ready_first = f;
  a->ready_last = f;
  a->n_ready++;
  w->sched.n_ready++;
  if (!a->in_turns) enter(&w->sched, a);
}

/* The turn began with one fiber, which is not alone any more. */
static void measure_from_now(struct scheduler *s) {
  if (!s->in_turn || s->clock > 0) return;
  s->clock = s->seconds();
  s->turn_ends = s->clock + TURNS_SECONDS;
}

void turns_add_first(struct worker *w, struct fiber *f) {
  struct asker *a = f->asker;
  assert(f->queued);
  measure_from_now(&w->sched);
  f->ready_in = 0;
  f->next = a->ready_first;
  a->ready_first = f;
  if (!a->ready_last) a->ready_last = f;
  a->n_ready++;
  w->sched.n_ready++;
  if (!a->in_turns) enter(&w->sched, a);
}

static void take_out(struct scheduler *s, struct asker *a, struct fiber *before, struct fiber *f) {
  if (before)
    before->next = f->next;
  else
    a->ready_first = f->next;
  if (a->ready_last == f) a->ready_last = before;
  f->next = NULL;
  f->queued = false;
  a->n_ready--;
  s->n_ready--;
}

void turns_remove(struct worker *w, struct fiber *f) {
  struct asker *a = f->asker;
  struct fiber *before = NULL, *k = a->ready_first;
  for (; k && k != f; k = k->next) before = k;
  assert(k == f);
  take_out(&w->sched, a, before, f);
  if (!a->ready_first) leave(&w->sched, a);
}

/* ---- A turn ---- */

void turns_begin(struct worker *w) {
  struct scheduler *s = &w->sched;
  assert(!s->in_turn);
  s->in_turn = true;
  s->turn++;
  s->turn_over = false;
  s->clock = s->n_ready > 1 ? s->seconds() : 0;
  s->turn_ends = s->clock + TURNS_SECONDS;
}

static double rounds_to_run(const struct asker *a) { return floor(-a->credit / TURNS_QUANTUM); }

/* A whole round has passed in which each has got a quantum and none has credit yet: as many more as
 * go by before the first of them has. */
static void pass_rounds(struct scheduler *s) {
  double rounds = rounds_to_run(s->turn_first);
  for (const struct asker *a = s->turn_first; a; a = a->next_turn)
    rounds = fmin(rounds, rounds_to_run(a));
  if (rounds <= 0) return;
  for (struct asker *a = s->turn_first; a; a = a->next_turn) a->credit += rounds * TURNS_QUANTUM;
}

struct fiber *turns_take(struct worker *w) {
  struct scheduler *s = &w->sched;
  const struct asker *owing = NULL; /* the first that was put behind the others */
  while (s->turn_first && !s->turn_over) {
    struct asker *a = s->turn_first;
    if (a->seen_in == s->turn) break;
    if (a->ready_first->ready_in == s->turn) {
      a->seen_in = s->turn;
      put_last(s, a);
      continue;
    }
    if (a->credit <= 0) {
      if (a == owing) pass_rounds(s);
      if (!owing) owing = a;
      a->credit += TURNS_QUANTUM;
      put_last(s, a);
      continue;
    }
    struct fiber *f = a->ready_first;
    take_out(s, a, NULL, f);
    if (!a->ready_first) leave(s, a);
    return f;
  }
  return NULL;
}

void turns_end(struct worker *w) { w->sched.in_turn = false; }

void turns_ran(struct worker *w, struct asker *a) {
  struct scheduler *s = &w->sched;
  if (s->ration.began > 0 && s->ration.ended == 0) s->ration.ended = s->seconds();
  if (s->clock == 0) return; /* it was alone */
  double now = s->seconds();
  a->credit -= now - s->clock;
  if (a->credit < -TURNS_DEBT_MOST) a->credit = -TURNS_DEBT_MOST;
  s->clock = now;
  s->turn_over = now >= s->turn_ends;
}

/* ---- The end ---- */

void turns_clear(struct worker *w) {
  struct scheduler *s = &w->sched;
  for (unsigned i = 0; i <= HOST_BUCKETS; i++) {
    for (struct asker *a = i < HOST_BUCKETS ? s->askers[i] : &s->own; a; a = a->next_by_host) {
      a->ready_first = a->ready_last = NULL;
      a->n_ready = 0;
      a->in_turns = false;
    }
  }
  s->turn_first = s->turn_last = s->turn_new = NULL;
  s->n_ready = 0;
}

void turns_deinit(struct worker *w) { forget_idle(&w->sched, true); }

/* ---- Check ---- */

static const char *check_asker(const struct worker *w, const struct asker *a) {
  unsigned fibers = 0, ready = 0;
  for (const struct fiber *f = w->sched.all; f; f = f->all_next) fibers += f->asker == a;
  for (const struct fiber *f = a->ready_first; f; f = f->next, ready++) {
    if (f->asker != a || !f->queued) return "turns: another's fiber in an asker's queue";
    if (!f->next && f != a->ready_last) return "turns: a queue has another end";
  }
  if (fibers != a->n_fibers) return "turns: an asker has another number of fibers";
  if (ready != a->n_ready) return "turns: another number of an asker's fibers is ready";
  if (a->in_turns != (ready > 0)) return "turns: an asker is in turns that has nothing ready";
  return NULL;
}

const char *turns_check(const struct worker *w) {
  const struct scheduler *s = &w->sched;
  const char *fault = check_asker(w, &s->own);
  unsigned ready = s->own.n_ready, askers = 0, listed = 0, in_turns = s->own.in_turns;
  unsigned holders = s->own.n_fibers > 0;
  size_t bytes = s->own.bytes;
  for (unsigned i = 0; i < HOST_BUCKETS; i++) {
    for (const struct asker *a = s->askers[i]; a && !fault; a = a->next_by_host, askers++) {
      fault = check_asker(w, a);
      ready += a->n_ready;
      in_turns += a->in_turns;
      holders += a->n_fibers > 0;
      bytes += a->bytes;
      if (turns_find(w, a->host) != a) fault = "turns: an asker is not found";
    }
  }
  if (fault) return fault;
  bool has_new = !s->turn_new;
  for (const struct asker *a = s->turn_first; a; a = a->next_turn, listed++) {
    if (a->next_turn ? a->next_turn->prev_turn != a : a != s->turn_last) break;
    has_new = has_new || a == s->turn_new;
  }
  if (!has_new) return "turns: the last that came with credit has no turn";
  if (askers != s->n_askers) return "turns: another number of askers";
  if (bytes != w->backlog.bytes) return "turns: another number of bytes is kept";
  if (holders != s->n_holders) return "turns: another number of askers has fibers";
  if (ready != s->n_ready) return "turns: another number of fibers is ready";
  return listed == in_turns ? NULL : "turns: another number of askers has a turn";
}
