/* SPDX-License-Identifier: MIT
 *
 * Chained hash table. It doubles when there are more nodes than slots and
 * shrinks to a quarter when fewer than one slot in eight is needed, so a burst
 * of tokens gives its memory back.
 */
#include "client-lib/table.h"

#include <assert.h>
#include <stdlib.h>

enum { LEAST_SLOTS = 16 };

bool gj_table_init(struct table *t, uint64_t seed) {
  *t = (struct table){.mask = LEAST_SLOTS - 1, .seed = seed};
  t->slots = calloc(LEAST_SLOTS, sizeof *t->slots);
  return t->slots != NULL;
}

void gj_table_deinit(struct table *t) {
  free(t->slots);
  *t = (struct table){0};
}

/* Moves all nodes to `slots` new slots; without memory everything stays as it is. */
static void rehash(struct table *t, uint32_t slots) {
  assert(slots >= LEAST_SLOTS && (slots & (slots - 1)) == 0);
  struct table_node **to = calloc(slots, sizeof *to);
  if (!to) return;
  for (uint32_t i = 0; i <= t->mask; i++) {
    struct table_node *n = t->slots[i], *next;
    for (; n; n = next) {
      next = n->next;
      struct table_node **slot = &to[mix64_runs(n->key, t->seed) & (slots - 1)];
      n->next = *slot;
      *slot = n;
    }
  }
  free(t->slots);
  t->slots = to;
  t->mask = slots - 1;
}

void gj_table_insert(struct table *t, struct table_node *n, uint64_t key) {
  if (t->count > t->mask && t->mask < UINT32_MAX / 2) rehash(t, (t->mask + 1) * 2);
  struct table_node **slot = &t->slots[table_slot(t, key)];
  assert(!n->next);
  n->key = key;
  n->next = *slot;
  *slot = n;
  t->count++;
}

void gj_table_remove(struct table *t, struct table_node *n) {
  struct table_node **at = &t->slots[table_slot(t, n->key)];
  for (; *at != n; at = &(*at)->next) assert(*at); /* else it is in no table, or in another */
  *at = n->next;
  n->next = NULL;
  t->count--;
  if (t->mask >= LEAST_SLOTS * 4 && t->count < (t->mask + 1) / 8) rehash(t, (t->mask + 1) / 4);
}

struct table_node *gj_walk_next(struct walk *w, const struct table *t,
                                bool (*wanted)(const struct table_node *n)) {
  if (w->mask != t->mask) *w = (struct walk){.mask = t->mask};
  for (; w->slot <= t->mask; w->slot++)
    for (struct table_node *n = t->slots[w->slot]; n; n = n->next)
      if (wanted(n)) return n;
  return NULL;
}

struct table_node *gj_table_take(struct table *t) {
  while (t->count) {
    struct table_node *n = t->slots[t->mask];
    if (n) {
      t->slots[t->mask] = n->next;
      n->next = NULL;
      t->count--;
      return n;
    }
    /* The last slot is empty: the table is being torn down, so it may forget it. */
    t->mask--;
  }
  return NULL;
}
