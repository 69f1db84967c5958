/* SPDX-License-Identifier: MIT
 *
 * The last lines that a worker wrote, for who asks later: so many, and so many bytes, at most; the
 * oldest make room. Lines of all workers have numbers from one count, so that theirs can be shown
 * in the order in which they came.
 */
#ifndef GAIJIN_TOOLS_RUN_LINE_RING_H
#define GAIJIN_TOOLS_RUN_LINE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_RING_LINES = 1000, LINE_RING_BYTES = 256 << 10 };

struct line_ring {
  struct line {
    uint64_t number;
    char *bytes;
    size_t size;
  } lines[LINE_RING_LINES];
  size_t first, count; /* from lines[first] on, around the end */
  size_t bytes;        /* of all lines */
};

/* A zeroed one is empty. */
void line_ring_deinit(struct line_ring *r);
/* Adds a line, of which the first LINE_RING_BYTES count. Numbers grow. */
void line_ring_add(struct line_ring *r, uint64_t number, const char *bytes, size_t size);
/* Line i, the oldest is 0. */
const struct line *line_ring_at(const struct line_ring *r, size_t i);

#endif
