/* SPDX-License-Identifier: MIT
 *
 * Every client that has said hello, as long as anything refers to it: a small number (the index
 * all other registries use), the 64 random bits others know it by, its name, and its connection.
 * A host whose connection ended is dead; its record stays as long as others hold tokens of it, so
 * that they learn its name.
 */
#ifndef GAIJIN_BROKER_HOSTS_H
#define GAIJIN_BROKER_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/chain.h"
#include "broker/base/work.h"
#include "policy/policy.h"
#include "proto/limits.h"

struct client;

/* How many may monitor at a time. */
enum { HOSTS_MONITORS = 8 };

/* What the policy says about a host (core/permissions.c): the rules about it as one who asks, and
 * as one who is asked. */
struct standing {
  uint32_t generation; /* of the policy for which this is right; 0: none yet */
  uint32_t named;      /* of the policy that has judged its name; 0: none yet */
  struct policy_set asking, asked;
};

struct host {
  uint64_t id;
  struct client *client; /* NULL: dead */
  struct job giving_back; /* of a dead one: what it held is being given back (core/releases.c) */
  uint32_t link;
  bool observer;
  bool succeeded; /* another has its name now */
  uint32_t seen_by[HOSTS_MONITORS]; /* whom it was introduced to (core/seen.h) */
  struct standing standing;
  char name[TOLD_NAME_MAX_BYTES + 1]; /* as others are told it: an observer's begins with '@' */
};

struct hosts {
  struct slab all;
  struct chain by_id;
};

/* False when memory is short. A zeroed struct is valid to deinit. */
bool hosts_init(struct hosts *h, uint64_t seed);
void hosts_deinit(struct hosts *h);

/* A new host; name has at most NAME_MAX_BYTES bytes. `id` is not 0 and nobody else's. SLAB_NONE
 * when memory is short. An observer's name is nobody's but its own word: no policy has judged it,
 * and it may be a living worker's. So it is recorded, and told to others, with an '@' before it,
 * which no worker's name has (proto/name.h). */
uint32_t hosts_add(struct hosts *h, uint64_t id, const char *name, struct client *client,
                   bool observer);
void hosts_remove(struct hosts *h, uint32_t host);
/* SLAB_NONE when there is none. */
uint32_t hosts_find(const struct hosts *h, uint64_t id);

static inline struct host *hosts_at(const struct hosts *h, uint32_t host) {
  return slab_at(&h->all, host);
}

/* NULL, or a static text that says which invariant is broken. */
const char *hosts_check(const struct hosts *h);

#endif
