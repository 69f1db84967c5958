/* SPDX-License-Identifier: MIT
 *
 * Items of one size, named by a 32-bit index instead of a pointer, so that the
 * links between millions of them stay small. They live in chunks of SLAB_CHUNK,
 * each mapped on its own: memory that was never used costs nothing, and that of
 * a chunk without items goes back to the system (one may be kept to avoid thrashing).
 * An item does not move while it lives; its index is used again after slab_remove.
 *
 * The chunks of a slab may lie in a pool (pool.h), where another program finds them: so they refer
 * to each other by their numbers.
 */
#ifndef GAIJIN_BROKER_SLAB_H
#define GAIJIN_BROKER_SLAB_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/pool.h"

enum { SLAB_CHUNK = 1024 };
#define SLAB_NONE UINT32_MAX

struct slab_chunk {
  uint64_t live[SLAB_CHUNK / 64]; /* a bit for each item in use */
  uint32_t used, number;
  uint32_t prev, next; /* numbers, among the chunks with room */
  _Alignas(8) uint8_t items[];
};

struct slab_entry {
  struct slab_chunk *chunk; /* NULL: an unused number */
  uint32_t next_unused;
};

struct slab {
  uint32_t item_size;
  uint32_t count; /* items alive */
  struct slab_entry *entries;
  uint32_t entry_count, entry_capacity, unused; /* unused: head of the numbers without a chunk */
  uint32_t open;   /* the first chunk with room */
  uint32_t chunks; /* there now */
  struct pool_pieces pieces; /* the chunks, if they are in a pool */
};

/* A zeroed struct is valid to deinit; deinit frees all items. */
void slab_init(struct slab *s, uint32_t item_size);
/* The same in a region of a pool, which has to outlive it; NULL or one without a file: not. */
void slab_init_in(struct slab *s, uint32_t item_size, const struct pool *pool, unsigned region);
void slab_deinit(struct slab *s);

/* A new item, zeroed; its index, or SLAB_NONE when memory is short. */
uint32_t slab_add(struct slab *s);
/* The same of a given index that names no item: for books that were kept with their indices. False
 * when memory is short. Quick if it is called with rising indices. */
bool slab_add_at(struct slab *s, uint32_t index);
void slab_remove(struct slab *s, uint32_t index);

/* Whether an index names an item; any number may be asked. */
bool slab_live(const struct slab *s, uint32_t index);

/* The item of a live index. */
static inline void *slab_at(const struct slab *s, uint32_t index) {
#ifdef GAIJIN_HOSTILE
  assert(slab_live(s, index));
#endif
  return s->entries[index / SLAB_CHUNK].chunk->items + (size_t)(index % SLAB_CHUNK) * s->item_size;
}

/* The first live index that is not below `from`, or SLAB_NONE. Takes time in proportion to the
 * chunks passed. */
uint32_t slab_next(const struct slab *s, uint32_t from);

/* Walks all chunks; NULL, or a static text that says which invariant is broken. */
const char *slab_check(const struct slab *s);

#endif
