/* SPDX-License-Identifier: MIT
 *
 * What tokens and holds have charged to accounts goes as sums: to find them out again, each record
 * would have to be read.
 */
#include "broker/books/refs_kept.h"

#include <assert.h>
#include <stddef.h>
#include <sys/stat.h>

#include "broker/base/descriptor.h"
#include "broker/base/kept.h"
#include "proto/base.h"

/* Whoever changes what a field, a chunk's header or a table means, without a change of its place or
 * its hash, raises this. */
enum { REFS_LAYOUT = 1 };
/* Tokens that are looked at when they are taken over. */
enum { LOOKED_AT = 16 };

#define PLACE(type, field) offsetof(type, field), sizeof(((type *)NULL)->field)

uint64_t refs_layout(void) {
  static const size_t places[] = {
      REFS_LAYOUT, POOL_REGIONS, SLAB_CHUNK, sizeof(struct token), PLACE(struct token, id),
      PLACE(struct token, stamp), PLACE(struct token, seen), PLACE(struct token, host),
      PLACE(struct token, link), PLACE(struct token, holds), PLACE(struct token, made),
      PLACE(struct token, weight), PLACE(struct token, kind), PLACE(struct token, mark),
      PLACE(struct token, last), TOKEN_CONDEMNED,
      sizeof(struct hold), PLACE(struct hold, count), PLACE(struct hold, token),
      PLACE(struct hold, client), PLACE(struct hold, link), PLACE(struct hold, payer),
      PLACE(struct hold, since),
      PLACE(struct hold, of_token), PLACE(struct hold, of_client), PLACE(struct links, prev),
      PLACE(struct links, next), sizeof(struct slab_chunk), PLACE(struct slab_chunk, live),
      PLACE(struct slab_chunk, used), PLACE(struct slab_chunk, number),
      PLACE(struct slab_chunk, prev), PLACE(struct slab_chunk, next),
      offsetof(struct slab_chunk, items), REFS_TOKENS, REFS_HOLDS, REFS_TOKEN_HEADS,
      REFS_HOLD_HEADS,
  };
  const struct token token = {.id = 123456, .host = 789};
  const struct hold hold = {.token = 123456, .client = 789};
  struct refs r = {0};
  refs_prepare(&r, NULL, 0);
  uint64_t layout = r.token_by_id.hash(&token, 1) ^ mix64(r.hold_by_pair.hash(&hold, 2));
  for (size_t i = 0; i < ARRAY_SIZE(places); i++) layout = mix64(layout + i) ^ places[i];
  return mix64(layout);
}

/* The file: the same descriptor, and no other file. */
static void keep_pool(struct refs *r, struct pool *pool, struct sheet *s) {
  struct pool kept = *pool;
  struct stat st = {0};
  uint64_t inode;
  fstat(kept.fd, &st);
  inode = st.st_ino;
  SHEET(s, kept.fd);
  SHEET(s, inode);
  if (s->writes || s->fault) return;
  if (kept.fd < 0 || kept.fd == pool->fd || !descriptor_keep(kept.fd, false) ||
      !pool_take_over(&kept, kept.fd) || fstat(kept.fd, &st) < 0 || st.st_ino != inode) {
    sheet_fail(s, "the file of the books is not there");
    return;
  }
  struct accounts *accounts = r->accounts;
  refs_deinit(r);
  pool_close(pool);
  *pool = kept;
  r->accounts = accounts;
  refs_prepare(r, pool, 0);
}

static void keep_exports(struct refs *r, struct sheet *s) {
  uint32_t n = r->exports.capacity;
  SHEET(s, n);
  if (!s->writes && n > sheet_left(s)) sheet_fail(s, "the state ends too early");
  if (s->fault) return;
  if (!s->writes && n && !counts_reserve(&r->exports, n - 1)) sheet_fail(s, "memory is too short");
  for (uint32_t i = 0; i < n && !s->fault; i++) {
    sheet_record(s);
    uint32_t count = (uint32_t)counts_at(&r->exports, i);
    SHEET(s, count);
    *counts_place(&r->exports, i) = count;
  }
}

static void keep_charges(struct accounts *a, struct sheet *s) {
  sheet_mark(s, 'c');
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE && !s->fault;
       i = slab_next(&a->slab, i + 1)) {
    struct account *k = accounts_at(a, i);
    if (k->level != ACCOUNT_CONNECTION) continue;
    uint64_t exported = k->used[ACCOUNT_EXPORTED], held = k->used[ACCOUNT_HELD];
    sheet_record(s);
    SHEET(s, exported);
    SHEET(s, held);
    SHEET(s, k->own_held);
    SHEET(s, k->given);
    if (s->writes) continue;
    account_charge(a, k, ACCOUNT_EXPORTED, exported);
    account_charge(a, k, ACCOUNT_HELD, held);
  }
}

/* That a token is found, and one who holds it. */
static bool is_right(const struct refs *r, uint32_t token) {
  const struct token *t = refs_token(r, token);
  const struct pt pt = {.id = t->id, .stamp = t->stamp, .kind = t->kind};
  uint32_t found;
  if (refs_find(r, t->host, &pt, &found) != REFS_OK || found != token || !t->seen) return false;
  if (!slab_live(&r->holds, t->holds)) return false;
  const struct hold *h = refs_hold_at(r, t->holds);
  return h->token == token && h->count && refs_count(r, token, h->client) == h->count;
}

/* Some of all parts of the slab. */
static void look_at(const struct refs *r, struct sheet *s) {
  uint32_t step = r->tokens.entry_count * SLAB_CHUNK / LOOKED_AT + 1;
  for (uint32_t at = 0, n = 0; n < LOOKED_AT; n++, at += step) {
    uint32_t token = slab_next(&r->tokens, at);
    if (token == SLAB_NONE) return;
    if (!is_right(r, token)) sheet_fail(s, "a token that was kept is not as it was told");
    if (token > at) at = token;
  }
}

void refs_keep(struct refs *r, struct pool *pool, struct sheet *s) {
  sheet_mark(s, 'r');
  sheet_mark(s, refs_layout()); /* since it was asked, the program's file may have been replaced */
  if (s->fault) return;
  assert(r->kept == REFS_SETTLED);
  keep_pool(r, pool, s);
  if (s->fault) return;
  slab_keep(&r->tokens, s);
  slab_keep(&r->holds, s);
  if (s->fault) return;
  chain_keep(&r->token_by_id, pool, REFS_TOKEN_HEADS, s);
  chain_keep(&r->hold_by_pair, pool, REFS_HOLD_HEADS, s);
  owners_keep(&r->held, s);
  keep_exports(r, s);
  if (r->accounts) keep_charges(r->accounts, s);
  if (!s->writes && !s->fault) look_at(r, s);
}
