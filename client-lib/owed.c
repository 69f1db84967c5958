/* SPDX-License-Identifier: MIT
 *
 * What is owed to a new broker: a word of each token (announce), a claim of each holding (claim),
 * the mark that this was all (back), what this worker is (ready, retire, leave), and the weights of
 * tokens, in this order. It is written in batches, as the out-queue drains; other messages may go
 * in between, because what they say of a token adds up with its word, whichever comes first.
 *
 * A claim is answered with the places of those refused: their host is dead. Until then its holdings
 * are pending; what the answer grants counts from the answer on.
 */
#include <assert.h>
#include <stdlib.h>

#include "client-lib/internal.h"

/* So much waits in the out-queue at most before more of what is owed is written. */
enum { OWED_QUEUE_BYTES = 128 << 10 };
enum { WEIGHT_MOST_BYTES = 9 }; /* an unsigned integer in any of its forms */

struct claims {
  struct table_node node; /* key: id of the request */
  uint32_t count;
  gaijin_holding *holding[];
};

/* The PTs of one message, each with a weight perhaps. */
static uint32_t batch_most(const gaijin *g) {
  uint32_t fit = (g->max_message - MESSAGE_HEADER_MOST) / (PT_WIRE_BYTES + WEIGHT_MOST_BYTES);
  return fit < RETURNED_MOST ? fit : RETURNED_MOST;
}

static void owe_walk(gaijin *g, enum owing owing) {
  g->ret.owing = owing;
  g->ret.walk = (struct walk){0};
}

/* ---- Tokens ---- */

static bool is_token_owed(const struct table_node *n) {
  return container_of(n, const gaijin_token, node)->owed;
}

static bool is_weight_owed(const struct table_node *n) {
  return container_of(n, const gaijin_token, node)->weight_owed;
}

static void set_owed(struct table_node *n, enum op op, bool owed) {
  gaijin_token *t = container_of(n, gaijin_token, node);
  *(op == OP_weigh ? &t->weight_owed : &t->owed) = owed;
}

static bool pack_tokens(gaijin *g, enum op op, struct table_node *const *batch, uint32_t count) {
  struct message m = {.kind = MESSAGE_NOTICE, .op = op};
  struct pack p;
  pack_begin(&p, &g->out, g->max_message, &m, op == OP_weigh ? 2 * count : count);
  for (uint32_t i = 0; i < count; i++) {
    const gaijin_token *t = container_of(batch[i], const gaijin_token, node);
    struct pt pt = gj_token_pt(g, t);
    pack_pt(&p, &pt);
    if (op == OP_weigh) pack_uint(&p, t->weight);
  }
  return pack_end(&p) == BUFFER_OK;
}

/* A batch of words (announce) or weights (weigh). How many tokens are in it: 0, none is left; -1,
 * memory is short, and all is as before. */
static int write_tokens(gaijin *g, enum op op) {
  struct table_node *batch[RETURNED_MOST], *n;
  bool (*is_owed)(const struct table_node *) = op == OP_weigh ? is_weight_owed : is_token_owed;
  uint32_t count = 0, most = batch_most(g);
  while (count < most && (n = gj_walk_next(&g->ret.walk, &g->tokens, is_owed))) {
    set_owed(n, op, false); /* so that the walk goes on */
    batch[count++] = n;
  }
  if (!count || pack_tokens(g, op, batch, count)) return (int)count;
  for (uint32_t i = 0; i < count; i++) set_owed(batch[i], op, true);
  g->ret.walk = (struct walk){0};
  return -1;
}

/* The next words. False: memory is short. */
static bool write_words(gaijin *g) {
  int count = write_tokens(g, OP_announce);
  assert(count != 0);
  if (count < 0) return false;
  g->ret.owed_tokens -= (uint32_t)count;
  return true;
}

/* The next weights, or the end of it all. False: memory is short. */
static bool write_weights(gaijin *g) {
  int count = write_tokens(g, OP_weigh);
  if (count == 0) g->ret.owing = OWING_NOTHING;
  return count >= 0;
}

/* ---- Holdings ---- */

static bool is_holding_owed(const struct table_node *n) {
  return container_of(n, const gaijin_holding, node)->claim == CLAIM_OWED;
}

/* The claims turn from one state into another. */
static void turn_claims(gaijin *g, struct claims *c, enum claim to) {
  for (uint32_t i = 0; i < c->count; i++) c->holding[i]->claim = to;
  if (to == CLAIM_ASKED) {
    g->ret.owed_holdings -= c->count;
    g->ret.asked_holdings += c->count;
  } else {
    g->ret.asked_holdings -= c->count;
    g->ret.owed_holdings += c->count;
  }
}

