/* SPDX-License-Identifier: MIT
 *
 * The connections that are looked at before the loop sleeps (net/lookout.h): those that have sent a
 * whole message, or were written to, since it slept last. All others are heard through the loop.
 *
 * Always true: a client that says it is hot is in the list, at the place it says, and no other is;
 * nobody is while polling is off, or while the loop sleeps.
 */
#ifndef GAIJIN_BROKER_HOT_H
#define GAIJIN_BROKER_HOT_H

#include "broker/net/client.h"
#include "proto/clock.h"

/* A hot one that so many looks in a row found nothing of is left to the loop. */
enum { HOT_VAIN_MOST = 64 };

/* After connections_init: puts the handle on the loop. Nobody is looked at until hot_set. */
void hot_init(struct connections *n);
/* For how long, in microseconds, is looked before the loop sleeps; 0: not at all. */
void hot_set(struct connections *n, uint32_t poll_us);
/* Has the loop let go of the handle. */
void hot_close(struct connections *n);

/* Enters it if there is room. */
void hot_enter(struct client *c);
/* It was written to. */
static inline void hot_heat(struct client *c) {
  if (c->connections->hot.polling.is_on) hot_enter(c);
}
/* A whole message of it has come. */
static inline void hot_spoke(struct client *c) {
  struct polling *p = &c->connections->hot.polling;
  if (!p->is_on) return;
  if (polling_wants_hit(p)) polling_hit(p, clock_seconds());
  hot_enter(c);
}

/* It is one of the others from now on. It may be one. Whoever goes on with it calls reading_sleep:
 * it is to knock again. */
void hot_leave(struct client *c);
void hot_leave_all(struct connections *n);

/* NULL, or a static text that says which invariant is broken. */
const char *hot_check(const struct connections *n);

#endif
