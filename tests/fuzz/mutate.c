/* SPDX-License-Identifier: MIT
 *
 * Mutations for inputs that end with one message: fields of the envelope, the target and whole
 * values of the body, most often with the length prefix kept right, because a message with a wrong
 * one is never looked at.
 */
#include "proto/base.h"
#include "proto/message.h"
#include "proto/ops.h"
#include "tests/fuzz/fuzz.h"

static uint64_t state;

static uint32_t below(uint32_t n) {
  state += 0x9e3779b97f4a7c15u;
  return (uint32_t)(mix64(state) % n);
}

/* One value of a body: shorter ones more often. */
static uint32_t make_value(uint8_t *out) {
  struct pt pt = {.host = 1 + below(4), .id = 1 + below(4), .stamp = below(4),
                  .kind = (uint8_t)(1 + below(4))};
  static const uint8_t plain[] = {0xc0, 0xc2, 0xc3, 0x00, 0x01, 0x02, 0x03, 0x40, 0x7f,
                                  0xe0, 0xff, 0xa0, 0x90, 0x91, 0x92, 0x94};
  switch (below(6)) {
    case 0: pt_write(out, &pt); return PT_WIRE_BYTES;
    case 1: memcpy(out, null_on_wire, NULL_WIRE_BYTES); return NULL_WIRE_BYTES;
    case 2:
      out[0] = (uint8_t)(0xcc + below(4));
      memset(out + 1, below(2) ? 0xff : (int)below(256), 8);
      return 1 + (1u << (out[0] - 0xcc));
    case 3:
      out[0] = 0xd9;
      out[1] = (uint8_t)below(20);
      memset(out + 2, 'a', out[1]);
      return 2u + out[1];
    default: out[0] = plain[below(sizeof plain)]; return 1;
  }
}

/* Puts bytes over `taken` bytes at an offset; returns the new size. */
static uint32_t splice(uint8_t *m, uint32_t size, uint32_t most, uint32_t at, uint32_t taken,
                       const uint8_t *bytes, uint32_t n) {
  if (at > size) return size;
  if (taken > size - at) taken = size - at;
  if (size - taken + n > most) return size;
  memmove(m + at + n, m + at + taken, size - at - taken);
  memcpy(m + at, bytes, n);
  return size - taken + n;
}

static uint32_t change_target(uint8_t *m, uint32_t size, uint32_t most) {
  struct pt pt = {.host = 1 + below(3), .id = 1 + below(3), .stamp = below(3), .kind = 1};
  uint8_t target[2 + 255] = {0xc0};
  uint32_t n = 1, taken = 1;
  uint8_t old = m[MESSAGE_TARGET_OFFSET];
  if (old == 0xd9) taken = 2u + m[MESSAGE_TARGET_OFFSET + 1];
  if (old == 0xc7) taken = PT_WIRE_BYTES;
  if (below(3) == 0) {
    pt_write(target, &pt);
    n = PT_WIRE_BYTES;
  } else if (below(2)) {
    target[0] = 0xd9;
    target[1] = (uint8_t)(1 + below(8));
    memset(target + 2, 'w', target[1]);
    n = 2u + target[1];
  }
  return splice(m, size, most, MESSAGE_TARGET_OFFSET, taken, target, n);
}

static uint32_t change_field(uint8_t *m, uint32_t size, uint32_t most) {
  uint8_t value[64];
  switch (below(8)) {
    case 0: m[7] = (uint8_t)below(6); break;
    case 1: m[9] = (uint8_t)below(OP_COUNT + 1); break;
    case 2: store_be16(m + 11, (uint16_t)below(4)); break;
    case 3: store_be16(m + 14, (uint16_t)below(65536)); break;
    case 4: message_set_id(m, below(3)); break;
    case 5: message_set_deadline(m, below(2) * below(100000)); break;
    case 6: return change_target(m, size, most);
    default: {
      uint32_t at = MESSAGE_TARGET_OFFSET + 1 + below(size - MESSAGE_TARGET_OFFSET);
      uint32_t n = make_value(value);
      return splice(m, size, most, at, below(4), value, n);
    }
  }
  return size;
}

/* Makes an input that is too short a `ping`, now and then. */
static size_t make_whole(uint8_t *data, size_t size, size_t most) {
  static const struct message ping = {.kind = MESSAGE_REQUEST, .op = OP_ping, .id = 1};
  if (size >= mutate_at + MESSAGE_LEAST_BYTES || below(2)) return size;
  if (most < mutate_at + MESSAGE_HEADER_MOST + 1) return size;
  memset(data, 0, mutate_at);
  size = mutate_at + message_write_header(data + mutate_at, &ping);
  data[size++] = 0x90;
  return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
  uint8_t *m = data + mutate_at;
  state = seed;
  size = make_whole(data, size, most);
  if (size < mutate_at + MESSAGE_LEAST_BYTES || below(3) == 0)
    size = LLVMFuzzerMutate(data, size, most);
  else
    size = mutate_at + change_field(m, (uint32_t)(size - mutate_at), (uint32_t)(most - mutate_at));
  if (size >= mutate_at + MESSAGE_PREFIX_BYTES && below(16) != 0) {
    m[0] = 0xce;
    message_set_size(m, (uint32_t)(size - mutate_at));
  }
  return size;
}