static bool pack_claims(gaijin *g, const struct claims *c) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_claim, .id = g->last_call + 1};
  struct pack p;
  pack_begin(&p, &g->out, g->max_message, &m, c->count);
  for (uint32_t i = 0; i < c->count; i++) pack_pt(&p, &c->holding[i]->pt);
  return pack_end(&p) == BUFFER_OK;
}

/* False: memory is short, and all is as before. */
static bool write_claims(gaijin *g) {
  uint32_t most = batch_most(g);
  if (most > g->ret.owed_holdings) most = g->ret.owed_holdings;
  if (!g->ret.claims.slots && !gj_table_init(&g->ret.claims, g->seed)) return false;
  struct claims *c = malloc(sizeof *c + most * sizeof c->holding[0]);
  if (!c) return false;
  *c = (struct claims){0};
  struct table_node *n;
  while (c->count < most && (n = gj_walk_next(&g->ret.walk, &g->holdings, is_holding_owed))) {
    c->holding[c->count] = container_of(n, gaijin_holding, node);
    c->holding[c->count++]->claim = CLAIM_ASKED; /* so that the walk goes on */
  }
  assert(c->count > 0);
  turn_claims(g, c, CLAIM_ASKED);
  if (pack_claims(g, c)) {
    gj_table_insert(&g->ret.claims, &c->node, ++g->last_call);
    return true;
  }
  turn_claims(g, c, CLAIM_OWED);
  g->ret.walk = (struct walk){0};
  free(c);
  return false;
}

void gj_owed_again(gaijin *g) {
  struct table_node *n;
  while ((n = gj_table_take(&g->ret.claims))) {
    struct claims *c = container_of(n, struct claims, node);
    turn_claims(g, c, CLAIM_OWED);
    free(c);
  }
  gj_table_deinit(&g->ret.claims); /* taking all out has worn it down; the next claim makes it */
}

/* ---- The end of it ---- */

static bool write_notice(gaijin *g, enum op op) {
  struct message m = {.kind = MESSAGE_NOTICE, .op = op};
  struct pack p;
  pack_begin(&p, &g->out, g->max_message, &m, 0);
  return pack_end(&p) == BUFFER_OK;
}

/* Who stops does not say that it serves: others who wait for it would ask it. */
static bool write_ready(gaijin *g) {
  if (g->ret.retired) return write_notice(g, OP_retire);
  return !g->ret.ready || write_notice(g, OP_ready);
}

/* It is said to one broker: unlike `ready`, the next one is not told again. */
static bool write_leave(gaijin *g) {
  if (g->ret.leaves && !write_notice(g, OP_leave)) return false;
  g->ret.leaves = false;
  return true;
}

static bool write_some(gaijin *g) {
  switch (g->ret.owing) {
    case OWING_NOTHING: return false;
    case OWING_TOKENS:
      if (g->ret.owed_tokens) return write_words(g);
      owe_walk(g, OWING_CLAIMS);
      return true;
    case OWING_CLAIMS:
      if (g->ret.owed_holdings) return write_claims(g);
      owe_walk(g, OWING_BACK);
      return true;
    case OWING_BACK:
      if (!write_notice(g, OP_back)) return false;
      g->ret.owing = OWING_READY;
      return true;
    case OWING_READY:
      if (!write_ready(g)) return false;
      g->ret.owing = OWING_LEAVE;
      return true;
    case OWING_LEAVE:
      if (!write_leave(g)) return false;
      owe_walk(g, OWING_WEIGHTS);
      return true;
    case OWING_WEIGHTS: return write_weights(g);
  }
  return false;
}

/* A program that keeps the queue long must not be taken for one that does not come back. */
static bool is_due(const gaijin *g) {
  return gaijin_queued_bytes(g) < OWED_QUEUE_BYTES || g->out_start >= g->ret.owed_end;
}

bool gj_owes_up_to(const gaijin *g, enum owing stage) {
  return gj_is_up(g) && g->ret.owing != OWING_NOTHING && g->ret.owing <= stage;
}

bool gj_owed_write(gaijin *g) {
  assert(gj_is_up(g) && !g->writer.open);
  bool any = false;
  for (; is_due(g) && write_some(g); any = true) g->ret.owed_end = g->out.size;
  return any;
}

/* ---- Answers ---- */

