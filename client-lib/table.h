/* SPDX-License-Identifier: MIT
 *
 * A hash table of nodes that live inside their owner's structs, keyed by 64 bits.
 * Several nodes may have the same key. Only gj_table_init can fail: a table that
 * cannot grow works on with longer chains.
 */
#ifndef GAIJIN_CLIENT_TABLE_H
#define GAIJIN_CLIENT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base.h"

struct table_node {
  struct table_node *next; /* in the chain of its slot */
  uint64_t key;
};

struct table {
  struct table_node **slots;
  uint32_t mask;  /* number of slots, a power of two, less one */
  uint32_t count; /* nodes */
  uint64_t seed;  /* of the hash, see mix64_seeded */
};

/* `seed`: random, because others choose keys. False when memory is short. A zeroed struct is valid
 * to deinit. Nodes are never freed here. */
bool gj_table_init(struct table *t, uint64_t seed);
void gj_table_deinit(struct table *t);

void gj_table_insert(struct table *t, struct table_node *n, uint64_t key);
/* The node must be in the table. */
void gj_table_remove(struct table *t, struct table_node *n);
/* Takes out any node; NULL when the table is empty. For tearing down: visits all in linear time. */
struct table_node *gj_table_take(struct table *t);

/* A place in a table, for going through it while it changes. Zeroed: the beginning. */
struct walk {
  uint32_t mask, slot;
};

/* The next node for which `wanted` is true; NULL at the end. The caller makes it unwanted, or takes
 * it out. What is entered meanwhile may be missed, and what moved when the table grew is not. */
struct table_node *gj_walk_next(struct walk *w, const struct table *t,
                                bool (*wanted)(const struct table_node *n));

/* The slot of a key. */
static inline uint32_t table_slot(const struct table *t, uint64_t key) {
  return (uint32_t)(mix64_runs(key, t->seed) & t->mask);
}

/* The next node with the same key from `n` on (n included), or NULL. */
static inline struct table_node *table_match(struct table_node *n, uint64_t key) {
  while (n && n->key != key) n = n->next;
  return n;
}

/* The first node with a key, or NULL; further ones: table_match(n->next, key). */
static inline struct table_node *table_find(const struct table *t, uint64_t key) {
  return table_match(t->slots[table_slot(t, key)], key);
}

#endif
