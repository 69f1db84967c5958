/* SPDX-License-Identifier: MIT
 *
 * Requests that the broker itself answers later: who waits, with which request,
 * for what subject (a number that the user of the registry gives a meaning).
 * Found from both sides, the subject's when it happens and the client's when it dies, and by the
 * client's request when it is given up.
 */
#ifndef GAIJIN_BROKER_WAITS_H
#define GAIJIN_BROKER_WAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/chain.h"
#include "broker/base/lists.h"

struct wait {
  uint64_t request; /* id of the client's request */
  uint32_t subject, client, link;
  struct links of_subject, of_client;
};

struct waits {
  struct slab all;
  struct chain by_request; /* key: client, request */
  struct owners by_subject, by_client;
};

/* False when memory is short. A zeroed struct is valid to deinit. */
bool waits_init(struct waits *w, uint64_t seed);
void waits_deinit(struct waits *w);

/* False when memory is short. */
bool waits_add(struct waits *w, uint32_t subject, uint32_t client, uint64_t request);
void waits_remove(struct waits *w, uint32_t wait);
/* SLAB_NONE when there is none (left). Of several with one request (the client's fault) it finds
 * any. */
uint32_t waits_find(const struct waits *w, uint32_t client, uint64_t request);
uint32_t waits_first_of_subject(const struct waits *w, uint32_t subject);
uint32_t waits_next_of_subject(const struct waits *w, uint32_t wait);
uint32_t waits_count_of_subject(const struct waits *w, uint32_t subject);
uint32_t waits_first_of_client(const struct waits *w, uint32_t client);
uint32_t waits_count_of_client(const struct waits *w, uint32_t client);

static inline struct wait *waits_at(const struct waits *w, uint32_t wait) {
  return slab_at(&w->all, wait);
}

/* NULL, or a static text that says which invariant is broken. */
const char *waits_check(const struct waits *w);

#endif
