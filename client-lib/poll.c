/* SPDX-License-Identifier: MIT
 *
 * Looking for messages before the program sleeps (proto/wait/polling.h). A look is a
 * gaijin_dispatch; the messages that it handles end the wait (io.c), as those do that come while
 * the program sleeps.
 */
#include "client-lib/internal.h"
#include "proto/wait/look.h"

enum { POLL_US_MOST = 1000 };

void gj_poll_init(gaijin *g, uint32_t poll_us) {
  polling_init(&g->polling, poll_us < POLL_US_MOST ? poll_us : POLL_US_MOST);
}

/* Otherwise a look reads nothing, or the program has to wait for more than messages. */
static bool may_look(const gaijin *g) {
  return gj_is_up(g) && !g->dispatching && !g->paused && !g->starved && !gaijin_wants_write(g) &&
         !gj_is_fork(g);
}

bool gaijin_poll(gaijin *g) {
  struct polling *p = &g->polling;
  if (!p->is_on || !may_look(g)) return false;
  double now = clock_seconds();
  if (!polling_begin(p, now)) return false;
  do {
    gaijin_dispatch(g);
    if (!polling_wants_hit(p)) return true;
    if (!may_look(g)) polling_sleep(p);
  } while (p->is_looking && look_again(p, &now));
  return false;
}

uint64_t gaijin_poll_looks(const gaijin *g, uint64_t *hits, uint64_t *slow) {
  *hits = g->polling.hits;
  *slow = g->polling.slow;
  return g->polling.looks;
}
