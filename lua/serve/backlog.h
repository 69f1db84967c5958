/* SPDX-License-Identifier: MIT
 *
 * Requests that have come and are not begun yet, in the order in which each caller sent them:
 * one-way requests as small records, and behind them the calls of the same caller, whose fibers are
 * made and not woken. So a burst costs records, not fibers, and what one worker starts here is
 * begun in its order; callers take turns, and one without anything here waits for nobody's posts.
 * The windows of one-way requests bound it (proto/window.h). This file begins nothing.
 */
#ifndef GAIJIN_LUA_BACKLOG_H
#define GAIJIN_LUA_BACKLOG_H

#include "lua/vm/worker.h"

struct backlog_entry {
  struct backlog_entry *next;
  uint64_t fiber; /* number of the call's fiber; 0: a one-way request */
  struct gaijin_request request;
  gaijin_body *body; /* of a one-way request; whoever takes the entry owns it */
};

/* Whether something of this caller (host id) is here. */
bool backlog_has(const struct worker *w, uint64_t caller);

/* Puts a one-way request, which owns its body from then on, or a call with its fiber behind all of
 * its caller. False when memory is short: nothing has changed. */
bool backlog_add(struct worker *w, const struct gaijin_request *request, gaijin_body *body,
                 uint64_t fiber);

/* Takes out what is to be begun next; without `posts` only a call that is no post is behind. The
 * caller's to free. NULL: there is none. */
struct backlog_entry *backlog_take(struct worker *w, bool posts);

/* Shows `visit` every call, in no order. */
void backlog_each_call(struct worker *w, void (*visit)(struct worker *w, uint64_t fiber));

/* Frees all, posts included, before the connection is closed. */
void backlog_deinit(struct worker *w);

#endif
