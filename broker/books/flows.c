/* SPDX-License-Identifier: MIT
 *
 * Two numbers for each pair.
 */
#include "broker/books/flows.h"

#include <assert.h>

#include "proto/message.h"

void flows_init(struct flows *f, const struct window *window, struct loads *loads) {
  *f = (struct flows){.window = *window, .loads = loads};
}

bool flows_sent(struct flows *f, uint32_t load, uint32_t size) {
  struct window *outstanding = &loads_at(f->loads, load)->outstanding;
  assert(size >= MESSAGE_LEAST_BYTES);
  if (window_room(&f->window, outstanding) < size) return false;
  outstanding->posts++;
  outstanding->bytes += size;
  return true;
}

/* Each that is left has bytes of its own. */
static bool can_be(const struct window *w) {
  return w->posts ? w->bytes / MESSAGE_LEAST_BYTES >= w->posts : w->bytes == 0;
}

bool flows_taken(struct flows *f, uint32_t load, const struct window *taken) {
  struct window left = flows_outstanding(f, load);
  if (taken->posts > left.posts || taken->bytes > left.bytes) return false;
  left.posts -= taken->posts;
  left.bytes -= taken->bytes;
  if (!can_be(&left)) return false;
  loads_at(f->loads, load)->outstanding = left;
  return true;
}

void flows_forget(struct flows *f, uint32_t host) {
  for (uint32_t i = loads_first_of_host(f->loads, host); i != SLAB_NONE;
       i = loads_next_of_host(f->loads, i))
    loads_at(f->loads, i)->outstanding = (struct window){0};
  for (uint32_t i = loads_first_of_client(f->loads, host); i != SLAB_NONE;
       i = loads_next_of_client(f->loads, i))
    loads_at(f->loads, i)->outstanding = (struct window){0};
}

const char *flows_check(const struct flows *f) {
  for (uint32_t i = slab_next(&f->loads->all, 0); i != SLAB_NONE;
       i = slab_next(&f->loads->all, i + 1)) {
    struct window outstanding = flows_outstanding(f, i);
    if (outstanding.posts > f->window.posts) return "flows: more is outstanding than may be";
    if (!can_be(&outstanding)) return "flows: another number of bytes than can be";
  }
  return NULL;
}
