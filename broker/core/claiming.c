/* SPDX-License-Identifier: MIT
 *
 * A place is decided like the delivery of a message with one PT (ops/holdings.c does the same with
 * `sub`).
 */
#include "broker/core/claiming.h"

#include <assert.h>

#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "broker/core/transfer.h"
#include "broker/net/limits.h"

enum decision { GRANTED, REFUSED, FORGED, OWN, WAITS };

static enum decision judge(const struct broker *b, const struct client *from, const struct pt *pt,
                           uint32_t *host, uint32_t *token, uint32_t *absent) {
  *host = hosts_find(&b->hosts, pt->host);
  if (*host == SLAB_NONE) {
    *absent = absents_find(&b->grace.absents, pt->host);
    return *absent == SLAB_NONE ? REFUSED : WAITS;
  }
  if (*host == from->host) return OWN;
  const struct client *of = hosts_at(&b->hosts, *host)->client;
  if (!of || of->state != CLIENT_READY) return REFUSED;
  if (of->absent != SLAB_NONE) {
    *absent = of->absent;
    return WAITS;
  }
  switch (refs_find(&b->refs, *host, pt, token)) {
    case REFS_OK: return GRANTED;
    case REFS_MISMATCH: return FORGED;
    default: return REFUSED;
  }
}

static void grant(struct client *to, const struct pt *pt, uint32_t host, uint32_t token) {
  struct transfer t;
  transfer_set(to, &t, pt, host, token);
  transfer_give(to->broker, &t, to, to->account, to);
  transfer_settle(to->broker, &t, to);
}

bool claiming_place(struct client *from, uint32_t claim, uint32_t place, const struct pt *pt) {
  struct claims *claims = &from->broker->grace.claims;
  uint32_t host, token, absent;
  switch (judge(from->broker, from, pt, &host, &token, &absent)) {
    case GRANTED: grant(from, pt, host, token); break;
    case WAITS:
      if (!claims_wait(claims, claim, &(struct claim_place){*pt, place, absent}))
        client_condemn(from, "memory is too short for what it claims");
      break;
    case OWN: client_fault(from, "it claimed an object of its own"); break;
    case FORGED:
      claims_refuse(claims, claim, place);
      client_forged(from, "it claimed a token with a wrong stamp");
      break;
    case REFUSED: claims_refuse(claims, claim, place); break;
  }
  return from->state == CLIENT_READY;
}

void claiming_answer(struct broker *b, uint32_t claim) {
  const struct claim *k = claims_at(&b->grace.claims, claim);
  if (k->runs != SLAB_NONE) return;
  struct client *to = hosts_at(&b->hosts, k->client)->client;
  if (to && to->state == CLIENT_READY && k->request) {
    struct pack *p = notify_begin(b, MESSAGE_REPLY, OP_claim, k->request, k->refused_count);
    for (uint32_t place = 1; place <= RETURNED_MOST; place++)
      if (claims_is_refused(k, place)) pack_uint(p, place);
    notify_send(b, to);
  }
  claims_remove(&b->grace.claims, claim);
}

bool claiming_seal(struct client *from, uint32_t claim) {
  struct grace *g = &from->broker->grace;
  bool good;
  if (from->state != CLIENT_READY) return false;
  const struct claim *k = claims_at(&g->claims, claim);
  /* No limit of what it may hold: the broker before this one gave it all that, and others may have
   * paid. */
  if (k->count && !limits_have_memory(&from->connections->accounts, from->account, 0)) {
    client_fault(from, "what it claims and waits for is more than there is memory for "
                       "(--max-memory)");
    return false;
  }
  from->claimed += claims_seal(&g->claims, claim, &g->absents, &good);
  if (!good) client_condemn(from, "memory is too short for what it claims");
  return good;
}

/* Nobody waits for an absent one that is settled: so the place is decided now. */
static void decide(struct broker *b, uint32_t run) {
  struct claims *claims = &b->grace.claims;
  uint32_t claim = claims_run_at(claims, run)->claim;
  struct client *from = hosts_at(&b->hosts, claims_at(claims, claim)->client)->client;
  struct claim_place k = claims_take(claims, run, &b->grace.absents);
  assert(from && from->claimed > 0);
  from->claimed--;
  if (from->state == CLIENT_READY) claiming_place(from, claim, k.place, &k.pt);
  claiming_answer(b, claim);
}

bool claiming_decide(struct broker *b, uint32_t *left) {
  const struct absent *of = absents_at(&b->grace.absents, b->grace.absents.first_settled);
  for (; *left && of->claims != SLAB_NONE; --*left) decide(b, of->claims);
  return of->claims == SLAB_NONE;
}

bool claiming_end_one(struct client *c) {
  struct grace *g = &c->broker->grace;
  uint32_t claim = claims_first_of_client(&g->claims, c->host);
  if (claim == SLAB_NONE) return false;
  uint32_t run = claims_at(&g->claims, claim)->runs;
  if (run != SLAB_NONE) c->claimed -= claims_drop_run(&g->claims, run, &g->absents);
  if (claims_at(&g->claims, claim)->runs == SLAB_NONE) claims_remove(&g->claims, claim);
  return true;
}
