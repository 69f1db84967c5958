/* SPDX-License-Identifier: MIT
 *
 * Home tokens. A token is in the table from gaijin_token_new to its forget
 * event. `sent` grows only when a whole message enters the out-queue (write.c)
 * and falls only by drops, so while it is above 0 somebody may hold the token or
 * a PT of it is under way.
 */
#include <assert.h>
#include <stdlib.h>

#include "client-lib/internal.h"

/* Fills the block of stamps; one system call for many tokens. */
static bool refill_stamps(gaijin *g) {
  if (!gj_random(g->stamps, sizeof g->stamps)) return false;
  g->stamps_left = STAMP_BLOCK;
  return true;
}

gaijin_token *gaijin_token_new(gaijin *g, enum gaijin_kind kind, void *tag) {
  if (kind < GAIJIN_KIND_TABLE || kind >= GAIJIN_KIND_COUNT) return NULL;
  if (!g->stamps_left && !refill_stamps(g)) return NULL;
  gaijin_token *t = malloc(sizeof *t); /* calloc takes four times as long */
  if (!t) return NULL;
  *t = (gaijin_token){
      .stamp = g->stamps[--g->stamps_left], .kind = (uint8_t)kind, .tag = tag};
  g->stamps[g->stamps_left] = 0;
  gj_table_insert(&g->tokens, &t->node, ++g->last_token);
  return t;
}

void *gaijin_token_tag(const gaijin_token *t) { return t->tag; }

struct gaijin_pt gaijin_token_pt(const gaijin *g, const gaijin_token *t) {
  return (struct gaijin_pt){.host = g->host, .id = t->node.key, .stamp = t->stamp, .kind = t->kind};
}

struct pt gj_token_pt(const gaijin *g, const gaijin_token *t) {
  struct gaijin_pt pt = gaijin_token_pt(g, t);
  return gj_pt_wire(&pt);
}

gaijin_token *gj_token_find(const gaijin *g, const struct pt *pt) {
  struct table_node *n = table_find(&g->tokens, pt->id);
  if (!n) return NULL;
  gaijin_token *t = container_of(n, gaijin_token, node);
  return t->stamp == pt->stamp && t->kind == pt->kind && !t->condemned ? t : NULL;
}

/* Forgets a token that nobody can have any more; the event still sees it. */
static void settle(gaijin *g, gaijin_token *t) {
  if (t->sent || t->pins || t->staged) return;
  assert(!t->staged_next);
  gj_table_remove(&g->tokens, &t->node);
  if (g->events.forget) g->events.forget(g->user, t, t->tag);
  free(t);
}

static gaijin_token *find_any(const gaijin *g, uint64_t id) {
  struct table_node *n = table_find(&g->tokens, id);
  return n ? container_of(n, gaijin_token, node) : NULL;
}

gaijin_token *gaijin_token_find(const gaijin *g, uint64_t id) {
  gaijin_token *t = find_any(g, id);
  return t && !t->condemned ? t : NULL;
}

int gaijin_token_weigh(gaijin *g, gaijin_token *t, uint64_t bytes) {
  uint64_t weight = bytes >> 10;
  if (weight > UINT32_MAX) weight = UINT32_MAX;
  if (weight / 2 < t->weight || weight == 0) return 0;
  if (t->owed) { /* a broker that does not know it yet: the weight is told behind it */
    t->weight = (uint32_t)weight;
    t->weight_owed = true;
    return 0;
  }
  struct gaijin_pt pt = gaijin_token_pt(g, t);
  int status = gj_write_weight(g, &pt, (uint32_t)weight);
  if (status) return status;
  t->weight = (uint32_t)weight;
  t->weight_owed = false;
  return 0;
}

uint64_t gaijin_token_weight(const gaijin_token *t) { return (uint64_t)t->weight << 10; }

void gaijin_token_discard(gaijin *g, gaijin_token *t) { settle(g, t); }

void gj_token_unpin(gaijin *g, gaijin_token *t) {
  assert(t->pins > 0);
  t->pins--;
  settle(g, t);
}

bool gj_token_drop(gaijin *g, uint64_t id, uint64_t seen) {
  gaijin_token *t = find_any(g, id);
  if (!t || seen > t->sent - t->owed) return false; /* a word that is owed was not read */
  t->sent -= seen;
  if (t->sent) {
    t->weight = 0; /* under way again: to the broker it will be a new one */
    t->weight_owed = false;
  }
  settle(g, t);
  return true;
}

void gj_token_disown(gaijin *g, gaijin_token *t) {
  t->sent = 0;
  t->owed = t->weight_owed = false;
  t->weight = 0;
  settle(g, t);
}

/* ---- Condemned ---- */

uint32_t gaijin_token_pins(const gaijin_token *t) { return t->pins; }

void gaijin_token_condemn(gaijin *g, gaijin_token *t) {
  assert(!t->pins && !t->staged && !t->condemned);
  t->condemned = true;
  t->tag = NULL;
  settle(g, t);
}

static bool is_condemned(const struct table_node *n) {
  return container_of(n, const gaijin_token, node)->condemned;
}

void gj_token_end_condemned(gaijin *g) {
  struct walk w = {0};
  struct table_node *n;
  while ((n = gj_walk_next(&w, &g->tokens, is_condemned)))
    gj_token_disown(g, container_of(n, gaijin_token, node));
}

void gj_token_free_all(gaijin *g) {
  struct table_node *n;
  while ((n = gj_table_take(&g->tokens))) free(container_of(n, gaijin_token, node));
}

size_t gaijin_token_count(const gaijin *g) { return g->tokens.count; }
