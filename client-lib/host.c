/* SPDX-License-Identifier: MIT
 *
 * Hosts the broker has introduced. A record ends when its host is dead and no
 * holding refers to it; the last few are kept a while longer, so that the name
 * of an asker that has just died can still be told.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/internal.h"

enum { UNUSED_HOSTS_KEPT = 64 };

struct host *gj_host_find(const gaijin *g, uint64_t id) {
  struct table_node *n = table_find(&g->hosts, id);
  return n ? container_of(n, struct host, node) : NULL;
}

static void host_free(gaijin *g, struct host *h) {
  assert(h->dead && !h->holdings && list_empty(&h->unused) && list_empty(&h->report));
  gj_table_remove(&g->hosts, &h->node);
  free(h->name);
  free(h);
}

struct host *gj_host_get(gaijin *g, uint64_t id) {
  struct host *h = gj_host_find(g, id);
  if (h) return h;
  h = calloc(1, sizeof *h);
  if (!h) return NULL;
  list_init(&h->unused);
  list_init(&h->report);
  gj_table_insert(&g->hosts, &h->node, id);
  return h;
}

static void unlist(gaijin *g, struct host *h) {
  if (list_empty(&h->unused)) return;
  assert(h->dead && g->n_unused_hosts > 0);
  list_remove(&h->unused);
  g->n_unused_hosts--;
}

/* It was dead to us only because we were declared dead. */
static void revive(gaijin *g, struct host *h) {
  unlist(g, h);
  h->dead = h->disowned = h->succeeded = false;
}

bool gj_host_introduce(gaijin *g, uint64_t id, const char *name, uint32_t size) {
  struct host *h = gj_host_get(g, id);
  char *copy = h ? malloc((size_t)size + 1) : NULL;
  if (!copy) return false;
  memcpy(copy, name, size);
  copy[size] = '\0';
  free(h->name);
  h->name = copy;
  h->unsure = false;
  if (h->disowned) revive(g, h);
  return true;
}

/* Lists a host among the unused if it is dead and nothing refers to it; the oldest of them goes. */
static void retire(gaijin *g, struct host *h) {
  if (!h->dead || h->holdings || !list_empty(&h->unused)) return;
  list_append(&g->unused_hosts, &h->unused);
  if (++g->n_unused_hosts <= UNUSED_HOSTS_KEPT) return;
  struct host *oldest = container_of(g->unused_hosts.next, struct host, unused);
  list_remove(&oldest->unused);
  g->n_unused_hosts--;
  host_free(g, oldest);
}

void gj_host_died(gaijin *g, struct host *h) {
  h->dead = true;
  retire(g, h);
}

void gj_host_tell_dead(gaijin *g, uint64_t id, bool succeeded) {
  struct host *h = gj_host_find(g, id);
  if (h) h->succeeded = succeeded;
  if (h) gj_host_died(g, h);
  bool waited = h && gj_window_died(h);
  /* What the program does in these calls may free the record. */
  if (g->events.dead) g->events.dead(g->user, id);
  if (waited && g->events.room) g->events.room(g->user, id);
}

/* Met by no broker but the one before the last, and not held: nobody will say that it is dead. */
static bool is_forgotten(const struct table_node *n) {
  const struct host *h = container_of(n, const struct host, node);
  return h->unsure && !h->dead && !h->holdings;
}

void gj_host_reset(gaijin *g) {
  struct walk w = {0};
  struct table_node *n;
  while ((n = gj_walk_next(&w, &g->hosts, is_forgotten))) {
    struct host *h = container_of(n, struct host, node);
    gj_window_died(h);
    h->dead = true;
    host_free(g, h);
  }
  for (uint32_t i = 0; i <= g->hosts.mask; i++) {
    for (n = g->hosts.slots[i]; n; n = n->next) {
      struct host *h = container_of(n, struct host, node);
      h->room_due = gj_window_died(h);
      h->unsure = true;
    }
  }
}

void gj_host_refer(gaijin *g, struct host *h) {
  h->holdings++;
  unlist(g, h);
}

void gj_host_unrefer(gaijin *g, struct host *h) {
  assert(h->holdings > 0);
  h->holdings--;
  retire(g, h);
}

void gj_host_free_all(gaijin *g) {
  struct table_node *n;
  while ((n = gj_table_take(&g->hosts))) {
    struct host *h = container_of(n, struct host, node);
    free(h->name);
    free(h);
  }
}

const char *gaijin_host_name(const gaijin *g, uint64_t host) {
  if (host == g->host) return g->name;
  const struct host *h = gj_host_find(g, host);
  return h ? h->name : NULL;
}

bool gaijin_host_dead(const gaijin *g, uint64_t host) {
  const struct host *h = gj_host_find(g, host);
  return h && h->dead;
}

bool gaijin_host_succeeded(const gaijin *g, uint64_t host) {
  const struct host *h = gj_host_find(g, host);
  return h && h->dead && h->succeeded;
}
