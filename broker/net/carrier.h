/* SPDX-License-Identifier: MIT
 *
 * Which connections get rings (lanes.h), and when. A connection begins on its socket. Rings are of
 * use to one that is busy, while the broker looks for messages instead of sleeping (lookout.h):
 * else each message would cost a knock, which is as dear as a message on the socket. So without
 * polling nobody is offered any.
 *
 * Only a worker of the broker's own user that asked for them in hello is offered some, of which
 * there are `most` at most; they are charged to it, and kept until its connection ends.
 */
#ifndef GAIJIN_BROKER_CARRIER_H
#define GAIJIN_BROKER_CARRIER_H

#include "broker/net/client.h"

/* Messages within a second from which on a client is busy. */
enum { CARRIER_BUSY = 500 };

/* After hot_set. `most`: pairs of rings. */
void carrier_set(struct connections *n, enum transport transport, uint32_t most);

/* All that was queued has been written to it: has events.busy called if it may be offered rings. */
void carrier_judge(struct client *c);
static inline void carrier_note_written(struct client *c) {
  if (c->wants_lanes && !c->is_full) carrier_judge(c);
}

/* Makes rings for it, and sends a message, the offer, with them. False: there is no room for it
 * now, or it is too much for its account, which is logged. It may want them again later. */
bool carrier_offer(struct client *c, const void *bytes, uint32_t size);
/* The client has taken the offer, with its last message on the socket; and the answer to that, the
 * last one there to it, has been pushed. Call in events.message. */
void carrier_moved_in(struct client *c);
void carrier_moves_out(struct client *c);

#endif
