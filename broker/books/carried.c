/* SPDX-License-Identifier: MIT
 *
 * A record that is read is complete before it enters a table. Numbers of hosts that need not be
 * there any more (call.from) are numbers like others.
 */
#include "broker/books/carried.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "broker/base/accounts_carried.h"
#include "proto/name.h"

#define carry_host(s, hosts, host, or_none) sheet_index(s, &(hosts)->all, host, or_none)

/* Tables with a place for each host or name grow with the largest index. So many connections and
 * ended ones there cannot have been at a time, by far. */
enum { HOSTS_MOST = 1 << 22 };

/* What follows is read of this host or name: false, with a fault, if there cannot be such a one. */
static bool may_be_host(struct sheet *s, uint32_t index) {
  if (index >= HOSTS_MOST) sheet_fail(s, "a host or name has a number that is too large");
  return !s->fault;
}

static void short_of_memory(struct sheet *s) { sheet_fail(s, "memory is too short"); }

/* ---- Hosts ---- */

void hosts_carry(struct hosts *h, struct accounts *a, struct sheet *s) {
  sheet_mark(s, 'H');
  for (uint32_t i = SLAB_NONE; sheet_item(s, &h->all, &i) && may_be_host(s, i);) {
    struct host *k = hosts_at(h, i);
    struct account *account = s->writes ? accounts_of(a, i) : NULL;
    SHEET(s, k->id);
    SHEET(s, k->observer);
    SHEET(s, k->succeeded);
    sheet_text(s, k->name, sizeof k->name);
    SHEET(s, k->standing.named); /* rules are found anew */
    sheet_account(s, a, &account, false);
    if (s->writes || s->fault) continue;
    if (!k->id || account->level != ACCOUNT_CONNECTION || account->is_bound)
      sheet_fail(s, "a host has no number, or another's account");
    else if (!accounts_bind(a, i, account))
      short_of_memory(s);
    else
      chain_add(&h->by_id, i);
  }
}

/* ---- Waits ---- */

static void enter_wait(struct waits *w, uint32_t i, struct sheet *s) {
  const struct wait *k = waits_at(w, i);
  if (!owners_reserve(&w->by_subject, k->subject) || !owners_reserve(&w->by_client, k->client)) {
    short_of_memory(s);
    return;
  }
  owners_add(&w->by_subject, k->subject, i);
  owners_add(&w->by_client, k->client, i);
  chain_add(&w->by_request, i);
}

void waits_carry(struct waits *w, const struct hosts *hosts, const struct slab *subjects,
                 uint32_t each, struct sheet *s) {
  sheet_mark(s, 'W');
  for (uint32_t i = SLAB_NONE; sheet_item(s, &w->all, &i);) {
    struct wait *k = waits_at(w, i);
    SHEET(s, k->request);
    SHEET(s, k->subject);
    carry_host(s, hosts, &k->client, false);
    if (!slab_live(subjects, k->subject / each)) sheet_fail(s, "a wait for nothing");
    if (!s->writes && !s->fault) enter_wait(w, i, s);
  }
}

/* ---- Names ---- */

static void enter_name(struct names *n, uint32_t i, struct sheet *s) {
  const struct name *k = names_at(n, i);
  if (k->size > NAME_MAX_BYTES || name_fault(k->text, k->size)) {
    sheet_fail(s, "a name that no worker can have");
    return;
  }
  chain_add(&n->by_text, i);
  if (k->host != SLAB_NONE && k->host == k->successor) sheet_fail(s, "one who succeeds itself");
  for (unsigned n_of = 0; n->accounts && n_of < 2; n_of++) {
    uint32_t host = n_of ? k->successor : k->host;
    if (host != SLAB_NONE)
      account_charge(n->accounts, accounts_of(n->accounts, host), ACCOUNT_NAMES, 1);
  }
}

