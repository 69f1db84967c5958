/* SPDX-License-Identifier: MIT
 *
 * What follows when tokens lose holders: loads fall, hosts are told of tokens that
 * nobody holds any more, records of dead hosts without tokens go. Drops are
 * gathered and sent together, one notice per host: end every batch with fallout_send.
 */
#ifndef GAIJIN_BROKER_RELEASES_H
#define GAIJIN_BROKER_RELEASES_H

#include "broker/books/refs.h"

struct broker;

enum { FALLOUT_MOST = 256 };

struct fallout {
  struct refs_drop drops[FALLOUT_MOST];
  uint32_t count;
};

/* `client` gives `count` deliveries of a token back. False if it does not hold it so often; nothing changes then. */
bool fallout_release(struct broker *b, uint32_t token, uint32_t client, uint64_t count);
/* Ends the token if nobody holds it; an index that has ended already is fine. */
void fallout_settle(struct broker *b, uint32_t token);
/* Queues the drops gathered. */
void fallout_send(struct broker *b);
/* Forgets a host that is dead, and neither has tokens nor holds any any more; others stay. */
void fallout_retire(struct broker *b, uint32_t host);

#endif
