/* SPDX-License-Identifier: MIT
 *
 * The workers of an earlier broker that are not back: each has its slot of the roster, and has not
 * come, or has come and not said yet that this is all (op back). Their names are theirs. What
 * others claim of their objects waits with them (claims.h). This file sends nothing.
 *
 * One that is back, or dead, is taken out of both tables; its record stays until what waits
 * for it is decided.
 */
#ifndef GAIJIN_BROKER_ABSENTS_H
#define GAIJIN_BROKER_ABSENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/chain.h"
#include "proto/limits.h"

struct absent {
  uint64_t host;
  uint32_t slot; /* in the roster; SLAB_NONE: it was freed */
  uint32_t id_link, name_link;
  uint32_t number; /* its host's, when it has come; SLAB_NONE before */
  uint32_t claims; /* the first run of a claim that waits for it (claims.h), or SLAB_NONE */
  uint32_t next;   /* when it is in neither table any more: the next such */
  bool is_settled; /* it is in neither table */
  bool retired;    /* it has given its name up, which may be another's */
  bool is_named;   /* its name is in the table */
  uint8_t name_size;
  char name[NAME_MAX_BYTES + 1];
};

struct absents {
  struct slab all;
  struct chain by_id, by_name;
  uint32_t first_settled, last_settled;
};

/* False when memory is short. A zeroed struct is valid to deinit. */
bool absents_init(struct absents *a, uint64_t seed);
void absents_deinit(struct absents *a);

/* SLAB_NONE when memory is short. */
uint32_t absents_add(struct absents *a, uint64_t host, uint32_t slot, const char *name,
                     uint32_t name_size, bool retired);
/* SLAB_NONE when there is none. */
uint32_t absents_find(const struct absents *a, uint64_t host);
uint32_t absents_find_name(const struct absents *a, const char *name, uint32_t size);
/* How many are not back and not dead. */
static inline uint32_t absents_count(const struct absents *a) { return a->by_id.count; }

/* Its name, which it still had, is another's: it comes back without one. */
void absents_retire(struct absents *a, uint32_t absent);
/* Its worker has connected, as this host: the name is in books/names.h from now on. */
void absents_come(struct absents *a, uint32_t absent, uint32_t number);
/* It is back, or dead: takes it out of the tables, and puts it behind the others of that kind. */
void absents_settle(struct absents *a, uint32_t absent);
/* Nothing waits for the first of those any more. */
void absents_remove_first_settled(struct absents *a);

static inline struct absent *absents_at(const struct absents *a, uint32_t absent) {
  return slab_at(&a->all, absent);
}

/* NULL, or a static text that says which invariant is broken. */
const char *absents_check(const struct absents *a);

#endif
