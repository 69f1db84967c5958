/* SPDX-License-Identifier: MIT
 *
 * Two slabs and two hash tables; every operation touches a fixed number of records.
 */
#include "broker/books/refs.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "proto/base.h"

static uint64_t token_hash(uint32_t host, uint64_t id, uint64_t seed) {
  return mix64_runs(id, mix64(seed + host));
}
static uint64_t hash_of_token(const void *item, uint64_t seed) {
  const struct token *t = item;
  return token_hash(t->host, t->id, seed);
}

static uint64_t hold_hash(uint32_t token, uint32_t client, uint64_t seed) {
  return mix64_runs(token, mix64(seed + client));
}
static uint64_t hash_of_hold(const void *item, uint64_t seed) {
  const struct hold *h = item;
  return hold_hash(h->token, h->client, seed);
}

void refs_prepare(struct refs *r, const struct pool *pool, uint64_t seed) {
  struct accounts *accounts = r->accounts;
  *r = (struct refs){.accounts = accounts};
  slab_init_in(&r->tokens, sizeof(struct token), pool, REFS_TOKENS);
  slab_init_in(&r->holds, sizeof(struct hold), pool, REFS_HOLDS);
  owners_init(&r->held, &r->holds, offsetof(struct hold, of_client));
  chain_prepare(&r->token_by_id, &r->tokens, offsetof(struct token, link), hash_of_token, seed);
  chain_prepare(&r->hold_by_pair, &r->holds, offsetof(struct hold, link), hash_of_hold, seed);
}

bool refs_init(struct refs *r, const struct pool *pool, uint64_t seed) {
  *r = (struct refs){0};
  refs_prepare(r, pool, seed);
  return chain_open(&r->token_by_id, pool, REFS_TOKEN_HEADS) &&
         chain_open(&r->hold_by_pair, pool, REFS_HOLD_HEADS);
}

void refs_deinit(struct refs *r) {
  chain_deinit(&r->token_by_id);
  chain_deinit(&r->hold_by_pair);
  owners_deinit(&r->held);
  slab_deinit(&r->tokens);
  slab_deinit(&r->holds);
  counts_deinit(&r->exports);
  *r = (struct refs){0};
}

void refs_charge(struct refs *r, struct accounts *accounts) { r->accounts = accounts; }

static uint32_t find_token(const struct refs *r, uint32_t host, uint64_t id) {
  const struct chain *t = &r->token_by_id;
  for (uint32_t i = chain_first(t, token_hash(host, id, t->seed)); i != SLAB_NONE;
       i = chain_next(t, i)) {
    const struct token *k = refs_token(r, i);
    if (k->id == id && k->host == host) return i;
  }
  return SLAB_NONE;
}

static uint32_t find_hold_by_pair(const struct refs *r, uint32_t token, uint32_t client) {
  const struct chain *t = &r->hold_by_pair;
  for (uint32_t i = chain_first(t, hold_hash(token, client, t->seed)); i != SLAB_NONE;
       i = chain_next(t, i)) {
    const struct hold *h = refs_hold_at(r, i);
    if (h->token == token && h->client == client) return i;
  }
  return SLAB_NONE;
}

/* Most tokens have one holder, which is found without the hash table. */
static uint32_t find_hold(const struct refs *r, uint32_t token, uint32_t client) {
  uint32_t first = refs_token(r, token)->holds;
  if (first == SLAB_NONE || refs_hold_at(r, first)->client == client) return first;
  return refs_next_holder(r, first) == SLAB_NONE ? SLAB_NONE : find_hold_by_pair(r, token, client);
}

uint32_t refs_find_id(const struct refs *r, uint32_t host, uint64_t id) {
  return find_token(r, host, id);
}

enum refs_outcome refs_find(const struct refs *r, uint32_t host, const struct pt *pt,
                            uint32_t *token) {
  *token = find_token(r, host, pt->id);
  if (*token == SLAB_NONE) return REFS_UNKNOWN;
  const struct token *t = refs_token(r, *token);
  return t->stamp == pt->stamp && t->kind == pt->kind ? REFS_OK : REFS_MISMATCH;
}

