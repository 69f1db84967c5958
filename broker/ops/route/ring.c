/* SPDX-License-Identifier: MIT
 *
 * The steps are those of proto/ring/layout.h.
 */
#include "broker/ops/route/ring.h"

#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "broker/net/carrier.h"
#include "proto/ring/layout.h"

bool ring_read(const struct hello_options *o) {
  struct reader r;
  uint64_t layout;
  return hello_option(o, RING_KEY, &r) && reader_uint(&r, &layout) && layout == RING_LAYOUT;
}

/* A notice that goes past the outbox. */
static bool make(struct broker *b, enum ring_step step) {
  struct message m = {.kind = MESSAGE_NOTICE, .op = OP_ring, .target = OP_NONE};
  struct pack p;
  bool is_offer = step == RING_OFFERED;
  b->out.size = 0;
  pack_begin(&p, &b->out, b->connections.max_message, &m, is_offer ? 2 : 1);
  pack_uint(&p, step);
  if (is_offer) pack_uint(&p, RING_LAYOUT);
  return pack_end(&p) == BUFFER_OK;
}

static void note_made(struct client *c) {
  c->messages_out++;
  c->broker->traffic.made[OP_ring].messages[MESSAGE_NOTICE]++;
}

void ring_offer(struct client *c) {
  struct buffer *out = &c->broker->out;
  if (make(c->broker, RING_OFFERED) && carrier_offer(c, out->bytes, out->size)) note_made(c);
}

void ring_leave(struct client *c) {
  struct buffer *out = &c->broker->out;
  if (make(c->broker, RING_LEFT) && carrier_leave(c, out->bytes, out->size)) note_made(c);
}

static void move(struct client *from) {
  carrier_moved_in(from);
  pack_uint(notify_begin(from->broker, MESSAGE_NOTICE, OP_ring, 0, 1), RING_MOVED);
  notify_send(from->broker, from);
  if (from->state != CLIENT_CONDEMNED) carrier_moves_out(from);
}

void ring_on_ring(struct client *from, const struct message *m) {
  struct reader r;
  uint32_t count;
  uint64_t step;
  reader_open(&r, m->body, m->body_size, &count);
  bool may_leave = from->lanes && from->lanes->has_left, may_move = from->lanes && !from->lanes->in;
  if (!may_leave && !may_move)
    client_fault(from, "it sent 'ring', and was offered none");
  else if (!reader_uint(&r, &step))
    client_fault(from, "'ring' wants a step");
  else if (may_leave && step == RING_LEFT)
    carrier_came_back(from);
  else if (may_move && step == RING_REFUSED)
    client_drop_lanes(from);
  else if (may_move && step == RING_MOVED)
    move(from);
  else
    client_fault(from, "'ring' has a step that is not due");
}
