/* SPDX-License-Identifier: MIT
 *
 * A record lives on the C stack of the fiber that waits, and is unlinked before its frame is left.
 */
#include "lua/fiber/door.h"

#include <assert.h>

#include "lua/fiber/fiber.h"

struct door_wait {
  struct door_wait *next, *prev;
  struct fiber *fiber;
  enum door_reason reason;
  const gaijin_holding *holding; /* CLAIM: which; NULL: not known */
  uint64_t news;                 /* as many there had been when it came */
  bool woken;                    /* by door_look, and it has not run */
};

bool door_refused(const struct worker *w, int status, enum door_reason *reason) {
  *reason = status == GAIJIN_STATUS_AWAY ? DOOR_CLAIM : DOOR_LINK;
  return status == GAIJIN_STATUS_AWAY || (status == GAIJIN_STATUS_LOST && door_is_shut(w));
}

static bool is_over(const struct worker *w, const struct door_wait *n) {
  if (w->lost) return true;
  if (door_is_shut(w)) return false;
  if (n->reason == DOOR_LINK) return true;
  if (n->holding) return gaijin_holding_standing(n->holding) != GAIJIN_UNCONFIRMED;
  return n->news != w->door.news;
}

static void enter(struct door *d, struct door_wait *n) {
  n->prev = d->last;
  if (d->last)
    d->last->next = n;
  else
    d->first = n;
  d->last = n;
}

static void set_woken(struct door *d, struct door_wait *n, bool woken) {
  assert(n->woken != woken && (woken || d->n_woken > 0));
  n->woken = woken;
  d->n_woken += woken ? 1 : -1u;
}

static void leave(struct door *d, struct door_wait *n) {
  if (n->woken) set_woken(d, n, false);
  if (n->prev)
    n->prev->next = n->next;
  else
    d->first = n->next;
  if (n->next)
    n->next->prev = n->prev;
  else
    d->last = n->prev;
}

enum wait_outcome door_wait(lua_State *L, struct worker *w, enum door_reason reason,
                            gaijin_holding *holding, double until) {
  struct door *d = &w->door;
  struct door_wait n = {
      .fiber = w->sched.current, .reason = reason, .holding = holding, .news = d->news};
  enum wait_outcome how;
  enter(d, &n);
  if (is_over(w, &n)) fiber_wake(n.fiber); /* behind those that were let through */
  do {
    how = wait_park(L, w, until);
    if (n.woken) set_woken(d, &n, false);
  } while (how == WAIT_WOKEN && !is_over(w, &n));
  leave(d, &n);
  return how;
}

int door_raise(lua_State *L, struct worker *w, enum wait_outcome how, const char *what,
               double until) {
  if (how != WAIT_OVER || until == w->sched.current->deadline) return wait_raise(L, w, how, what);
  wait_refuse(L, w);
  return worker_raise(L, GAIJIN_STATUS_TIMEOUT,
                      door_is_shut(w)
                          ? "%s was not begun: the broker has gone and was not back in time"
                          : "%s was not begun: after the return of the broker it was not known in "
                            "time whether the object is still there",
                      what);
}

static const double again_first = 0.02, again_longest = 0.25; /* seconds between two tries */

bool door_pause(lua_State *L, struct worker *w, const char *what, double until, double *pause) {
  *pause = *pause == 0 ? again_first : *pause * 2 < again_longest ? *pause * 2 : again_longest;
  double till = clock_seconds() + *pause;
  if (until > 0 && till >= until) return false;
  for (;;) {
    enum wait_outcome how = wait_park(L, w, till);
    if (how == WAIT_OVER) return true;
    if (how != WAIT_WOKEN) wait_raise(L, w, how, what);
  }
}

void door_look(struct worker *w) {
  w->door.news++;
  for (struct door_wait *n = w->door.first; n; n = n->next) {
    if (n->woken || !is_over(w, n)) continue;
    set_woken(&w->door, n, true);
    fiber_wake(n->fiber);
  }
}

void door_deinit(struct worker *w) { w->door = (struct door){.news = w->door.news}; }

const char *door_check(const struct worker *w) {
  unsigned woken = 0;
  for (const struct door_wait *n = w->door.first, *before = NULL; n; before = n, n = n->next) {
    if (n->prev != before || (!n->next && w->door.last != n)) return "door: a broken link";
    if (n->woken && !n->fiber->queued) return "door: one was let through and is not ready";
    woken += n->woken;
  }
  return woken == w->door.n_woken ? NULL : "door: another number was let through";
}