enum refs_outcome refs_find_held(const struct refs *r, uint32_t host, const struct pt *pt,
                                 uint32_t client, uint32_t *token) {
  enum refs_outcome o = refs_find(r, host, pt, token);
  if (o == REFS_OK && find_hold(r, *token, client) == SLAB_NONE) return REFS_NO_HOLDER;
  return o;
}

enum refs_outcome refs_see(struct refs *r, uint32_t host, const struct pt *pt, uint32_t now,
                           uint32_t *token) {
  enum refs_outcome o = refs_find(r, host, pt, token);
  if (o == REFS_MISMATCH) return o;
  if (o == REFS_UNKNOWN) {
    if (!counts_reserve(&r->exports, host)) return REFS_NO_MEMORY;
    *token = slab_add(&r->tokens);
    if (*token == SLAB_NONE) return REFS_NO_MEMORY;
    *refs_token(r, *token) = (struct token){.id = pt->id,
                                            .stamp = pt->stamp,
                                            .host = host,
                                            .holds = SLAB_NONE,
                                            .made = now,
                                            .kind = pt->kind};
    chain_add(&r->token_by_id, *token);
    ++*counts_place(&r->exports, host);
    if (r->accounts)
      account_charge(r->accounts, accounts_of(r->accounts, host), ACCOUNT_EXPORTED, 1);
  }
  refs_token(r, *token)->seen++;
  refs_mention(r, *token, host, now);
  return REFS_OK;
}

enum refs_outcome refs_hold(struct refs *r, uint32_t token, uint32_t client, uint32_t payer,
                            uint32_t now) {
  uint32_t i = find_hold(r, token, client);
  assert(client != refs_token(r, token)->host);
  if (i != SLAB_NONE) {
    assert(refs_hold_at(r, i)->count > 0);
    refs_hold_at(r, i)->count++;
    return REFS_OK;
  }
  if (!owners_reserve(&r->held, client)) return REFS_NO_MEMORY;
  i = slab_add(&r->holds);
  if (i == SLAB_NONE) return REFS_NO_MEMORY;
  *refs_hold_at(r, i) = (struct hold){
      .count = 1, .token = token, .client = client, .payer = payer, .since = now};
  list_add(&r->holds, offsetof(struct hold, of_token), &refs_token(r, token)->holds, i);
  owners_add(&r->held, client, i);
  chain_add(&r->hold_by_pair, i);
  if (r->accounts)
    accounts_hold(r->accounts, accounts_of(r->accounts, payer), accounts_of(r->accounts, client));
  return REFS_FIRST;
}

enum refs_outcome refs_release(struct refs *r, uint32_t token, uint32_t client, uint64_t count,
                               uint32_t *payer) {
  assert(count > 0);
  uint32_t i = find_hold(r, token, client);
  if (i == SLAB_NONE || refs_hold_at(r, i)->count < count) return REFS_NO_HOLDER;
  refs_hold_at(r, i)->count -= count;
  if (refs_hold_at(r, i)->count > 0) return REFS_OK;
  *payer = refs_hold_at(r, i)->payer;
  chain_remove(&r->hold_by_pair, i);
  owners_remove(&r->held, client, i);
  list_remove(&r->holds, offsetof(struct hold, of_token), &refs_token(r, token)->holds, i);
  slab_remove(&r->holds, i);
  struct token *t = refs_token(r, token);
  if (t->mark & TOKEN_CALLED && t->holds == SLAB_NONE && r->toucher == SLAB_NONE)
    r->toucher = client;
  if (r->accounts)
    accounts_unhold(r->accounts, accounts_of(r->accounts, *payer),
                    accounts_of(r->accounts, client));
  return REFS_LAST;
}

