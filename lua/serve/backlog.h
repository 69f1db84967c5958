/* SPDX-License-Identifier: MIT
 *
 * Requests that have come and are not begun yet: small records without a fiber, in a queue for each
 * asker, in the order in which it sent them, so what one worker starts here is begun in its order
 * and nobody waits behind the requests of another. The windows bound the queues (proto/window.h),
 * and all of them together are bounded, with what fibers have that have not run (backlog.most):
 * askers can be many, and what one has posted stays when it has ended. This file begins nothing.
 */
#ifndef GAIJIN_LUA_BACKLOG_H
#define GAIJIN_LUA_BACKLOG_H

#include "lua/vm/worker.h"

/* What all that is not begun may take at least: some thousand requests of each of some dozens of
 * askers. Never less than BACKLOG_MESSAGES of the largest. */
enum { BACKLOG_BYTES = 64 << 20, BACKLOG_MESSAGES = 4 };
/* Who has nothing here finds room for one request of at most BACKLOG_SMALL bytes also when the rest
 * is used up by what has fibers, which is not refused any more: all together one of BACKLOG_EXTRA
 * beyond that. */
enum { BACKLOG_SMALL = 4 << 10, BACKLOG_EXTRA = 8 };

struct backlog_entry {
  struct backlog_entry *next, *prev;     /* in its asker's queue */
  struct backlog_entry *next_by_request; /* in its bucket */
  struct asker *asker;
  struct gaijin_request request;
  double asked_until; /* until when its asker waits; 0: for ever */
  gaijin_body *body;  /* whoever takes the entry out owns it */
};

/* For a worker that is connected. */
void backlog_init(struct worker *w);

/* What a request takes, with all that belongs to it in C. */
size_t backlog_size(const gaijin_body *body);

/* While there is no room for so much more of the asker: the last request of one that has about the
 * most here (fiber/kept.h), to be taken out and refused. NULL: there is room, or the asker itself
 * would have the most, or no request can be refused; *has_room says which. */
struct backlog_entry *backlog_excess(const struct worker *w, const struct asker *asker, size_t size,
                                     bool *has_room);

/* Puts a request behind all others of its asker; it owns the body from then on. False when memory
 * is short: nothing has changed. */
bool backlog_add(struct worker *w, struct asker *asker, const struct gaijin_request *request,
                 double asked_until, gaijin_body *body);

/* Takes an entry out of its queue; the caller's to free. Its asker may have no more entries then,
 * and is not in the list of those who wait any more. */
void backlog_take(struct worker *w, struct backlog_entry *e);

/* Puts an asker that has entries behind all others that have. */
void backlog_put_last(struct worker *w, struct asker *asker);

/* The entry of a request; NULL: it is not here. */
struct backlog_entry *backlog_find(const struct worker *w, uint64_t request);

static inline unsigned backlog_count(const struct worker *w) {
  return w->backlog.n_posts + w->backlog.n_calls;
}

/* Frees all, posts included, before the connection is closed. */
void backlog_deinit(struct worker *w);

/* NULL, or a static text that says which invariant is broken. */
const char *backlog_check(const struct worker *w);

#endif
