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
 * Nothing here blocks, and no write to dead rings fails: whether somebody is there the socket says.
 */
#ifndef GAIJIN_BROKER_LANES_H
#define GAIJIN_BROKER_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ring/ring.h"

struct lanes {
  struct rings pair;
  int file; /* what the rings lie in; a later program maps it again */
  bool in;  /* the stream from the client has moved into its ring */
  bool out; /* so has the one to it, from byte number out_at on, of all that are written to it */
  bool has_moved; /* `in` has become true, and what was read behind that are knocks */
  bool has_room; /* there was some left in `out`: no knock tells of it */
  bool is_knock_due; /* but its stream has not moved yet, and knocks would be in its midst */
  uint64_t out_at; /* UINT64_MAX: not yet */
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

/* The other end is to look, or will be told so as soon as its stream has moved. */
void lanes_knock(struct lanes *l, int fd);
static inline void lanes_knock_later(struct lanes *l, int fd) {
  if (l->is_knock_due) lanes_knock(l, fd);
}

/* The streams, for NULL, too. */
static inline bool lanes_carry_in(const struct lanes *l) { return l && l->in; }
static inline bool lanes_carry_out(const struct lanes *l) { return l && l->out; }

/* Takes what there is of the stream from the client, `room` bytes at most. 0: nothing, or
 * pair.is_broken. */
uint32_t lanes_take(struct lanes *l, int fd, void *to, uint32_t room);
/* The client has ended: what is there now is the last of it, whoever may have the memory yet. */
void lanes_end(struct lanes *l);

/* What is on a socket that carries knocks only. */
enum lanes_heard { LANES_NOTHING, LANES_KNOCKED, LANES_ENDED, LANES_BROKEN };
enum lanes_heard lanes_hear(int fd);

#endif