bool refs_settle(struct refs *r, uint32_t token, struct refs_drop *drop) {
  if (r->kept == REFS_KEPT || !slab_live(&r->tokens, token)) return false;
  struct token *t = refs_token(r, token);
  if (t->holds != SLAB_NONE) return false;
  if (t->mark & TOKEN_TRIAL) {
    r->called_ended += (t->mark & TOKEN_CALLED) != 0;
    refs_acquit(r, token);
    r->ended++;
  }
  assert(t->seen > 0 && counts_at(&r->exports, t->host) > 0);
  *drop = (struct refs_drop){.host = t->host, .id = t->id, .seen = t->seen};
  --*counts_place(&r->exports, t->host);
  if (r->accounts)
    account_discharge(r->accounts, accounts_of(r->accounts, t->host), ACCOUNT_EXPORTED, 1);
  chain_remove(&r->token_by_id, token);
  slab_remove(&r->tokens, token);
  return true;
}

/* ---- Trials ---- */

void refs_touch(struct refs *r, struct token *t, uint32_t by) {
  assert(t->mark & TOKEN_TRIAL);
  if (t->mark & TOKEN_TOUCHED) return;
  t->mark |= TOKEN_TOUCHED;
  r->touched++;
  if (!(t->mark & TOKEN_CALLED)) return;
  if (!r->called_touched++ && r->toucher == SLAB_NONE) r->toucher = by;
}

void refs_try(struct refs *r, uint32_t token) {
  struct token *t = refs_token(r, token);
  assert(!(t->mark & (TOKEN_TRIAL | TOKEN_CONDEMNED)));
  t->mark |= TOKEN_TRIAL;
  r->trials++;
}

void refs_acquit(struct refs *r, uint32_t token) {
  struct token *t = refs_token(r, token);
  assert(t->mark & TOKEN_TRIAL && r->trials > 0);
  refs_uncall(r, token);
  if (t->mark & TOKEN_TOUCHED) r->touched--;
  t->mark &= (uint8_t)~(TOKEN_TRIAL | TOKEN_TOUCHED);
  r->trials--;
}

void refs_call(struct refs *r, uint32_t token) {
  struct token *t = refs_token(r, token);
  assert(t->mark & TOKEN_TRIAL && !(t->mark & TOKEN_CALLED));
  t->mark |= TOKEN_CALLED;
  r->called_touched += (t->mark & TOKEN_TOUCHED) != 0;
}

void refs_uncall(struct refs *r, uint32_t token) {
  struct token *t = refs_token(r, token);
  if (!(t->mark & TOKEN_CALLED)) return;
  if (t->mark & TOKEN_TOUCHED) r->called_touched--;
  t->mark &= (uint8_t)~TOKEN_CALLED;
}

void refs_condemn(struct refs *r, uint32_t token) {
  refs_acquit(r, token);
  refs_token(r, token)->mark |= TOKEN_CONDEMNED;
}

uint64_t refs_count(const struct refs *r, uint32_t token, uint32_t client) {
  uint32_t i = find_hold(r, token, client);
  return i == SLAB_NONE ? 0 : refs_hold_at(r, i)->count;
}

uint32_t refs_first_held(const struct refs *r, uint32_t client) {
  return owners_first(&r->held, client);
}
uint32_t refs_next_held(const struct refs *r, uint32_t hold) { return owners_next(&r->held, hold); }
uint32_t refs_next_holder(const struct refs *r, uint32_t hold) {
  return list_next(&r->holds, offsetof(struct hold, of_token), hold);
}
uint32_t refs_held_count(const struct refs *r, uint32_t client) {
  return owners_count(&r->held, client);
}
uint32_t refs_export_count(const struct refs *r, uint32_t host) {
  return (uint32_t)counts_at(&r->exports, host);
}

bool refs_let_rest(struct refs *r, uint32_t part) {
  bool any = pool_pieces_let_rest(&r->tokens.pieces, part);
  any |= pool_pieces_let_rest(&r->holds.pieces, part);
  any |= pool_array_let_rest(&r->token_by_id.array, part);
  any |= pool_array_let_rest(&r->hold_by_pair.array, part);
  return any;
}

