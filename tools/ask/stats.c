/* SPDX-License-Identifier: MIT
 *
 * One function per book, called for each row.
 */
#include "tools/ask/stats.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/ops.h"
#include "tools/base/text.h"

enum { OP_COLUMNS = 10, PAIR_COLUMNS = 10, SUMS_COLUMNS = 14 };

/* Room for one item more, zeroed. */
static void *grow(void *array, size_t count, size_t *room, size_t size) {
  array = tool_grow(array, count, room, size);
  memset((char *)array + count * size, 0, size);
  return array;
}

static bool read_uint(struct observer *o, gaijin_body *b, const char *what, uint64_t *out) {
  struct gaijin_value v;
  if (!observe_value(o, b, what, &v)) return false;
  *out = v.type == GAIJIN_NUMBER && v.is_uint ? v.integer : 0;
  return true;
}

static bool read_uints(struct observer *o, gaijin_body *b, const char *what,
                       uint64_t *const out[], size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!read_uint(o, b, what, out[i])) return false;
  return true;
}

static bool read_name(struct observer *o, gaijin_body *b, const char *what, char **out) {
  struct gaijin_value v;
  if (!observe_value(o, b, what, &v)) return false;
  *out = v.type == GAIJIN_STRING ? tool_copy(v.bytes, v.size) : NULL;
  return true;
}

/* [sum, upper bound, count, ...]. What has a bound that this program does not know is left out. */
static bool read_histogram(struct observer *o, gaijin_body *b, const char *what,
                           struct histogram *h) {
  struct gaijin_value list;
  uint64_t upper, count;
  if (!observe_value(o, b, what, &list)) return false;
  if (list.type != GAIJIN_ARRAY || list.count % 2 == 0) {
    observe_report_form(o, what);
    return false;
  }
  if (!read_uint(o, b, what, &h->sum)) return false;
  for (uint32_t left = list.count - 1; left; left -= 2) {
    if (!read_uint(o, b, what, &upper) || !read_uint(o, b, what, &count)) return false;
    unsigned bucket = histogram_of_upper(upper);
    if (bucket < HISTOGRAM_BUCKETS) h->counts[bucket] += count;
  }
  return true;
}

static bool read_op(struct observer *o, gaijin_body *b, void *user) {
  struct stats *s = user;
  s->ops = grow(s->ops, s->n_ops, &s->ops_room, sizeof *s->ops);
  struct stats_op *row = &s->ops[s->n_ops++];
  if (!read_name(o, b, "stats", &row->op)) return false;
  for (int i = 0; i < STATS_KINDS; i++)
    if (!read_uint(o, b, "stats", &row->read[i])) return false;
  for (int i = 0; i < STATS_KINDS; i++)
    if (!read_uint(o, b, "stats", &row->made[i])) return false;
  return read_histogram(o, b, "stats", &row->took);
}

static bool read_pair(struct observer *o, gaijin_body *b, void *user) {
  struct stats *s = user;
  s->pairs = grow(s->pairs, s->n_pairs, &s->pairs_room, sizeof *s->pairs);
  struct stats_pair *p = &s->pairs[s->n_pairs++];
  uint64_t *const numbers[] = {&p->requests, &p->posts,      &p->replies, &p->errors,
                               &p->bytes,    &p->bytes_back, &p->idle_s};
  return read_name(o, b, "pairs", &p->asker) && read_name(o, b, "pairs", &p->host) &&
         read_uints(o, b, "pairs", numbers, ARRAY_SIZE(numbers)) &&
         read_histogram(o, b, "pairs", &p->took);
}

/* Rings have come with an op of their own. */
static uint32_t sums_told(uint32_t version) {
  return SUMS_COLUMNS - !op_in_version(op_info(OP_ring), 1, version);
}

static bool read_sums(struct observer *o, gaijin_body *b, void *user) {
  struct stats_sums *u = &((struct stats *)user)->sums;
  uint64_t *const numbers[] = {&u->workers,  &u->observers,   &u->objects, &u->holdings,
                               &u->requests, &u->waits,       &u->memory,  &u->memory_most,
                               &u->refused,  &u->log_lost,    &u->folded,  &u->generation,
                               &u->rings};
  struct gaijin_value v;
  if (!observe_value(o, b, "sums", &v)) return false;
  u->seconds = v.type == GAIJIN_NUMBER ? v.number : 0;
  return read_uints(o, b, "sums", numbers, sums_told(gaijin_wire_version(o->g)) - 1);
}

struct observe_book stats_book_ops(struct stats *s) {
  return (struct observe_book){.what = "stats", .columns = OP_COLUMNS, .row = read_op, .user = s};
}
struct observe_book stats_book_pairs(struct stats *s) {
  return (struct observe_book){
      .what = "pairs", .columns = PAIR_COLUMNS, .row = read_pair, .user = s};
}
struct observe_book stats_book_sums(struct stats *s, uint32_t version) {
  return (struct observe_book){
      .what = "sums", .columns = sums_told(version), .row = read_sums, .user = s};
}

bool stats_read_ops(struct observer *o, struct stats *s) {
  struct observe_book book = stats_book_ops(s);
  return observe_read(o, &book);
}
bool stats_read_pairs(struct observer *o, struct stats *s) {
  struct observe_book book = stats_book_pairs(s);
  return observe_read(o, &book);
}
bool stats_read_sums(struct observer *o, struct stats *s) {
  struct observe_book book = stats_book_sums(s, gaijin_wire_version(o->g));
  return observe_read(o, &book);
}

void stats_deinit(struct stats *s) {
  for (size_t i = 0; i < s->n_ops; i++) free(s->ops[i].op);
  for (size_t i = 0; i < s->n_pairs; i++) {
    free(s->pairs[i].asker);
    free(s->pairs[i].host);
  }
  free(s->ops);
  free(s->pairs);
  *s = (struct stats){0};
}
