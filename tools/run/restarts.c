/* SPDX-License-Identifier: MIT
 *
 * What counts are the restarts of the last RESTARTS_SECONDS.
 */
#include "tools/run/restarts.h"

enum { FIRST_MS = 100, LONGEST_MS = 2000 };

static unsigned recent(const struct restarts *r, double now) {
  unsigned n = 0, there = r->n < RESTARTS_MOST ? (unsigned)r->n : RESTARTS_MOST;
  for (unsigned i = 0; i < there; i++) n += now - r->at[i] < RESTARTS_SECONDS;
  return n;
}

int restarts_delay(struct restarts *r, double now) {
  unsigned n = recent(r, now);
  int ms = 0;
  if (n == RESTARTS_MOST) return -1;
  for (unsigned i = 0; i < n && ms < LONGEST_MS; i++) ms = ms ? 2 * ms : FIRST_MS;
  r->at[r->n++ % RESTARTS_MOST] = now;
  return ms < LONGEST_MS ? ms : LONGEST_MS;
}
