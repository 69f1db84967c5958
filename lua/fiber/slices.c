/* SPDX-License-Identifier: MIT
 *
 * A record exists while its fiber is at long work that has had to pause, or while others wait
 * behind it. It is no lock: whoever runs a slice may be stopped in it, by a script's finaliser, and
 * then the next in the list gets its turn all the same.
 */
#include "lua/fiber/slices.h"

#include <assert.h>
#include <stdlib.h>

#include "lua/fiber/wait.h"

/* A fiber that waits behind the long work of an earlier request; on its C stack. */
struct follower {
  struct fiber *fiber;
  struct long_work *behind; /* NULL: it waits no more */
  struct follower *next, *prev;
  bool is_long;
};

struct long_work {
  struct long_work *next, *prev; /* all; the one whose turn was longest ago first */
  uint64_t host;
  struct fiber *fiber;
  bool wants_turn; /* it waits for its next slice */
  struct follower *first, *last;
};

/* ---- Lists ---- */

static void append(struct scheduler *s, struct long_work *k) {
  k->next = NULL;
  k->prev = s->last_work;
  if (s->last_work)
    s->last_work->next = k;
  else
    s->first_work = k;
  s->last_work = k;
}

static void take_out(struct scheduler *s, struct long_work *k) {
  if (k->prev)
    k->prev->next = k->next;
  else
    s->first_work = k->next;
  if (k->next)
    k->next->prev = k->prev;
  else
    s->last_work = k->prev;
}

static void append_follower(struct long_work *k, struct follower *n) {
  n->behind = k;
  n->prev = k->last;
  if (k->last)
    k->last->next = n;
  else
    k->first = n;
  k->last = n;
}

static void unfollow(struct follower *n) {
  struct long_work *k = n->behind;
  if (!k) return;
  if (n->prev)
    n->prev->next = n->next;
  else
    k->first = n->next;
  if (n->next)
    n->next->prev = n->prev;
  else
    k->last = n->prev;
  n->behind = NULL;
}

static struct long_work *find(const struct worker *w, uint64_t host) {
  struct long_work *k = w->sched.first_work;
  while (k && k->host != host) k = k->next;
  return k;
}

static void set_wanting(struct worker *w, struct long_work *k, bool wants) {
  assert(k->wants_turn != wants && (wants || w->sched.n_slices_wanted > 0));
  k->wants_turn = wants;
  w->sched.n_slices_wanted += wants ? 1 : -1u;
}

/* ---- Order ---- */

/* One that waits for something else, in a finaliser, may wait for this very host. */
bool slices_is_followed(const struct worker *w, uint64_t host) {
  const struct long_work *k = w->sched.first_work ? find(w, host) : NULL;
  return k && (k->wants_turn || k->fiber->queued);
}

void slices_follow(lua_State *L, struct worker *w, uint64_t host, bool is_long) {
  struct fiber *f = w->sched.current;
  if (!slices_is_followed(w, host)) return;
  struct follower n = {.fiber = f, .is_long = is_long};
  enum wait_outcome how;
  append_follower(find(w, host), &n);
  do
    how = wait_park(L, w, 0);
  while (how == WAIT_WOKEN && n.behind);
  unfollow(&n);
  if (how != WAIT_WOKEN) wait_raise(L, w, how, "waiting for a turn");
}

void slices_leave(struct fiber *f) {
  struct scheduler *s = &f->w->sched;
  struct long_work *k = f->work;
  if (!k) return;
  assert(k->fiber == f && !k->wants_turn);
  f->work = NULL;
  k->fiber = NULL;
  while (k->first) {
    struct follower *n = k->first;
    struct fiber *next = n->fiber;
    unfollow(n);
    fiber_wake(next);
    if (!n->is_long || next->work) continue;
    k->fiber = next; /* the rest waits behind it */
    next->work = k;
    return;
  }
  take_out(s, k);
  free(k);
}

/* ---- Turns ---- */

/* NULL when memory is short. */
static struct long_work *begin(struct worker *w, uint64_t host) {
  struct fiber *f = w->sched.current;
  struct long_work *k = calloc(1, sizeof *k);
  if (!k) return NULL;
  /* If there is one of the host's, that is stopped in a slice, nobody comes behind this one. */
  k->host = host && !find(w, host) ? host : 0;
  k->fiber = f;
  f->work = k;
  append(&w->sched, k);
  return k;
}

void slices_pause(lua_State *L, struct worker *w, uint64_t host, double until, const char *what) {
  struct fiber *f = w->sched.current;
  if (wait_hindrance(L, w)) return;
  double now = clock_seconds();
  if (f->deadline > 0 && now >= f->deadline) wait_raise(L, w, WAIT_OVER, what);
  if (until > 0 && now >= until)
    worker_raise(L, GAIJIN_STATUS_TIMEOUT, "%s: it has taken too long", what);
  struct long_work *k = f->work ? f->work : begin(w, host);
  enum wait_outcome how;
  if (!k) {
    worker_raise(L, GAIJIN_STATUS_BUSY, "%s: memory is short", what);
    return;
  }
  set_wanting(w, k, true);
  do
    how = wait_park(L, w, 0);
  while (how == WAIT_WOKEN && k->wants_turn);
  if (k->wants_turn) set_wanting(w, k, false);
  if (how != WAIT_WOKEN) wait_raise(L, w, how, what);
}

bool slices_turn(struct worker *w) {
  struct scheduler *s = &w->sched;
  struct long_work *k = s->first_work;
  if (s->n_slices_wanted == 0) return false;
  while (!k->wants_turn) k = k->next; /* there is one */
  set_wanting(w, k, false);
  take_out(s, k);
  append(s, k);
  fiber_wake(k->fiber);
  return true;
}

void slices_deinit(struct worker *w) {
  struct scheduler *s = &w->sched;
  while (s->first_work) {
    struct long_work *k = s->first_work;
    take_out(s, k);
    free(k);
  }
  s->n_slices_wanted = 0;
}
