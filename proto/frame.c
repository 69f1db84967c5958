/* SPDX-License-Identifier: MIT
 *
 * The unread bytes are buffer[start..size). They move to the front only when
 * room is asked for, so messages yielded since the last read stay in place.
 */
#include "proto/frame.h"

#include <assert.h>
#include <string.h>

#include "proto/base.h"

enum { PREFIX = 5, MARK_U32 = 0xce };
/* Above this an empty buffer is given back: one large message must not cost its size for ever. */
enum { KEEP_BYTES = 256 << 10 };

void frame_init(struct frame *f, uint32_t max_message) {
  *f = (struct frame){.max_message = max_message};
  buffer_init(&f->in, UINT32_MAX);
}

void frame_deinit(struct frame *f) {
  buffer_deinit(&f->in);
  f->start = 0; /* nothing is left: size - start says so */
}

static void move_to_front(struct frame *f) {
  assert(f->start <= f->in.size);
  uint32_t left = f->in.size - f->start;
  if (f->start && left) memmove(f->in.bytes, f->in.bytes + f->start, left);
  f->in.size = left;
  f->start = 0;
  if (left == 0 && f->in.capacity > KEEP_BYTES) {
    uint32_t max = f->in.max;
    buffer_deinit(&f->in);
    buffer_init(&f->in, max);
  }
}

uint8_t *frame_room(struct frame *f, uint32_t least, uint32_t *room) {
  move_to_front(f);
  uint32_t want = least;
  if (f->in.size >= PREFIX && f->in.bytes[0] == MARK_U32) {
    uint32_t length = load_be32(f->in.bytes + 1);
    /* Grow by doubling towards the announced length: memory follows bytes that came, not bytes
     * promised. */
    uint32_t missing =
        length <= f->max_message && length + PREFIX > f->in.size ? length + PREFIX - f->in.size : 0;
    if (missing > want)
      want = missing < f->in.size ? missing : (f->in.size > want ? f->in.size : want);
  }
  if (buffer_reserve(&f->in, want) != BUFFER_OK) return NULL;
  *room = f->in.capacity - f->in.size;
  assert(*room >= least);
  return f->in.bytes + f->in.size;
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
