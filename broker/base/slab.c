/* SPDX-License-Identifier: MIT
 *
 * Chunks with room form a list whose head is filled first. A bit map per chunk
 * tells which items live, so free items need no link of their own.
 */
#include "broker/base/slab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef GAIJIN_HOSTILE
/* What an item that has been removed is full of, so that who still reads it is noticed. */
enum { GONE = 0xa5 };
#endif

void slab_init(struct slab *s, uint32_t item_size) {
  *s = (struct slab){.item_size = (item_size + 7u) & ~7u, .unused = SLAB_NONE, .open = SLAB_NONE};
}

static size_t chunk_bytes(const struct slab *s) {
  return sizeof(struct slab_chunk) + (size_t)SLAB_CHUNK * s->item_size;
}

void slab_init_in(struct slab *s, uint32_t item_size, const struct pool *pool, unsigned region) {
  slab_init(s, item_size);
  if (pool && pool->fd >= 0) pool_pieces_init(&s->pieces, pool, region, chunk_bytes(s));
}

void slab_deinit(struct slab *s) {
  if (!s->pieces.pool)
    for (uint32_t i = 0; i < s->entry_count; i++)
      if (s->entries[i].chunk) munmap(s->entries[i].chunk, chunk_bytes(s));
  pool_pieces_deinit(&s->pieces);
  free(s->entries);
  *s = (struct slab){0};
}

static void open_chunk(struct slab *s, struct slab_chunk *c) {
  c->prev = SLAB_NONE;
  c->next = s->open;
  if (s->open != SLAB_NONE) s->entries[s->open].chunk->prev = c->number;
  s->open = c->number;
}

static void shut_chunk(struct slab *s, const struct slab_chunk *c) {
  if (c->prev != SLAB_NONE)
    s->entries[c->prev].chunk->next = c->next;
  else
    s->open = c->next;
  if (c->next != SLAB_NONE) s->entries[c->next].chunk->prev = c->prev;
}

/* A number for a new chunk: an unused one, else the next. SLAB_NONE when memory or numbers are
 * short. */
static uint32_t take_number(struct slab *s) {
  if (s->unused != SLAB_NONE) {
    uint32_t number = s->unused;
    s->unused = s->entries[number].next_unused;
    return number;
  }
  if (s->entry_count == UINT32_MAX / SLAB_CHUNK) return SLAB_NONE;
  if (s->entry_count == s->entry_capacity) {
    uint32_t capacity = s->entry_capacity ? s->entry_capacity * 2 : 4;
    struct slab_entry *entries = realloc(s->entries, capacity * sizeof *entries);
    if (!entries) return SLAB_NONE;
    s->entries = entries;
    s->entry_capacity = capacity;
  }
  s->entries[s->entry_count] = (struct slab_entry){.chunk = NULL, .next_unused = SLAB_NONE};
  return s->entry_count++;
}

static void give_number(struct slab *s, uint32_t number) {
  s->entries[number] = (struct slab_entry){.chunk = NULL, .next_unused = s->unused};
  s->unused = number;
}

/* The chunk of a number that was taken; the number is given back if memory is short. `flags`: of
 * mmap, if it is not in a pool. */
static bool map_chunk(struct slab *s, uint32_t number, int flags) {
  struct slab_chunk *c;
  if (s->pieces.pool)
    c = pool_pieces_take(&s->pieces, number);
  else if ((c = mmap(NULL, chunk_bytes(s), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0)) == MAP_FAILED)
    c = NULL;
  if (!c) {
    give_number(s, number);
    return false;
  }
  c->number = number;
  s->entries[number].chunk = c;
  s->chunks++;
  open_chunk(s, c);
  return true;
}

static void unmap_chunk(struct slab *s, struct slab_chunk *c) {
  uint32_t number = c->number;
  if (s->pieces.pool)
    pool_pieces_give(&s->pieces, number);
  else
    munmap(c, chunk_bytes(s));
  give_number(s, number);
  s->chunks--;
}

static bool add_chunk(struct slab *s) {
  uint32_t number = take_number(s);
  return number != SLAB_NONE && map_chunk(s, number, 0);
}

/* Takes this number, which has no chunk; those before it become unused ones. */
static bool take_this_number(struct slab *s, uint32_t number) {
  uint32_t skipped = SLAB_NONE;
  while (s->entry_count <= number) {
    uint32_t unused = s->unused;
    s->unused = SLAB_NONE; /* a number behind the others, not one of these */
    uint32_t taken = take_number(s);
    s->unused = unused;
    if (taken == SLAB_NONE) return false;
    if (taken == number) return true;
    give_number(s, taken);
  }
  for (uint32_t n = s->unused; n != number; skipped = n, n = s->entries[n].next_unused)
    assert(n != SLAB_NONE);
  if (skipped == SLAB_NONE)
    s->unused = s->entries[number].next_unused;
  else
    s->entries[skipped].next_unused = s->entries[number].next_unused;
  return true;
}