uint32_t refs_parts(const struct refs *r) {
  const uint32_t parts[] = {
      pool_pieces_parts(&r->tokens.pieces), pool_pieces_parts(&r->holds.pieces),
      pool_array_parts(&r->token_by_id.array), pool_array_parts(&r->hold_by_pair.array)};
  uint32_t most = 0;
  for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
    if (parts[i] > most) most = parts[i];
  return most;
}

static const char *check_token(const struct refs *r, uint32_t token, uint32_t *holds) {
  const struct token *t = refs_token(r, token);
  if (find_token(r, t->host, t->id) != token) return "refs: a token is not found by its id";
  if (t->holds == SLAB_NONE && r->kept == REFS_SETTLED) return "refs: a token that nobody holds";
  if (t->seen == 0) return "refs: a token that was never seen";
  for (uint32_t i = t->holds; i != SLAB_NONE; i = refs_next_holder(r, i)) {
    const struct hold *h = refs_hold_at(r, i);
    if (!slab_live(&r->holds, i) || h->token != token)
      return "refs: a hold in the list of another token";
    if (h->client == t->host) return "refs: a host holds its own token";
    if (h->count == 0) return "refs: a hold with count 0";
    if (find_hold(r, token, h->client) != i || find_hold_by_pair(r, token, h->client) != i)
      return "refs: a hold is not found by its pair";
    ++*holds;
  }
  return NULL;
}

struct trials {
  uint32_t all, touched, called_touched;
};

/* Counts what is on trial, and touched. */
static const char *check_trial(const struct token *t, struct trials *n) {
  bool is_tried = t->mark & TOKEN_TRIAL, is_touched = t->mark & TOKEN_TOUCHED;
  bool is_called = t->mark & TOKEN_CALLED;
  n->all += is_tried;
  n->touched += is_touched;
  n->called_touched += is_called && is_touched;
  if (is_called && !is_tried) return "refs: a token is called that is not on trial";
  if (is_touched && !is_tried) return "refs: a token is touched that is not on trial";
  if (is_tried && t->mark & TOKEN_CONDEMNED) return "refs: a condemned token is on trial";
  return t->mark & TOKEN_COUNTED ? "refs: a token is still counted" : NULL;
}

const char *refs_check(const struct refs *r) {
  uint32_t holds = 0, held = 0;
  struct trials n_trials = {0};
  const char *broken = slab_check(&r->tokens);
  if (!broken) broken = slab_check(&r->holds);
  if (broken) return broken;
  for (uint32_t i = slab_next(&r->tokens, 0); i != SLAB_NONE; i = slab_next(&r->tokens, i + 1)) {
    const char *fault = check_token(r, i, &holds);
    if (!fault) fault = check_trial(refs_token(r, i), &n_trials);
    if (fault) return fault;
  }
  if (n_trials.all != r->trials || n_trials.touched != r->touched ||
      n_trials.called_touched != r->called_touched)
    return "refs: trials do not add up";
  if (holds != r->holds.count || holds != r->hold_by_pair.count) return "refs: a hold of no token";
  if (r->token_by_id.count != r->tokens.count)
    return "refs: the hash table has another number of tokens";
  if (counts_sum(&r->exports) != r->tokens.count) return "refs: export counts do not add up";
  for (uint32_t c = 0; c < r->held.capacity; c++) {
    uint32_t n = 0;
    for (uint32_t i = refs_first_held(r, c); i != SLAB_NONE; i = refs_next_held(r, i), n++)
      if (refs_hold_at(r, i)->client != c) return "refs: a hold in the list of another client";
    if (n != refs_held_count(r, c)) return "refs: the count of a client's holds is wrong";
    held += n;
  }
  return held == holds ? NULL : "refs: a hold of no client";
}
