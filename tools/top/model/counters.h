/* SPDX-License-Identifier: MIT
 *
 * What happened between two readings of counters that only grow, but begin anew when the broker
 * does: then what they have now has happened since.
 */
#ifndef GAIJIN_TOOLS_COUNTERS_H
#define GAIJIN_TOOLS_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/histogram.h"

/* How much it has grown. `before` is 0 where there was none. */
static inline uint64_t counter_since(uint64_t now, uint64_t before) {
  return now >= before ? now - before : now;
}

/* What was counted after `before`, NULL: all of it. */
void histogram_since(struct histogram *out, const struct histogram *now,
                     const struct histogram *before);

/* Between which readings: of the broker's clock, since its counters began, and of our own. */
struct counters_span {
  double began_now, began_before; /* seconds since the counters began, at either reading */
  double passed;                  /* seconds between them, by our clock */
};
/* Whether the counters began anew in between. */
bool counters_began(const struct counters_span *s);
/* The seconds in which what has grown has grown. Not 0. */
double counters_seconds(const struct counters_span *s);

#endif
