/* SPDX-License-Identifier: MIT
 *
 * While the idle handle is active the loop does not wait.
 */
#include "broker/net/lookout.h"

#include <poll.h>

#include "broker/net/hot.h"
#include "broker/net/reading.h"
#include "proto/wait/look.h"

static void on_idle(uv_idle_t *idle) { (void)idle; }

static void leave(struct client *c) {
  hot_leave(c);
  reading_sleep(c);
}

/* One look at each. */
static bool look_at_all(struct connections *n) {
  struct hot *h = &n->hot;
  bool found = false;
  for (unsigned i = h->count; i-- > 0 && !work_is_overspent(n->work);) {
    struct client *c = h->all[i];
    if (reading_look(c))
      found = true;
    else if (++c->vain_looks >= HOT_VAIN_MOST)
      leave(c);
  }
  return found;
}

/* What is not hot is ready, or what is has become so since it was looked at. */
static bool loop_has_some(const struct connections *n) {
  struct pollfd p = {.fd = uv_backend_fd(n->loop), .events = POLLIN};
  return poll(&p, 1, 0) > 0;
}

/* The loop runs once without waiting. It hears sockets, but no rings, which do not knock now. */
static bool let_loop_run(struct connections *n) {
  struct hot *h = &n->hot;
  h->stretch_ends = 0;
  for (unsigned i = 0; i < h->count; i++) reading_unheard(h->all[i]);
  uv_idle_start(&h->awake, on_idle);
  return false;
}

static bool let_loop_sleep(struct connections *n) {
  n->hot.stretch_ends = 0;
  while (n->hot.count) leave(n->hot.all[n->hot.count - 1]);
  return false;
}

static bool is_loop_due(struct connections *n, double now) {
  struct hot *h = &n->hot;
  uv_update_time(n->loop); /* for timers, and for what is read next */
  if (now >= h->stretch_ends || uv_backend_timeout(n->loop) == 0) return true;
  if (now < h->around && h->count > 0) return false;
  h->around = now + LOOKOUT_AROUND;
  return loop_has_some(n);
}

bool lookout_look(struct connections *n) {
  struct hot *h = &n->hot;
  uv_idle_stop(&h->awake);
  double now = clock_seconds();
  if (!polling_begin(&h->polling, now)) return let_loop_sleep(n);
  if (h->stretch_ends <= 0) {
    h->stretch_ends = now + POLLING_STRETCH;
    h->around = now + LOOKOUT_AROUND;
  }
  do {
    if (is_loop_due(n, now)) return let_loop_run(n);
    if (look_at_all(n)) return true;
  } while (look_again(&h->polling, &now));
  return let_loop_sleep(n);
}
