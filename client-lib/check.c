/* SPDX-License-Identifier: MIT
 *
 * Whether a connection's books are as the headers say: every count against what it counts, every
 * list against its table. It looks at everything and changes nothing, so it is for tests and for
 * builds with HOSTILE=1, where gj_checkpoint calls it again and again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "client-lib/internal.h"

/* Calls `visit` for each node until one gives a text, which is returned. */
static const char *each(const gaijin *g, const struct table *t,
                        const char *(*visit)(const gaijin *g, const struct table_node *n)) {
  for (uint32_t i = 0; i <= t->mask; i++) {
    for (const struct table_node *n = t->slots[i]; n; n = n->next) {
      const char *broken = visit(g, n);
      if (broken) return broken;
    }
  }
  return NULL;
}

static const char *check_table(const struct table *t) {
  uint64_t nodes = 0, slots = (uint64_t)t->mask + 1;
  if (!t->slots) return "a table has no slots";
  if (slots & t->mask) return "a table's number of slots is no power of two";
  for (uint32_t i = 0; i <= t->mask; i++) {
    for (const struct table_node *n = t->slots[i]; n; n = n->next, nodes++) {
      if (table_slot(t, n->key) != i) return "a node is in the chain of another slot";
      if (nodes > t->count) return "a table has other nodes than it counts"; /* or a ring */
    }
  }
  return nodes == t->count ? NULL : "a table has other nodes than it counts";
}

/* Links in a list; UINT32_MAX if one is not linked both ways. */
static uint32_t list_length(const struct link *head) {
  uint32_t n = 0;
  for (const struct link *l = head->next; l != head; l = l->next, n++)
    if (l->next->prev != l || l->prev->next != l) return UINT32_MAX;
  return n;
}

/* ---- Tokens ---- */

static const char *check_token(const gaijin *g, const struct table_node *n) {
  const gaijin_token *t = container_of(n, const gaijin_token, node);
  if (n->key == 0 || n->key > g->last_token) return "a token has an id that was not given out";
  if (t->kind < PT_TABLE || t->kind > PT_USERDATA) return "a token is of no kind";
  if (table_find(&g->tokens, n->key) != n) return "two tokens have one id";
  if (t->owed && !t->sent) return "a token is owed that nobody can have";
  if (t->condemned && (t->pins || t->tag || t->owed)) return "a condemned token is in use";
  if (t->staged && !g->writer.open) return "a token is staged while no message is written";
  return NULL;
}

/* The tokens of the message being written are chained. */
static const char *check_staged(const gaijin *g) {
  for (const gaijin_token *t = g->writer.staged; t; t = t->staged_next)
    if (!t->staged) return "a token in the chain of the staged is not staged";
  return g->writer.staged && !g->writer.open ? "tokens are staged without a message" : NULL;
}

/* ---- Holdings ---- */

static const char *check_holding(const gaijin *g, const struct table_node *n) {
  const gaijin_holding *h = container_of(n, const gaijin_holding, node);
  bool queued = !list_empty(&h->release), used = h->users || h->pending;
  if (gj_holding_lookup(g, h->pt.host, h->pt.id) != h) return "a holding is not found by its PT";
  if (gj_host_find(g, h->pt.host) != h->host) return "a holding refers to another host than its PT";
  if (queued && used) return "a holding in use is queued for release";
  if (!queued && !used) return "a holding nobody uses is not queued for release";
  if (h->claim == CLAIM_NONE && !h->count && (h->users || !h->pending))
    return "a holding without count is no claim";
  if ((h->claim == CLAIM_OWED || h->claim == CLAIM_ASKED) && !h->pending)
    return "a claim that is owed does not count in its holding";
  if (h->was_gone && !(h->claim == CLAIM_NONE ? h->count > 0 : h->claim == CLAIM_GONE))
    return "a holding that was gone is counted as never gone";
  if (h->claim == CLAIM_GONE && h->count) return "a holding with count is gone";
  return NULL;
}

/* ---- Hosts ---- */

static const char *check_host(const gaijin *g, const struct table_node *n) {
  const struct host *h = container_of(n, const struct host, node);
  bool kept = !list_empty(&h->unused);
  if (gj_host_find(g, n->key) != h) return "two hosts have one id";
  if (kept && (!h->dead || h->holdings)) return "a host in use is among the dead ones kept";
  if (h->sent.requests > g->window.requests) return "more requests are sent than a window allows";
  if (h->dead && (h->sent.requests || h->taken.requests)) return "requests of a dead host count";
  if (h->undone > h->taken.requests) return "more requests are not done than were taken";
  if (window_is_due(&g->window, &h->taken) && list_empty(&h->report))
    return "no report of requests taken is due";
  if (!list_empty(&h->report) && !h->taken.requests) return "a report of nothing is due";
  if (!kept && h->dead && !h->holdings) return "a dead host nothing refers to is not to be freed";
  return NULL;
}