static void decide(gaijin *g, gaijin_holding *h, bool granted) {
  assert(h->claim == CLAIM_ASKED && h->pending > 0);
  if (granted) {
    h->claim = CLAIM_NONE;
    gj_holding_granted(h, &h->pt);
  } else {
    h->claim = h->count ? CLAIM_NONE : CLAIM_GONE;
  }
  gj_holding_unpend(g, h);
}

/* Marks the places refused, and checks them. NULL, or what is wrong. */
static const char *read_refused(const struct message *m, uint32_t claims, bool *refused) {
  struct reader r;
  uint32_t count;
  uint64_t place;
  if (m->kind != MESSAGE_REPLY) return "it refuses to take part in a return";
  if (!reader_open(&r, m->body, m->body_size, &count)) return "its body is none";
  for (uint32_t i = 0; i < count; i++) {
    if (!reader_uint(&r, &place) || place < 1 || place > claims)
      return "it refuses a claim that was not made";
    if (refused[place - 1]) return "it refuses one claim twice";
    refused[place - 1] = true;
  }
  return NULL;
}

/* Decides all, then tells. A refused holding in use says that its host is dead; its users are told
 * once for each host. */
static void decide_all(gaijin *g, struct claims *c, const bool *refused) {
  uint64_t dead[RETURNED_MOST];
  uint32_t n_dead = 0;
  g->ret.asked_holdings -= c->count;
  for (uint32_t i = 0; i < c->count; i++) {
    gaijin_holding *h = c->holding[i];
    bool used = h->users || h->pending > 1;
    if (refused[i] && !h->count && used && !h->host->dead) {
      gj_host_died(g, h->host);
      dead[n_dead++] = h->host->node.key;
    }
    decide(g, h, !refused[i]);
  }
  gj_table_remove(&g->ret.claims, &c->node);
  free(c);
  for (uint32_t i = 0; i < n_dead; i++) gj_host_tell_dead(g, dead[i], false);
  if (g->events.confirmed) g->events.confirmed(g->user);
}

/* Out of the way of answers that are none: the flags are many. */
__attribute__((noinline)) static void claims_answered(gaijin *g, const struct message *m,
                                                      uint32_t pts, struct table_node *n,
                                                      const char **fault) {
  bool refused[RETURNED_MOST] = {false};
  struct claims *c = container_of(n, struct claims, node);
  *fault = pts ? "it answers a claim with objects" : read_refused(m, c->count, refused);
  if (!*fault) decide_all(g, c, refused);
}

bool gj_owed_answer(gaijin *g, const struct message *m, uint32_t pts, const char **fault) {
  struct table_node *n = g->ret.claims.count ? table_find(&g->ret.claims, m->id) : NULL;
  if (n) claims_answered(g, m, pts, n, fault);
  return n != NULL;
}

enum gaijin_standing gaijin_holding_standing(const gaijin_holding *h) {
  if (h->count) return GAIJIN_HELD;
  return h->claim == CLAIM_GONE ? GAIJIN_GONE : GAIJIN_UNCONFIRMED;
}

const char *gj_owed_check(const gaijin *g) {
  uint64_t tokens = 0, weights = 0, holdings[CLAIM_GONE + 1] = {0}, asked = 0;
  for (uint32_t i = 0; i <= g->tokens.mask; i++)
    for (const struct table_node *n = g->tokens.slots[i]; n; n = n->next) {
      tokens += is_token_owed(n);
      weights += is_weight_owed(n);
    }
  for (uint32_t i = 0; i <= g->holdings.mask; i++)
    for (const struct table_node *n = g->holdings.slots[i]; n; n = n->next)
      holdings[container_of(n, const gaijin_holding, node)->claim]++;
  for (uint32_t i = 0; g->ret.claims.slots && i <= g->ret.claims.mask; i++)
    for (const struct table_node *n = g->ret.claims.slots[i]; n; n = n->next)
      asked += container_of(n, const struct claims, node)->count;
  if (tokens != g->ret.owed_tokens) return "other tokens are owed than counted";
  if (holdings[CLAIM_OWED] != g->ret.owed_holdings) return "other claims are owed than counted";
  if (holdings[CLAIM_ASKED] != g->ret.asked_holdings || asked != g->ret.asked_holdings)
    return "other claims are under way than counted";
  if (gj_is_up(g) && g->ret.owing == OWING_NOTHING && (tokens || weights || holdings[CLAIM_OWED]))
    return "what is owed to the broker will not be written";
  if (g->ret.leaves && !gj_owes_up_to(g, OWING_LEAVE))
    return "'leave' is owed, and will not be written";
  return NULL;
}
