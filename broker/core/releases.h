/* SPDX-License-Identifier: MIT
 *
 * What follows when tokens lose holders: loads fall, hosts are told of tokens that nobody
 * holds any more (drops), records of dead hosts that nothing refers to any more go.
 *
 * A dead holder gives back what it held by the same path as an unsub, in slices (base/work.h), so
 * that nobody waits while a large holder is taken off the books; then the records go of the hosts
 * that it knew. Until its last slice the host's record stays, and so its number.
 */
#ifndef GAIJIN_BROKER_RELEASES_H
#define GAIJIN_BROKER_RELEASES_H

#include "broker/core/state.h"

/* Units of work for a holding given back, its share of the drops included; how many a slice of a
 * dead holder's has; and for one of whom it knew, or who knew it, being forgotten. */
enum {
  RELEASE_COST = 4,
  RELEASES_SLICE = WORK_QUANTUM / RELEASE_COST,
  RELEASES_FORGET_COST = 5,
  RELEASES_FORGET_SLICE = WORK_QUANTUM / RELEASES_FORGET_COST
};

/* Drops that are gathered to be sent together, one notice per host: a batch, from releases_begin
 * to releases_send. A full one is sent at once, so gathering never needs memory. */
enum { DROPS_MOST = 256 };
struct drops {
  uint32_t count;
  struct account *payer; /* of the notices: whoever gives back; NULL: each receiver its own */
  struct refs_drop list[DROPS_MOST];
};

static inline void releases_begin(struct drops *d, struct account *payer) {
  d->count = 0;
  d->payer = payer;
}

/* `client` gives `count` deliveries of a token back. False if it does not hold it so often;
 * nothing changes then. */
bool releases_give_back(struct broker *b, struct drops *d, uint32_t token, uint32_t client,
                        uint64_t count);
/* Ends the token if nobody holds it; an index that has ended already is fine. */
void releases_settle(struct broker *b, struct drops *d, uint32_t token);
/* Queues the notices of the drops gathered; none is left then. */
void releases_send(struct broker *b, struct drops *d);

/* The host has lost its connection (its record says so), and what follows from that but this
 * has been done: gives back what it held, and forgets it when nothing refers to it any more;
 * now if it is little, else in the turns to come. */
void releases_host_died(struct broker *b, uint32_t host);

/* The same for one of whom the program before this one has done a part: the job is queued. */
void releases_go_on(struct broker *b, uint32_t host);

#endif
