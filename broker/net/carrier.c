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

void carrier_set(struct connections *n, enum transport transport, uint32_t most) {
  n->carrier.transport = transport;
  n->carrier.most = most;
  n->carrier.uid = geteuid();
}

static bool is_busy(struct client *c) {
  uint32_t now = (uint32_t)uv_now(c->connections->loop), messages = (uint32_t)c->messages_in;
  if (c->connections->carrier.transport == TRANSPORT_SHM) return true;
  if (now - c->busy_ms < PERIOD_MS) return messages - c->busy_from >= CARRIER_BUSY;
  c->busy_ms = now;
  c->busy_from = messages;
  return false;
}

void carrier_judge(struct client *c) {
  const struct carrier *k = &c->connections->carrier;
  if (c->state != CLIENT_READY || c->lanes || c->has_hung_up || c->write_failed ||
      c->outbox.bytes > 0 || k->transport == TRANSPORT_SOCKET || k->count >= k->most ||
      c->uid != k->uid || !c->connections->hot.polling.is_on || !is_busy(c))
    return;
  c->connections->events->busy(c);
}

bool carrier_offer(struct client *c, const void *bytes, uint32_t size) {
  char full[LIMITS_TEXT];
  assert(!c->lanes && c->outbox.bytes == 0);
  c->wants_lanes = false; /* once is enough, if it cannot be */
  if (!limits_allow(c, ACCOUNT_BYTES, RING_MAP_BYTES, full)) return false;
  int r = lanes_new(&c->lanes, -1, NULL);
  if (r < 0) {
    log_peer(c->connections->log, LOG_WARN, CAUSE_MEMORY, client_about_why(c, strerror(-r)),
             "%s stays on its socket, for there can be no rings for it", c->name);
    return false;
  }
  c->connections->carrier.count++;
  client_settle(c);
  if (lanes_offer(c->lanes, c->fd, bytes, size)) return true;
  client_drop_lanes(c);
  c->wants_lanes = true; /* its socket was full */
  return false;
}

void carrier_moved_in(struct client *c) {
  assert(c->lanes && !c->lanes->in);
  c->lanes->in = c->lanes->has_moved = true;
}

void carrier_moves_out(struct client *c) {
  assert(c->lanes && c->lanes->in && c->lanes->out_at == UINT64_MAX);
  c->lanes->out_at = client_queued_to(c);
}