void names_carry(struct names *n, const struct hosts *hosts, struct sheet *s) {
  sheet_mark(s, 'N');
  for (uint32_t i = SLAB_NONE; sheet_item(s, &n->all, &i) && may_be_host(s, i);) {
    struct name *k = names_at(n, i);
    carry_host(s, hosts, &k->host, true);
    carry_host(s, hosts, &k->successor, true);
    SHEET(s, k->ready);
    SHEET(s, k->size);
    if (k->size > NAME_MAX_BYTES) k->size = 0;
    sheet_bytes(s, k->text, k->size);
    if (!s->writes && !s->fault) enter_name(n, i, s);
  }
  waits_carry(&n->watches, hosts, &n->all, NAMES_EVENTS, s);
}

/* ---- References ---- */

static void enter_token(struct refs *r, uint32_t i, struct sheet *s) {
  struct token *k = refs_token(r, i);
  k->holds = SLAB_NONE;
  if (!counts_reserve(&r->exports, k->host)) {
    short_of_memory(s);
    return;
  }
  ++*counts_place(&r->exports, k->host);
  chain_add(&r->token_by_id, i);
  if (r->accounts)
    account_charge(r->accounts, accounts_of(r->accounts, k->host), ACCOUNT_EXPORTED, 1);
}

static void enter_hold(struct refs *r, uint32_t i, struct sheet *s) {
  struct hold *k = refs_hold_at(r, i);
  if (!k->count || k->client == refs_token(r, k->token)->host) {
    sheet_fail(s, "a holding of one's own object, or of none");
    return;
  }
  if (!owners_reserve(&r->held, k->client)) {
    short_of_memory(s);
    return;
  }
  list_add(&r->holds, offsetof(struct hold, of_token), &refs_token(r, k->token)->holds, i);
  owners_add(&r->held, k->client, i);
  chain_add(&r->hold_by_pair, i);
  if (r->accounts)
    accounts_hold(r->accounts, accounts_of(r->accounts, k->payer),
                  accounts_of(r->accounts, k->client));
}

void refs_carry(struct refs *r, const struct hosts *hosts, struct sheet *s) {
  uint32_t tokens = r->tokens.count, holds = r->holds.count;
  sheet_mark(s, 'R');
  SHEET(s, tokens);
  SHEET(s, holds);
  if (!s->writes && tokens <= sheet_left(s) && holds <= sheet_left(s)) {
    chain_expect(&r->token_by_id, tokens);
    chain_expect(&r->hold_by_pair, holds);
  }
  for (uint32_t i = SLAB_NONE; sheet_item(s, &r->tokens, &i);) {
    struct token *k = refs_token(r, i);
    SHEET(s, k->id);
    SHEET(s, k->stamp);
    SHEET(s, k->seen);
    carry_host(s, hosts, &k->host, false);
    SHEET(s, k->made);
    SHEET(s, k->weight);
    SHEET(s, k->kind);
    SHEET(s, k->last);
    SHEET(s, k->mark);
    if (k->mark & ~TOKEN_CONDEMNED) sheet_fail(s, "a token is on trial");
    if (!s->writes && !s->fault) enter_token(r, i, s);
  }
  for (uint32_t i = SLAB_NONE; sheet_item(s, &r->holds, &i);) {
    struct hold *k = refs_hold_at(r, i);
    SHEET(s, k->count);
    sheet_index(s, &r->tokens, &k->token, false);
    carry_host(s, hosts, &k->client, false);
    carry_host(s, hosts, &k->payer, false);
    SHEET(s, k->since);
    if (!s->writes && !s->fault) enter_hold(r, i, s);
  }
}

/* ---- Loads ---- */

static void carry_window(struct sheet *s, struct window *w) {
  SHEET(s, w->requests);
  SHEET(s, w->bytes);
}

