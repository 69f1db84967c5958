/* SPDX-License-Identifier: MIT
 *
 * A dead holder is a job until it has given everything back, and has forgotten whom it knew; and
 * once more, when nobody holds anything of it, until all who knew it have been forgotten. Who holds
 * something or knows somebody has its record (forget_if_unused), and with it the job. Others
 * may take the last of both from it between two slices: its record stays until the next one.
 */
#include "broker/core/releases.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/core/notify.h"
#include "broker/core/way.h"
#include "proto/base.h"

static bool knows_any(const struct broker *b, uint32_t host) {
  return loads_first_of_client(&b->loads, host) != SLAB_NONE;
}

/* The one place where a dead host is forgotten. Called whenever it may have lost the last token
 * that others hold of it, the last one it held itself, the last hold of another that it pays, or
 * the last host that it knew; a host that lives, or has any, stays, and so does one whose job is to
 * come to it. */
static void forget_if_unused(struct broker *b, uint32_t host) {
  const struct host *h = hosts_at(&b->hosts, host);
  if (h->client || job_is_queued(&h->giving_back) || refs_export_count(&b->refs, host) > 0 ||
      refs_held_count(&b->refs, host) > 0 || knows_any(b, host) ||
      accounts_of(&b->connections.accounts, host)->used[ACCOUNT_HELD] > 0)
    return;
  uint32_t n = loads_forget_host(&b->loads, host, RELEASES_FORGET_SLICE);
  work_charge(&b->work, (uint64_t)n * RELEASES_FORGET_COST);
  if (loads_first_of_host(&b->loads, host) != SLAB_NONE) {
    releases_go_on(b, host); /* many knew it */
    return;
  }
  accounts_unbind(&b->connections.accounts, host);
  hosts_remove(&b->hosts, host);
}

/* ---- Drops ---- */

/* One who has ended paid for what another has given back: its record is looked at when the drops
 * are sent, because others of them may be its own tokens'. */
static void note_payer(struct broker *b, struct drops *d, uint32_t payer) {
  assert(d->count < DROPS_MOST);
  if (!hosts_at(&b->hosts, payer)->client) d->list[d->count++] = (struct refs_drop){.host = payer};
}

bool releases_give_back(struct broker *b, struct drops *d, uint32_t token, uint32_t client,
                        uint64_t count) {
  /* Room for the payer and the token, which are there as long as nothing was given back. */
  if (d->count + 2 > DROPS_MOST) releases_send(b, d);
  const struct token *t = refs_token(&b->refs, token);
  uint32_t host = t->host, weight = t->weight, payer;
  uint64_t id = t->id;
  struct client *c = hosts_at(&b->hosts, client)->client;
  switch (refs_release(&b->refs, token, client, count, &payer)) {
    case REFS_OK: return true;
    case REFS_LAST: break;
    default: return false;
  }
  if (c) way_forget(c, host, id);
  uint32_t load = loads_find(&b->loads, host, client);
  if (weight) loads_take_weight(&b->loads, load, weight);
  loads_lower(&b->loads, load);
  if (!hosts_at(&b->hosts, host)->client) {
    assert(accounts_of(&b->connections.accounts, client)->left > 0);
    accounts_of(&b->connections.accounts, client)->left--;
  }
  if (payer != client) note_payer(b, d, payer);
  releases_settle(b, d, token);
  return true;
}

void releases_settle(struct broker *b, struct drops *d, uint32_t token) {
  if (d->count == DROPS_MOST) releases_send(b, d);
  assert(d->count < DROPS_MOST);
  if (refs_settle(&b->refs, token, &d->list[d->count])) d->count++;
}

static int by_host(const void *left, const void *right) {
  const struct refs_drop *l = left, *r = right;
  return (l->host > r->host) - (l->host < r->host);
}

static bool several_hosts(const struct drops *d) {
  for (uint32_t i = 1; i < d->count; i++)
    if (d->list[i].host != d->list[0].host) return true;
  return false;
}

/* `n` drops of one host. */
static void send_to_host(struct broker *b, const struct refs_drop *drops, uint32_t n,
                         struct account *payer) {
  struct client *to = hosts_at(&b->hosts, drops[0].host)->client;
  if (!to) {
    forget_if_unused(b, drops[0].host);
    return;
  }
  struct pack *p = notify_begin(b, MESSAGE_NOTICE, OP_drop, 0, 2 * n);
  for (uint32_t i = 0; i < n; i++) {
    pack_uint(p, drops[i].id);
    pack_uint(p, drops[i].seen);
  }
  notify_send_paid(b, to, payer);
}

void releases_send(struct broker *b, struct drops *d) {
  if (several_hosts(d)) qsort(d->list, d->count, sizeof d->list[0], by_host);
  for (uint32_t i = 0, n; i < d->count; i += n) {
    for (n = 1; i + n < d->count && d->list[i + n].host == d->list[i].host; n++) continue;
    send_to_host(b, &d->list[i], n, d->payer);
  }
  d->count = 0;
}

/* ---- Dead holders ---- */

/* Gives back what a dead host held, and forgets whom it knew, so much as one slice allows; true
 * when nothing is left. */
static bool give_slice_back(struct broker *b, uint32_t host) {
  struct drops d;
  uint32_t i, n = 0;
  assert(!hosts_at(&b->hosts, host)->client);
  releases_begin(&d, accounts_of(&b->connections.accounts, host));
  for (; (i = refs_first_held(&b->refs, host)) != SLAB_NONE && n < RELEASES_SLICE; n++) {
    const struct hold *h = refs_hold_at(&b->refs, i);
    releases_give_back(b, &d, h->token, host, h->count);
  }
  releases_send(b, &d);
  uint32_t units = n * RELEASE_COST;
  if (i == SLAB_NONE)
    units += RELEASES_FORGET_COST *
             loads_forget_client(&b->loads, host, (WORK_QUANTUM - units) / RELEASES_FORGET_COST);
  work_charge(&b->work, units);
  if (i != SLAB_NONE || knows_any(b, host)) return false;
  forget_if_unused(b, host);
  return true;
}

static bool go_on(struct work *w, struct job *j) {
  struct broker *b = container_of(w, struct broker, work);
  uint32_t host = hosts_find(&b->hosts, container_of(j, struct host, giving_back)->id);
  assert(host != SLAB_NONE); /* whose job is queued has its record */
  return !give_slice_back(b, host);
}

void releases_go_on(struct broker *b, uint32_t host) {
  work_add(&b->work, &hosts_at(&b->hosts, host)->giving_back, go_on);
}

void releases_host_died(struct broker *b, uint32_t host) {
  bool may_begin = !work_is_spent(&b->work) || refs_held_count(&b->refs, host) == 0;
  loads_note_leaving(&b->loads, host);
  if (may_begin && give_slice_back(b, host)) return;
  assert(refs_held_count(&b->refs, host) > 0 || knows_any(b, host));
  releases_go_on(b, host);
}
