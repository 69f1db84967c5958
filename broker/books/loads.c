/* SPDX-License-Identifier: MIT
 *
 * One slab, found by pair through a hash table and by either side through lists.
 */
#include "broker/books/loads.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "proto/base.h"

static uint64_t pair_hash(uint32_t host, uint32_t client, uint64_t seed) {
  return mix64((((uint64_t)host << 32) | client) ^ seed);
}
static uint64_t hash_of_load(const void *item, uint64_t seed) {
  const struct load *k = item;
  return pair_hash(k->host, k->client, seed);
}

bool loads_init(struct loads *l, double gain, uint32_t least, uint64_t weight_least,
                uint64_t seed) {
  *l = (struct loads){.gain = gain, .least = least, .weight_least = weight_least};
  slab_init(&l->all, sizeof(struct load));
  owners_init(&l->by_host, &l->all, offsetof(struct load, of_host));
  owners_init(&l->told, &l->all, offsetof(struct load, of_host));
  owners_init(&l->by_client, &l->all, offsetof(struct load, of_client));
  return chain_init(&l->by_pair, &l->all, offsetof(struct load, link), hash_of_load, seed);
}

void loads_deinit(struct loads *l) {
  chain_deinit(&l->by_pair);
  owners_deinit(&l->by_host);
  owners_deinit(&l->told);
  owners_deinit(&l->by_client);
  slab_deinit(&l->all);
  counts_deinit(&l->collections);
  *l = (struct loads){0};
}

uint32_t loads_find(const struct loads *l, uint32_t host, uint32_t client) {
  const struct chain *t = &l->by_pair;
  for (uint32_t i = chain_first(t, pair_hash(host, client, t->seed)); i != SLAB_NONE;
       i = chain_next(t, i)) {
    const struct load *k = loads_at(l, i);
    if (k->host == host && k->client == client) return i;
  }
  return SLAB_NONE;
}

void loads_charge(struct loads *l, struct accounts *accounts, uint32_t bytes) {
  l->accounts = accounts;
  l->bytes = bytes;
}

enum loads_outcome loads_introduce(struct loads *l, uint32_t host, uint32_t client,
                                   struct account *payer, uint32_t *load) {
  *load = loads_find(l, host, client);
  if (*load != SLAB_NONE) return LOADS_OK;
  if (!owners_reserve(&l->by_host, host) || !owners_reserve(&l->told, host) ||
      !owners_reserve(&l->by_client, client) || !counts_reserve(&l->collections, client))
    return LOADS_NO_MEMORY;
  *load = slab_add(&l->all);
  if (*load == SLAB_NONE) return LOADS_NO_MEMORY;
  *loads_at(l, *load) = (struct load){
      .host = host, .client = client, .settled = counts_at(&l->collections, client)};
  owners_add(&l->by_host, host, *load);
  owners_add(&l->by_client, client, *load);
  chain_add(&l->by_pair, *load);
  if (l->accounts) {
    loads_at(l, *load)->payer = payer;
    account_charge(l->accounts, payer, ACCOUNT_OTHER, l->bytes);
  }
  return LOADS_NEW;
}

/* ---- Loads, weights and their shadows ---- */

static bool is_settled(const struct loads *l, const struct load *k) {
  return k->settled == counts_at(&l->collections, k->client);
}

uint32_t loads_shadow(const struct loads *l, uint32_t load) {
  const struct load *k = loads_at(l, load);
  return is_settled(l, k) ? k->shadow : k->held;
}

uint64_t loads_weight_shadow(const struct loads *l, uint32_t load) {
  const struct load *k = loads_at(l, load);
  return is_settled(l, k) ? k->weight_shadow : k->weight;
}

/* The record, whose load or weight is about to change: nothing has since its client collected. */
static struct load *settle(struct loads *l, uint32_t load) {
  struct load *k = loads_at(l, load);
  if (is_settled(l, k)) return k;
  assert(k->settled < counts_at(&l->collections, k->client));
  k->shadow = k->held;
  k->weight_shadow = k->weight;
  k->settled = counts_at(&l->collections, k->client);
  return k;
}

double loads_allowance(const struct loads *l, uint32_t load) {
  double grown = l->gain * loads_shadow(l, load);
  return grown > l->least ? grown : l->least;
}

bool loads_raise(struct loads *l, uint32_t load) {
  return ++settle(l, load)->held > loads_allowance(l, load);
}

