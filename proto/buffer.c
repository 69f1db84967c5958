/* SPDX-License-Identifier: MIT
 *
 * Grows by doubling, so appending is O(1) on average.
 */
#include "proto/buffer.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_CAPACITY = 256 };

void buffer_init(struct buffer *b, uint32_t max) { *b = (struct buffer){.max = max}; }

void buffer_deinit(struct buffer *b) {
  free(b->bytes);
  *b = (struct buffer){0};
}

enum buffer_outcome buffer_resize(struct buffer *b, uint32_t capacity) {
  assert(capacity > 0 && capacity >= b->size);
  if (capacity > b->max) return BUFFER_OVER_MAX;
  uint8_t *bytes = realloc(b->bytes, capacity);
  if (!bytes) return BUFFER_NO_MEMORY;
  b->bytes = bytes;
  b->capacity = capacity;
  return BUFFER_OK;
}

/* Makes room that is not there. */
static enum buffer_outcome grow(struct buffer *b, uint32_t n) {
  assert(b->size <= b->capacity && b->capacity <= b->max);
  if (n > b->max || b->size > b->max - n) return BUFFER_OVER_MAX;
  uint64_t want = b->capacity ? b->capacity : LEAST_CAPACITY;
  while (want < (uint64_t)b->size + n) want *= 2;
  if (want > b->max) want = b->max;
  assert(want - b->size >= n);
  return buffer_resize(b, (uint32_t)want);
}

static bool has_room(const struct buffer *b, uint32_t n) { return b->capacity - b->size >= n; }

enum buffer_outcome buffer_reserve(struct buffer *b, uint32_t n) {
  return has_room(b, n) ? BUFFER_OK : grow(b, n);
}

enum buffer_outcome buffer_append(struct buffer *b, const void *bytes, uint32_t n) {
  enum buffer_outcome r = has_room(b, n) ? BUFFER_OK : grow(b, n);
  if (r != BUFFER_OK) return r;
  if (n) memcpy(b->bytes + b->size, bytes, n);
  b->size += n;
  return BUFFER_OK;
}
