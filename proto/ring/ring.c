/* SPDX-License-Identifier: MIT
 *
 * Orders of memory: of the other's counter an acquiring load, of the own a releasing store, so that
 * bytes are there before they are counted, and are copied before their place is free. Where a side
 * looks at the other's flag after that, or at its counter after the own flag, both are sequentially
 * consistent.
 */
#include "proto/ring/ring.h"

#include <assert.h>
#include <string.h>

#define ACQUIRE memory_order_acquire
#define RELEASE memory_order_release
#define RELAXED memory_order_relaxed
#define IN_ORDER memory_order_seq_cst

enum { MASK = RING_BYTES - 1 };

void rings_attach(struct rings *r, void *map, enum ring_side side, const struct ring_place *from) {
  struct ring_page *page = map;
  uint8_t *up = (uint8_t *)map + RING_PAGE_BYTES, *down = up + RING_BYTES;
  bool is_worker = side == RING_WORKER;
  *r = (struct rings){.page = page,
                      .in = is_worker ? &page->down : &page->up,
                      .out = is_worker ? &page->up : &page->down,
                      .in_bytes = is_worker ? down : up,
                      .out_bytes = is_worker ? up : down};
  if (!from) return;
  r->tail = r->seen_head = from->tail;
  r->head = r->published = from->head;
  r->seen_tail = from->head - RING_BYTES; /* as far back as it can be */
  r->base = from->base;
}

struct ring_place rings_place(const struct rings *r) {
  assert(r->head == r->published);
  return (struct ring_place){.tail = r->tail, .head = r->head, .base = r->base};
}

/* ---- Putting ---- */

/* Takes note of the other's counter, which may be anywhere from where it was to what was told. */
static uint32_t room_to(struct rings *r, uint32_t tail) {
  uint32_t used = r->head - tail;
  if (used > r->head - r->seen_tail || used < r->head - r->published) r->is_broken = true;
  if (r->is_broken) return 0;
  r->seen_tail = tail;
  return RING_BYTES - used;
}

uint32_t ring_room(struct rings *r) {
  return room_to(r, atomic_load_explicit(&r->out->tail, ACQUIRE));
}

bool ring_is_quiet(struct rings *r) {
  return atomic_load_explicit(&r->out->sleeping, ACQUIRE) && ring_room(r) == RING_BYTES;
}

uint32_t ring_put(struct rings *r, const void *bytes, size_t n) {
  uint32_t room = ring_room(r);
  if (n > room) n = room;
  if (n == 0) return 0;
  /* All that was ever put has been taken, so the other side uses no base until it sees more. */
  if (room == RING_BYTES && r->base != r->head) {
    r->base = r->head;
    atomic_store_explicit(&r->out->base, r->base, RELAXED);
  }
  uint32_t at = (r->head - r->base) & MASK, take = (uint32_t)n;
  uint32_t first = RING_BYTES - at < take ? RING_BYTES - at : take;
  memcpy(r->out_bytes + at, bytes, first);
  memcpy(r->out_bytes, (const uint8_t *)bytes + first, take - first);
  r->head += take;
  return take;
}

/* Whether the flag is set; it is not afterwards. */
static bool take_flag(_Atomic uint32_t *flag) {
  return atomic_load_explicit(flag, IN_ORDER) && atomic_exchange_explicit(flag, 0, IN_ORDER);
}

bool ring_publish(struct rings *r) {
  if (r->published == r->head) return false;
  r->published = r->head;
  atomic_store_explicit(&r->out->head, r->head, IN_ORDER);
  return take_flag(&r->out->sleeping);
}

bool ring_await_room(struct rings *r) {
  assert(r->published == r->head);
  atomic_store_explicit(&r->out->full, 1, IN_ORDER);
  uint32_t room = room_to(r, atomic_load_explicit(&r->out->tail, IN_ORDER));
  if (room > 0) atomic_store_explicit(&r->out->full, 0, RELEASE);
  return room == 0 && !r->is_broken;
}

/* ---- Taking ---- */

/* Takes note of the other's counter, which may be anywhere from where it was to a full ring. */
static uint32_t bytes_to(struct rings *r, uint32_t head) {
  uint32_t have = head - r->tail;
  if (have > RING_BYTES || have < r->seen_head - r->tail) r->is_broken = true;
  if (r->is_broken) return 0;
  r->seen_head = head;
  return have;
}

uint32_t ring_take(struct rings *r, void *bytes, size_t n, bool *knock) {
  uint32_t have = bytes_to(r, atomic_load_explicit(&r->in->head, ACQUIRE));
  if (n > have) n = have;
  if (n == 0) return 0;
  uint32_t at = (r->tail - atomic_load_explicit(&r->in->base, RELAXED)) & MASK, take = (uint32_t)n;
  uint32_t first = RING_BYTES - at < take ? RING_BYTES - at : take;
  memcpy(bytes, r->in_bytes + at, first);
  memcpy((uint8_t *)bytes + first, r->in_bytes, take - first);
  r->tail += take;
  atomic_store_explicit(&r->in->tail, r->tail, IN_ORDER);
  if (take_flag(&r->in->full)) *knock = true;
  return take;
}

bool ring_sleep(struct rings *r) {
  r->is_asleep = true;
  atomic_store_explicit(&r->in->sleeping, 1, IN_ORDER);
  if (!r->is_broken && atomic_load_explicit(&r->in->head, IN_ORDER) == r->tail) return true;
  ring_wake(r);
  return false;
}

void ring_wake(struct rings *r) {
  if (!r->is_asleep) return;
  r->is_asleep = false;
  atomic_store_explicit(&r->in->sleeping, 0, RELEASE);
}

const char *rings_check(const struct rings *r) {
  if (!r->page) return NULL;
  if (r->head - r->seen_tail > RING_BYTES) return "ring: more was put than there is room for";
  if (r->head - r->published > r->head - r->seen_tail) return "ring: what was not told is taken";
  if (r->seen_head - r->tail > RING_BYTES) return "ring: more was taken than has come";
  return NULL;
}
