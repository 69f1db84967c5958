/* SPDX-License-Identifier: MIT
 *
 * For each pair two numbers of each kind.
 */
#include "broker/books/flows.h"

void flows_init(struct flows *f, const struct window *window, struct loads *loads) {
  const struct window open = {FLOWS_OPEN_MOST, FLOWS_OPEN_BYTES};
  *f = (struct flows){.window = *window, .open = open, .loads = loads};
}

bool flows_opened(struct flows *f, uint32_t load, uint32_t size, enum flows_kind kind) {
  return flows_enter(kind == FLOWS_NEWER ? &f->window : &f->open,
                     &loads_at(f->loads, load)->open[kind == FLOWS_WAITING], size);
}

/* Each that is left has bytes of its own. */
static bool can_be(const struct window *w) {
  return w->requests ? w->bytes / MESSAGE_LEAST_BYTES >= w->requests : w->bytes == 0;
}

bool flows_taken(struct flows *f, uint32_t load, const struct window *taken) {
  struct window left = flows_outstanding(f, load);
  if (taken->requests > left.requests || taken->bytes > left.bytes) return false;
  left.requests -= taken->requests;
  left.bytes -= taken->bytes;
  if (!can_be(&left)) return false;
  loads_at(f->loads, load)->outstanding = left;
  return true;
}

void flows_closed(struct flows *f, uint32_t load, uint32_t size, bool waits) {
  struct window *k = &loads_at(f->loads, load)->open[waits];
  assert(k->requests > 0 && k->bytes >= size);
  k->requests--;
  k->bytes -= size;
  assert(can_be(k));
}

static const char *check_open(const struct flows *f, uint32_t load, bool waits) {
  const struct window *k = &loads_at(f->loads, load)->open[waits];
  if (k->requests > f->open.requests && (waits || k->requests > f->window.requests))
    return "flows: more is open than may be";
  return can_be(k) ? NULL : "flows: another number of open bytes than can be";
}

const char *flows_check(const struct flows *f) {
  for (uint32_t i = slab_next(&f->loads->all, 0); i != SLAB_NONE;
       i = slab_next(&f->loads->all, i + 1)) {
    struct window outstanding = flows_outstanding(f, i);
    if (outstanding.requests > f->window.requests) return "flows: more is outstanding than may be";
    if (!can_be(&outstanding)) return "flows: another number of bytes than can be";
    const char *fault = check_open(f, i, false);
    if (!fault) fault = check_open(f, i, true);
    if (fault) return fault;
  }
  return NULL;
}
