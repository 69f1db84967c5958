/* SPDX-License-Identifier: MIT
 *
 * A slab with a list for either side, and a hash table by client and request.
 */
#include "broker/books/waits.h"

#include <assert.h>
#include <stddef.h>

#include "proto/base.h"

static uint64_t request_hash(uint32_t client, uint64_t request, uint64_t seed) {
  return mix64_seeded(request, seed + mix64(client)); /* clients choose their ids */
}
static uint64_t hash_of_wait(const void *item, uint64_t seed) {
  const struct wait *k = item;
  return request_hash(k->client, k->request, seed);
}

bool waits_init(struct waits *w, uint64_t seed) {
  *w = (struct waits){0};
  slab_init(&w->all, sizeof(struct wait));
  owners_init(&w->by_subject, &w->all, offsetof(struct wait, of_subject));
  owners_init(&w->by_client, &w->all, offsetof(struct wait, of_client));
  return chain_init(&w->by_request, &w->all, offsetof(struct wait, link), hash_of_wait, seed);
}

void waits_deinit(struct waits *w) {
  chain_deinit(&w->by_request);
  owners_deinit(&w->by_subject);
  owners_deinit(&w->by_client);
  slab_deinit(&w->all);
  *w = (struct waits){0};
}

bool waits_add(struct waits *w, uint32_t subject, uint32_t client, uint64_t request) {
  assert(subject != SLAB_NONE && client != SLAB_NONE);
  if (!owners_reserve(&w->by_subject, subject) || !owners_reserve(&w->by_client, client))
    return false;
  uint32_t wait = slab_add(&w->all);
  if (wait == SLAB_NONE) return false;
  *waits_at(w, wait) = (struct wait){.request = request, .subject = subject, .client = client};
  owners_add(&w->by_subject, subject, wait);
  owners_add(&w->by_client, client, wait);
  chain_add(&w->by_request, wait);
  return true;
}

void waits_remove(struct waits *w, uint32_t wait) {
  chain_remove(&w->by_request, wait);
  owners_remove(&w->by_subject, waits_at(w, wait)->subject, wait);
  owners_remove(&w->by_client, waits_at(w, wait)->client, wait);
  slab_remove(&w->all, wait);
}

uint32_t waits_find(const struct waits *w, uint32_t client, uint64_t request) {
  const struct chain *t = &w->by_request;
  for (uint32_t i = chain_first(t, request_hash(client, request, t->seed)); i != SLAB_NONE;
       i = chain_next(t, i)) {
    const struct wait *k = waits_at(w, i);
    if (k->request == request && k->client == client) return i;
  }
  return SLAB_NONE;
}

uint32_t waits_first_of_subject(const struct waits *w, uint32_t subject) {
  return owners_first(&w->by_subject, subject);
}
uint32_t waits_next_of_subject(const struct waits *w, uint32_t wait) {
  return owners_next(&w->by_subject, wait);
}
uint32_t waits_count_of_subject(const struct waits *w, uint32_t subject) {
  return owners_count(&w->by_subject, subject);
}
uint32_t waits_first_of_client(const struct waits *w, uint32_t client) {
  return owners_first(&w->by_client, client);
}
uint32_t waits_count_of_client(const struct waits *w, uint32_t client) {
  return owners_count(&w->by_client, client);
}

/* Adds to *n the waits in the list that begins with `first`; false when one is of another subject
 * (or client), or the list has no end. */
static bool count_list(const struct waits *w, uint32_t first, bool of_client, uint32_t *n) {
  for (uint32_t i = first; i != SLAB_NONE; ++*n) {
    const struct wait *k = waits_at(w, i), *f = waits_at(w, first);
    if (*n >= w->all.count || (of_client ? k->client != f->client : k->subject != f->subject))
      return false;
    i = of_client ? owners_next(&w->by_client, i) : waits_next_of_subject(w, i);
  }
  return true;
}

const char *waits_check(const struct waits *w) {
  uint32_t n = 0, of_subjects = 0, of_clients = 0;
  for (uint32_t i = slab_next(&w->all, 0); i != SLAB_NONE; i = slab_next(&w->all, i + 1), n++) {
    const struct wait *k = waits_at(w, i);
    bool good = true;
    if (waits_first_of_subject(w, k->subject) == i) good = count_list(w, i, false, &of_subjects);
    if (good && waits_first_of_client(w, k->client) == i)
      good = count_list(w, i, true, &of_clients);
    if (!good) return "waits: one in the list of another subject or client";
  }
  if (of_subjects != n || of_clients != n)
    return "waits: one is not in the lists of its subject and its client";
  for (uint32_t i = slab_next(&w->all, 0); i != SLAB_NONE; i = slab_next(&w->all, i + 1))
    if (waits_find(w, waits_at(w, i)->client, waits_at(w, i)->request) == SLAB_NONE)
      return "waits: one is not found by its request";
  return n == w->all.count && n == w->by_request.count ? NULL : "waits: another number of them";
}
