/* SPDX-License-Identifier: MIT
 *
 * What the dead held. It is given back by the same path as an unsub, in pieces: at
 * most one piece a turn, so that nobody waits for the estate of a large holder.
 * The host's record stays until its estate is settled, and so its number.
 */
#ifndef GAIJIN_BROKER_ESTATE_H
#define GAIJIN_BROKER_ESTATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct broker;

/* Holds given back in one turn: about half a millisecond. */
enum { ESTATE_PIECE = 2000 };

struct estates {
  uv_idle_t idle; /* active while there are some: the loop does not wait for sockets then */
  bool open;
  uint32_t first, last; /* hosts, linked by next_estate; SLAB_NONE */
};

void estate_open(struct broker *b);
/* Closes the handle, if it was opened. */
void estate_close(struct broker *b);

/* The host has lost its connection, and what follows from that but this has been done: gives back what it held, and forgets it
 * when nothing refers to it any more; now, if it is little, or by and by. */
void estate_add(struct broker *b, uint32_t host);
/* Gives the next piece back, if there are any. */
void estate_turn(struct broker *b);

#endif
