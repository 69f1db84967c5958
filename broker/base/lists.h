/* SPDX-License-Identifier: MIT
 *
 * Doubly linked lists of slab items through a `struct links` inside each item:
 * every item sits in one list per such member. The newest item comes first.
 * `struct owners` is an array of such lists, one for each small number (a host's
 * index), that grows as needed; what is in them may be charged to their owners' accounts.
 */
#ifndef GAIJIN_BROKER_LISTS_H
#define GAIJIN_BROKER_LISTS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/accounts.h"
#include "broker/base/slab.h"

struct links {
  uint32_t prev, next;
};

static inline struct links *list_links(const struct slab *s, size_t member, uint32_t index) {
  return (struct links *)(void *)((char *)slab_at(s, index) + member);
}

/* An empty list's head is SLAB_NONE. `member` is the offset of the struct links in the item. */
static inline void list_add(const struct slab *s, size_t member, uint32_t *head, uint32_t index) {
  *list_links(s, member, index) = (struct links){.prev = SLAB_NONE, .next = *head};
  if (*head != SLAB_NONE) list_links(s, member, *head)->prev = index;
  *head = index;
}
static inline void list_remove(const struct slab *s, size_t member, uint32_t *head,
                               uint32_t index) {
  const struct links *l = list_links(s, member, index);
  uint32_t *to_it = l->prev == SLAB_NONE ? head : &list_links(s, member, l->prev)->next;
  assert(*to_it == index);
  *to_it = l->next;
  if (l->next != SLAB_NONE) list_links(s, member, l->next)->prev = l->prev;
}
static inline uint32_t list_next(const struct slab *s, size_t member, uint32_t index) {
  return list_links(s, member, index)->next;
}

struct owner_list {
  uint32_t head, count;
};

struct owners {
  const struct slab *slab;
  size_t member;
  struct owner_list *lists;
  uint32_t capacity;
  struct accounts *accounts; /* each item is charged to its owner's, as of this kind; NULL: not */
  enum account_kind kind;
};

/* A zeroed struct is valid to deinit. */
void owners_init(struct owners *o, const struct slab *slab, size_t member);
void owners_deinit(struct owners *o);
/* Before the first item: has items charged to their owners, who are hosts bound to accounts. */
void owners_charge(struct owners *o, struct accounts *accounts, enum account_kind kind);

/* Makes room for a list of `owner`, so that owners_add cannot fail for it. False when memory is
 * short. */
bool owners_make_room(struct owners *o, uint32_t owner);
static inline bool owners_reserve(struct owners *o, uint32_t owner) {
  return owner < o->capacity || owners_make_room(o, owner);
}
/* Charges one more to an owner's account, or discharges it. */
void owners_note(struct owners *o, uint32_t owner, bool more);
static inline void owners_add(struct owners *o, uint32_t owner, uint32_t index) {
  assert(owner < o->capacity); /* reserved */
  list_add(o->slab, o->member, &o->lists[owner].head, index);
  o->lists[owner].count++;
  if (o->accounts) owners_note(o, owner, true);
}
static inline void owners_remove(struct owners *o, uint32_t owner, uint32_t index) {
  assert(owner < o->capacity && o->lists[owner].count > 0);
  list_remove(o->slab, o->member, &o->lists[owner].head, index);
  o->lists[owner].count--;
  if (o->accounts) owners_note(o, owner, false);
}
/* First item and number of items of any owner's list; SLAB_NONE and 0 for owners never heard of. */
static inline uint32_t owners_first(const struct owners *o, uint32_t owner) {
  return owner < o->capacity ? o->lists[owner].head : SLAB_NONE;
}
static inline uint32_t owners_next(const struct owners *o, uint32_t index) {
  return list_next(o->slab, o->member, index);
}
static inline uint32_t owners_count(const struct owners *o, uint32_t owner) {
  return owner < o->capacity ? o->lists[owner].count : 0;
}

#endif
