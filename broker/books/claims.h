/* SPDX-License-Identifier: MIT
 *
 * Claims that wait: a worker that came back says what it holds, and of some of these objects the
 * worker is not back yet. A claim is one request; each of its places that waits is with the absent
 * one (absents.h) for whom it does. It is answered when the last of them is decided. This file
 * sends nothing.
 */
#ifndef GAIJIN_BROKER_CLAIMS_H
#define GAIJIN_BROKER_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/accounts.h"
#include "broker/base/lists.h"
#include "proto/pt.h"
#include "proto/returning.h"

struct claim {
  uint64_t request; /* 0: nobody waits for the answer */
  uint32_t client;
  uint32_t waiting; /* the first place that waits, or SLAB_NONE */
  uint32_t refused_count;
  struct links of_client;
  uint64_t refused[(RETURNED_MOST + 64) / 64]; /* a bit for each place, which count from 1 */
};

struct claim_place {
  struct pt pt;
  uint32_t claim, place;
  uint32_t absent; /* for whom it waits (absents.h) */
  struct links of_claim, of_absent;
};

struct claims {
  struct slab all, places;
  struct owners by_client;
  struct accounts *accounts; /* both are charged to the client, as bytes; or NULL */
};

/* A zeroed struct is valid to deinit. */
void claims_init(struct claims *c);
void claims_deinit(struct claims *c);
/* Before the first claim: has all charged to accounts. */
void claims_charge(struct claims *c, struct accounts *accounts);

/* A claim without places; SLAB_NONE when memory is short. */
uint32_t claims_add(struct claims *c, uint32_t client, uint64_t request);
/* A place waits; *head is that of the absent one. False when memory is short. */
bool claims_wait(struct claims *c, uint32_t claim, uint32_t place, const struct pt *pt,
                 uint32_t absent, uint32_t *head);
/* A place is refused, which does not wait, or not any more. */
void claims_refuse(struct claims *c, uint32_t claim, uint32_t place);
/* A place that waits is decided, and its record goes. */
void claims_decided(struct claims *c, uint32_t place, uint32_t *head);
/* Without places that wait. */
void claims_remove(struct claims *c, uint32_t claim);

/* SLAB_NONE when there is none. */
uint32_t claims_first_of_client(const struct claims *c, uint32_t client);
uint32_t claims_next_of_absent(const struct claims *c, uint32_t place);
uint32_t claims_next_of_claim(const struct claims *c, uint32_t place);

static inline struct claim *claims_at(const struct claims *c, uint32_t claim) {
  return slab_at(&c->all, claim);
}
static inline struct claim_place *claims_place_at(const struct claims *c, uint32_t place) {
  return slab_at(&c->places, place);
}

static inline bool claims_is_refused(const struct claim *k, uint32_t place) {
  return k->refused[place / 64] >> place % 64 & 1;
}

/* NULL, or a static text that says which invariant is broken. */
const char *claims_check(const struct claims *c);

#endif