/* A holding has one host, so together the hosts count the holdings. */
static const char *check_references(const gaijin *g) {
  uint64_t references = 0;
  for (uint32_t i = 0; i <= g->hosts.mask; i++)
    for (const struct table_node *n = g->hosts.slots[i]; n; n = n->next)
      references += container_of(n, const struct host, node)->holdings;
  return references == g->holdings.count ? NULL : "the hosts count other holdings than there are";
}

/* ---- Calls ---- */

static const char *check_call(const gaijin *g, const struct table_node *n) {
  const struct call *c = container_of(n, const struct call, node);
  bool open = !list_empty(&c->open);
  if (n->key == 0 || n->key > g->last_call) return "a call has an id that was not given out";
  if (gj_call_find(g, n->key) != c) return "two calls have one id";
  if (!open && c->fn) return "an answered call is kept though it has a call-back";
  if (!open && c->claim && !c->answer.ok) return "a refused claim still waits";
  if (c->claim && !c->claim->pending) return "a claim under way does not count in its holding";
  if (c->claim && (c->claim->pt.host != c->claimed.host || c->claim->pt.id != c->claimed.id))
    return "a claim has the holding of another token";
  if (c->cancelled && !c->claim) return "a cancelled call is still in the books";
  if (open && !gj_is_up(g) && !g->dispatching) return "a call is open after the connection's end";
  return NULL;
}

static const char *check_open_calls(const gaijin *g) {
  uint32_t spare = 0;
  for (const struct link *l = g->open_calls.next; l != &g->open_calls; l = l->next) {
    const struct call *c = container_of(l, const struct call, open);
    if (gj_call_find(g, c->node.key) != c) return "an open call is not in the table";
  }
  for (const struct call *c = g->spare_calls; c; c = c->next_spare) spare++;
  if (spare != g->n_spare_calls) return "the spare calls are not as many as counted";
  spare = 0;
  for (const gaijin_body *b = g->spare_bodies; b; b = b->next_spare) spare++;
  return spare == g->n_spare_bodies ? NULL : "the spare bodies are not as many as counted";
}

/* ---- The queues of bytes ---- */

static const char *check_bytes(const gaijin *g) {
  const struct buffer *out = &g->out;
  uint32_t whole = g->writer.open ? g->writer.pack.start : out->size; /* end of what is queued */
  if (out->size > out->capacity || out->capacity > out->max)
    return "the out-queue is over its size";
  if (whole > out->size || g->out_start > whole) return "more was sent than was queued";
  if (g->out_whole > g->out_start) return "a message that was sent in part counts as whole";
  if (g->out_whole < whole &&
      g->out_whole + (uint64_t)message_size(out->bytes + g->out_whole) > whole)
    return "no message begins where the sent ones end";
  if (!gj_is_up(g) && !g->writer.open && out->size) return "bytes wait after the connection's end";
  if (g->writer.nested && !g->writer.open) return "a message is inside another that is not open";
  if (g->in.start > g->in.in.size) return "more was read than came";
  if (g->in.in.size > g->in.in.capacity) return "the in-queue is over its size";
  return g->stamps_left <= STAMP_BLOCK ? NULL : "more stamps are left than were fetched";
}

const char *gj_check(const gaijin *g) {
  const struct table *tables[] = {&g->tokens, &g->holdings, &g->hosts, &g->calls};
  const char *broken = NULL;
  for (size_t i = 0; !broken && i < ARRAY_SIZE(tables); i++) broken = check_table(tables[i]);
  if (!broken && list_length(&g->releases) != g->n_releases)
    broken = "the queued releases are not as many as counted";
  if (!broken && list_length(&g->unused_hosts) != g->n_unused_hosts)
    broken = "the dead hosts kept are not as many as counted";
  if (!broken && list_length(&g->open_calls) > g->calls.count)
    broken = "more calls are open than there are";
  if (!broken) broken = check_bytes(g);
  if (!broken) broken = check_staged(g);
  if (!broken) broken = each(g, &g->tokens, check_token);
  if (!broken) broken = each(g, &g->holdings, check_holding);
  if (!broken) broken = each(g, &g->hosts, check_host);
  if (!broken) broken = check_references(g);
  if (!broken) broken = each(g, &g->calls, check_call);
  if (!broken) broken = check_open_calls(g);
  if (!broken) broken = gj_owed_check(g);
  return broken;
}

/* Large books are looked at more seldom, so that a test with a million entries ends too. */
enum { RECORDS_PER_EVENT = 256 };

void gj_check_or_abort(gaijin *g) {
  uint64_t records =
      (uint64_t)g->tokens.count + g->holdings.count + g->hosts.count + g->calls.count;
  if (++g->unchecked * RECORDS_PER_EVENT < records) return;
  g->unchecked = 0;
  const char *broken = gj_check(g);
  if (!broken) return;
  fprintf(stderr, "libgaijin: the books of '%s' are broken: %s\n", g->name, broken);
  abort();
}
