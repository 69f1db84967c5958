/* SPDX-License-Identifier: MIT
 *
 * What the broker has counted, read from it as a whole: the books "stats", "pairs" and "sums" of op
 * inspect (docs/protocol.md).
 */
#ifndef GAIJIN_TOOLS_STATS_H
#define GAIJIN_TOOLS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/histogram.h"
#include "tools/ask/observe.h"

/* Messages by kind, in the order of the wire: requests, replies, errors, notices. */
enum { STATS_KINDS = 4 };

struct stats_op {
  char *op;
  uint64_t read[STATS_KINDS], made[STATS_KINDS]; /* from clients; by the broker itself */
  struct histogram took;
};

struct stats_pair {
  char *asker, *host; /* NULL: all the pairs that have no row of their own */
  uint64_t requests, posts, replies, errors, bytes, bytes_back, idle_s;
  struct histogram took;
};

struct stats_sums {
  double seconds; /* since the counters began */
  uint64_t workers, observers, objects, holdings, requests, waits, memory, memory_most, refused,
      log_lost, folded, generation, rings;
};

struct stats {
  struct stats_op *ops;
  size_t n_ops, ops_room;
  struct stats_pair *pairs;
  size_t n_pairs, pairs_room;
  struct stats_sums sums;
};

/* Each reads one of the three; false after an error line. A zeroed struct is empty. */
bool stats_read_ops(struct observer *o, struct stats *s);
bool stats_read_pairs(struct observer *o, struct stats *s);
bool stats_read_sums(struct observer *o, struct stats *s);
/* The books themselves, each of which adds its rows; for observe_begin_page. */
struct observe_book stats_book_ops(struct stats *s);
struct observe_book stats_book_pairs(struct stats *s);
/* `version` of the wire: older brokers do not tell all. */
struct observe_book stats_book_sums(struct stats *s, uint32_t version);
void stats_deinit(struct stats *s);

#endif
