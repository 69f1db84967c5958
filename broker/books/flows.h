/* SPDX-License-Identifier: MIT
 *
 * The requests that have been forwarded and that their receiver has not reported as taken, for each
 * pair of sender and target. A pair never has more than its window allows (proto/window.h). They
 * are counted in the record that every pair has which has ever talked: the load of the target by
 * objects of the sender's (loads.h), which a request that is forwarded looks up anyway.
 *
 * Some requests are in no window: their sender does not count them, and their receiver does not
 * report them as taken. These are open until they are answered, and what may be open is limited,
 * too. So a sender has only so much on its way to a target, whatever it sends. The calls of a
 * sender of an older version are all open. More of them are allowed than fit into a window,
 * because a window holds what the receiver has not begun, and open ones include what it works on:
 * the limit is as many as a worker has fibers. Requests that may wait for ever (for a label) are
 * counted apart, with a limit of their own, because a worker may well have many of them: as many
 * as it lets one asker have waiting.
 *
 * This file sends nothing.
 */
#ifndef GAIJIN_BROKER_FLOWS_H
#define GAIJIN_BROKER_FLOWS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/books/loads.h"
#include "proto/message.h"
#include "proto/window.h"

enum { FLOWS_OPEN_MOST = 10000, FLOWS_OPEN_BYTES = 4 << 20 };

struct flows {
  struct window window; /* of every pair */
  struct window open;   /* of every pair until they are answered, where that is no window */
  struct loads *loads;
};

/* The loads are another's, and outlive it. */
void flows_init(struct flows *f, const struct window *window, struct loads *loads);

/* Counts one more in a window of this limit; false, and nothing has changed: there is no room. */
static inline bool flows_enter(const struct window *limit, struct window *k, uint32_t size) {
  assert(size >= MESSAGE_LEAST_BYTES);
  if (window_room(limit, k) < size) return false;
  k->requests++;
  k->bytes += size;
  return true;
}
/* One more of `size` bytes is forwarded to the client of the load. False, and nothing has changed:
 * there is no room in the window. */
static inline bool flows_sent(struct flows *f, uint32_t load, uint32_t size) {
  return flows_enter(&f->window, &loads_at(f->loads, load)->outstanding, size);
}
/* So much has been taken. False, and nothing has changed: that cannot be, less is outstanding. */
bool flows_taken(struct flows *f, uint32_t load, const struct window *taken);
/* What is outstanding. */
static inline struct window flows_outstanding(const struct flows *f, uint32_t load) {
  return loads_at(f->loads, load)->outstanding;
}
/* One more that is counted until it is answered is forwarded. False, and nothing has changed: there
 * is no room. */
enum flows_kind { FLOWS_NEWER, FLOWS_OLDER, FLOWS_WAITING };
bool flows_opened(struct flows *f, uint32_t load, uint32_t size, enum flows_kind kind);
/* It has been answered; `waits`: it was WAITING. */
void flows_closed(struct flows *f, uint32_t load, uint32_t size, bool waits);

/* NULL, or a static text that says which invariant is broken. */
const char *flows_check(const struct flows *f);

#endif
