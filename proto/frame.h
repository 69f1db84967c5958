/* SPDX-License-Identifier: MIT
 *
 * Framing: eats bytes in whatever pieces a socket gives them and yields whole
 * messages. Knows the length prefix, nothing of the envelope.
 * A message yielded stays valid until the next call of frame_room, frame_trim or frame_deinit, or
 * as long as whoever was given its memory (frame_give) keeps that.
 */
#ifndef GAIJIN_PROTO_FRAME_H
#define GAIJIN_PROTO_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/buffer.h"

struct frame {
  struct buffer in;
  uint32_t start;       /* first byte not yet yielded */
  uint32_t max_message; /* bytes after the prefix */
};

enum frame_outcome { FRAME_MESSAGE, FRAME_MORE, FRAME_TOO_LARGE, FRAME_BAD_PREFIX };

/* A zeroed struct is valid to deinit. */
void frame_init(struct frame *f, uint32_t max_message);
void frame_deinit(struct frame *f);

/* Room to read into, for at least `least` bytes, or for just the rest of a large message; *room
 * gets the size there is. NULL when memory is short. For a large message the room is as much again
 * as what is here of it. */
uint8_t *frame_room(struct frame *f, uint32_t least, uint32_t *room);
/* Gives memory back that large messages have needed and what is left does not; up to `keep` bytes
 * may stay. */
void frame_trim(struct frame *f, uint32_t keep);
/* Whether the message of `size` that was yielded last is a large one, nothing else waits beside it,
 * and the memory that it is in is little more than it. */
bool frame_may_give(const struct frame *f, uint32_t size);
/* Hands over that memory then, for the caller to free. */
uint8_t *frame_give(struct frame *f);
/* `n` bytes were written into that room. */
void frame_filled(struct frame *f, uint32_t n);

/* The next whole message, prefix included. FRAME_TOO_LARGE and FRAME_BAD_PREFIX are final;
 * for FRAME_TOO_LARGE *size gets the announced bytes. */
enum frame_outcome frame_next(struct frame *f, uint8_t **bytes, uint32_t *size);

#endif
