/* SPDX-License-Identifier: MIT
 *
 * Holdings: the foreign tokens the broker counts us as a holder of. A holding
 * with users == 0 and pending == 0 is in the queue of releases, no other is;
 * gj_write_releases sends what is in the queue and ends those holdings.
 * A holding with count == 0 and CLAIM_NONE stands for claims under way: it never gets into the
 * queue, and its stamp and kind are guesses of theirs; from count 1 on they are the token's. One
 * with another claim (returning.h) has its stamp from an earlier broker. It is in the queue, when
 * nobody uses it, to end with it; it gives nothing back.
 */
#include <assert.h>
#include <stdlib.h>

#include "client-lib/internal.h"

/* Ids of one host stay in their order and so in their runs. The seed keeps hosts that act together
 * from choosing ids that give one key. */
static uint64_t holding_key(const gaijin *g, uint64_t host, uint64_t id) {
  return mix64(host ^ g->seed) + id;
}

gaijin_holding *gj_holding_lookup(const gaijin *g, uint64_t host, uint64_t id) {
  uint64_t key = holding_key(g, host, id);
  for (struct table_node *n = table_find(&g->holdings, key); n; n = table_match(n->next, key)) {
    gaijin_holding *h = container_of(n, gaijin_holding, node);
    if (h->pt.host == host && h->pt.id == id) return h;
  }
  return NULL;
}

static gaijin_holding *holding_new(gaijin *g, const struct pt *pt) {
  struct host *host = gj_host_get(g, pt->host);
  gaijin_holding *h = host ? malloc(sizeof *h) : NULL; /* calloc takes four times as long */
  if (!h) return NULL;
  *h = (gaijin_holding){.pt = *pt, .host = host};
  gj_host_refer(g, host);
  list_init(&h->release);
  gj_table_insert(&g->holdings, &h->node, holding_key(g, pt->host, pt->id));
  return h;
}

static void unqueue(gaijin *g, gaijin_holding *h) {
  if (list_empty(&h->release)) return;
  assert(g->n_releases > 0);
  list_remove(&h->release);
  g->n_releases--;
}

void gj_holding_free(gaijin *g, gaijin_holding *h) {
  assert(!h->users && !h->pending);
  unqueue(g, h);
  gj_table_remove(&g->holdings, &h->node);
  gj_host_unrefer(g, h->host);
  free(h);
}

/* Queues the release of a holding that nobody uses any more. No allocation. */
static void settle(gaijin *g, gaijin_holding *h) {
  if (h->users || h->pending || !list_empty(&h->release)) return;
  assert(h->count > 0 || h->claim == CLAIM_GONE);
  list_append(&g->releases, &h->release);
  g->n_releases++;
}

bool gj_holding_fits(const gaijin_holding *h, const struct pt *pt) {
  return (!h->count && h->claim == CLAIM_NONE) || pt_equal(&h->pt, pt);
}

static void count_one(gaijin_holding *h, const struct pt *pt) {
  assert(gj_holding_fits(h, pt));
  h->pt = *pt;
  h->count++;
  if (h->claim != CLAIM_GONE) return;
  h->claim = CLAIM_NONE; /* its host was dead to us only */
  h->was_gone = true;
}

const char gj_no_memory[] = "memory is too short to hold what it sent";

gaijin_holding *gj_holding_arrive(gaijin *g, const struct pt *pt, const char **fault) {
  gaijin_holding *h = gj_holding_lookup(g, pt->host, pt->id);
  if (!h && !(h = holding_new(g, pt))) {
    *fault = gj_no_memory;
    return NULL;
  }
  if (!gj_holding_fits(h, pt)) {
    *fault = "it sent one token with two stamps or kinds";
    return NULL;
  }
  count_one(h, pt);
  h->pending++;
  unqueue(g, h);
  return h;
}

/* One that only a claim of the program's has made ends with that claim. */
static void settle_claim(gaijin *g, gaijin_holding *h) {
  if (h->count || h->claim != CLAIM_NONE)
    settle(g, h);
  else if (!h->pending)
    gj_holding_free(g, h);
}

void gj_holding_unpend(gaijin *g, gaijin_holding *h) {
  assert(h && h->pending > 0);
  h->pending--;
  settle(g, h);
}

void gj_holding_unarrive(gaijin *g, gaijin_holding *h) {
  assert(h && h->pending > 0 && h->count > 0);
  h->count--;
  h->pending--;
  if (!h->count && h->was_gone) h->claim = CLAIM_GONE;
  settle_claim(g, h);
}

gaijin_holding *gj_holding_claim(gaijin *g, const struct pt *pt) {
  gaijin_holding *h = gj_holding_lookup(g, pt->host, pt->id);
  if (!h) h = holding_new(g, pt);
  if (!h) return NULL;
  h->pending++;
  unqueue(g, h);
  return h;
}

void gj_holding_granted(gaijin_holding *h, const struct pt *pt) {
  assert(h->pending > 0);
  count_one(h, pt);
}

void gj_holding_claimed(gaijin *g, gaijin_holding *h, bool used) {
  /* Granted by a broker that has gone since, it may have count 0. */
  assert(h->pending > 0 && (h->count || h->claim != CLAIM_NONE || !used));
  if (used) h->users++;
  h->pending--;
  settle_claim(g, h);
}

void gaijin_hold(gaijin *g, gaijin_holding *h) {
  assert(h->count > 0 || h->claim != CLAIM_NONE);
  h->users++;
  unqueue(g, h);
}

void gaijin_let_go(gaijin *g, gaijin_holding *h) {
  assert(h->users > 0);
  h->users--;
  settle(g, h);
}

struct gaijin_pt gaijin_holding_pt(const gaijin_holding *h) { return gj_pt_public(&h->pt); }

gaijin_holding *gaijin_holding_find(const gaijin *g, const struct gaijin_pt *pt) {
  struct pt wire = gj_pt_wire(pt);
  gaijin_holding *h = gj_holding_lookup(g, pt->host, pt->id);
  return h && (h->count || h->claim != CLAIM_NONE) && pt_equal(&h->pt, &wire) ? h : NULL;
}

uint32_t gaijin_holding_pending(const gaijin_holding *h) { return h->pending; }
uint32_t gaijin_holding_users(const gaijin_holding *h) { return h->users; }

size_t gaijin_holding_count(const gaijin *g) { return g->holdings.count; }
size_t gaijin_releases(const gaijin *g) { return g->n_releases; }

void gj_holding_free_all(gaijin *g) {
  struct table_node *n;
  while ((n = gj_table_take(&g->holdings))) free(container_of(n, gaijin_holding, node));
}
