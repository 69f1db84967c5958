/* SPDX-License-Identifier: MIT
 *
 * Where what is routed is counted and timed (books/traffic.h). A message costs about 25
 * instructions here; nothing is written to anybody. Requests that wait for a label (s2t) for as
 * long as it takes are counted and not timed.
 */
#ifndef GAIJIN_BROKER_METER_H
#define GAIJIN_BROKER_METER_H

#include "broker/core/pairs.h"
#include "broker/core/state.h"
#include "proto/message.h"

/* A message of a known op has been read and handled. */
static inline void meter_read(struct broker *b, const struct message *m) {
  traffic_add(&b->traffic.ops[m->op].read, m->kind, m->size);
}

/* The pair of a load's record: its host asks its client. */
static inline struct traffic_pair *meter_pair(struct broker *b, struct load *l) {
  struct traffic_pair *p = traffic_of_link(&b->traffic, l->traffic);
  if (p) return p;
  return traffic_find(&b->traffic, &l->traffic, hosts_at(&b->hosts, l->host)->name,
                      hosts_at(&b->hosts, l->client)->name);
}

/* A request is forwarded whose pair has this record; `call` is its own, SLAB_NONE: it is one-way. */
static inline void meter_request(struct broker *b, uint32_t load, uint32_t call,
                                 const struct message *m) {
  struct traffic_pair *p = meter_pair(b, loads_at(&b->loads, load));
  p->used_ns = traffic_now(&b->traffic);
  p->bytes += m->size;
  if (call == SLAB_NONE) {
    p->posts++;
  } else {
    p->requests++;
    calls_at(&b->calls, call)->begun_ns = p->used_ns;
  }
}

/* A call has been answered by its host; its record is about to go. Returns how long it took, in
 * nanoseconds; 0: that is not known. */
static inline uint64_t meter_answer(struct broker *b, const struct call *k,
                                    const struct message *m) {
  struct traffic_pair *p =
      pairs_count(b, k) ? meter_pair(b, loads_at(&b->loads, k->pair)) : &b->traffic.others;
  if (m->kind == MESSAGE_REPLY)
    p->replies++;
  else
    p->errors++;
  p->bytes_back += m->size;
  if (!k->begun_ns || k->unbounded) return 0;
  uint64_t took = traffic_now(&b->traffic) - k->begun_ns;
  unsigned bucket = histogram_bucket(took);
  histogram_add(&b->traffic.ops[k->op].took, bucket, took);
  histogram_add(&p->took, bucket, took);
  return took;
}

#endif
