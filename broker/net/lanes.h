/* SPDX-License-Identifier: MIT
 *
 * The rings of one connection (proto/ring/ring.h): another carrier of the same two streams. Each
 * stream begins on the socket and goes on in its ring, from a message on after which the sender
 * puts nothing but knocks into the socket: bytes of 0, which mean "look at your rings". The end of
 * the socket is the end of both streams; what was put before is read first.
 *
 * The way there: the broker offers, with the descriptor of the file; the client says yes as its
 * last message on the socket, and then the broker says so as its own last one.
 *
 * The way back: the broker says so as its last message in its ring, and then the client as its own
 * last one there, whereupon there are no rings any more. In between the broker's knocks, of room
 * that it has made, are between messages on the socket; the client's were all before its first one.
 * What the client has on the socket behind them is not read before its ring is at its end.
 *
 * Nothing here blocks, and no write to dead rings fails: whether somebody is there the socket says.
 */
#ifndef GAIJIN_BROKER_LANES_H
#define GAIJIN_BROKER_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ring/ring.h"

struct client;

struct lanes {
  struct client *owner;
  struct lanes *prev, *next; /* in connections.carrier.all */
  struct rings pair;
  int file; /* what the rings lie in; a later program maps it again */
  bool in;  /* the stream from the client has moved into its ring */
  bool out; /* so has the one to it, from byte number out_at on, of all that are written to it */
  bool has_room; /* there was some left in `out`: no knock tells of it */
  bool has_left; /* `out` was true, and that stream is on the socket again */
  bool is_ahead; /* behind that there is more on the socket than knocks: its ring has its end */
  bool is_knock_due; /* but its stream is on the socket, and the knock would be in its midst */
  uint64_t out_at; /* UINT64_MAX: not yet */
  uint32_t seen_ms, seen; /* when, on the loop's clock, and after how many messages the present
                             time began in which it is seen whether it is idle (carrier.h) */
  bool has_ended; /* of the stream from the client nothing is taken from byte number `end` on */
  uint32_t end;
};

/* A new pair, or of another program's, whose `file` it takes over if it succeeds; -1: a new one.
 * `from`: where that program's ended; NULL: at the beginning. 0, or a negative errno. */
int lanes_new(struct lanes **out, int file, const struct ring_place *from);
/* NULL is fine. */
void lanes_free(struct lanes *l);

/* Sends a message with the descriptor, as a whole. False: it was not. */
bool lanes_offer(const struct lanes *l, int fd, const void *bytes, uint32_t size);

/* The other end is to look, or will be told so by lanes_knock_later: as soon as its stream has
 * moved, or, if it has left, between two messages on the socket. */
void lanes_knock(struct lanes *l, int fd);
void lanes_knock_later(struct lanes *l, int fd);
/* A whole message is put behind all that is written to it, the last in its ring, and its stream is
 * on the socket from here on. False: there is no room. */
bool lanes_leave(struct lanes *l, int fd, const void *bytes, uint32_t size);

/* The streams, for NULL, too. */
static inline bool lanes_carry_in(const struct lanes *l) { return l && l->in; }
static inline bool lanes_carry_out(const struct lanes *l) { return l && l->out; }

/* Takes what there is of the stream from the client, `room` bytes at most. 0: nothing, or
 * pair.is_broken. */
uint32_t lanes_take(struct lanes *l, int fd, void *to, uint32_t room);
/* The client has ended: what is there now is the last of it, whoever may have the memory yet. */
void lanes_end(struct lanes *l);

/* Reads the socket of a stream that is in its ring: there are knocks, and, if the other one has
 * left, perhaps what comes behind the ring's end, which stays. */
enum lanes_heard { LANES_NOTHING, LANES_KNOCKED, LANES_ENDED, LANES_BROKEN };
enum lanes_heard lanes_hear(struct lanes *l, int fd);

#endif
