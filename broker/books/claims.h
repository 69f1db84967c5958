/* SPDX-License-Identifier: MIT
 *
 * Claims that wait: a worker that came back says what it holds, and of some of these objects the
 * worker is not back yet. A claim is one request. Its places that wait are one array, sorted by
 * whom they wait for, so that those for one absent worker (absents.h) are a run: a record that the
 * absent one lists. Storing and deciding a million of them touches little memory, in order. A claim
 * is answered when the last place is decided. This file sends nothing.
 */
#ifndef GAIJIN_BROKER_CLAIMS_H
#define GAIJIN_BROKER_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/accounts.h"
#include "broker/base/lists.h"
#include "broker/books/absents.h"
#include "proto/pt.h"
#include "proto/returning.h"

struct claim_place {
  struct pt pt;
  uint32_t place, absent;
};

struct claim {
  uint64_t request; /* 0: nobody waits for the answer */
  struct claim_place *places; /* that wait, or did; NULL: none ever */
  uint32_t count, room;       /* of them */
  uint32_t client;
  uint32_t runs; /* the first one, or SLAB_NONE */
  uint32_t refused_count;
  struct links of_client;
  uint64_t refused[(RETURNED_MOST + 64) / 64]; /* a bit for each place, which count from 1 */
};

/* Places of a claim that wait for one absent worker: `count` from `first` on. */
struct claim_run {
  uint32_t claim, absent;
  uint32_t first, count; /* count is not 0 */
  struct links of_claim, of_absent;
};

struct claims {
  struct slab all, runs;
  struct owners by_client;
  struct accounts *accounts; /* all is charged to the client, as bytes; or NULL */
  uint64_t bytes;            /* that are charged */
};

/* A zeroed struct is valid to deinit. */
void claims_init(struct claims *c);
void claims_deinit(struct claims *c);
/* Before the first claim: has all charged to accounts. */
void claims_charge(struct claims *c, struct accounts *accounts);

/* A claim of `room` places; SLAB_NONE when memory is short. */
uint32_t claims_add(struct claims *c, uint32_t client, uint64_t request, uint32_t room);
/* A place is to wait, from claims_seal on. False when memory is short. */
bool claims_wait(struct claims *c, uint32_t claim, const struct claim_place *place);
/* All that wait have been told: lists them. Returns how many do; when memory was short, fewer than
 * there should, and *good is false. */
uint32_t claims_seal(struct claims *c, uint32_t claim, struct absents *absents, bool *good);
/* A place is refused, which does not wait, or not any more. */
void claims_refuse(struct claims *c, uint32_t claim, uint32_t place);
/* Takes one place of a run, which may end with it. */
struct claim_place claims_take(struct claims *c, uint32_t run, struct absents *absents);
/* Nobody wants to know any more: ends a run; returns how many places it had. */
uint32_t claims_drop_run(struct claims *c, uint32_t run, struct absents *absents);
/* Without runs. */
void claims_remove(struct claims *c, uint32_t claim);

/* SLAB_NONE when there is none. */
uint32_t claims_first_of_client(const struct claims *c, uint32_t client);
uint32_t claims_next_of_absent(const struct claims *c, uint32_t run);
uint32_t claims_next_of_claim(const struct claims *c, uint32_t run);

static inline struct claim *claims_at(const struct claims *c, uint32_t claim) {
  return slab_at(&c->all, claim);
}
static inline struct claim_run *claims_run_at(const struct claims *c, uint32_t run) {
  return slab_at(&c->runs, run);
}

static inline bool claims_is_refused(const struct claim *k, uint32_t place) {
  return k->refused[place / 64] >> place % 64 & 1;
}

/* NULL, or a static text that says which invariant is broken. */
const char *claims_check(const struct claims *c);

#endif
