/* SPDX-License-Identifier: MIT
 *
 * Two slabs, and an array for each claim that waits; a run is in two lists.
 */
#include "broker/books/claims.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

void claims_init(struct claims *c) {
  *c = (struct claims){0};
  slab_init(&c->all, sizeof(struct claim));
  slab_init(&c->runs, sizeof(struct claim_run));
  owners_init(&c->by_client, &c->all, offsetof(struct claim, of_client));
}

void claims_deinit(struct claims *c) {
  if (c->all.count)
    for (uint32_t i = slab_next(&c->all, 0); i != SLAB_NONE; i = slab_next(&c->all, i + 1))
      free(claims_at(c, i)->places);
  owners_deinit(&c->by_client);
  slab_deinit(&c->all);
  slab_deinit(&c->runs);
  *c = (struct claims){0};
}

void claims_charge(struct claims *c, struct accounts *accounts) { c->accounts = accounts; }

static void charge(struct claims *c, const struct claim *k, uint64_t bytes) {
  c->bytes += bytes;
  if (c->accounts)
    account_charge(c->accounts, accounts_of(c->accounts, k->client), ACCOUNT_OTHER, bytes);
}
static void discharge(struct claims *c, const struct claim *k, uint64_t bytes) {
  assert(c->bytes >= bytes);
  c->bytes -= bytes;
  if (c->accounts)
    account_discharge(c->accounts, accounts_of(c->accounts, k->client), ACCOUNT_OTHER, bytes);
}

static uint64_t bytes_of(const struct claim *k) {
  return sizeof *k + (k->places ? k->room * sizeof *k->places : 0);
}

uint32_t claims_add(struct claims *c, uint32_t client, uint64_t request, uint32_t room) {
  assert(room <= RETURNED_MOST);
  if (!owners_reserve(&c->by_client, client)) return SLAB_NONE;
  uint32_t i = slab_add(&c->all);
  if (i == SLAB_NONE) return i;
  *claims_at(c, i) =
      (struct claim){.request = request, .client = client, .room = room, .runs = SLAB_NONE};
  owners_add(&c->by_client, client, i);
  charge(c, claims_at(c, i), sizeof(struct claim));
  return i;
}

bool claims_wait(struct claims *c, uint32_t claim, const struct claim_place *place) {
  struct claim *k = claims_at(c, claim);
  assert(place->place >= 1 && place->place <= k->room && k->count < k->room);
  if (!k->places) {
    k->places = malloc(k->room * sizeof *k->places);
    if (!k->places) return false;
    charge(c, k, k->room * sizeof *k->places);
  }
  k->places[k->count++] = *place;
  return true;
}

static int by_absent(const void *left, const void *right) {
  const struct claim_place *l = left, *r = right;
  return (l->absent > r->absent) - (l->absent < r->absent);
}

static bool add_run(struct claims *c, uint32_t claim, struct absents *absents, uint32_t first,
                    uint32_t count) {
  struct claim *k = claims_at(c, claim);
  uint32_t i = slab_add(&c->runs), absent = k->places[first].absent;
  if (i == SLAB_NONE) return false;
  *claims_run_at(c, i) =
      (struct claim_run){.claim = claim, .absent = absent, .first = first, .count = count};
  list_add(&c->runs, offsetof(struct claim_run, of_claim), &k->runs, i);
  list_add(&c->runs, offsetof(struct claim_run, of_absent), &absents_at(absents, absent)->claims,
           i);
  charge(c, k, sizeof(struct claim_run));
  return true;
}

uint32_t claims_seal(struct claims *c, uint32_t claim, struct absents *absents, bool *good) {
  const struct claim *k = claims_at(c, claim);
  uint32_t i = 0, end;
  *good = true;
  if (k->count == 0) return 0;
  qsort(k->places, k->count, sizeof *k->places, by_absent);
  for (; i < k->count; i = end) {
    for (end = i + 1; end < k->count && k->places[end].absent == k->places[i].absent; end++)
      continue;
    *good = add_run(c, claim, absents, i, end - i);
    if (!*good) break;
  }
  return i;
}

void claims_refuse(struct claims *c, uint32_t claim, uint32_t place) {
  struct claim *k = claims_at(c, claim);
  assert(place >= 1 && place <= RETURNED_MOST && !claims_is_refused(k, place));
  k->refused[place / 64] |= UINT64_C(1) << place % 64;
  k->refused_count++;
}

uint32_t claims_drop_run(struct claims *c, uint32_t run, struct absents *absents) {
  const struct claim_run *r = claims_run_at(c, run);
  struct claim *k = claims_at(c, r->claim);
  uint32_t count = r->count;
  list_remove(&c->runs, offsetof(struct claim_run, of_absent),
              &absents_at(absents, r->absent)->claims, run);
  list_remove(&c->runs, offsetof(struct claim_run, of_claim), &k->runs, run);
  slab_remove(&c->runs, run);
  discharge(c, k, sizeof(struct claim_run));
  return count;
}

struct claim_place claims_take(struct claims *c, uint32_t run, struct absents *absents) {
  struct claim_run *r = claims_run_at(c, run);
  assert(r->count > 0);
  struct claim_place place = claims_at(c, r->claim)->places[r->first++];
  if (--r->count == 0) claims_drop_run(c, run, absents);
  return place;
}

void claims_remove(struct claims *c, uint32_t claim) {
  struct claim *k = claims_at(c, claim);
  assert(k->runs == SLAB_NONE);
  discharge(c, k, bytes_of(k));
  free(k->places);
  owners_remove(&c->by_client, k->client, claim);
  slab_remove(&c->all, claim);
}

uint32_t claims_first_of_client(const struct claims *c, uint32_t client) {
  return owners_first(&c->by_client, client);
}
uint32_t claims_next_of_absent(const struct claims *c, uint32_t run) {
  return list_next(&c->runs, offsetof(struct claim_run, of_absent), run);
}
uint32_t claims_next_of_claim(const struct claims *c, uint32_t run) {
  return list_next(&c->runs, offsetof(struct claim_run, of_claim), run);
}

static const char *check_claim(const struct claims *c, uint32_t claim, uint32_t *runs) {
  const struct claim *k = claims_at(c, claim);
  uint32_t refused = 0;
  if (k->runs == SLAB_NONE) return "claims: one that waits for nobody";
  for (uint32_t r = k->runs; r != SLAB_NONE; r = claims_next_of_claim(c, r), ++*runs) {
    const struct claim_run *run = claims_run_at(c, r);
    if (!slab_live(&c->runs, r) || run->claim != claim)
      return "claims: a run in the list of another claim";
    if (run->count == 0 || run->first + run->count > k->count)
      return "claims: a run of places that are not there";
    for (uint32_t i = run->first; i < run->first + run->count; i++)
      if (k->places[i].absent != run->absent) return "claims: a place waits for another one";
  }
  for (uint32_t p = 1; p <= RETURNED_MOST; p++) refused += claims_is_refused(k, p);
  return refused == k->refused_count ? NULL : "claims: another number of places is refused";
}

const char *claims_check(const struct claims *c) {
  uint32_t runs = 0;
  uint64_t bytes = 0;
  for (uint32_t i = slab_next(&c->all, 0); i != SLAB_NONE; i = slab_next(&c->all, i + 1)) {
    const char *fault = check_claim(c, i, &runs);
    if (fault) return fault;
    bytes += bytes_of(claims_at(c, i));
  }
  if (runs != c->runs.count) return "claims: a run of no claim";
  return bytes + runs * sizeof(struct claim_run) == c->bytes ? NULL
                                                             : "claims: other bytes are charged";
}
