/* SPDX-License-Identifier: MIT
 *
 * Pairs are looked for one by one: that happens once for each record of a pair, and while all
 * places are taken at most once in TRAFFIC_RETRY_NS.
 */
#include "broker/books/traffic.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void traffic_init(struct traffic *t) {
  *t = (struct traffic){.began_ns = traffic_clock()};
}

void traffic_deinit(struct traffic *t) {
  for (uint32_t i = 0; i < t->count; i++) free(t->pairs[i]);
  t->count = 0;
}

uint64_t traffic_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec + 1;
}

static uint32_t hash_of(uint32_t hash, const char *text) {
  for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 16777619u;
  return (hash ^ 0xff) * 16777619u; /* "ab", "c" and "a", "bc" are two */
}

/* Adds what one that gives way has counted. */
static void fold(struct traffic *t, const struct traffic_pair *p) {
  struct traffic_pair *o = &t->others;
  o->requests += p->requests;
  o->posts += p->posts;
  for (unsigned kind = 0; kind <= MESSAGE_ERROR; kind++) o->answers[kind] += p->answers[kind];
  o->bytes += p->bytes;
  o->bytes_back += p->bytes_back;
  if (p->used_ns > o->used_ns) o->used_ns = p->used_ns;
  histogram_join(&o->took, &p->took);
  t->folded++;
}

static bool has_its_part(const struct traffic *t, uint32_t uid) {
  uint32_t own = 0;
  for (uint32_t i = 0; i < t->count; i++) own += t->pairs[i]->uid == uid;
  return own >= TRAFFIC_PAIRS - TRAFFIC_SPARED;
}

/* The one, of all or of a user's own, that was used least lately. */
static uint32_t find_oldest(const struct traffic *t, bool own, uint32_t uid) {
  uint32_t oldest = TRAFFIC_PAIRS;
  for (uint32_t i = 0; i < t->count; i++)
    if ((!own || t->pairs[i]->uid == uid) &&
        (oldest == TRAFFIC_PAIRS || t->pairs[i]->used_ns < t->pairs[oldest]->used_ns))
      oldest = i;
  return oldest;
}

/* A place for one more pair of a user; TRAFFIC_PAIRS: there is none now. */
static uint32_t find_place(struct traffic *t, uint64_t now, uint32_t uid) {
  bool own = has_its_part(t, uid);
  if (t->count < TRAFFIC_PAIRS && !own) {
    struct traffic_pair *p = malloc(sizeof *p);
    if (!p) return TRAFFIC_PAIRS;
    t->pairs[t->count] = p;
    return t->count++;
  }
  uint32_t oldest = find_oldest(t, own, uid);
  if (now - t->pairs[oldest]->used_ns < TRAFFIC_IDLE_NS) return TRAFFIC_PAIRS;
  fold(t, t->pairs[oldest]);
  return oldest;
}

/* Serials are not 0, and fit into a link beside the place. */
static uint32_t next_serial(struct traffic *t) {
  if (++t->serials >= UINT32_MAX / TRAFFIC_PAIRS) t->serials = 1;
  return t->serials;
}

struct traffic_pair *traffic_find(struct traffic *t, uint32_t *link, const char *asker,
                                  uint32_t uid, const char *host) {
  struct traffic_pair *p = traffic_of_link(t, *link);
  uint64_t now = traffic_now(t);
  if (p) return p;
  if (now < t->retry_ns && uid == t->retry_uid) return &t->others;
  if (*asker == '@') asker = "@";
  if (*host == '@') host = "@";
  uint32_t hash = hash_of(hash_of(2166136261u, asker), host), i = 0;
  while (i < t->count && (t->pairs[i]->hash != hash || strcmp(t->pairs[i]->asker, asker) != 0 ||
                          strcmp(t->pairs[i]->host, host) != 0))
    i++;
  if (i == t->count) {
    i = find_place(t, now, uid);
    if (i == TRAFFIC_PAIRS) {
      t->retry_ns = now + TRAFFIC_RETRY_NS;
      t->retry_uid = uid;
      return &t->others;
    }
    *t->pairs[i] = (struct traffic_pair){.hash = hash, .serial = next_serial(t), .used_ns = now,
                                         .uid = uid};
    strncat(t->pairs[i]->asker, asker, TOLD_NAME_MAX_BYTES);
    strncat(t->pairs[i]->host, host, TOLD_NAME_MAX_BYTES);
  }
  *link = t->pairs[i]->serial * TRAFFIC_PAIRS + i;
  return t->pairs[i];
}

const char *traffic_check(const struct traffic *t) {
  uint64_t requests = t->others.requests, asked = 0;
  for (uint32_t i = 0; i < t->count; i++) {
    if (!t->pairs[i]->serial) return "traffic: a pair that no link can name";
    requests += t->pairs[i]->requests;
  }
  for (unsigned op = 0; op < OP_COUNT; op++) asked += t->read[op].messages[MESSAGE_REQUEST];
  return requests <= asked ? NULL : "traffic: more was forwarded than was read";
}
