/* SPDX-License-Identifier: MIT
 *
 * The steps are those of proto/ring/layout.h.
 */
#include "broker/ops/ring.h"

#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "broker/net/carrier.h"
#include "proto/ring/layout.h"

bool ring_read(const struct hello_options *o) {
  struct reader r;
  uint64_t layout;
  return hello_option(o, RING_KEY, &r) && reader_uint(&r, &layout) && layout == RING_LAYOUT;
}

void ring_offer(struct client *c) {
  struct broker *b = c->broker;
  struct message m = {.kind = MESSAGE_NOTICE, .op = OP_ring, .target = OP_NONE};
  struct pack p;
  b->out.size = 0;
  pack_begin(&p, &b->out, b->connections.max_message, &m, 2);
  pack_uint(&p, RING_OFFERED);
  pack_uint(&p, RING_LAYOUT);
  if (pack_end(&p) != BUFFER_OK || !carrier_offer(c, b->out.bytes, b->out.size)) return;
  c->messages_out++;
  b->traffic.made[OP_ring].messages[MESSAGE_NOTICE]++;
}

void ring_on_ring(struct client *from, const struct message *m) {
  struct reader r;
  uint32_t count;
  uint64_t step;
  reader_open(&r, m->body, m->body_size, &count);
  if (!from->lanes || from->lanes->in) {
    client_fault(from, "it sent 'ring', and was offered none");
  } else if (!reader_uint(&r, &step) || (step != RING_MOVED && step != RING_REFUSED)) {
    client_fault(from, "'ring' wants %d or %d", RING_REFUSED, RING_MOVED);
  } else if (step == RING_REFUSED) {
    client_drop_lanes(from);
  } else {
    carrier_moved_in(from);
    pack_uint(notify_begin(from->broker, MESSAGE_NOTICE, OP_ring, 0, 1), RING_MOVED);
    notify_send(from->broker, from);
    if (from->state != CLIENT_CONDEMNED) carrier_moves_out(from);
  }
}
