/* SPDX-License-Identifier: MIT
 *
 * A slab, and a hash table by id and one by name.
 */
#include "broker/books/absents.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "broker/books/names.h"
#include "proto/base.h"

static uint64_t hash_of_id(const void *item, uint64_t seed) {
  return mix64(((const struct absent *)item)->host ^ seed);
}
static uint64_t hash_of_name(const void *item, uint64_t seed) {
  const struct absent *k = item;
  return names_hash(k->name, k->name_size, seed);
}

bool absents_init(struct absents *a, uint64_t seed) {
  *a = (struct absents){.first_settled = SLAB_NONE, .last_settled = SLAB_NONE};
  slab_init(&a->all, sizeof(struct absent));
  return chain_init(&a->by_id, &a->all, offsetof(struct absent, id_link), hash_of_id, seed) &&
         chain_init(&a->by_name, &a->all, offsetof(struct absent, name_link), hash_of_name,
                    mix64(seed));
}

void absents_deinit(struct absents *a) {
  chain_deinit(&a->by_id);
  chain_deinit(&a->by_name);
  slab_deinit(&a->all);
  *a = (struct absents){.first_settled = SLAB_NONE, .last_settled = SLAB_NONE};
}

uint32_t absents_add(struct absents *a, uint64_t host, uint32_t slot, const char *name,
                     uint32_t name_size, bool retired) {
  assert(host && name_size <= NAME_MAX_BYTES);
  uint32_t i = slab_add(&a->all);
  if (i == SLAB_NONE) return i;
  struct absent *k = absents_at(a, i);
  *k = (struct absent){.host = host,
                       .slot = slot,
                       .number = SLAB_NONE,
                       .claims = SLAB_NONE,
                       .next = SLAB_NONE,
                       .retired = retired,
                       .is_named = !retired,
                       .name_size = (uint8_t)name_size};
  memcpy(k->name, name, name_size);
  chain_add(&a->by_id, i);
  if (!retired) chain_add(&a->by_name, i);
  return i;
}

uint32_t absents_find(const struct absents *a, uint64_t host) {
  for (uint32_t i = chain_first(&a->by_id, mix64(host ^ a->by_id.seed)); i != SLAB_NONE;
       i = chain_next(&a->by_id, i))
    if (absents_at(a, i)->host == host) return i;
  return SLAB_NONE;
}

uint32_t absents_find_name(const struct absents *a, const char *name, uint32_t size) {
  const struct chain *t = &a->by_name;
  for (uint32_t i = chain_first(t, names_hash(name, size, t->seed)); i != SLAB_NONE;
       i = chain_next(t, i)) {
    const struct absent *k = absents_at(a, i);
    if (k->name_size == size && memcmp(k->name, name, size) == 0) return i;
  }
  return SLAB_NONE;
}

static void forget_name(struct absents *a, uint32_t absent) {
  struct absent *k = absents_at(a, absent);
  if (k->is_named) chain_remove(&a->by_name, absent);
  k->is_named = false;
}

void absents_retire(struct absents *a, uint32_t absent) {
  assert(absents_at(a, absent)->is_named);
  forget_name(a, absent);
  absents_at(a, absent)->retired = true;
}

void absents_come(struct absents *a, uint32_t absent, uint32_t number) {
  assert(absents_at(a, absent)->number == SLAB_NONE && number != SLAB_NONE);
  forget_name(a, absent);
  absents_at(a, absent)->number = number;
}

void absents_settle(struct absents *a, uint32_t absent) {
  struct absent *k = absents_at(a, absent);
  assert(!k->is_settled);
  chain_remove(&a->by_id, absent);
  forget_name(a, absent);
  k->is_settled = true;
  k->next = SLAB_NONE;
  if (a->last_settled == SLAB_NONE)
    a->first_settled = absent;
  else
    absents_at(a, a->last_settled)->next = absent;
  a->last_settled = absent;
}

void absents_remove_first_settled(struct absents *a) {
  uint32_t first = a->first_settled;
  assert(first != SLAB_NONE && absents_at(a, first)->claims == SLAB_NONE);
  a->first_settled = absents_at(a, first)->next;
  if (a->first_settled == SLAB_NONE) a->last_settled = SLAB_NONE;
  slab_remove(&a->all, first);
}

const char *absents_check(const struct absents *a) {
  uint32_t settled = 0, named = 0;
  for (uint32_t i = slab_next(&a->all, 0); i != SLAB_NONE; i = slab_next(&a->all, i + 1)) {
    const struct absent *k = absents_at(a, i);
    settled += k->is_settled;
    if (k->is_settled) continue;
    if (absents_find(a, k->host) != i) return "absents: one is not found by its id";
    named += k->is_named;
    if (k->is_named && absents_find_name(a, k->name, k->name_size) == SLAB_NONE)
      return "absents: one is not found by its name";
  }
  if (a->by_id.count + settled != a->all.count || a->by_name.count != named)
    return "absents: the hash tables have another number of them";
  for (uint32_t i = a->first_settled; i != SLAB_NONE; i = absents_at(a, i)->next, settled--)
    if (!absents_at(a, i)->is_settled) return "absents: one is listed that is not settled";
  return settled ? "absents: one that is settled is not listed" : NULL;
}
