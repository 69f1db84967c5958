/* SPDX-License-Identifier: MIT
 *
 * The books of a connection whose broker has gone, in one step: nothing of the program's runs
 * before all of it is done.
 *
 * A token that somebody may have counts as sent once from this moment, which is the word of it that
 * the new broker is owed: were it 0 until that word is written, a value that is dealt with in
 * between would have the token forgotten while others have it. One that was never sent, or that
 * everybody has let go, is owed nothing. One that was condemned ends: claims of it are refused.
 * A holding in use gets count 0 and is owed a claim, unless its host is known to be dead: the new
 * broker knows no tombstones. What was to be released is not claimed, and so released.
 */
#include <assert.h>

#include "client-lib/internal.h"

static void reset_tokens(gaijin *g) {
  uint32_t owed = 0;
  for (uint32_t i = 0; i <= g->tokens.mask; i++) {
    for (struct table_node *n = g->tokens.slots[i]; n; n = n->next) {
      gaijin_token *t = container_of(n, gaijin_token, node);
      if (t->condemned) t->sent = 0;
      if (!t->sent) t->weight = 0;
      t->weight_owed = t->weight > 0;
      if (!t->sent) continue;
      t->sent = 1;
      t->owed = true;
      owed++;
    }
  }
  g->ret.owed_tokens = owed;
}

/* A holding without count that is in no claim of ours is one of the program's, which is answered
 * `lost` next. */
static void reset_holding(gaijin *g, gaijin_holding *h) {
  bool claims_only = !h->count && h->claim == CLAIM_NONE;
  h->count = 0;
  h->was_gone = false;
  if (h->claim != CLAIM_NONE || claims_only) return;
  if (h->host->dead) {
    h->claim = CLAIM_GONE;
    return;
  }
  h->claim = CLAIM_OWED;
  h->pending++;
  g->ret.owed_holdings++;
}

static void reset_holdings(gaijin *g) {
  gj_owed_again(g);
  while (!list_empty(&g->releases))
    gj_holding_free(g, container_of(g->releases.next, gaijin_holding, release));
  for (uint32_t i = 0; i <= g->holdings.mask; i++)
    for (struct table_node *n = g->holdings.slots[i]; n; n = n->next)
      reset_holding(g, container_of(n, gaijin_holding, node));
}

void gj_reset(gaijin *g) {
  assert(!g->writer.open);
  buffer_deinit(&g->out);
  buffer_init(&g->out, OUT_QUEUE_MOST);
  g->out_start = g->out_whole = g->ret.owed_end = 0;
  reset_tokens(g);
  reset_holdings(g);
  gj_host_reset(g);
  g->ret.owing = OWING_NOTHING;
  g->ret.leaves = false; /* lost, as what is in the out-queue is */
  gj_token_end_condemned(g);
}

static bool is_room_due(const struct table_node *n) {
  return container_of(n, const struct host, node)->room_due;
}

void gj_reset_tell_room(gaijin *g) {
  struct walk w = {0};
  struct table_node *n;
  while ((n = gj_walk_next(&w, &g->hosts, is_room_due))) {
    container_of(n, struct host, node)->room_due = false;
    if (g->events.room) g->events.room(g->user, n->key);
  }
}

/* ---- Declared dead ---- */

static bool was_sent(const struct table_node *n) {
  return container_of(n, const gaijin_token, node)->sent > 0;
}

static void disown_tokens(gaijin *g) {
  struct walk w = {0};
  struct table_node *n;
  g->ret.owed_tokens = 0;
  while ((n = gj_walk_next(&w, &g->tokens, was_sent)))
    gj_token_disown(g, container_of(n, gaijin_token, node));
}

static bool is_owed(const struct table_node *n) {
  return container_of(n, const gaijin_holding, node)->claim == CLAIM_OWED;
}

static void disown_holdings(gaijin *g) {
  struct walk w = {0};
  struct table_node *n;
  while ((n = gj_walk_next(&w, &g->holdings, is_owed))) {
    gaijin_holding *h = container_of(n, gaijin_holding, node);
    h->claim = CLAIM_GONE;
    gj_holding_unpend(g, h);
  }
  g->ret.owed_holdings = 0;
}

static bool is_alive(const struct table_node *n) {
  return !container_of(n, const struct host, node)->dead;
}

void gj_disown(gaijin *g, uint64_t former_host) {
  struct walk w = {0};
  struct table_node *n;
  disown_tokens(g);
  disown_holdings(g);
  while ((n = gj_walk_next(&w, &g->hosts, is_alive))) {
    struct host *h = container_of(n, struct host, node);
    uint64_t id = n->key;
    h->disowned = true;
    gj_host_died(g, h);
    if (id != former_host && g->events.dead) g->events.dead(g->user, id);
  }
  if (g->events.reborn) g->events.reborn(g->user, former_host);
}
