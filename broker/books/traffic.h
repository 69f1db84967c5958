/* SPDX-License-Identifier: MIT
 *
 * What went through the broker since it began: messages of each op, and messages, bytes and how
 * long requests took of each pair of workers; how long they took of each op, too. It begins anew
 * with each program, also after an upgrade; who reads is told since when.
 *
 * The time of a message is that of the turn in which it is handled, for the clock is read once in a
 * turn, when the first message of it is. A request took from the turn in which it came to that in
 * which its answer came.
 *
 * Pairs are known by their names, so that a worker that was started again goes on where it was; all
 * observers are one, "@". There are TRAFFIC_PAIRS at most: where all are taken, the one that was
 * used least lately gives way if that was TRAFFIC_IDLE_NS ago, and what it had counts with the
 * others, which are one more pair. One user's pairs leave TRAFFIC_SPARED places to others: beyond
 * that they give way to each other only. So does what belongs to a pair that has found no place.
 * Memory is taken when a pair is met first, and never given back: at most TRAFFIC_PAIRS times 1.3
 * KB.
 *
 * Always true: what the pairs and the others counted together is what was forwarded.
 */
#ifndef GAIJIN_BROKER_TRAFFIC_H
#define GAIJIN_BROKER_TRAFFIC_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/histogram.h"
#include "proto/limits.h"
#include "proto/message.h"

enum { TRAFFIC_PAIRS = 256 };
/* So many of the places the pairs of one user, who asks, leave to those of others. */
enum { TRAFFIC_SPARED = 64 };
/* A pair that asked nothing for so long may give way; so long none is looked for after one that has
 * found no place. */
#define TRAFFIC_IDLE_NS UINT64_C(1000000000)
#define TRAFFIC_RETRY_NS UINT64_C(10000000)

/* Messages by their kind; an element of an array is found by a shift. */
struct traffic_count {
  uint64_t messages[8];
};
static_assert(MESSAGE_NOTICE < 8, "a kind of message has a place");

struct traffic_pair {
  uint64_t requests, posts;  /* forwarded: those that are answered, and one-way ones */
  /* of the host's, by their kind; those that nobody waits for, too */
  uint64_t answers[MESSAGE_ERROR + 1];
  uint64_t bytes, bytes_back; /* of these and those */
  uint64_t used_ns;          /* when it was asked last */
  struct histogram took;
  uint32_t serial; /* which pair has this place: a link of an earlier one is none */
  uint32_t hash;   /* of the names */
  uint32_t uid;    /* who asked when it was met */
  char asker[TOLD_NAME_MAX_BYTES + 1], host[TOLD_NAME_MAX_BYTES + 1];
};

struct traffic {
  uint64_t now_ns;   /* of this turn, on the clock of traffic_clock; 0: not read yet */
  uint64_t began_ns; /* since when it counts */
  uint64_t retry_ns; /* no place is looked for before, */
  uint32_t retry_uid; /* for this user */
  uint32_t serials;  /* given to pairs so far */
  uint32_t count;    /* of pairs */
  uint64_t folded;   /* pairs that gave way */
  struct traffic_pair *pairs[TRAFFIC_PAIRS];
  struct traffic_pair others;
  struct traffic_count read[OP_COUNT]; /* of each op, from clients; */
  struct traffic_count made[OP_COUNT]; /* by the broker itself; */
  struct histogram took[OP_COUNT];     /* requests that workers have answered */
};

/* A zeroed struct is valid to deinit. */
void traffic_init(struct traffic *t);
void traffic_deinit(struct traffic *t);

/* Nanoseconds of a clock that only goes on; never 0. */
uint64_t traffic_clock(void);
/* The time of this turn; the turn is over. */
static inline uint64_t traffic_now(struct traffic *t) {
  if (!t->now_ns) t->now_ns = traffic_clock();
  return t->now_ns;
}
static inline void traffic_end_turn(struct traffic *t) { t->now_ns = 0; }

/* The pair that a link names, which its record keeps for it; 0, that of a new record, names none:
 * then, or when the pair has given way, it is looked for, and *link is set. `others` where it has
 * no place. `uid` is the asker's user. The names are those that others are told (books/hosts.h). */
struct traffic_pair *traffic_find(struct traffic *t, uint32_t *link, const char *asker,
                                  uint32_t uid, const char *host);
static inline struct traffic_pair *traffic_of_link(struct traffic *t, uint32_t link) {
  struct traffic_pair *p = t->pairs[link % TRAFFIC_PAIRS];
  return p && p->serial == link / TRAFFIC_PAIRS ? p : NULL;
}

/* NULL, or a static text that says which invariant is broken. */
const char *traffic_check(const struct traffic *t);

#endif
