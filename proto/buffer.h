/* SPDX-License-Identifier: MIT
 *
 * A growing run of bytes with an upper bound. Running out of memory and
 * running over the bound are outcomes, never an abort.
 */
#ifndef GAIJIN_PROTO_BUFFER_H
#define GAIJIN_PROTO_BUFFER_H

#include <stdint.h>

struct buffer {
  uint8_t *bytes;
  uint32_t size, capacity;
  uint32_t max; /* size never goes over it */
};

enum buffer_outcome { BUFFER_OK, BUFFER_OVER_MAX, BUFFER_NO_MEMORY };

/* A zeroed struct is valid to deinit. */
void buffer_init(struct buffer *b, uint32_t max);
void buffer_deinit(struct buffer *b);

/* Makes capacity - size at least n. Nothing changes unless BUFFER_OK. */
enum buffer_outcome buffer_reserve(struct buffer *b, uint32_t n);
/* Makes the capacity just this, which is at least the size and at most the bound: more, or less
 * than it was. Nothing changes unless BUFFER_OK. */
enum buffer_outcome buffer_resize(struct buffer *b, uint32_t capacity);
/* Appends n bytes. Nothing changes unless BUFFER_OK. */
enum buffer_outcome buffer_append(struct buffer *b, const void *bytes, uint32_t n);

#endif
