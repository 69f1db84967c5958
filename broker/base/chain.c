/* SPDX-License-Identifier: MIT
 *
 * Linear hashing (Litwin 1980): with `size` buckets and `whole` the largest power
 * of two not above it, a hash belongs to bucket `h mod 2*whole` if there is such
 * a bucket, else to `h mod whole`. One more bucket takes its items from one other.
 */
#include "broker/base/chain.h"

#include <assert.h>
#include <stdlib.h>

enum { LEAST_BUCKETS = 16 };
/* Heads in a pool become more by so many at most: a message pays for 64 KiB, not for as much as
 * there is already. */
enum { POOLED_STEP = 16384 };

void chain_prepare(struct chain *t, const struct slab *slab, size_t link, chain_hash_fn hash,
                   uint64_t seed) {
  *t = (struct chain){.slab = slab, .link = link, .hash = hash, .seed = seed};
}

static bool resize(struct chain *t, uint32_t capacity) {
  size_t bytes = (size_t)capacity * sizeof *t->heads;
  uint32_t *heads = NULL;
  if (!t->array.pool)
    heads = realloc(t->heads, bytes);
  else if (pool_array_resize(&t->array, bytes))
    heads = (uint32_t *)(void *)t->array.at;
  if (!heads) return false;
  t->heads = heads;
  t->capacity = t->array.pool ? (uint32_t)(t->array.bytes / sizeof *heads) : capacity;
  return true;
}

bool chain_open(struct chain *t, const struct pool *pool, unsigned region) {
  assert(!t->heads);
  if (pool && pool->fd >= 0) pool_array_init(&t->array, pool, region);
  if (!resize(t, LEAST_BUCKETS)) return false;
  t->size = LEAST_BUCKETS;
  for (uint32_t i = 0; i < t->size; i++) t->heads[i] = SLAB_NONE;
  return true;
}

bool chain_init(struct chain *t, const struct slab *slab, size_t link, chain_hash_fn hash,
                uint64_t seed) {
  chain_prepare(t, slab, link, hash, seed);
  return chain_open(t, NULL, 0);
}

void chain_expect(struct chain *t, uint32_t count) {
  assert(t->count == 0);
  if (count <= t->size || !resize(t, count)) return;
  t->size = count;
  for (uint32_t i = 0; i < count; i++) t->heads[i] = SLAB_NONE;
}

void chain_deinit(struct chain *t) {
  if (!t->array.pool) free(t->heads);
  pool_array_deinit(&t->array);
  *t = (struct chain){0};
}

static uint32_t whole(uint32_t size) { return UINT32_C(1) << (31 - __builtin_clz(size)); }

static uint32_t bucket(const struct chain *t, uint64_t hash) {
  uint32_t w = whole(t->size);
  uint32_t b = (uint32_t)(hash & ((uint64_t)w * 2 - 1));
  return b < t->size ? b : b - w;
}

static uint64_t hash_of(const struct chain *t, uint32_t index) {
  return t->hash(slab_at(t->slab, index), t->seed);
}

static void push(struct chain *t, uint32_t b, uint32_t index) {
  *chain_link(t, index) = t->heads[b];
  t->heads[b] = index;
}

/* Room for more than there is now. */
static bool make_room(struct chain *t) {
  uint32_t more = t->array.pool && t->capacity > POOLED_STEP ? POOLED_STEP : t->capacity;
  return t->capacity <= UINT32_MAX / 2 && resize(t, t->capacity + more);
}

/* One bucket more: the items of bucket `size - whole` are dealt out between it and the new one. */
static void grow(struct chain *t) {
  assert(t->size <= t->capacity);
  if (t->size == t->capacity && !make_room(t)) return;
  uint32_t from = t->size - whole(t->size), index = t->heads[from];
  t->heads[from] = t->heads[t->size] = SLAB_NONE;
  t->size++;
  while (index != SLAB_NONE) {
    uint32_t next = chain_next(t, index);
    push(t, bucket(t, hash_of(t, index)), index);
    index = next;
  }
}

/* One bucket less: the last one's items go where they would be without it. */
static void shrink(struct chain *t) {
  assert(t->size > LEAST_BUCKETS);
  uint32_t index = t->heads[--t->size];
  while (index != SLAB_NONE) {
    uint32_t next = chain_next(t, index);
    push(t, bucket(t, hash_of(t, index)), index);
    index = next;
  }
  if (t->size <= t->capacity / 4) resize(t, t->capacity / 2);
}

uint32_t chain_first(const struct chain *t, uint64_t hash) { return t->heads[bucket(t, hash)]; }

void chain_add(struct chain *t, uint32_t index) {
  if (++t->count > t->size) grow(t);
  push(t, bucket(t, hash_of(t, index)), index);
}

void chain_remove(struct chain *t, uint32_t index) {
  uint32_t *at = &t->heads[bucket(t, hash_of(t, index))];
  while (*at != index) {
    assert(*at != SLAB_NONE); /* its key has not changed, so it is in this bucket */
    at = chain_link(t, *at);
  }
  *at = chain_next(t, index);
  t->count--;
  if (t->size > LEAST_BUCKETS && t->count < t->size / 2) {
    shrink(t);
    if (t->size > LEAST_BUCKETS && t->count < t->size / 2) shrink(t);
  }
}
