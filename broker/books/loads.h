/* SPDX-License-Identifier: MIT
 *
 * What a client knows and holds of a host, one record per pair of them. It is
 * made when the host is introduced to the client and lives until one of the two
 * is forgotten; it counts the host's tokens that the client holds (its load), and
 * adds up what they weigh: the memory that the host would get back for them, as
 * far as it has told.
 *
 * The rule: a load may grow to gain * shadow, or to load_min if that is
 * more. The shadow is what the client was seen to really use: settled to the load
 * after each complete collection, and never above it. The same holds for the
 * weight. This file sends nothing.
 *
 * That a client has collected is only counted: a record knows in its `settled` up to which
 * collection its shadows are true, and takes the next ones in when its load or weight changes.
 * Until then these are what they were when the client collected last, and so are the shadows.
 */
#ifndef GAIJIN_BROKER_LOADS_H
#define GAIJIN_BROKER_LOADS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/chain.h"
#include "broker/base/counts.h"
#include "broker/base/lists.h"
#include "proto/window.h"

struct load {
  uint32_t host, client, link;
  uint32_t held, shadow; /* tokens; shadows are read by loads_shadow and loads_weight_shadow */
  uint32_t asked; /* requests of the host to the client (core/pairs.h) */
  uint32_t traffic; /* link to what is counted of those (traffic.h) */
  uint64_t weight, weight_shadow; /* KiB */
  uint64_t settled; /* loads.collections of the client, when the shadows were written */
  struct window outstanding; /* requests of the host to the client that it counts (flows.h) */
  struct window open[2];     /* and those it does not count; [1]: that may wait for ever */
  struct links of_host, of_client;
  struct account *payer; /* of whoever introduced them; NULL: nothing is charged */
  bool told_dead; /* the host is ending, and the client has been told (loads_note_told) */
};

struct loads {
  double gain;
  uint32_t least; /* load_min */
  uint64_t weight_least; /* KiB */
  struct slab all;
  struct chain by_pair;
  struct owners by_host, by_client;
  struct owners told; /* by host, instead of by_host: whose client has been told of its end */
  struct counts collections; /* of each client, counted on when its number is another's */
  struct accounts *accounts; /* a record is charged to who introduced the two; or NULL */
  uint32_t bytes; /* of a record */
};

enum loads_outcome { LOADS_OK, LOADS_NEW, LOADS_NO_MEMORY };

/* `weight_least` in KiB. False when memory is short. A zeroed struct is valid to deinit. */
bool loads_init(struct loads *l, double gain, uint32_t least, uint64_t weight_least,
                uint64_t seed);
void loads_deinit(struct loads *l);

/* Before the first record: has each charged to accounts, as so many bytes. */
void loads_charge(struct loads *l, struct accounts *accounts, uint32_t bytes);

/* Makes the record of a pair, which `payer` pays: NEW, OK if there is one, or NO_MEMORY. */
enum loads_outcome loads_introduce(struct loads *l, uint32_t host, uint32_t client,
                                   struct account *payer, uint32_t *load);
/* The record of a pair or SLAB_NONE. */
uint32_t loads_find(const struct loads *l, uint32_t host, uint32_t client);

/* One more token; true when the load is over its allowance now. One less. */
bool loads_raise(struct loads *l, uint32_t load);
void loads_lower(struct loads *l, uint32_t load);
/* What is held weighs so much more (KiB); true when the weight is over its allowance now. It
 * weighs so much less. */
bool loads_add_weight(struct loads *l, uint32_t load, uint32_t weight);
void loads_take_weight(struct loads *l, uint32_t load, uint32_t weight);
/* The client has collected: every shadow of it becomes what it is the shadow of. Takes the same
 * time whatever it knows. */
void loads_settle(struct loads *l, uint32_t client);
/* What was held, and what it weighed (KiB), when the client collected last; or less, as now. */
uint32_t loads_shadow(const struct loads *l, uint32_t load);
uint64_t loads_weight_shadow(const struct loads *l, uint32_t load);
/* What the load may grow to, in tokens. */
double loads_allowance(const struct loads *l, uint32_t load);

/* A client has ended, and gets no more records: those that it has are about to be forgotten. */
void loads_note_leaving(struct loads *l, uint32_t client);
/* Removes records, `most` at most, of a client that holds nothing any more, and has answered or
 * ended all requests to it. Returns how many. */
uint32_t loads_forget_client(struct loads *l, uint32_t client, uint32_t most);
/* Removes records, `most` at most, of a host without tokens. Requests of it may still be open:
 * nobody counts them then. Returns how many. */
uint32_t loads_forget_host(struct loads *l, uint32_t host, uint32_t most);

/* The host is ending, and the client of this record of it has been told: it is with those that
 * have been, until all of these are put back. */
void loads_note_told(struct loads *l, uint32_t load);
void loads_put_back(struct loads *l, uint32_t load);

/* The records of a host whose clients have not been told of its end, and those whose have;
 * SLAB_NONE at the end. */
uint32_t loads_first_of_host(const struct loads *l, uint32_t host);
uint32_t loads_first_told(const struct loads *l, uint32_t host);
uint32_t loads_next_of_host(const struct loads *l, uint32_t load);
/* The records of a client. */
uint32_t loads_first_of_client(const struct loads *l, uint32_t client);
uint32_t loads_next_of_client(const struct loads *l, uint32_t load);

static inline struct load *loads_at(const struct loads *l, uint32_t load) {
  return slab_at(&l->all, load);
}

/* NULL, or a static text that says which invariant is broken. */
const char *loads_check(const struct loads *l);

#endif
