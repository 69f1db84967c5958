/* SPDX-License-Identifier: MIT
 *
 * The envelope. What message_parse accepts has one form only: written again from the view, it is
 * the same bytes. The patches change what they name and nothing else. The input is one message,
 * whose prefix is made right, as framing leaves it.
 */
#include "proto/body.h"
#include "proto/message.h"
#include "tests/fuzz/fuzz.h"

const uint32_t mutate_at = 0;

static void check_view(const struct message *m, const uint8_t *bytes, uint32_t size) {
  uint8_t header[MESSAGE_HEADER_MOST];
  uint32_t n = message_write_header(header, m);
  FUZZ_REQUIRE(m->bytes == bytes && m->size == size, "a view of other bytes");
  FUZZ_REQUIRE(m->body == bytes + n && m->body_size == size - n, "a body elsewhere");
  message_set_size(header, size);
  FUZZ_REQUIRE(memcmp(header, bytes, n) == 0, "an envelope with a second form");
  FUZZ_REQUIRE(m->info == op_info(m->op) && message_op(bytes) == m->op, "another op");
  if (m->kind == MESSAGE_REQUEST || m->kind == MESSAGE_NOTICE)
    FUZZ_REQUIRE(m->body_count >= m->info->least && m->body_count <= m->info->most,
                 "%u values in '%s'", m->body_count, m->info->name);
  for (uint32_t version = 0; version < 5; version++)
    op_in_version(m->info, m->body_count, version);
}

static void check_patches(const struct message *m, uint8_t *bytes, uint32_t size) {
  struct message after;
  uint64_t id = ~m->id ? ~m->id : 1; /* no request has id 0 */
  message_set_id(bytes, id);
  message_set_peer(bytes, ~m->peer);
  message_set_deadline(bytes, ~m->deadline_ms);
  FUZZ_REQUIRE(!message_parse(bytes, size, &after), "patched, it is no message");
  FUZZ_REQUIRE(after.id == id && after.peer == (uint64_t)~m->peer &&
                   after.deadline_ms == (uint32_t)~m->deadline_ms,
               "a patch that does not take");
  message_set_id(bytes, m->id);
  message_set_peer(bytes, m->peer);
  message_set_deadline(bytes, m->deadline_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct message m;
  uint8_t *copy = malloc(size ? size : 1);
  if (!copy) return 0;
  memcpy(copy, data, size);
  if (size >= MESSAGE_PREFIX_BYTES) {
    copy[0] = 0xce;
    message_set_size(copy, (uint32_t)size);
    if (!message_parse(copy, (uint32_t)size, &m)) {
      check_view(&m, copy, (uint32_t)size);
      check_patches(&m, copy, (uint32_t)size);
      FUZZ_REQUIRE(memcmp(copy + MESSAGE_PREFIX_BYTES, data + MESSAGE_PREFIX_BYTES,
                          size - MESSAGE_PREFIX_BYTES) == 0, "a patch changed something else");
      body_walk(m.body, m.body_size, NULL, NULL);
    }
  }
  free(copy);
  return 0;
}
