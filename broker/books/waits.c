/* SPDX-License-Identifier: MIT
 *
 * A slab with a list for either side. A client has few waits, so finding one of
 * them by its request walks the list.
 */
#include "broker/books/waits.h"

#include <assert.h>
#include <stddef.h>

void waits_init(struct waits *w) {
  *w = (struct waits){0};
  slab_init(&w->all, sizeof(struct wait));
  owners_init(&w->by_subject, &w->all, offsetof(struct wait, of_subject));
  owners_init(&w->by_client, &w->all, offsetof(struct wait, of_client));
}

void waits_deinit(struct waits *w) {
  owners_deinit(&w->by_subject);
  owners_deinit(&w->by_client);
  slab_deinit(&w->all);
  *w = (struct waits){0};
}

bool waits_add(struct waits *w, uint32_t subject, uint32_t client, uint64_t request,
               uint32_t what) {
  assert(subject != SLAB_NONE && client != SLAB_NONE);
  if (!owners_reserve(&w->by_subject, subject) || !owners_reserve(&w->by_client, client))
    return false;
  uint32_t wait = slab_add(&w->all);
  if (wait == SLAB_NONE) return false;
  *waits_at(w, wait) = (struct wait){
      .request = request, .subject = subject, .client = client, .what = what};
  owners_add(&w->by_subject, subject, wait);
  owners_add(&w->by_client, client, wait);
  return true;
}

void waits_remove(struct waits *w, uint32_t wait) {
  owners_remove(&w->by_subject, waits_at(w, wait)->subject, wait);
  owners_remove(&w->by_client, waits_at(w, wait)->client, wait);
  slab_remove(&w->all, wait);
}

uint32_t waits_find(const struct waits *w, uint32_t client, uint64_t request) {
  for (uint32_t i = waits_first_of_client(w, client); i != SLAB_NONE;
       i = owners_next(&w->by_client, i))
    if (waits_at(w, i)->request == request) return i;
  return SLAB_NONE;
}

uint32_t waits_first_of_subject(const struct waits *w, uint32_t subject) {
  return owners_first(&w->by_subject, subject);
}
uint32_t waits_next_of_subject(const struct waits *w, uint32_t wait) {
  return owners_next(&w->by_subject, wait);
}
uint32_t waits_first_of_client(const struct waits *w, uint32_t client) {
  return owners_first(&w->by_client, client);
}
uint32_t waits_count_of_client(const struct waits *w, uint32_t client) {
  return owners_count(&w->by_client, client);
}

const char *waits_check(const struct waits *w) {
  uint32_t n = 0;
  for (uint32_t i = slab_next(&w->all, 0); i != SLAB_NONE; i = slab_next(&w->all, i + 1), n++) {
    const struct wait *k = waits_at(w, i);
    uint32_t s = waits_first_of_subject(w, k->subject), c = waits_first_of_client(w, k->client);
    while (s != i && s != SLAB_NONE) s = waits_next_of_subject(w, s);
    while (c != i && c != SLAB_NONE) c = owners_next(&w->by_client, c);
    if (s != i || c != i) return "waits: one is not in the lists of its subject and its client";
  }
  return n == w->all.count ? NULL : "waits: another number of them";
}
