/* SPDX-License-Identifier: MIT
 *
 * The ring is as long as the rule says: with that many in it, its oldest is the one that goes next.
 */
#include "tools/run/life/backoff.h"

#include <assert.h>

static unsigned recent(const struct backoff *b, const struct backoff_rule *rule, double now) {
  unsigned n = 0, there = b->n < rule->most ? (unsigned)b->n : rule->most;
  for (unsigned i = 0; i < there; i++) n += now - b->at[i] < rule->within;
  return n;
}

int backoff_delay(struct backoff *b, const struct backoff_rule *rule, double now) {
  assert(rule->most >= 1 && rule->most <= BACKOFF_MOST);
  unsigned n = recent(b, rule, now);
  double wait = n ? rule->first : 0;
  if (n == rule->most) return -1;
  for (unsigned i = 1; i < n && wait < rule->longest; i++) wait *= 2;
  b->at[b->n++ % rule->most] = now;
  return (int)((wait < rule->longest ? wait : rule->longest) * 1000 + 0.5);
}
