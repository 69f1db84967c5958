/* SPDX-License-Identifier: MIT
 *
 * Two slabs; a place is in two lists.
 */
#include "broker/books/claims.h"

#include <assert.h>
#include <stddef.h>

void claims_init(struct claims *c) {
  *c = (struct claims){0};
  slab_init(&c->all, sizeof(struct claim));
  slab_init(&c->places, sizeof(struct claim_place));
  owners_init(&c->by_client, &c->all, offsetof(struct claim, of_client));
}

void claims_deinit(struct claims *c) {
  owners_deinit(&c->by_client);
  slab_deinit(&c->all);
  slab_deinit(&c->places);
  *c = (struct claims){0};
}

void claims_charge(struct claims *c, struct accounts *accounts) { c->accounts = accounts; }

/* Of the account of a claim's client. */
static void charge(struct claims *c, uint32_t claim, uint64_t bytes) {
  if (!c->accounts) return;
  struct account *k = accounts_of(c->accounts, claims_at(c, claim)->client);
  account_charge(c->accounts, k, ACCOUNT_OTHER, bytes);
}
static void discharge(struct claims *c, uint32_t claim, uint64_t bytes) {
  if (!c->accounts) return;
  struct account *k = accounts_of(c->accounts, claims_at(c, claim)->client);
  account_discharge(c->accounts, k, ACCOUNT_OTHER, bytes);
}

uint32_t claims_add(struct claims *c, uint32_t client, uint64_t request) {
  if (!owners_reserve(&c->by_client, client)) return SLAB_NONE;
  uint32_t i = slab_add(&c->all);
  if (i == SLAB_NONE) return i;
  *claims_at(c, i) =
      (struct claim){.request = request, .client = client, .waiting = SLAB_NONE};
  owners_add(&c->by_client, client, i);
  charge(c, i, sizeof(struct claim));
  return i;
}

bool claims_wait(struct claims *c, uint32_t claim, uint32_t place, const struct pt *pt,
                 uint32_t absent, uint32_t *head) {
  assert(place >= 1 && place <= RETURNED_MOST);
  uint32_t i = slab_add(&c->places);
  if (i == SLAB_NONE) return false;
  *claims_place_at(c, i) =
      (struct claim_place){.pt = *pt, .claim = claim, .place = place, .absent = absent};
  list_add(&c->places, offsetof(struct claim_place, of_absent), head, i);
  list_add(&c->places, offsetof(struct claim_place, of_claim), &claims_at(c, claim)->waiting, i);
  charge(c, claim, sizeof(struct claim_place));
  return true;
}

void claims_refuse(struct claims *c, uint32_t claim, uint32_t place) {
  struct claim *k = claims_at(c, claim);
  uint64_t bit = UINT64_C(1) << place % 64;
  assert(place >= 1 && place <= RETURNED_MOST && !claims_is_refused(k, place));
  k->refused[place / 64] |= bit;
  k->refused_count++;
}

void claims_decided(struct claims *c, uint32_t place, uint32_t *head) {
  uint32_t claim = claims_place_at(c, place)->claim;
  list_remove(&c->places, offsetof(struct claim_place, of_absent), head, place);
  list_remove(&c->places, offsetof(struct claim_place, of_claim), &claims_at(c, claim)->waiting,
              place);
  slab_remove(&c->places, place);
  discharge(c, claim, sizeof(struct claim_place));
}

void claims_remove(struct claims *c, uint32_t claim) {
  assert(claims_at(c, claim)->waiting == SLAB_NONE);
  discharge(c, claim, sizeof(struct claim));
  owners_remove(&c->by_client, claims_at(c, claim)->client, claim);
  slab_remove(&c->all, claim);
}

uint32_t claims_first_of_client(const struct claims *c, uint32_t client) {
  return owners_first(&c->by_client, client);
}
uint32_t claims_next_of_absent(const struct claims *c, uint32_t place) {
  return list_next(&c->places, offsetof(struct claim_place, of_absent), place);
}
uint32_t claims_next_of_claim(const struct claims *c, uint32_t place) {
  return list_next(&c->places, offsetof(struct claim_place, of_claim), place);
}

const char *claims_check(const struct claims *c) {
  uint32_t places = 0;
  for (uint32_t i = slab_next(&c->all, 0); i != SLAB_NONE; i = slab_next(&c->all, i + 1)) {
    const struct claim *k = claims_at(c, i);
    uint32_t refused = 0;
    if (k->waiting == SLAB_NONE) return "claims: one that waits for nobody";
    for (uint32_t p = k->waiting; p != SLAB_NONE; p = claims_next_of_claim(c, p), places++)
      if (!slab_live(&c->places, p) || claims_place_at(c, p)->claim != i)
        return "claims: a place in the list of another claim";
    for (uint32_t p = 1; p <= RETURNED_MOST; p++) refused += claims_is_refused(k, p);
    if (refused != k->refused_count) return "claims: another number of places is refused";
  }
  return places == c->places.count ? NULL : "claims: a place of no claim";
}
