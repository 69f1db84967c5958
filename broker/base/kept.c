/* SPDX-License-Identifier: MIT
 *
 * A number for each chunk: 0 if it is there, else one more than the next unused number.
 */
#include "broker/base/kept.h"

#include <assert.h>
#include <stdlib.h>

/* Chunks that are looked at when they are taken over, however many there are. */
enum { LOOKED_AT = 16 };
static const char wrong[] = "what was kept is not as it was told";

static bool take_entries(struct slab *k, uint32_t n, struct sheet *s) {
  if (n > sheet_left(s)) {
    sheet_fail(s, wrong);
    return false;
  }
  k->entries = n ? calloc(n, sizeof *k->entries) : NULL;
  if ((n && !k->entries) || !pool_pieces_take_over(&k->pieces, n)) {
    sheet_fail(s, "memory is too short");
    return false;
  }
  k->entry_count = k->entry_capacity = n;
  return true;
}

static void keep_entry(struct slab *k, uint32_t number, struct sheet *s) {
  struct slab_entry *e = &k->entries[number];
  uint64_t told = e->chunk ? 0 : (uint64_t)e->next_unused + 1;
  sheet_record(s);
  SHEET(s, told);
  if (s->writes) return;
  if (told > (uint64_t)SLAB_NONE + 1) sheet_fail(s, wrong);
  *e = (struct slab_entry){.next_unused = told ? (uint32_t)(told - 1) : 0};
  if (!told) e->chunk = pool_piece(&k->pieces, number);
}

static bool is_chunk(const struct slab *k, uint32_t number) {
  if (number >= k->entry_count || !k->entries[number].chunk) return false;
  const struct slab_chunk *c = k->entries[number].chunk;
  return c->number == number && c->used <= SLAB_CHUNK;
}

static void look_at(const struct slab *k, struct sheet *s) {
  uint32_t chunks = 0, unused = 0, step = k->entry_count / LOOKED_AT + 1;
  for (uint32_t i = 0; i < k->entry_count; i++) chunks += k->entries[i].chunk != NULL;
  for (uint32_t i = k->unused; i != SLAB_NONE && !s->fault; i = k->entries[i].next_unused)
    if (i >= k->entry_count || k->entries[i].chunk || ++unused > k->entry_count)
      sheet_fail(s, wrong);
  if (chunks != k->chunks || chunks + unused != k->entry_count) sheet_fail(s, wrong);
  if (k->open != SLAB_NONE && !is_chunk(k, k->open)) sheet_fail(s, wrong);
  for (uint32_t i = 0; i < k->entry_count && !s->fault; i += step)
    if (k->entries[i].chunk && !is_chunk(k, i)) sheet_fail(s, wrong);
}

void slab_keep(struct slab *k, struct sheet *s) {
  uint32_t n = k->entry_count;
  assert(k->pieces.pool && (s->writes || n == 0));
  sheet_mark(s, 'K');
  SHEET(s, k->count);
  SHEET(s, k->chunks);
  SHEET(s, k->open);
  SHEET(s, k->unused);
  SHEET(s, n);
  if (s->fault || (!s->writes && !take_entries(k, n, s))) return;
  for (uint32_t i = 0; i < n && !s->fault; i++) keep_entry(k, i, s);
  if (!s->writes && !s->fault) look_at(k, s);
}

void chain_keep(struct chain *t, const struct pool *pool, unsigned region, struct sheet *s) {
  assert(pool->fd >= 0 && !t->heads == !s->writes);
  sheet_mark(s, 'k');
  SHEET(s, t->seed);
  SHEET(s, t->count);
  SHEET(s, t->size);
  SHEET(s, t->capacity);
  if (s->writes || s->fault) return;
  pool_array_init(&t->array, pool, region);
  if (t->size == 0 || t->size > t->capacity || t->count != t->slab->count)
    sheet_fail(s, wrong);
  else if (!pool_array_take_over(&t->array, (size_t)t->capacity * sizeof *t->heads))
    sheet_fail(s, "memory is too short");
  t->heads = (uint32_t *)(void *)t->array.at;
}

void owners_keep(struct owners *o, struct sheet *s) {
  uint32_t n = o->capacity;
  sheet_mark(s, 'o');
  SHEET(s, n);
  if (!s->writes && n > sheet_left(s)) sheet_fail(s, wrong);
  if (s->fault) return;
  if (!s->writes && n && !owners_reserve(o, n - 1)) sheet_fail(s, "memory is too short");
  for (uint32_t i = 0; i < n && !s->fault; i++) {
    sheet_record(s);
    SHEET(s, o->lists[i].count);
    SHEET(s, o->lists[i].head); /* to see whether it is there would cost a fault for each */
  }
}
