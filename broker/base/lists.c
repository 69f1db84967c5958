/* SPDX-License-Identifier: MIT
 *
 * Ordinary linked lists, with indices in the place of pointers.
 */
#include "broker/base/lists.h"

#include <assert.h>
#include <stdlib.h>

static struct links *links_of(const struct slab *s, size_t member, uint32_t index) {
  return (struct links *)(void *)((char *)slab_at(s, index) + member);
}

void list_add(const struct slab *s, size_t member, uint32_t *head, uint32_t index) {
  *links_of(s, member, index) = (struct links){.prev = SLAB_NONE, .next = *head};
  if (*head != SLAB_NONE) links_of(s, member, *head)->prev = index;
  *head = index;
}

void list_remove(const struct slab *s, size_t member, uint32_t *head, uint32_t index) {
  const struct links *l = links_of(s, member, index);
  assert(l->prev == SLAB_NONE ? *head == index : links_of(s, member, l->prev)->next == index);
  if (l->prev == SLAB_NONE)
    *head = l->next;
  else
    links_of(s, member, l->prev)->next = l->next;
  if (l->next != SLAB_NONE) links_of(s, member, l->next)->prev = l->prev;
}

void owners_init(struct owners *o, const struct slab *slab, size_t member) {
  *o = (struct owners){.slab = slab, .member = member};
}

void owners_charge(struct owners *o, struct accounts *accounts, enum account_kind kind) {
  o->accounts = accounts;
  o->kind = kind;
}

void owners_deinit(struct owners *o) {
  free(o->lists);
  *o = (struct owners){0};
}

bool owners_reserve(struct owners *o, uint32_t owner) {
  if (owner < o->capacity) return true;
  if (owner > UINT32_MAX / 4) return false;
  uint32_t capacity = o->capacity ? o->capacity : 8;
  while (capacity <= owner) capacity *= 2;
  struct owner_list *lists = realloc(o->lists, capacity * sizeof *lists);
  if (!lists) return false;
  for (uint32_t i = o->capacity; i < capacity; i++)
    lists[i] = (struct owner_list){.head = SLAB_NONE, .count = 0};
  o->lists = lists;
  o->capacity = capacity;
  return true;
}

void owners_add(struct owners *o, uint32_t owner, uint32_t index) {
  assert(owner < o->capacity); /* reserved */
  list_add(o->slab, o->member, &o->lists[owner].head, index);
  o->lists[owner].count++;
  if (o->accounts) account_charge(o->accounts, accounts_of(o->accounts, owner), o->kind, 1);
}

void owners_remove(struct owners *o, uint32_t owner, uint32_t index) {
  assert(owner < o->capacity && o->lists[owner].count > 0);
  list_remove(o->slab, o->member, &o->lists[owner].head, index);
  o->lists[owner].count--;
  if (o->accounts) account_discharge(o->accounts, accounts_of(o->accounts, owner), o->kind, 1);
}

uint32_t owners_first(const struct owners *o, uint32_t owner) {
  return owner < o->capacity ? o->lists[owner].head : SLAB_NONE;
}
uint32_t owners_next(const struct owners *o, uint32_t index) {
  return list_next(o->slab, o->member, index);
}
uint32_t owners_count(const struct owners *o, uint32_t owner) {
  return owner < o->capacity ? o->lists[owner].count : 0;
}
