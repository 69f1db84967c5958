/* SPDX-License-Identifier: MIT
 *
 * A record lives on the C stack of the fiber that waits and is unlinked before its frame is left,
 * by an error too. Whoever leaves wakes the next, who looks for itself whether there is room: so
 * the news of it is never lost with one that gave up. That one runs in the same turn, as long as
 * there is room: what is granted at once is sent at once, and not message by message.
 */
#include "lua/ask/room.h"

#include <assert.h>
#include <stdlib.h>

#include "lua/fiber/fiber.h"
#include "lua/fiber/turns.h"
#include "lua/fiber/wait.h"

struct room_wait {
  struct room_wait *next, *prev;
  struct fiber *fiber;
};

/* Is there while somebody waits. */
struct room_queue {
  struct room_queue *next;
  uint64_t host;
  double taken; /* when the host took something last, since somebody waits */
  bool moves;   /* it has, and nobody who waited has found the room too small since */
  struct room_wait *first, *last;
};

/* The broker chose the hosts at random. */
static struct room_queue **bucket_of(struct worker *w, uint64_t host) {
  return &w->room_queues[host % ROOM_BUCKETS];
}

static struct room_queue *find(const struct worker *w, uint64_t host) {
  struct room_queue *q = w->n_room_queues ? w->room_queues[host % ROOM_BUCKETS] : NULL;
  while (q && q->host != host) q = q->next;
  return q;
}

bool room_is_waited_for(const struct worker *w, uint64_t host) {
  return find(w, host) != NULL;
}

static struct room_queue *get(struct worker *w, uint64_t host) {
  struct room_queue *q = find(w, host), **bucket = bucket_of(w, host);
  if (q || !(q = calloc(1, sizeof *q))) return q;
  q->host = host;
  q->taken = clock_seconds();
  q->next = *bucket;
  *bucket = q;
  w->n_room_queues++;
  return q;
}

static void forget(struct worker *w, struct room_queue *q) {
  struct room_queue **p = bucket_of(w, q->host);
  while (*p != q) p = &(*p)->next;
  *p = q->next;
  assert(!q->first && w->n_room_queues > 0);
  w->n_room_queues--;
  free(q);
}

static void enter(struct room_queue *q, struct room_wait *n, bool first) {
  n->prev = first ? NULL : q->last;
  n->next = first ? q->first : NULL;
  if (n->prev)
    n->prev->next = n;
  else
    q->first = n;
  if (n->next)
    n->next->prev = n;
  else
    q->last = n;
}

static void leave(struct worker *w, struct room_queue *q, struct room_wait *n) {
  if (n->prev)
    n->prev->next = n->next;
  else
    q->first = n->next;
  if (n->next)
    n->next->prev = n->prev;
  else
    q->last = n->prev;
  if (q->first)
    fiber_wake_first(q->first->fiber);
  else
    forget(w, q);
}

static int raise_stuck(lua_State *L, struct worker *w, const char *what) {
  wait_refuse(L, w);
  return worker_raise(L, GAIJIN_STATUS_BUSY,
                      "a %s has no room at its receiver, and must not wait for it: %u requests "
                      "wait here, and fibers for them are used up (--max-fibers)",
                      what, w->backlog.n_posts + w->backlog.n_calls);
}

/* Requests cannot be begun here for lack of fibers; whom the fiber serves has many, as many as its
 * share is; and there is no room to come: the host has taken nothing for as long. What is the same
 * for all who wait there holds for all at once, so none overtakes those that are refused. */
static bool must_not_wait(const struct worker *w, const struct room_queue *q,
                          const struct fiber *f, double now) {
  return w->backlog.stuck && turns_has_many(w, f->asker) && !turns_may_begin(w, f->asker, false) &&
         !(q->moves && gaijin_post_room(w->g, q->host) > 0) &&
         now - q->taken >= BEGIN_STALL;
}

/* Somebody who may have used up the receiver's fibers waits for what the fiber serves. */
static bool is_awaited(const struct fiber *f) { return f->depth > 1; }

