/* SPDX-License-Identifier: MIT
 *
 * What one connection has under way with another, counted in the record of the pair (books/loads.h:
 * the asker has been introduced to the worker): so that a worker which never answers costs its
 * askers a part of what they may have, and not all of it.
 *
 * Always true: a record counts the open requests of its host to its client, given-up ones
 * included, as long as the host is there that asked, connected or not.
 */
#ifndef GAIJIN_BROKER_PAIRS_H
#define GAIJIN_BROKER_PAIRS_H

#include "broker/core/state.h"

/* Of the requests that a process may have open, each of its connections may have such a part open
 * at one worker. */
enum { PAIRS_PART = 4 };

/* How many requests a connection may have open at one worker. */
static inline uint64_t pairs_most(const struct broker *b) {
  return (b->connections.accounts.limits.most[ACCOUNT_REQUESTS] - 1) / PAIRS_PART + 1;
}
/* Whether the one who asked is there: connected, or its record at least. Then so is the pair's, as
 * the one who is asked is connected. */
static inline bool pairs_count(const struct broker *b, const struct call *k) {
  return b->connections.accounts.of_host[k->from] == k->payer;
}
/* A request has been answered, or never will be: removes it. */
static inline void pairs_answered(struct broker *b, uint32_t call) {
  const struct call *k = calls_at(&b->calls, call);
  if (pairs_count(b, k)) {
    struct load *l = loads_at(&b->loads, k->pair);
    assert(l->asked > 0);
    l->asked--;
    if (k->open_bytes) flows_closed(&b->flows, k->pair, k->open_bytes, k->unbounded);
  }
  calls_remove(&b->calls, call);
}

#endif
