/* SPDX-License-Identifier: MIT
 *
 * Numbers only; see the header.
 */
#include "proto/wait/polling.h"

#include <assert.h>

void polling_init(struct polling *p, uint32_t most_us) {
  *p = (struct polling){.is_on = most_us > 0, .limit = most_us / 1e6};
}

bool polling_begin(struct polling *p, double now) {
  if (!p->is_on) return false;
  if (!p->is_waiting) {
    p->is_waiting = true;
    p->began = now;
    p->was_looked = false;
  }
  p->looked = now;
  p->is_looking = p->share > POLLING_WORTH && now >= p->until && now - p->began < p->limit;
  p->was_looked |= p->is_looking;
  return p->is_looking;
}

static void note_slow(struct polling *p, double now, double took) {
  double pause = POLLING_REST * took;
  p->slow++;
  if (p->good < POLLING_GOOD && pause < 2 * p->pause) pause = 2 * p->pause;
  p->pause = pause < POLLING_PAUSE_MOST ? pause : POLLING_PAUSE_MOST;
  p->until = now + p->pause;
  p->good = 0;
}

bool polling_go_on(struct polling *p, double now) {
  assert(p->is_waiting && p->is_looking);
  double took = now - p->looked;
  p->looked = now;
  p->looks++;
  if (took > POLLING_SLOW)
    note_slow(p, now, took);
  else if (p->good < POLLING_GOOD)
    p->good++;
  p->is_looking = took <= POLLING_SLOW && now - p->began < p->limit;
  return p->is_looking;
}

void polling_sleep(struct polling *p) { p->is_looking = p->was_looked = false; }

void polling_hit(struct polling *p, double now) {
  if (!p->is_waiting) return;
  double waking = p->was_looked ? 0 : POLLING_WAKING;
  double is_short = now - p->began < p->limit + waking ? 1 : 0;
  p->share += (is_short - p->share) / POLLING_WAITS;
  p->hits += p->is_looking;
  p->is_waiting = p->is_looking = false;
}
