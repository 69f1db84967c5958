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
  b->traffic.read[m->op].messages[m->kind]++;
}

/* A request of `size` bytes is forwarded whose pair has this record: its host asks its client. */
static inline struct traffic_pair *meter_forwarded(struct broker *b, struct load *l,
                                                   uint32_t size) {
  struct traffic_pair *p = traffic_of_link(&b->traffic, l->traffic);
  if (!p)
    p = traffic_find(&b->traffic, &l->traffic, hosts_at(&b->hosts, l->host)->name,
                     hosts_at(&b->hosts, l->host)->client->uid,
                     hosts_at(&b->hosts, l->client)->name);
  p->used_ns = traffic_now(&b->traffic);
  p->bytes += size;
  return p;
}
/* It is one-way; it is this call, which is timed if its begin is noted, too. */
static inline void meter_post(struct broker *b, struct load *l, uint32_t size) {
  meter_forwarded(b, l, size)->posts++;
}
static inline void meter_call(struct broker *b, struct load *l, struct call *k, uint32_t size) {
  struct traffic_pair *p = meter_forwarded(b, l, size);
  p->requests++;
  k->traffic = l->traffic;
}

static inline void meter_begin(struct broker *b, struct call *k) {
  k->begun_ns = traffic_now(&b->traffic);
}

/* A call has been answered by its host; its record is about to go. Returns how long it took, in
 * nanoseconds; 0: that is not known, or not of interest. */
static inline uint64_t meter_answer(struct broker *b, const struct call *k,
                                    const struct message *m) {
  struct traffic *t = &b->traffic;
  struct traffic_pair *p = traffic_of_link(t, k->traffic);
  if (!p) p = &t->others;
  p->answers[m->kind]++;
  p->bytes_back += m->size;
  if (!k->begun_ns) return 0;
  uint64_t took = traffic_now(t) - k->begun_ns;
  unsigned bucket = histogram_bucket(took);
  histogram_add(&t->took[m->op], bucket, took);
  histogram_add(&p->took, bucket, took);
  return took;
}

#endif
