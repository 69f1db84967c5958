/* SPDX-License-Identifier: MIT
 *
 * An offer is written past the outbox, which must be empty: a descriptor goes with a write.
 */
#include "broker/net/carrier.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "broker/net/limits.h"

/* Milliseconds in which CARRIER_BUSY messages have to come. */
enum { PERIOD_MS = 1000 };

/* The timer runs so many times in idle_ms; clients that are told to leave in one turn. */
enum { LOOKS = 5, LEAVE_AT_ONCE = 32 };

void carrier_init(struct connections *n) {
  uv_timer_init(n->loop, &n->carrier.look);
  n->carrier.look.data = n;
}

void carrier_set(struct connections *n, enum transport transport, uint32_t most, uint32_t idle_ms) {
  struct carrier *k = &n->carrier;
  k->transport = transport;
  k->most = most;
  k->idle_ms = idle_ms;
  k->uid = geteuid();
}

void carrier_close(struct connections *n) { uv_close((uv_handle_t *)&n->carrier.look, NULL); }

/* ---- Who is busy, and who is idle ---- */

static uint32_t now_ms(const struct client *c) { return (uint32_t)uv_now(c->connections->loop); }

static bool is_busy(struct client *c) {
  uint32_t now = now_ms(c), messages = (uint32_t)c->messages_in;
  if (c->connections->carrier.transport == TRANSPORT_SHM) return true;
  if (now - c->busy_ms < PERIOD_MS) return messages - c->busy_from >= CARRIER_BUSY;
  c->busy_ms = now;
  c->busy_from = messages;
  return false;
}

/* What was missing may be there now: but an attempt that fails is logged, so they are not many. */
static bool is_to_wait(const struct client *c) {
  return c->got_no_lanes && now_ms(c) - c->no_lanes_ms < CARRIER_AGAIN_MS;
}

void carrier_judge(struct client *c) {
  const struct carrier *k = &c->connections->carrier;
  if (c->state != CLIENT_READY || c->lanes || c->has_hung_up || c->write_failed ||
      c->outbox.bytes > 0 || k->count >= carrier_most(c->connections) || c->uid != k->uid ||
      is_to_wait(c) || !is_busy(c))
    return;
  c->connections->events->busy(c);
}

static uint32_t messages(const struct client *c) {
  return (uint32_t)(c->messages_in + c->messages_out);
}

static void see_anew(struct client *c) {
  c->lanes->seen_ms = now_ms(c);
  c->lanes->seen = messages(c);
}

static bool is_idle(struct client *c) {
  const struct lanes *l = c->lanes;
  if (now_ms(c) - l->seen_ms < c->connections->carrier.idle_ms) return false;
  if (messages(c) - l->seen <= CARRIER_IDLE) return true;
  see_anew(c);
  return false;
}

/* Not before it sleeps at its ring: else it may not have read that our stream is there, and would
 * find what follows the ring behind that, on the socket. */
static bool may_leave(struct client *c) {
  return c->state == CLIENT_READY && c->lanes->in && c->lanes->out && !c->has_hung_up &&
         !c->write_failed && c->outbox.bytes == 0 && ring_is_quiet(&c->lanes->pair);
}

static void on_look(uv_timer_t *timer) {
  struct connections *n = timer->data;
  unsigned left = LEAVE_AT_ONCE;
  for (struct lanes *l = n->carrier.all; l && left > 0; l = l->next) {
    if (!may_leave(l->owner) || !is_idle(l->owner)) continue;
    n->events->idle(l->owner);
    left--;
  }
  if (!n->carrier.all) uv_timer_stop(timer);
}

void carrier_keep(struct client *c, struct lanes *l) {
  struct carrier *k = &c->connections->carrier;
  uint32_t every = k->idle_ms / LOOKS + 1;
  client_take_lanes(c, l);
  see_anew(c);
  if (k->idle_ms && !uv_is_active((uv_handle_t *)&k->look))
    uv_timer_start(&k->look, on_look, every, every);
}

/* ---- The ways there and back ---- */

bool carrier_offer(struct client *c, const void *bytes, uint32_t size) {
  char full[LIMITS_TEXT];
  assert(!c->lanes && c->outbox.bytes == 0);
  c->got_no_lanes = true;
  c->no_lanes_ms = now_ms(c);
  if (!limits_allow(c, ACCOUNT_BYTES, RING_MAP_BYTES, full)) return false;
  struct lanes *l;
  int r = lanes_new(&l, -1, NULL);
  if (r < 0) {
    log_peer(c->connections->log, LOG_WARN, CAUSE_MEMORY, client_about_why(c, strerror(-r)),
             "%s stays on its socket, for there can be no rings for it", c->name);
    return false;
  }
  c->got_no_lanes = false;
  carrier_keep(c, l);
  if (!lanes_offer(c->lanes, c->fd, bytes, size)) { /* its socket was full */
    client_drop_lanes(c);
    return false;
  }
  c->wants_lanes = false; /* it may refuse them, once and for all */
  return true;
}

void carrier_moved_in(struct client *c) {
  assert(c->lanes && !c->lanes->in);
  c->lanes->in = true;
  c->moving = MOVING_IN;
}

void carrier_moves_out(struct client *c) {
  assert(c->lanes && c->lanes->in && c->lanes->out_at == UINT64_MAX);
  c->lanes->out_at = client_queued_to(c);
}

bool carrier_leave(struct client *c, const void *bytes, uint32_t size) {
  return may_leave(c) && lanes_leave(c->lanes, c->fd, bytes, size);
}

void carrier_came_back(struct client *c) {
  assert(c->lanes && c->lanes->in && c->lanes->has_left);
  client_drop_lanes(c);
  c->moving = MOVING_BACK;
  c->wants_lanes = true;
  c->busy_ms = now_ms(c);
  c->busy_from = (uint32_t)c->messages_in;
}
