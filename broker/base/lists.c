/* SPDX-License-Identifier: MIT
 *
 * What is not done for every message.
 */
#include "broker/base/lists.h"

#include <stdlib.h>

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

bool owners_make_room(struct owners *o, uint32_t owner) {
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

void owners_note(struct owners *o, uint32_t owner, bool more) {
  struct account *k = accounts_of(o->accounts, owner);
  if (more)
    account_charge(o->accounts, k, o->kind, 1);
  else
    account_discharge(o->accounts, k, o->kind, 1);
}