/* Parks until something decides; the outcome. *stalled: it was over because the host takes
 * nothing. */
static enum wait_outcome park(lua_State *L, struct worker *w, const struct room_queue *q,
                              const struct room_wait *n, double until, bool *stalled) {
  enum wait_outcome how;
  double stall;
  do {
    stall = is_awaited(n->fiber) ? q->taken + ROOM_STALL : 0;
    how = wait_park(L, w, wait_nearer(until, stall));
  } while ((how == WAIT_WOKEN && !w->lost && !must_not_wait(w, q, n->fiber, clock_seconds()) &&
            (q->first != n || gaijin_post_room(w->g, q->host) == 0)) ||
           (how == WAIT_OVER && stall > 0 && q->taken + ROOM_STALL > stall));
  *stalled = how == WAIT_OVER && stall > 0 && (until == 0 || stall < until);
  return how;
}

/* Raises what became of a wait that has not ended with room. */
static void raise_over(lua_State *L, struct worker *w, uint64_t host, const char *what,
                       enum wait_outcome how, double until, bool stalled) {
  what = lua_pushfstring(L, "%s to worker %s", what, worker_host_name(w, host));
  if (how != WAIT_OVER || (!stalled && until == w->sched.current->deadline))
    wait_raise(L, w, how, what);
  wait_refuse(L, w);
  if (stalled)
    worker_raise(L, GAIJIN_STATUS_BUSY,
                 "%s has no room, and the worker takes nothing of what it was sent before; it may "
                 "be waiting for us",
                 what);
  worker_raise(L, GAIJIN_STATUS_TIMEOUT, "%s was not begun: there was no room for it in time",
               what);
}

void room_wait(lua_State *L, struct worker *w, uint64_t host, const char *what, double until,
               bool again) {
  const char *hindrance = wait_hindrance(L, w);
  if (hindrance)
    worker_raise(L, GAIJIN_STATUS_BUSY, "a %s has no room at %s, %s; try again later", what,
                 worker_host_name(w, host), hindrance);
  struct room_queue *q = find(w, host);
  if (q && must_not_wait(w, q, w->sched.current, clock_seconds())) raise_stuck(L, w, what);
  q = get(w, host);
  if (!q) {
    worker_raise(L, GAIJIN_STATUS_BUSY, "no memory to wait for room for a %s", what);
    return;
  }
  struct room_wait n = {.fiber = w->sched.current};
  bool stalled;
  enter(q, &n, again);
  if (again) q->moves = false;
  enum wait_outcome how = park(L, w, q, &n, until, &stalled);
  bool refused = how == WAIT_WOKEN && !w->lost && must_not_wait(w, q, n.fiber, clock_seconds());
  leave(w, q, &n);
  if (refused) raise_stuck(L, w, what);
  if (how != WAIT_WOKEN) raise_over(L, w, host, what, how, until, stalled);
}

void room_came(void *worker, uint64_t host) {
  struct room_queue *q = find(worker, host);
  if (!q) return;
  q->taken = clock_seconds();
  q->moves = true;
  fiber_wake(q->first->fiber);
}

void room_refuse(struct worker *w) {
  assert(w->backlog.stuck);
  double now = clock_seconds(); /* once: it is over for all at once, or for none */
  for (unsigned i = 0; w->n_room_queues && i < ROOM_BUCKETS; i++)
    for (const struct room_queue *q = w->room_queues[i]; q; q = q->next)
      for (const struct room_wait *n = q->first; n; n = n->next)
        if (must_not_wait(w, q, n->fiber, now)) fiber_wake(n->fiber);
}

void room_deinit(struct worker *w) {
  for (unsigned i = 0; i < ROOM_BUCKETS; i++) {
    struct room_queue *next;
    for (struct room_queue *q = w->room_queues[i]; q; q = next) {
      next = q->next;
      free(q);
    }
    w->room_queues[i] = NULL;
  }
  w->n_room_queues = 0;
}
