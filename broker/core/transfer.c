/* SPDX-License-Identifier: MIT
 *
 * The list of PTs is scratch that is kept from message to message; after a message
 * with very many it is freed.
 */
#include "broker/core/transfer.h"

#include <stdlib.h>

#include "broker/broker.h"
#include "broker/net/client.h"
#include "broker/core/notify.h"
#include "proto/body.h"

enum { KEEP_CAPACITY = 4096 };

void transfer_deinit(struct transfer *t) {
  free(t->pts);
  *t = (struct transfer){0};
}

static void note(void *user, const struct pt *pt) {
  struct transfer *t = user;
  if (t->count == t->capacity) {
    uint32_t capacity = t->capacity ? t->capacity * 2 : 16;
    struct carried *pts = realloc(t->pts, capacity * sizeof *pts);
    if (!pts) {
      t->no_memory = true;
      return;
    }
    t->pts = pts;
    t->capacity = capacity;
  }
  t->pts[t->count++] = (struct carried){.pt = *pt, .host = SLAB_NONE, .token = SLAB_NONE};
}

static void start(struct transfer *t) {
  if (t->capacity > KEEP_CAPACITY) transfer_deinit(t);
  t->count = 0;
  t->no_memory = false;
}

const char *transfer_read(struct broker *b, const struct message *m) {
  struct transfer *t = &b->transfer;
  start(t);
  const char *fault = body_walk(m->body, m->body_size, note, t);
  if (!fault && t->no_memory) fault = "memory is too short for the objects in it";
  if (fault) t->count = 0;
  return fault;
}

bool transfer_set(struct broker *b, const struct pt *pt, uint32_t host, uint32_t token) {
  struct transfer *t = &b->transfer;
  start(t);
  note(t, pt);
  if (t->no_memory) return false;
  t->pts[0].host = host;
  t->pts[0].token = token;
  return true;
}

/* The PTs whose host is the sender. */
static bool see_own(struct broker *b, struct client *from) {
  struct transfer *t = &b->transfer;
  uint64_t own = hosts_at(&b->hosts, from->host)->id;
  for (uint32_t i = 0; i < t->count; i++) {
    struct carried *k = &t->pts[i];
    if (k->pt.host != own) continue;
    k->host = from->host;
    switch (refs_see(&b->refs, from->host, &k->pt, broker_now(b), &k->token)) {
      case REFS_OK: break;
      case REFS_MISMATCH:
        client_fault(from, "it sent its token %llu with another stamp or kind than before", (unsigned long long)k->pt.id);
        return false;
      default:
        client_condemn(from, "memory is too short for its tokens");
        return false;
    }
  }
  return true;
}

/* Whether the sender may use all other PTs. */
static bool holds_others(struct broker *b, const struct client *from) {
  struct transfer *t = &b->transfer;
  for (uint32_t i = 0; i < t->count; i++) {
    struct carried *k = &t->pts[i];
    if (k->token != SLAB_NONE) continue;
    k->host = hosts_find(&b->hosts, k->pt.host);
    uint32_t token;
    if (k->host == SLAB_NONE || refs_find_held(&b->refs, k->host, &k->pt, from->host, &token) != REFS_OK) return false;
    k->token = token;
  }
  return true;
}

enum transfer_outcome transfer_take(struct broker *b, struct client *from) {
  if (b->transfer.count == 0) return TRANSFER_OK;
  if (!see_own(b, from)) return TRANSFER_FAULT;
  return holds_others(b, from) ? TRANSFER_OK : TRANSFER_FORGED;
}

bool transfer_introduce(struct broker *b, uint32_t host, struct client *to, uint32_t *load, bool *is_new) {
  enum loads_outcome o = loads_introduce(&b->loads, host, to->host, load);
  if (is_new) *is_new = o == LOADS_NEW;
  if (o == LOADS_NEW) notify_peer(to, hosts_at(&b->hosts, host));
  if (o == LOADS_NO_MEMORY) client_condemn(to, "memory is too short to introduce others to it");
  return o != LOADS_NO_MEMORY;
}

void transfer_give(struct broker *b, struct client *to) {
  struct transfer *t = &b->transfer;
  bool over_line = false;
  for (uint32_t i = 0; i < t->count; i++) {
    struct carried *k = &t->pts[i];
    if (k->host == to->host) continue;
    uint32_t load;
    bool is_new;
    if (!transfer_introduce(b, k->host, to, &load, &is_new)) return;
    k->tell_dead = is_new && !hosts_at(&b->hosts, k->host)->client;
    enum refs_outcome o = refs_hold(&b->refs, k->token, to->host);
    if (o == REFS_NO_MEMORY) {
      client_condemn(to, "memory is too short for what it is given");
      return;
    }
    if (o == REFS_NEW && loads_raise(&b->loads, load)) over_line = true;
  }
  if (over_line) notify_free(to);
}

void transfer_settle(struct broker *b, struct client *to) {
  struct transfer *t = &b->transfer;
  if (t->count == 0) return;
  for (uint32_t i = 0; i < t->count; i++)
    if (to && t->pts[i].tell_dead) notify_dead(to, t->pts[i].pt.host);
  for (uint32_t i = 0; i < t->count; i++)
    if (t->pts[i].token != SLAB_NONE) fallout_settle(b, t->pts[i].token);
  fallout_send(b);
  t->count = 0;
}
