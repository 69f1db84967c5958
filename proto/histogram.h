/* SPDX-License-Identifier: MIT
 *
 * How long things took, counted in buckets whose width grows with the time: four to each doubling,
 * so that a percentile is known to a fifth, or to 2 us, up to more than an hour, in a kilobyte.
 * Times are nanoseconds.
 *
 * Bucket i has what is at least histogram_lower(i) and below histogram_upper(i); what took longer
 * than all of them is in the last. Always true: the buckets follow each other without a gap.
 */
#ifndef GAIJIN_PROTO_HISTOGRAM_H
#define GAIJIN_PROTO_HISTOGRAM_H

#include <stdint.h>

/* The unit of the buckets is 2^10 ns. */
enum { HISTOGRAM_UNIT_BITS = 10, HISTOGRAM_BUCKETS = 120 };

struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
  uint64_t sum; /* of all that was counted */
  uint64_t unused[7]; /* an element of an array is found by a shift */
};

static inline unsigned histogram_bucket(uint64_t ns) {
  uint64_t units = (ns >> HISTOGRAM_UNIT_BITS) + 4;
  if (units > UINT32_MAX) return HISTOGRAM_BUCKETS - 1;
  unsigned doubling = (unsigned)__builtin_clzll(units) ^ 63;
  return (doubling - 3) * 4 + (unsigned)(units >> (doubling - 2));
}

static inline void histogram_add(struct histogram *h, unsigned bucket, uint64_t ns) {
  h->counts[bucket]++;
  h->sum += ns;
}

/* The bounds of a bucket. */
uint64_t histogram_lower(unsigned bucket);
static inline uint64_t histogram_upper(unsigned bucket) { return histogram_lower(bucket + 1); }
/* The bucket with this upper bound; HISTOGRAM_BUCKETS: there is none. */
unsigned histogram_of_upper(uint64_t upper);

/* How many were counted. */
uint64_t histogram_count(const struct histogram *h);
/* Adds all of another. */
void histogram_join(struct histogram *h, const struct histogram *other);
/* The time that a part (0 to 1) of all did not exceed, as exactly as the buckets tell it, and never
 * too short for all of them (1); 0 when nothing was counted. */
double histogram_quantile(const struct histogram *h, double part);

#endif
