/* SPDX-License-Identifier: MIT
 *
 * A row's place is its cursor: ops by their number; pairs by their place in the table, the others
 * behind the last. What a page will have is counted before, with the same bound for each row.
 */
#include "broker/ops/show/show_traffic.h"

#include <string.h>

#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "proto/base.h"

/* Units of work for a row written; connections counted for a unit. */
enum { ROW_COST = 10, CONNECTIONS_PER_UNIT = 16 };
/* Upper bounds on the wire: a number, a row without its buckets. */
enum { NUMBER_BYTES = 9, ROW_BYTES = 2 * (TOLD_NAME_MAX_BYTES + 5) + 16 * NUMBER_BYTES };

static uint32_t used_buckets(const struct histogram *h) {
  uint32_t used = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) used += h->counts[i] > 0;
  return used;
}

/* [sum, upper bound, count, ...]: of the buckets that have any. */
static void pack_histogram(struct pack *p, const struct histogram *h) {
  pack_array(p, 1 + 2 * used_buckets(h));
  pack_uint(p, h->sum);
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    if (!h->counts[i]) continue;
    pack_uint(p, histogram_upper(i));
    pack_uint(p, h->counts[i]);
  }
}

/* ---- Ops ---- */

static uint64_t count_all(const struct traffic_count *c) {
  uint64_t all = 0;
  for (unsigned kind = MESSAGE_REQUEST; kind <= MESSAGE_NOTICE; kind++) all += c->messages[kind];
  return all;
}

static uint32_t next_op(const struct traffic *t, uint32_t op) {
  while (op < OP_COUNT && !count_all(&t->read[op]) && !count_all(&t->made[op])) op++;
  return op < OP_COUNT ? op : SLAB_NONE;
}

static const struct histogram *op_histogram(const struct traffic *t, uint32_t op) {
  return &t->took[op];
}

static void pack_count(struct pack *p, const struct traffic_count *c) {
  for (unsigned kind = MESSAGE_REQUEST; kind <= MESSAGE_NOTICE; kind++)
    pack_uint(p, c->messages[kind]);
}

static void write_op(struct traffic *t, uint32_t op, struct pack *p) {
  pack_array(p, 10);
  pack_text(p, op_name(op));
  pack_count(p, &t->read[op]);
  pack_count(p, &t->made[op]);
  pack_histogram(p, &t->took[op]);
}

/* ---- Pairs ---- */

static const struct traffic_pair *pair_at(const struct traffic *t, uint32_t i) {
  return i < t->count ? t->pairs[i] : &t->others;
}

static uint32_t next_pair(const struct traffic *t, uint32_t i) {
  bool others = t->others.requests + t->others.posts > 0;
  return i < t->count || (i == t->count && others) ? i : SLAB_NONE;
}

static const struct histogram *pair_histogram(const struct traffic *t, uint32_t i) {
  return &pair_at(t, i)->took;
}

static void pack_name(struct pack *p, const char *name) {
  if (*name)
    pack_text(p, name);
  else
    pack_nil(p);
}

static void write_pair(struct traffic *t, uint32_t i, struct pack *p) {
  const struct traffic_pair *k = pair_at(t, i);
  pack_array(p, 10);
  pack_name(p, k->asker);
  pack_name(p, k->host);
  pack_uint(p, k->requests);
  pack_uint(p, k->posts);
  pack_uint(p, k->answers[MESSAGE_REPLY]);
  pack_uint(p, k->answers[MESSAGE_ERROR]);
  pack_uint(p, k->bytes);
  pack_uint(p, k->bytes_back);
  pack_uint(p, (traffic_now(t) - k->used_ns) / 1000000000);
  pack_histogram(p, &k->took);
}

/* ---- Sums ---- */

static void count_connections(struct client *from, uint32_t *workers, uint32_t *observers) {
  *workers = *observers = 0;
  uint32_t n = 0;
  for (const struct client *c = from->connections->all; c; c = c->next, n++) {
    if (c->host == SLAB_NONE) continue;
    if (c->observer)
      ++*observers;
    else
      ++*workers;
  }
  client_charge(from, n / CONNECTIONS_PER_UNIT);
}

static void show_sums(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  const struct accounts *a = &b->connections.accounts;
  uint32_t workers, observers;
  count_connections(from, &workers, &observers);
  struct pack *p = notify_begin(b, MESSAGE_REPLY, OP_inspect, m->id, 2);
  pack_nil(p); /* no other page */
  pack_array(p, 14);
  pack_number(p, (double)(traffic_now(&b->traffic) - b->traffic.began_ns) / 1e9);
  pack_uint(p, workers);
  pack_uint(p, observers);
  pack_uint(p, b->refs.tokens.count);
  pack_uint(p, b->refs.holds.count);
  pack_uint(p, b->calls.all.count);
  pack_uint(p, b->names.watches.all.count + (uint64_t)b->collecting.all.count);
  pack_uint(p, a->memory);
  pack_uint(p, a->limits.memory);
  pack_uint(p, a->refused);
  pack_uint(p, b->log.lost_ever);
  pack_uint(p, b->traffic.folded);
  pack_uint(p, b->roster.generation);
  pack_uint(p, b->connections.carrier.count);
  notify_send(b, from);
}

/* ---- Pages ---- */

struct kind {
  const char *name;
  uint32_t (*next)(const struct traffic *t, uint32_t row); /* SLAB_NONE: no more */
  const struct histogram *(*histogram)(const struct traffic *t, uint32_t row);
  void (*write)(struct traffic *t, uint32_t row, struct pack *p);
};

static const struct kind kinds[] = {{"stats", next_op, op_histogram, write_op},
                                    {"pairs", next_pair, pair_histogram, write_pair}};

static void show_page(struct client *from, const struct message *m, const struct kind *kind,
                      uint64_t cursor, uint64_t bytes_most) {
  struct traffic *t = &from->broker->traffic;
  uint32_t first = cursor < SLAB_NONE ? kind->next(t, (uint32_t)cursor) : SLAB_NONE;
  uint32_t rows = 0, after = first;
  for (uint64_t bytes = 0; after != SLAB_NONE; after = kind->next(t, after + 1), rows++) {
    bytes += ROW_BYTES + (uint64_t)used_buckets(kind->histogram(t, after)) * 2 * NUMBER_BYTES;
    if (bytes > bytes_most && rows > 0) break;
  }
  struct pack *p = notify_begin(from->broker, MESSAGE_REPLY, OP_inspect, m->id, 1 + rows);
  if (after == SLAB_NONE)
    pack_nil(p);
  else
    pack_uint(p, after);
  for (uint32_t row = first, n = rows; n; n--, row = kind->next(t, row + 1)) kind->write(t, row, p);
  notify_send(from->broker, from);
  client_charge(from, (uint64_t)rows * ROW_COST);
}

static bool is_text(const char *text, const char *what, uint32_t size) {
  return strlen(text) == size && memcmp(text, what, size) == 0;
}

bool show_traffic(struct client *from, const struct message *m, const char *what, uint32_t size,
                  uint64_t cursor, uint64_t bytes_most) {
  if (is_text("sums", what, size)) {
    show_sums(from, m);
    return true;
  }
  for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
    if (!is_text(kinds[i].name, what, size)) continue;
    show_page(from, m, &kinds[i], cursor, bytes_most);
    return true;
  }
  return false;
}
