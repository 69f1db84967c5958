/* SPDX-License-Identifier: MIT
 *
 * A hash table of slab items, chained through a link inside each item. It grows
 * and shrinks by one bucket per change (linear hashing), so that no single
 * message ever pays for rehashing a million items. About 4 bytes per item.
 *
 * The heads may lie in a pool (pool.h), where another program finds them.
 *
 *   for (i = chain_first(&t, hash); i != SLAB_NONE; i = chain_next(&t, i)) compare
 */
#ifndef GAIJIN_BROKER_CHAIN_H
#define GAIJIN_BROKER_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/pool.h"
#include "broker/base/slab.h"

/* Hash of an item's key; the seed keeps clients from choosing keys that collide. */
typedef uint64_t (*chain_hash_fn)(const void *item, uint64_t seed);

struct chain {
  const struct slab *slab;
  size_t link; /* offset of the uint32_t link in an item */
  chain_hash_fn hash;
  uint64_t seed;
  uint32_t *heads;
  uint32_t count, size, capacity; /* items, buckets in use, buckets there is room for */
  struct pool_array array; /* the heads, if they are in a pool */
};

/* False when memory is short. A zeroed struct is valid to deinit. */
bool chain_init(struct chain *t, const struct slab *slab, size_t link, chain_hash_fn hash,
                uint64_t seed);
/* The same in two steps: all but the heads; these, in a region of a pool that has to outlive it, or
 * in ordinary memory (NULL, or one without a file). False when memory is short. */
void chain_prepare(struct chain *t, const struct slab *slab, size_t link, chain_hash_fn hash,
                   uint64_t seed);
bool chain_open(struct chain *t, const struct pool *pool, unsigned region);
void chain_deinit(struct chain *t);
/* So many items are about to come into a table that is empty: has buckets for all of them, so that
 * none is moved while they come. Without memory it grows as ever. */
void chain_expect(struct chain *t, uint32_t count);

uint32_t chain_first(const struct chain *t, uint64_t hash);
static inline uint32_t *chain_link(const struct chain *t, uint32_t index) {
  return (uint32_t *)(void *)((char *)slab_at(t->slab, index) + t->link);
}
static inline uint32_t chain_next(const struct chain *t, uint32_t index) {
  return *chain_link(t, index);
}

/* The item's key is set before chain_add and does not change until chain_remove. Neither can fail:
 * without memory for more buckets the chains just get longer. */
void chain_add(struct chain *t, uint32_t index);
void chain_remove(struct chain *t, uint32_t index);

#endif
