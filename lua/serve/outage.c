/* SPDX-License-Identifier: MIT
 *
 * All of it happens in a dispatch, in the scheduler: no Lua runs.
 */
#include "lua/serve/outage.h"

#include <assert.h>

#include "lua/cycles/rounds.h"
#include "lua/fiber/connection.h"
#include "lua/fiber/door.h"
#include "lua/serve/begin.h"
#include "lua/serve/collect.h"

/* A worker that cannot watch its connection cannot come back. */
static void watch_moved(struct worker *w) {
  int r = connection_moved(w);
  if (r == 0) return;
  worker_log(w, LOG_ERROR, "cannot watch the new connection to the broker (%s); ending",
             uv_strerror(r));
  connection_lost(w);
}

void outage_begins(void *worker, int fd, const char *reason) {
  struct worker *w = worker;
  (void)fd;
  assert(!w->sched.current);
  w->away_since = clock_seconds();
  worker_log(w, LOG_WARN, "the connection to the broker ended: %s; trying to come back for %g s",
             reason, w->reconnect);
  watch_moved(w);
  begin_forget(w);
  collect_forget(w);
  rounds_forget(w);
}

void outage_ends(void *worker, int fd) {
  struct worker *w = worker;
  (void)fd;
  assert(!w->sched.current);
  watch_moved(w);
  worker_log(w, LOG_INFO, "back at the broker after %.3g s", clock_seconds() - w->away_since);
  door_look(w);
}

void outage_reborn(void *worker, uint64_t former_host) {
  const struct worker *w = worker;
  (void)former_host;
  worker_log(w, LOG_WARN,
             "was declared dead while it was away: goes on as a new worker; what it held of "
             "others, and others of it, is dead");
}

void outage_confirmed(void *worker) { door_look(worker); }
