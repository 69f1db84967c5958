/* SPDX-License-Identifier: MIT
 *
 * The columns of tables that tell how long something took: p50_us, p90_us, p99_us, max_us.
 */
#ifndef GAIJIN_TOOLS_PERCENTILES_H
#define GAIJIN_TOOLS_PERCENTILES_H

#include "proto/histogram.h"
#include "tools/table/show.h"

/* Four cells, in whole microseconds; empty ones if nothing was timed. */
static inline void percentiles_show(struct show *s, const struct histogram *h) {
  static const double parts[] = {0.5, 0.9, 0.99, 1};
  bool any = histogram_count(h) > 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (any)
      show_uint(s, (uint64_t)(histogram_quantile(h, parts[i]) / 1e3 + 0.5));
    else
      show_nil(s);
  }
}

#endif
