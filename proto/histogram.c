/* SPDX-License-Identifier: MIT
 *
 * The first four buckets are one unit wide; of each doubling from 4 units on there are four.
 */
#include "proto/histogram.h"

uint64_t histogram_lower(unsigned bucket) {
  if (bucket < 4) return (uint64_t)bucket << HISTOGRAM_UNIT_BITS;
  return (uint64_t)(4 + bucket % 4) << (bucket / 4 - 1) << HISTOGRAM_UNIT_BITS;
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
  if (other->most > h->most) h->most = other->most;
}

/* As if what is in a bucket were spread evenly over it. */
double histogram_quantile(const struct histogram *h, double part) {
  double left = part * (double)histogram_count(h), most = (double)h->most;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    double count = (double)h->counts[i];
    if (count > 0 && left <= count) {
      double lower = (double)histogram_lower(i), upper = (double)histogram_upper(i);
      double at = lower + (upper - lower) * left / count;
      return at < most ? at : most;
    }
    left -= count;
  }
  return most;
}
