/* SPDX-License-Identifier: MIT
 *
 * The unread bytes are buffer[start..size). They move to the front only when
 * room is asked for, so messages yielded since the last read stay in place.
 */
#include "proto/frame.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "proto/base.h"

enum { PREFIX = 5, MARK_U32 = 0xce };
/* Above this a buffer is given back as far as it is empty: one large message must not cost its size
 * for ever. One that is filled to a part of SPARE or more is kept, so that large messages that
 * follow one another do not have it given back and made again for each. */
enum { KEEP_BYTES = 256 << 10, SPARE = 4 };

void frame_init(struct frame *f, uint32_t max_message) {
  *f = (struct frame){.max_message = max_message};
  buffer_init(&f->in, UINT32_MAX);
}

void frame_deinit(struct frame *f) {
  buffer_deinit(&f->in);
  f->start = 0; /* nothing is left: size - start says so */
}

/* To the front. */
static void move(struct frame *f) {
  assert(f->start <= f->in.size);
  uint32_t left = f->in.size - f->start;
  if (f->start && left) memmove(f->in.bytes, f->in.bytes + f->start, left);
  f->in.size = left;
  f->start = 0;
}

void frame_trim(struct frame *f, uint32_t keep) {
  uint32_t left = f->in.size - f->start, max = f->in.max;
  if (f->in.capacity <= keep || left >= f->in.capacity / SPARE) return;
  move(f);
  if (left > 0) {
    buffer_resize(&f->in, left); /* to less: if that cannot be, it stays as it is */
  } else {
    buffer_deinit(&f->in);
    buffer_init(&f->in, max);
  }
}

/* The bytes of the message that begins in front, as far as it says so; 0: it does not. */
static uint32_t announced(const struct frame *f) {
  if (f->in.size < PREFIX || f->in.bytes[0] != MARK_U32) return 0;
  uint32_t length = load_be32(f->in.bytes + 1);
  return length <= f->max_message ? length + PREFIX : 0;
}

/* Doubles towards the end of a large message, and no further: memory follows bytes that came, not
 * bytes promised, and ends with the message. */
static enum buffer_outcome grow_towards(struct frame *f, uint32_t end, uint32_t least) {
  uint32_t twice = f->in.size < end / 2 ? f->in.size * 2 : end;
  uint32_t missing = end - f->in.size, room = f->in.capacity - f->in.size;
  if (room >= (missing < least ? missing : least)) return BUFFER_OK;
  return buffer_resize(&f->in, twice);
}

uint8_t *frame_room(struct frame *f, uint32_t least, uint32_t *room) {
  frame_trim(f, KEEP_BYTES);
  move(f);
  uint32_t end = announced(f);
  bool is_large = end > KEEP_BYTES && f->in.size >= least && f->in.size < end;
  enum buffer_outcome o = is_large ? grow_towards(f, end, least) : buffer_reserve(&f->in, least);
  if (o != BUFFER_OK) return NULL;
  *room = f->in.capacity - f->in.size;
  assert(*room >= least || (is_large && *room >= end - f->in.size));
  return f->in.bytes + f->in.size;
}

bool frame_may_give(const struct frame *f, uint32_t size) {
  assert(size <= f->start && f->start <= f->in.size);
  return size > KEEP_BYTES && f->start == f->in.size && f->in.capacity - size <= size / SPARE;
}

uint8_t *frame_give(struct frame *f) {
  uint8_t *bytes = f->in.bytes;
  uint32_t max = f->in.max;
  assert(f->start == f->in.size);
  buffer_init(&f->in, max);
  f->start = 0;
  return bytes;
}

void frame_filled(struct frame *f, uint32_t n) {
  assert(n <= f->in.capacity - f->in.size);
  f->in.size += n;
}

enum frame_outcome frame_next(struct frame *f, uint8_t **bytes, uint32_t *size) {
  assert(f->start <= f->in.size);
  uint32_t have = f->in.size - f->start;
  if (have == 0) return FRAME_MORE; /* perhaps there is no buffer yet */
  uint8_t *p = f->in.bytes + f->start;
  if (p[0] != MARK_U32) return FRAME_BAD_PREFIX;
  if (have < PREFIX) return FRAME_MORE;
  uint32_t length = load_be32(p + 1);
  if (length > f->max_message) {
    *size = length;
    return FRAME_TOO_LARGE;
  }
  if (have - PREFIX < length) return FRAME_MORE;
  *bytes = p;
  *size = length + PREFIX;
  f->start += length + PREFIX;
  return FRAME_MESSAGE;
}
