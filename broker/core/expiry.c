/* SPDX-License-Identifier: MIT
 *
 * One timer for the wheel of all calls. Most calls are answered long before their time: the timer
 * is not moved then; when it fires it finds nothing due, and is armed for the next. If more are due
 * than a slice ends, the others are a job of the queue of work.
 */
#include "broker/core/expiry.h"

#include <assert.h>

#include "broker/core/notify.h"
#include "proto/base.h"

/* Units of work for a call whose time is over; how many of them a slice ends. */
enum { EXPIRY_COST = 10, EXPIRY_SLICE = WORK_QUANTUM / EXPIRY_COST };

static void expire(struct broker *b, uint32_t call) {
  const struct call *k = calls_at(&b->calls, call);
  assert(k->asker != SLAB_NONE && !k->deadline.in);
  const struct host *host = hosts_at(&b->hosts, k->host);
  struct client *asker = hosts_at(&b->hosts, k->asker)->client;
  if (asker)
    notify_error(asker, k->op, k->asked_id, STATUS_timeout,
                 "%s to worker %s got no answer in %g s; whether it was done is not known",
                 op_name(k->op), host->name, k->deadline_ms / 1e3);
  if (host->client)
    notify_cancel(host->client, k->id, accounts_of(&b->connections.accounts, k->asker));
  calls_abandon(&b->calls, call);
}

static void on_time(uv_timer_t *timer);

static void arm_timer(struct broker *b) {
  struct expiry *e = &b->expiry;
  uint64_t next = wheel_next(&b->calls.deadlines), now = uv_now(b->loop);
  if (next >= e->fires_ms) return;
  e->fires_ms = next;
  uv_timer_start(&e->timer, on_time, next > now ? next - now : 0, 0);
}

/* Ends the calls that are due, so many as one slice allows; true when there may be more. */
static bool expire_slice(struct broker *b) {
  uint32_t call, n = 0;
  while (n < EXPIRY_SLICE &&
         (call = wheel_take(&b->calls.deadlines, uv_now(b->loop))) != SLAB_NONE) {
    expire(b, call);
    n++;
  }
  work_charge(&b->work, (uint64_t)n * EXPIRY_COST);
  if (n == EXPIRY_SLICE) return true;
  arm_timer(b);
  return false;
}

static bool go_on(struct work *w, struct job *j) {
  (void)j;
  return expire_slice(container_of(w, struct broker, work));
}

static void on_time(uv_timer_t *timer) {
  struct broker *b = timer->data;
  b->expiry.fires_ms = UINT64_MAX;
  if (job_is_queued(&b->expiry.job)) return; /* it comes to this deadline, too */
  if (expire_slice(b)) work_add(&b->work, &b->expiry.job, go_on);
}

void expiry_open(struct broker *b) {
  b->expiry.fires_ms = UINT64_MAX;
  uv_timer_init(b->loop, &b->expiry.timer);
  b->expiry.timer.data = b;
}

void expiry_close(struct broker *b) { uv_close((uv_handle_t *)&b->expiry.timer, NULL); }

void expiry_set_some(struct broker *b, uint32_t call, uint32_t deadline_ms) {
  calls_at(&b->calls, call)->deadline_ms = deadline_ms;
  /* The loop's clock is cut to milliseconds: one more, so that nobody is told before the time. */
  uint64_t now = uv_now(b->loop);
  wheel_add(&b->calls.deadlines, call, now, now + deadline_ms + 1);
  arm_timer(b);
}

void expiry_go_on(struct broker *b) { arm_timer(b); }
