/* SPDX-License-Identifier: MIT
 *
 * A histogram of which any bucket has less than before is another one.
 */
#include "tools/top/model/counters.h"

#include <stddef.h>

void histogram_since(struct histogram *out, const struct histogram *now,
                     const struct histogram *before) {
  *out = *now;
  if (!before || now->sum < before->sum) return;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
    if (now->counts[i] < before->counts[i]) return;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) out->counts[i] -= before->counts[i];
  out->sum -= before->sum;
}

/* The broker tells whole seconds. */
bool counters_began(const struct counters_span *s) {
  return s->began_now + 1.5 < s->began_before + s->passed;
}

double counters_seconds(const struct counters_span *s) {
  static const double least = 1e-3;
  double seconds = s->passed;
  if (counters_began(s) && s->began_now < seconds) seconds = s->began_now;
  return seconds > least ? seconds : least;
}
