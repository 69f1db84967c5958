/* SPDX-License-Identifier: MIT
 *
 * Rows of a key and a value: on the first page what is known, on those that follow the text in
 * pieces. A cursor is the policy's generation and the place in its text, so that nobody puts
 * pieces of two policies together.
 */
#include "broker/ops/show/show_policy.h"

#include <string.h>
#include <unistd.h>

#include "broker/core/notify.h"
#include "broker/core/state.h"

enum { BYTES_PER_UNIT = 64, ROW_BYTES = 64 };

static uint64_t cursor_at(const struct permissions *p, size_t at) {
  return (uint64_t)p->generation * (POLICY_BYTES_MOST * 2) + at + 1;
}

static void put_text_row(struct pack *out, const char *key, const char *text, size_t size) {
  pack_array(out, 2);
  pack_text(out, key);
  pack_string(out, text, (uint32_t)size);
}

static void put_row(struct pack *out, const char *key, uint64_t value) {
  pack_array(out, 2);
  pack_text(out, key);
  pack_uint(out, value);
}

static void show_facts(struct client *from, uint64_t request) {
  struct broker *b = from->broker;
  const struct permissions *p = &b->permissions;
  uint64_t now = uv_now(b->loop);
  bool refused = p->refused[0] != '\0';
  struct pack *out = notify_begin(b, MESSAGE_REPLY, OP_inspect, request, refused ? 7 : 5);
  if (p->text_size)
    pack_uint(out, cursor_at(p, 0));
  else
    pack_nil(out);
  put_text_row(out, "file", p->path, strlen(p->path));
  put_row(out, "age", (now - p->since_ms) / 1000);
  put_row(out, "rules", policy_rules(p->policy));
  put_row(out, "user", geteuid());
  if (refused) {
    put_text_row(out, "refused", p->refused, strlen(p->refused));
    put_row(out, "refused_age", (now - p->refused_ms) / 1000);
  }
  notify_send(b, from);
}

static void show_text(struct client *from, uint64_t request, size_t at) {
  struct broker *b = from->broker;
  const struct permissions *p = &b->permissions;
  size_t size = p->text_size - at, most = b->connections.max_message / 2 - ROW_BYTES;
  if (size > most) size = most;
  struct pack *out = notify_begin(b, MESSAGE_REPLY, OP_inspect, request, 2);
  if (at + size < p->text_size)
    pack_uint(out, cursor_at(p, at + size));
  else
    pack_nil(out);
  put_text_row(out, "text", p->text + at, size);
  notify_send(b, from);
  client_charge(from, size / BYTES_PER_UNIT);
}

void show_policy_page(struct client *from, const struct message *m, uint64_t cursor) {
  const struct permissions *p = &from->broker->permissions;
  uint64_t first = cursor_at(p, 0);
  if (!p->policy) {
    pack_nil(notify_begin(from->broker, MESSAGE_REPLY, OP_inspect, m->id, 1));
    notify_send(from->broker, from);
  } else if (!cursor) {
    show_facts(from, m->id);
  } else if (cursor < first || cursor - first >= p->text_size) {
    notify_refuse(from, m, STATUS_busy, "the policy was reloaded meanwhile; ask again");
  } else {
    show_text(from, m->id, (size_t)(cursor - first));
  }
}