static void enter_load(struct loads *l, uint32_t i, struct sheet *s) {
  const struct load *k = loads_at(l, i);
  if (k->client >= l->collections.capacity) {
    sheet_fail(s, "a load of one whose collections are not counted");
    return;
  }
  if (!owners_reserve(&l->by_host, k->host) || !owners_reserve(&l->told, k->host) ||
      !owners_reserve(&l->by_client, k->client)) {
    short_of_memory(s);
    return;
  }
  owners_add(&l->by_host, k->host, i);
  owners_add(&l->by_client, k->client, i);
  chain_add(&l->by_pair, i);
  if (k->payer) account_charge(l->accounts, k->payer, ACCOUNT_OTHER, l->bytes);
}

/* Counted on over all who ever had a number: by number. */
static void carry_collections(struct loads *l, struct sheet *s) {
  uint32_t capacity = l->collections.capacity;
  SHEET(s, capacity);
  if (!s->writes && capacity > sheet_left(s))
    sheet_fail(s, "collections are counted of more than there can be");
  if (!s->writes && capacity && !s->fault && !counts_reserve(&l->collections, capacity - 1)) {
    short_of_memory(s);
    return;
  }
  for (uint32_t i = 0; i < capacity && !s->fault; i++) {
    sheet_record(s);
    SHEET(s, *counts_place(&l->collections, i));
  }
}

void loads_carry(struct loads *l, const struct hosts *hosts, struct sheet *s) {
  sheet_mark(s, 'L');
  carry_collections(l, s);
  for (uint32_t i = SLAB_NONE; sheet_item(s, &l->all, &i);) {
    struct load *k = loads_at(l, i);
    carry_host(s, hosts, &k->host, false);
    carry_host(s, hosts, &k->client, false);
    SHEET(s, k->held);
    SHEET(s, k->shadow);
    SHEET(s, k->asked);
    SHEET(s, k->weight);
    SHEET(s, k->weight_shadow);
    SHEET(s, k->settled);
    carry_window(s, &k->outstanding);
    carry_window(s, &k->open[0]);
    carry_window(s, &k->open[1]);
    if (l->accounts) sheet_account(s, l->accounts, &k->payer, false);
    if (!s->writes && !s->fault) enter_load(l, i, s);
  }
}

/* ---- Calls ---- */

static void enter_call(struct calls *c, uint32_t i, uint64_t due, struct sheet *s) {
  const struct call *k = calls_at(c, i);
  bool is_awaited = k->asker != SLAB_NONE;
  if ((is_awaited && !owners_reserve(&c->asked, k->asker)) ||
      !owners_reserve(&c->served, k->host) || (is_awaited && !calls_reserve_looks(c, k->asker))) {
    short_of_memory(s);
    return;
  }
  owners_add(&c->served, k->host, i);
  calls_list_id(c, i);
  if (k->payer) account_charge(c->accounts, k->payer, ACCOUNT_REQUESTS, 1);
  if (!is_awaited) return;
  owners_add(&c->asked, k->asker, i);
  calls_list_asked(c, i);
  calls_count_look(c, k);
  if (due) wheel_add(&c->deadlines, i, 0, due); /* the wheel has not turned yet */
}

void calls_carry(struct calls *c, const struct hosts *hosts, struct sheet *s) {
  sheet_mark(s, 'C');
  SHEET(s, c->last_id);
  for (uint32_t i = SLAB_NONE; sheet_item(s, &c->all, &i);) {
    struct call *k = calls_at(c, i);
    uint64_t due = k->deadline.in ? k->deadline.due : 0;
    SHEET(s, k->id);
    SHEET(s, k->asked_id);
    carry_host(s, hosts, &k->asker, true);
    SHEET(s, k->from);
    SHEET(s, k->pair);
    carry_host(s, hosts, &k->host, false);
    SHEET(s, due);
    SHEET(s, k->deadline_ms);
    SHEET(s, k->sent_at);
    SHEET(s, k->op);
    SHEET(s, k->unbounded);
    SHEET(s, k->open_bytes);
    if (c->accounts) sheet_account(s, c->accounts, &k->payer, false);
    if (!s->writes && !s->fault) enter_call(c, i, due, s);
  }
}
