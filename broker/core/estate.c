/* SPDX-License-Identifier: MIT
 *
 * The first in the queue is settled before the next is begun. Who is in the queue holds something: until it does not, its
 * record stays (fallout_retire).
 */
#include "broker/core/estate.h"

#include "broker/broker.h"

static void on_idle(uv_idle_t *idle) { (void)idle; }

void estate_open(struct broker *b) {
  b->estates = (struct estates){.open = true, .first = SLAB_NONE, .last = SLAB_NONE};
  uv_idle_init(b->loop, &b->estates.idle);
}

void estate_close(struct broker *b) {
  if (b->estates.open) uv_close((uv_handle_t *)&b->estates.idle, NULL);
  b->estates.open = false;
}

/* True when nothing is left of it. */
static bool give_piece(struct broker *b, uint32_t host) {
  uint32_t i;
  for (unsigned n = 0; (i = refs_first_held(&b->refs, host)) != SLAB_NONE && n < ESTATE_PIECE; n++) {
    const struct hold *h = refs_hold_at(&b->refs, i);
    fallout_release(b, h->token, host, h->count);
  }
  fallout_send(b);
  if (i != SLAB_NONE) return false;
  loads_forget_client(&b->loads, host);
  fallout_retire(b, host);
  return true;
}

void estate_add(struct broker *b, uint32_t host) {
  struct estates *e = &b->estates;
  bool may_end_now = e->first == SLAB_NONE || refs_held_count(&b->refs, host) == 0;
  if (may_end_now && give_piece(b, host)) return;
  hosts_at(&b->hosts, host)->next_estate = SLAB_NONE;
  if (e->first == SLAB_NONE) {
    e->first = host;
    uv_idle_start(&e->idle, on_idle);
  } else {
    hosts_at(&b->hosts, e->last)->next_estate = host;
  }
  e->last = host;
}

void estate_turn(struct broker *b) {
  struct estates *e = &b->estates;
  if (e->first == SLAB_NONE) return;
  uint32_t host = e->first, next = hosts_at(&b->hosts, host)->next_estate;
  if (!give_piece(b, host)) return;
  e->first = next;
  if (next == SLAB_NONE) uv_idle_stop(&e->idle);
}
