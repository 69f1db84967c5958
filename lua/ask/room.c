/* SPDX-License-Identifier: MIT
 *
 * A record lives on the C stack of the fiber that waits and is unlinked before its frame is left,
 * by an error too. Whoever leaves wakes the next, who looks for itself whether there is room: so
 * the news of it is never lost with one that gave up.
 */
#include "lua/ask/room.h"

#include <assert.h>
#include <stdlib.h>

#include "lua/fiber/fiber.h"
#include "lua/fiber/wait.h"

struct room_wait {
  struct room_wait *next, *prev;
  struct fiber *fiber;
};

/* Is there while somebody waits. Few workers are waited for at a time. */
struct room_queue {
  struct room_queue *next;
  uint64_t host;
  struct room_wait *first, *last;
};

static struct room_queue *find(const struct worker *w, uint64_t host) {
  struct room_queue *q = w->room_queues;
  while (q && q->host != host) q = q->next;
  return q;
}

bool room_is_waited_for(const struct worker *w, uint64_t host) {
  return find(w, host) != NULL;
}

static struct room_queue *get(struct worker *w, uint64_t host) {
  struct room_queue *q = find(w, host);
  if (q || !(q = calloc(1, sizeof *q))) return q;
  q->host = host;
  q->next = w->room_queues;
  w->room_queues = q;
  return q;
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
  if (q->first) {
    fiber_wake(q->first->fiber);
    return;
  }
  struct room_queue **p = &w->room_queues;
  while (*p != q) p = &(*p)->next;
  *p = q->next;
  free(q);
}

static int raise_stuck(lua_State *L, struct worker *w) {
  wait_refuse(L, w);
  return worker_raise(L, GAIJIN_STATUS_BUSY,
                      "a post has no room at its receiver, and must not wait for it: %u requests "
                      "wait here, and fibers for them are used up (--max-fibers)",
                      w->backlog.n_posts + w->backlog.n_calls);
}

/* Parks until something decides; the outcome. */
static enum wait_outcome park(lua_State *L, struct worker *w, const struct room_queue *q,
                              const struct room_wait *n, double until) {
  enum wait_outcome how;
  do
    how = wait_park(L, w, until);
  while (how == WAIT_WOKEN && !w->lost && !w->backlog.stuck &&
         (q->first != n || gaijin_post_room(w->g, q->host) == 0));
  return how;
}

void room_wait(lua_State *L, struct worker *w, uint64_t host, bool again) {
  const char *hindrance = wait_hindrance(L, w);
  if (hindrance)
    worker_raise(L, GAIJIN_STATUS_BUSY, "a post has no room at %s, %s; try again later",
                 worker_host_name(w, host), hindrance);
  struct fiber *f = w->sched.current;
  if (w->backlog.stuck) raise_stuck(L, w);
  struct room_queue *q = get(w, host);
  if (!q) worker_raise(L, GAIJIN_STATUS_BUSY, "no memory to wait for room for a post");
  struct room_wait n = {.fiber = f};
  double until = wait_nearer(f->deadline, f->asked_until);
  enter(q, &n, again);
  enum wait_outcome how = park(L, w, q, &n, until);
  leave(w, q, &n);
  if (how == WAIT_WOKEN && w->backlog.stuck) raise_stuck(L, w);
  if (how == WAIT_WOKEN) return;
  const char *what = lua_pushfstring(L, "post to worker %s", worker_host_name(w, host));
  if (how == WAIT_OVER && until != f->deadline) {
    wait_refuse(L, w);
    worker_raise(L, GAIJIN_STATUS_TIMEOUT, "%s: the time of the request that is served is over",
                 what);
  }
  wait_raise(L, w, how, what);
}

void room_came(void *worker, uint64_t host) {
  const struct room_queue *q = find(worker, host);
  if (q) fiber_wake(q->first->fiber);
}

void room_refuse_all(struct worker *w) {
  assert(w->backlog.stuck);
  for (const struct room_queue *q = w->room_queues; q; q = q->next)
    for (const struct room_wait *n = q->first; n; n = n->next) fiber_wake(n->fiber);
}

void room_deinit(struct worker *w) {
  struct room_queue *next;
  for (struct room_queue *q = w->room_queues; q; q = next) {
    next = q->next;
    free(q);
  }
  w->room_queues = NULL;
}
