/* SPDX-License-Identifier: MIT
 *
 * Looking for messages before the program sleeps (proto/wait/polling.h). A look is a
 * gaijin_dispatch; the messages that it handles end the wait (io.c), as those do that come while
 * the program sleeps. With rings, a look is one at the ring; the socket, which has the end of the
 * connection, is looked at as well every AROUND seconds.
 */
#include "client-lib/internal.h"
#include "client-lib/rings.h"
#include "proto/wait/look.h"

enum { POLL_US_MOST = 1000 };
#define AROUND 20e-6

void gj_poll_init(gaijin *g, uint32_t poll_us) {
  polling_init(&g->polling, poll_us < POLL_US_MOST ? poll_us : POLL_US_MOST);
}

/* Otherwise a look reads nothing, or the program has to wait for more than messages. */
static bool may_look(const gaijin *g) {
  return gj_is_up(g) && !g->dispatching && !g->paused && !g->starved && !gaijin_wants_write(g) &&
         !gj_is_fork(g);
}

/* The rings are not knocked at while it is looked. */
static void look(gaijin *g, double now, double *around) {
  if (g->rings.in) {
    ring_wake(&g->rings.pair);
    if (now < *around) {
      if (ring_has(&g->rings.pair)) gj_io_look(g);
      return;
    }
    *around = now + AROUND;
  }
  gaijin_dispatch(g);
}

/* About to sleep; what has come meanwhile is no hit, but is handled. */
static bool leave(gaijin *g) {
  if (!g->rings.in || !may_look(g) || gj_rings_sleep(g)) return false;
  gaijin_dispatch(g);
  return true;
}

bool gaijin_poll(gaijin *g) {
  struct polling *p = &g->polling;
  if (!p->is_on || !may_look(g)) return false;
  double now = clock_seconds();
  if (!polling_begin(p, now)) return false;
  double around = now + AROUND;
  do {
    look(g, now, &around);
    if (!polling_wants_hit(p)) return true;
    if (!may_look(g)) polling_sleep(p);
  } while (p->is_looking && look_again(p, &now));
  return leave(g);
}

uint64_t gaijin_poll_looks(const gaijin *g, uint64_t *hits, uint64_t *slow) {
  *hits = g->polling.hits;
  *slow = g->polling.slow;
  return g->polling.looks;
}
