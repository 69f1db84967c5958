/* SPDX-License-Identifier: MIT
 *
 * A ring of lines on the heap.
 */
#include "tools/run/output/line_ring.h"

#include <assert.h>
#include <stdlib.h>

#include "tools/base/text.h"

static void drop_oldest(struct line_ring *r) {
  struct line *l = &r->lines[r->first];
  assert(r->count > 0 && r->bytes >= l->size);
  r->bytes -= l->size;
  free(l->bytes);
  *l = (struct line){0};
  r->first = (r->first + 1) % LINE_RING_LINES;
  r->count--;
}

void line_ring_deinit(struct line_ring *r) {
  while (r->count) drop_oldest(r);
}

void line_ring_add(struct line_ring *r, uint64_t number, const char *bytes, size_t size) {
  if (size > LINE_RING_BYTES) size = LINE_RING_BYTES;
  while (r->count && (r->count == LINE_RING_LINES || r->bytes + size > LINE_RING_BYTES))
    drop_oldest(r);
  struct line *l = &r->lines[(r->first + r->count++) % LINE_RING_LINES];
  *l = (struct line){number, tool_copy(bytes, size), size};
  r->bytes += size;
}

const struct line *line_ring_at(const struct line_ring *r, size_t i) {
  assert(i < r->count);
  return &r->lines[(r->first + i) % LINE_RING_LINES];
}
