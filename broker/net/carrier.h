/* SPDX-License-Identifier: MIT
 *
 * Which connections get rings (lanes.h), and when. A connection begins on its socket. Rings are of
 * use to one that is busy, while the broker looks for messages instead of sleeping (lookout.h):
 * else each message would cost a knock, which is as dear as a message on the socket. So without
 * polling nobody is offered any.
 *
 * Only a worker of the broker's own user that asked for them in hello is offered some, of which
 * there are carrier_most at most; they are charged to it until it has given them back. Who has
 * become idle is told to, and may be offered some again: the two bounds are so far apart that one
 * that is in between stays as it is. With `shm` everybody is busy who is written to.
 */
#ifndef GAIJIN_BROKER_CARRIER_H
#define GAIJIN_BROKER_CARRIER_H

#include "broker/net/client.h"

/* Messages within a second from which on a client is busy. */
enum { CARRIER_BUSY = 500 };
/* Milliseconds until rings that there was no room for are tried again. */
enum { CARRIER_AGAIN_MS = 10000 };
/* Messages, both ways, within idle_ms up to which one is idle: some a second, by default. */
enum { CARRIER_IDLE = 50 };

/* After connections_init: puts the timer on the loop. */
void carrier_init(struct connections *n);
/* After hot_set. `most`: pairs of rings; `idle_ms` as in struct carrier. */
void carrier_set(struct connections *n, enum transport transport, uint32_t most, uint32_t idle_ms);
/* Has the loop let go of the timer. */
void carrier_close(struct connections *n);

/* All that was queued has been written to it: has events.busy called if it may be offered rings. */
void carrier_judge(struct client *c);
static inline void carrier_note_written(struct client *c) {
  if (c->wants_lanes && !c->is_full) carrier_judge(c);
}

/* Makes rings for it, and sends a message, the offer, with them. False: there is no room for it
 * now, or it is too much for its account, which is logged. It may want them again later. */
bool carrier_offer(struct client *c, const void *bytes, uint32_t size);
/* How messages pass: `shm`, or `socket`, as long as one stream does. As --transport has it. */
static inline const char *carrier_name(const struct client *c) {
  return lanes_carry_in(c->lanes) && lanes_carry_out(c->lanes) ? "shm" : "socket";
}
/* Pairs of rings that there may be now: what they take of the memory of all is a part of it. */
enum { CARRIER_PART = 4 };
static inline uint32_t carrier_most(const struct connections *n) {
  const struct carrier *k = &n->carrier;
  uint64_t fit = n->accounts.limits.memory / CARRIER_PART / RING_MAP_BYTES;
  if (k->transport == TRANSPORT_SOCKET || !n->hot.polling.is_on) return 0;
  return k->most < fit ? k->most : (uint32_t)fit;
}
/* It has these rings from now on, of this program or of the one before. */
void carrier_keep(struct client *c, struct lanes *l);
/* The client has taken the offer, with its last message on the socket; and the answer to that, the
 * last one there to it, has been pushed. Call in events.message. */
void carrier_moved_in(struct client *c);
void carrier_moves_out(struct client *c);

/* All that was written to it is in its ring: puts a message there, the last one, and goes on on the
 * socket. False: it is not so, or there is no room. */
bool carrier_leave(struct client *c, const void *bytes, uint32_t size);
/* The client has answered that, with its last message in its ring; it may be offered some again.
 * Call in events.message. */
void carrier_came_back(struct client *c);

#endif
