/* SPDX-License-Identifier: MIT
 *
 * Every message is made in the broker's one scratch buffer.
 */
#include "broker/core/notify.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct pack *notify_begin(struct broker *b, enum message_kind kind, enum op op, uint64_t id,
                          uint32_t count) {
  struct message header = {.kind = kind, .op = op, .id = id, .target = OP_NONE};
  assert(!b->writing); /* there is one scratch buffer */
  b->writing = true;
  b->out.size = 0;
  pack_begin(&b->pack, &b->out, b->connections.max_message, &header, count);
  return &b->pack;
}

void notify_send_paid(struct broker *b, struct client *to, struct account *payer) {
  assert(b->writing && to);
  b->writing = false;
  if (pack_end(&b->pack) != BUFFER_OK) {
    client_condemn(to, "memory is too short for a message to it");
    return;
  }
  enum op op = message_op(b->out.bytes);
  const struct op_info *info = op_info(op);
  if (!op_in_version(info, info->least, to->version)) return;
  b->traffic.made[op].messages[message_kind_of(b->out.bytes)]++;
  client_push(to, payer ? payer : to->account, b->out.bytes, b->out.size);
}

void notify_send(struct broker *b, struct client *to) { notify_send_paid(b, to, NULL); }

void notify_reply(struct client *to, enum op op, uint64_t id) {
  notify_begin(to->broker, MESSAGE_REPLY, op, id, 0);
  notify_send(to->broker, to);
}

static void send_error(struct client *to, enum op op, uint64_t id, enum status status,
                       const char *text, const struct message *refused) {
  const struct monitors *monitors = &to->broker->monitors;
  if (monitors->count) monitors->error(to->broker, to, op, id, status, text, refused);
  struct pack *p = notify_begin(to->broker, MESSAGE_ERROR, op, id, 2);
  pack_uint(p, status);
  pack_text(p, text);
  notify_send(to->broker, to);
}

void notify_error(struct client *to, enum op op, uint64_t id, enum status status,
                  const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  send_error(to, op, id, status, text, NULL);
}

void notify_done(struct client *to, const struct message *request) {
  if (!(request->flags & MESSAGE_ONE_WAY)) notify_reply(to, request->op, request->id);
}

void notify_refuse(struct client *to, const struct message *request, enum status status,
                   const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  notify_refuse_text(to, request, status, text);
}

void notify_refuse_text(struct client *to, const struct message *request, enum status status,
                        const char *text) {
  send_error(to, request->op, request->id, status, text, request);
}

void notify_fault(struct client *to, const char *text) {
  notify_error(to, OP_hello, 0, STATUS_protocol,
               "the broker ends this connection, whose client broke the protocol: %s", text);
}

void notify_farewell(struct client *to, const char *text) {
  notify_error(to, OP_hello, 0, STATUS_busy, "the broker ends this connection: %s", text);
}

void notify_peer(struct client *to, const struct host *host, struct account *payer) {
  struct pack *p = notify_begin(to->broker, MESSAGE_NOTICE, OP_peer, 0, 2);
  pack_uint(p, host->id);
  pack_text(p, host->name);
  notify_send_paid(to->broker, to, payer);
}

static void send_number(struct client *to, enum op op, uint64_t number, struct account *payer) {
  struct pack *p = notify_begin(to->broker, MESSAGE_NOTICE, op, 0, 1);
  pack_uint(p, number);
  notify_send_paid(to->broker, to, payer);
}

void notify_dead(struct client *to, uint64_t host, struct account *payer) {
  bool tells = to->version >= WIRE_VERSION_SUCCEED;
  uint32_t number = hosts_find(&to->broker->hosts, host);
  struct pack *p = notify_begin(to->broker, MESSAGE_NOTICE, OP_dead, 0, tells ? 2 : 1);
  pack_uint(p, host);
  if (tells) pack_bool(p, number != SLAB_NONE && hosts_at(&to->broker->hosts, number)->succeeded);
  notify_send_paid(to->broker, to, payer);
}

void notify_succeeded(struct client *to) {
  notify_begin(to->broker, MESSAGE_NOTICE, OP_succeeded, 0, 0);
  notify_send(to->broker, to);
}

void notify_cancel(struct client *to, uint64_t request, struct account *payer) {
  send_number(to, OP_cancel, request, payer);
}

void notify_grant(struct client *to, uint64_t target, const struct window *taken, uint64_t undone) {
  struct pack *p = notify_begin(to->broker, MESSAGE_NOTICE, OP_grant, 0, 4);
  pack_uint(p, target);
  pack_uint(p, taken->requests);
  pack_uint(p, taken->bytes);
  pack_uint(p, undone);
  notify_send(to->broker, to);
}

void notify_bye(struct client *to) {
  pack_text(notify_begin(to->broker, MESSAGE_NOTICE, OP_bye, 0, 1),
            "the broker was ended in good order");
  notify_send(to->broker, to);
}

void notify_free(struct client *to) {
  if (to->free_id || to->broker->refs.kept == REFS_KEPT) return;
  assert(to->state != CLIENT_GREETING);
  client_answer_due(to);
  to->free_ms = uv_now(to->broker->loop);
  to->free_id = calls_next_id(&to->broker->calls);
  notify_begin(to->broker, MESSAGE_REQUEST, OP_free, to->free_id, 0);
  notify_send(to->broker, to);
}
