/* SPDX-License-Identifier: MIT
 *
 * Places in front of a hash table (chain.h), for records that come and go with every message and
 * whose keys are mostly counted up: such a record is at the place that the low bits of its key
 * name, where it takes a few instructions to find. One whose place is another's goes into the hash
 * table. Whoever chooses its keys so that they share a place has them in the hash table, and slows
 * nothing down but to what that takes.
 *
 * Always true: a record that is listed is either at its place or in the hash table.
 */
#ifndef GAIJIN_BROKER_FRONT_H
#define GAIJIN_BROKER_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/slab.h"

enum { FRONT_PLACES = 1024 };

struct front {
  uint32_t at[FRONT_PLACES]; /* indices in a slab; SLAB_NONE: nobody's */
};

static inline void front_init(struct front *f) {
  for (unsigned i = 0; i < FRONT_PLACES; i++) f->at[i] = SLAB_NONE;
}

/* Who is at the place of a key, whatever its own key is; SLAB_NONE: nobody. */
static inline uint32_t front_at(const struct front *f, uint64_t key) {
  return f->at[key % FRONT_PLACES];
}
/* False: the place is another's, so it belongs into the hash table. */
static inline bool front_add(struct front *f, uint64_t key, uint32_t index) {
  uint32_t *at = &f->at[key % FRONT_PLACES];
  if (*at != SLAB_NONE) return false;
  *at = index;
  return true;
}
/* False: it is in the hash table. */
static inline bool front_remove(struct front *f, uint64_t key, uint32_t index) {
  uint32_t *at = &f->at[key % FRONT_PLACES];
  if (*at != index) return false;
  *at = SLAB_NONE;
  return true;
}

/* How many are at their places. */
static inline uint32_t front_count(const struct front *f) {
  uint32_t n = 0;
  for (unsigned i = 0; i < FRONT_PLACES; i++) n += f->at[i] != SLAB_NONE;
  return n;
}

#endif
