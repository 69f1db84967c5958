/* SPDX-License-Identifier: MIT
 *
 * A time has four units added, and then there are four buckets to each doubling: so the first four
 * are a unit wide, the next four two units, and nothing is a case of its own.
 */
#include "proto/histogram.h"

uint64_t histogram_lower(unsigned bucket) {
  return (((uint64_t)(4 + bucket % 4) << bucket / 4) - 4) << HISTOGRAM_UNIT_BITS;
}

unsigned histogram_of_upper(uint64_t upper) {
  unsigned bucket = upper ? histogram_bucket(upper - 1) : HISTOGRAM_BUCKETS;
  return bucket < HISTOGRAM_BUCKETS && histogram_upper(bucket) == upper ? bucket
                                                                        : HISTOGRAM_BUCKETS;
}

uint64_t histogram_count(const struct histogram *h) {
  uint64_t count = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) count += h->counts[i];
  return count;
}

void histogram_join(struct histogram *h, const struct histogram *other) {
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) h->counts[i] += other->counts[i];
  h->sum += other->sum;
}

/* As if what is in a bucket were spread evenly over it. */
double histogram_quantile(const struct histogram *h, double part) {
  double left = part * (double)histogram_count(h), upper = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    double count = (double)h->counts[i], lower = (double)histogram_lower(i);
    if (count <= 0) continue;
    upper = (double)histogram_upper(i);
    if (left <= count) return lower + (upper - lower) * left / count;
    left -= count;
  }
  return upper;
}
