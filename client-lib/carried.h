/* SPDX-License-Identifier: MIT
 *
 * The rings of a connection, and how far its two streams have gone over to them, or back (rings.h).
 * Without a mapping neither has.
 */
#ifndef GAIJIN_CLIENT_CARRIED_H
#define GAIJIN_CLIENT_CARRIED_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/ring/ring.h"

/* The rings of a connection (rings.c): another carrier of the same streams. */
struct carried {
  struct rings pair;
  bool wanted;    /* hello asks for some, and a descriptor may come */
  int passed;     /* the one that came last and was not mapped; -1: none */
  bool in;        /* the stream from the broker has moved into its ring */
  bool has_moved; /* it just has, or back: what was read behind that are knocks, or nothing */
  bool answers;   /* to an offer, or `leaves`: as soon as the out-queue is empty */
  uint32_t end;   /* of that message in the out-queue, while it is there; else 0 */
  bool out;       /* the stream to the broker has moved */
  bool leaves;    /* the one from it is back on the socket, and that to it is to follow */
  bool knocks;    /* since then the broker's knocks may be between messages there */
  uint8_t ahead[64]; /* while `in`: what came on the socket behind the ring's end, */
  uint32_t n_ahead;  /* and how much */
};

#endif