bool slab_add_at(struct slab *s, uint32_t index) {
  uint32_t number = index / SLAB_CHUNK, place = index % SLAB_CHUNK;
  assert(!slab_live(s, index));
  if (number >= UINT32_MAX / SLAB_CHUNK) return false;
  if (number >= s->entry_count || !s->entries[number].chunk)
    /* Most of it is going to be used now: its pages come in one call. */
    if (!take_this_number(s, number) || !map_chunk(s, number, MAP_POPULATE)) return false;
  struct slab_chunk *c = s->entries[number].chunk;
  c->live[place / 64] |= UINT64_C(1) << (place % 64);
  if (++c->used == SLAB_CHUNK) shut_chunk(s, c);
  s->count++;
  memset(slab_at(s, index), 0, s->item_size);
  return true;
}

uint32_t slab_add(struct slab *s) {
  if (s->open == SLAB_NONE && !add_chunk(s)) return SLAB_NONE;
  struct slab_chunk *c = s->entries[s->open].chunk;
  unsigned word = 0;
  assert(c->used < SLAB_CHUNK); /* or it would not be among those with room */
  while (c->live[word] == UINT64_MAX) word++;
  unsigned bit = (unsigned)__builtin_ctzll(~c->live[word]);
  c->live[word] |= UINT64_C(1) << bit;
  if (++c->used == SLAB_CHUNK) shut_chunk(s, c);
  s->count++;
  uint32_t index = c->number * SLAB_CHUNK + word * 64 + bit;
  memset(slab_at(s, index), 0, s->item_size);
  return index;
}

void slab_remove(struct slab *s, uint32_t index) {
  assert(slab_live(s, index));
  struct slab_chunk *c = s->entries[index / SLAB_CHUNK].chunk;
  uint32_t place = index % SLAB_CHUNK;
  c->live[place / 64] &= ~(UINT64_C(1) << (place % 64));
  s->count--;
#ifdef GAIJIN_HOSTILE
  memset(c->items + (size_t)place * s->item_size, GONE, s->item_size);
#endif
  if (c->used-- == SLAB_CHUNK) open_chunk(s, c);
  if (c->used == 0 && (s->open != c->number || c->next != SLAB_NONE)) {
    shut_chunk(s, c);
    unmap_chunk(s, c);
  }
}

bool slab_live(const struct slab *s, uint32_t index) {
  uint32_t number = index / SLAB_CHUNK, place = index % SLAB_CHUNK;
  if (number >= s->entry_count || !s->entries[number].chunk) return false;
  return s->entries[number].chunk->live[place / 64] >> (place % 64) & 1;
}

uint32_t slab_next(const struct slab *s, uint32_t from) {
  uint32_t place = from % SLAB_CHUNK;
  for (uint32_t number = from / SLAB_CHUNK; number < s->entry_count; number++, place = 0) {
    const struct slab_chunk *c = s->entries[number].chunk;
    if (!c) continue;
    for (; place < SLAB_CHUNK; place = (place / 64 + 1) * 64) {
      uint64_t rest = c->live[place / 64] >> (place % 64);
      if (rest) return number * SLAB_CHUNK + place + (uint32_t)__builtin_ctzll(rest);
    }
  }
  return SLAB_NONE;
}

static const char *check_chunk(const struct slab *s, uint32_t number, uint32_t *items) {
  const struct slab_chunk *c = s->entries[number].chunk;
  uint32_t used = 0;
  for (unsigned i = 0; i < SLAB_CHUNK / 64; i++)
    used += (uint32_t)__builtin_popcountll(c->live[i]);
  *items += used;
  if (c->number != number) return "slab: a chunk has another number";
  return c->used == used ? NULL : "slab: a chunk counts other items than it has";
}

const char *slab_check(const struct slab *s) {
  uint32_t items = 0, chunks = 0, room = 0, unused = 0, before = SLAB_NONE;
  for (uint32_t i = 0; i < s->entry_count; i++) {
    if (!s->entries[i].chunk) continue;
    const char *fault = check_chunk(s, i, &items);
    if (fault) return fault;
    chunks++;
    room += s->entries[i].chunk->used < SLAB_CHUNK;
  }
  if (items != s->count || chunks != s->chunks) return "slab: the counts do not add up";
  for (uint32_t i = s->open; i != SLAB_NONE; before = i, i = s->entries[i].chunk->next) {
    const struct slab_chunk *c = i < s->entry_count ? s->entries[i].chunk : NULL;
    if (!c || c->prev != before || c->used == SLAB_CHUNK || room-- == 0)
      return "slab: the list of chunks with room is broken";
  }
  if (room) return "slab: a chunk with room is not found";
  for (uint32_t i = s->unused; i != SLAB_NONE; i = s->entries[i].next_unused)
    if (i >= s->entry_count || s->entries[i].chunk || ++unused > s->entry_count)
      return "slab: the list of unused numbers is broken";
  return unused + chunks == s->entry_count ? NULL : "slab: a number is lost";
}
