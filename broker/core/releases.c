/* SPDX-License-Identifier: MIT
 *
 * A fixed array: when it is full it is sent, so gathering never needs memory.
 */
#include "broker/core/releases.h"

#include <stdlib.h>

#include "broker/broker.h"
#include "broker/net/client.h"
#include "broker/core/notify.h"

bool fallout_release(struct broker *b, uint32_t token, uint32_t client, uint64_t count) {
  uint32_t host = refs_token(&b->refs, token)->host;
  switch (refs_release(&b->refs, token, client, count)) {
    case REFS_OK: return true;
    case REFS_NEW: break;
    default: return false;
  }
  loads_lower(&b->loads, loads_find(&b->loads, host, client));
  fallout_settle(b, token);
  return true;
}

void fallout_settle(struct broker *b, uint32_t token) {
  struct fallout *f = &b->fallout;
  if (f->count == FALLOUT_MOST) fallout_send(b);
  if (refs_settle(&b->refs, token, &f->drops[f->count])) f->count++;
}

static int by_host(const void *left, const void *right) {
  const struct refs_drop *l = left, *r = right;
  return (l->host > r->host) - (l->host < r->host);
}

static bool several_hosts(const struct fallout *f) {
  for (uint32_t i = 1; i < f->count; i++)
    if (f->drops[i].host != f->drops[0].host) return true;
  return false;
}

/* `n` drops of one host. */
static void send_to_host(struct broker *b, const struct refs_drop *drops, uint32_t n) {
  struct client *to = hosts_at(&b->hosts, drops[0].host)->client;
  if (!to) {
    fallout_retire(b, drops[0].host);
    return;
  }
  struct pack *p = notify_begin(b, MESSAGE_NOTICE, OP_drop, 0, 2 * n);
  for (uint32_t i = 0; i < n; i++) {
    pack_uint(p, drops[i].id);
    pack_uint(p, drops[i].seen);
  }
  notify_send(b, to);
}

void fallout_send(struct broker *b) {
  struct fallout *f = &b->fallout;
  if (several_hosts(f)) qsort(f->drops, f->count, sizeof f->drops[0], by_host);
  for (uint32_t i = 0, n; i < f->count; i += n) {
    for (n = 1; i + n < f->count && f->drops[i + n].host == f->drops[i].host; n++) continue;
    send_to_host(b, &f->drops[i], n);
  }
  f->count = 0;
}

void fallout_retire(struct broker *b, uint32_t host) {
  if (hosts_at(&b->hosts, host)->client || refs_export_count(&b->refs, host) > 0 || refs_held_count(&b->refs, host) > 0) return;
  loads_forget_host(&b->loads, host);
  hosts_remove(&b->hosts, host);
}