void loads_lower(struct loads *l, uint32_t load) {
  struct load *k = settle(l, load);
  assert(k->held > 0);
  k->held--;
  if (k->shadow > k->held) k->shadow = k->held;
}

bool loads_add_weight(struct loads *l, uint32_t load, uint32_t weight) {
  struct load *k = settle(l, load);
  assert(k->held > 0);
  k->weight += weight;
  double allowance = l->gain * (double)k->weight_shadow;
  return (double)k->weight > (allowance > (double)l->weight_least ? allowance
                                                                  : (double)l->weight_least);
}

void loads_take_weight(struct loads *l, uint32_t load, uint32_t weight) {
  struct load *k = settle(l, load);
  assert(k->weight >= weight);
  k->weight -= weight;
  if (k->weight_shadow > k->weight) k->weight_shadow = k->weight;
}

void loads_settle(struct loads *l, uint32_t client) {
  if (client >= l->collections.capacity) return; /* it knows nobody */
  ++*counts_place(&l->collections, client);
}

/* ---- Ends ---- */

void loads_note_leaving(struct loads *l, uint32_t client) {
  if (!l->accounts) return;
  accounts_note_records(l->accounts, accounts_of(l->accounts, client),
                        owners_count(&l->by_client, client) * (uint64_t)l->bytes);
}

static void forget(struct loads *l, uint32_t load) {
  const struct load *k = loads_at(l, load);
  assert(k->held == 0 && k->weight == 0);
  if (l->accounts)
    accounts_note_record_gone(l->accounts, accounts_of(l->accounts, k->client), l->bytes);
  if (k->payer) account_discharge(l->accounts, k->payer, ACCOUNT_OTHER, l->bytes);
  chain_remove(&l->by_pair, load);
  owners_remove(k->told_dead ? &l->told : &l->by_host, k->host, load);
  owners_remove(&l->by_client, k->client, load);
  slab_remove(&l->all, load);
}

uint32_t loads_forget_client(struct loads *l, uint32_t client, uint32_t most) {
  uint32_t n = 0;
  for (uint32_t i; n < most && (i = owners_first(&l->by_client, client)) != SLAB_NONE; n++) {
    const struct load *k = loads_at(l, i);
    assert(k->asked == 0 && k->open[0].requests == 0 && k->open[1].requests == 0);
    forget(l, i);
  }
  return n;
}

uint32_t loads_forget_host(struct loads *l, uint32_t host, uint32_t most) {
  uint32_t n = 0;
  for (uint32_t i; n < most && (i = owners_first(&l->by_host, host)) != SLAB_NONE; n++)
    forget(l, i);
  return n;
}

void loads_note_told(struct loads *l, uint32_t load) {
  struct load *k = loads_at(l, load);
  assert(!k->told_dead);
  owners_remove(&l->by_host, k->host, load);
  owners_add(&l->told, k->host, load);
  k->told_dead = true;
}

void loads_put_back(struct loads *l, uint32_t load) {
  struct load *k = loads_at(l, load);
  assert(k->told_dead);
  owners_remove(&l->told, k->host, load);
  owners_add(&l->by_host, k->host, load);
  k->told_dead = false;
}

uint32_t loads_first_told(const struct loads *l, uint32_t host) {
  return owners_first(&l->told, host);
}
uint32_t loads_first_of_host(const struct loads *l, uint32_t host) {
  return owners_first(&l->by_host, host);
}
uint32_t loads_next_of_host(const struct loads *l, uint32_t load) {
  return owners_next(&l->by_host, load);
}
uint32_t loads_first_of_client(const struct loads *l, uint32_t client) {
  return owners_first(&l->by_client, client);
}
uint32_t loads_next_of_client(const struct loads *l, uint32_t load) {
  return owners_next(&l->by_client, load);
}

const char *loads_check(const struct loads *l) {
  for (uint32_t i = slab_next(&l->all, 0); i != SLAB_NONE; i = slab_next(&l->all, i + 1)) {
    const struct load *k = loads_at(l, i);
    if (k->settled > counts_at(&l->collections, k->client))
      return "loads: a shadow of a collection that has not been";
    if (k->shadow > k->held) return "loads: a shadow above its load";
    if (k->weight_shadow > k->weight) return "loads: the shadow of a weight above it";
    if (loads_find(l, k->host, k->client) != i) return "loads: a record is not found by its pair";
    if (k->host == k->client && k->held) return "loads: a host is charged for its own tokens";
  }
  return l->by_pair.count == l->all.count ? NULL
                                          : "loads: the hash table has another number of records";
}
