/* SPDX-License-Identifier: MIT
 *
 * A slab and a hash table by id.
 */
#include "broker/books/hosts.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "proto/base.h"

static uint64_t hash_of_host(const void *item, uint64_t seed) {
  return mix64(((const struct host *)item)->id ^ seed);
}

bool hosts_init(struct hosts *h, uint64_t seed) {
  *h = (struct hosts){0};
  slab_init(&h->all, sizeof(struct host));
  return chain_init(&h->by_id, &h->all, offsetof(struct host, link), hash_of_host, seed);
}

void hosts_deinit(struct hosts *h) {
  chain_deinit(&h->by_id);
  slab_deinit(&h->all);
  *h = (struct hosts){0};
}

uint32_t hosts_add(struct hosts *h, uint64_t id, const char *name, struct client *client,
                   bool observer) {
  assert(id != 0 && client && strlen(name) <= NAME_MAX_BYTES);
  uint32_t host = slab_add(&h->all);
  if (host == SLAB_NONE) return SLAB_NONE;
  struct host *k = hosts_at(h, host);
  k->id = id;
  k->client = client;
  k->observer = observer;
  k->succeeded = false;
  snprintf(k->name, sizeof k->name, "%s%s", observer ? "@" : "", name);
  chain_add(&h->by_id, host);
  return host;
}

void hosts_remove(struct hosts *h, uint32_t host) {
  chain_remove(&h->by_id, host);
  slab_remove(&h->all, host);
}

uint32_t hosts_find(const struct hosts *h, uint64_t id) {
  for (uint32_t i = chain_first(&h->by_id, mix64(id ^ h->by_id.seed)); i != SLAB_NONE;
       i = chain_next(&h->by_id, i))
    if (hosts_at(h, i)->id == id) return i;
  return SLAB_NONE;
}

const char *hosts_check(const struct hosts *h) {
  for (uint32_t i = slab_next(&h->all, 0); i != SLAB_NONE; i = slab_next(&h->all, i + 1))
    if (hosts_find(h, hosts_at(h, i)->id) != i) return "hosts: one is not found by its id";
  return h->by_id.count == h->all.count ? NULL
                                        : "hosts: the hash table has another number of hosts";
}
