/* SPDX-License-Identifier: MIT
 *
 * One slab, found by pair through a hash table and by either side through lists.
 */
#include "broker/books/flows.h"

#include <assert.h>
#include <stddef.h>

#include "proto/base.h"
#include "proto/message.h"

static uint64_t pair_hash(uint32_t sender, uint32_t target, uint64_t seed) {
  return mix64((((uint64_t)sender << 32) | target) ^ seed);
}
static uint64_t hash_of_flow(const void *item, uint64_t seed) {
  const struct flow *k = item;
  return pair_hash(k->sender, k->target, seed);
}

bool flows_init(struct flows *f, const struct window *window, uint64_t seed) {
  *f = (struct flows){.window = *window};
  slab_init(&f->all, sizeof(struct flow));
  owners_init(&f->by_sender, &f->all, offsetof(struct flow, of_sender));
  owners_init(&f->by_target, &f->all, offsetof(struct flow, of_target));
  return chain_init(&f->by_pair, &f->all, offsetof(struct flow, link), hash_of_flow, seed);
}

void flows_deinit(struct flows *f) {
  chain_deinit(&f->by_pair);
  owners_deinit(&f->by_sender);
  owners_deinit(&f->by_target);
  slab_deinit(&f->all);
  *f = (struct flows){0};
}

static uint32_t find(const struct flows *f, uint32_t sender, uint32_t target) {
  const struct chain *t = &f->by_pair;
  for (uint32_t i = chain_first(t, pair_hash(sender, target, t->seed)); i != SLAB_NONE;
       i = chain_next(t, i)) {
    const struct flow *k = flows_at(f, i);
    if (k->sender == sender && k->target == target) return i;
  }
  return SLAB_NONE;
}

static uint32_t add(struct flows *f, uint32_t sender, uint32_t target) {
  if (!owners_reserve(&f->by_sender, sender) || !owners_reserve(&f->by_target, target))
    return SLAB_NONE;
  uint32_t i = slab_add(&f->all);
  if (i == SLAB_NONE) return SLAB_NONE;
  *flows_at(f, i) = (struct flow){.sender = sender, .target = target};
  owners_add(&f->by_sender, sender, i);
  owners_add(&f->by_target, target, i);
  chain_add(&f->by_pair, i);
  return i;
}

static void forget(struct flows *f, uint32_t flow) {
  const struct flow *k = flows_at(f, flow);
  chain_remove(&f->by_pair, flow);
  owners_remove(&f->by_sender, k->sender, flow);
  owners_remove(&f->by_target, k->target, flow);
  slab_remove(&f->all, flow);
}

enum flows_outcome flows_sent(struct flows *f, uint32_t sender, uint32_t target, uint32_t size) {
  assert(size >= MESSAGE_LEAST_BYTES);
  uint32_t i = find(f, sender, target);
  if (i == SLAB_NONE && (i = add(f, sender, target)) == SLAB_NONE) return FLOWS_NO_MEMORY;
  struct window *outstanding = &flows_at(f, i)->outstanding;
  if (window_room(&f->window, outstanding) < size) return FLOWS_FULL; /* so it is not empty */
  outstanding->posts++;
  outstanding->bytes += size;
  return FLOWS_OK;
}

/* Each that is left has bytes of its own. */
static bool can_be(const struct window *w) {
  return w->posts ? w->bytes / MESSAGE_LEAST_BYTES >= w->posts : w->bytes == 0;
}

bool flows_taken(struct flows *f, uint32_t sender, uint32_t target, const struct window *taken) {
  uint32_t i = find(f, sender, target);
  if (i == SLAB_NONE) return false;
  struct window left = flows_at(f, i)->outstanding;
  if (taken->posts > left.posts || taken->bytes > left.bytes) return false;
  left.posts -= taken->posts;
  left.bytes -= taken->bytes;
  if (!can_be(&left)) return false;
  flows_at(f, i)->outstanding = left;
  if (!left.posts) forget(f, i);
  return true;
}

struct window flows_outstanding(const struct flows *f, uint32_t sender, uint32_t target) {
  const struct window none = {0};
  uint32_t i = find(f, sender, target);
  return i == SLAB_NONE ? none : flows_at(f, i)->outstanding;
}

void flows_forget(struct flows *f, uint32_t host) {
  for (uint32_t i; (i = owners_first(&f->by_sender, host)) != SLAB_NONE;) forget(f, i);
  for (uint32_t i; (i = owners_first(&f->by_target, host)) != SLAB_NONE;) forget(f, i);
}

const char *flows_check(const struct flows *f) {
  for (uint32_t i = slab_next(&f->all, 0); i != SLAB_NONE; i = slab_next(&f->all, i + 1)) {
    const struct flow *k = flows_at(f, i);
    if (find(f, k->sender, k->target) != i) return "flows: a record is not found by its pair";
    if (!k->outstanding.posts) return "flows: a record of nothing outstanding";
    if (k->outstanding.posts > f->window.posts) return "flows: more is outstanding than may be";
    if (!can_be(&k->outstanding)) return "flows: another number of bytes than can be";
  }
  return f->by_pair.count == f->all.count ? NULL
                                          : "flows: the hash table has another number of records";
}
