/* SPDX-License-Identifier: MIT
 *
 * The envelope, written and read by hand at its fixed offsets.
 */
#include "proto/message.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "proto/base.h"

enum {
  AT_ARRAY = 5,
  AT_KIND = 6,
  AT_OP = 8,
  AT_FLAGS = 10,
  AT_DEPTH = 13,
  AT_ID = 16,
  AT_PEER = 25,
  AT_DEADLINE = 34
};
enum {
  FIXARRAY9 = 0x99,
  U8 = 0xcc,
  U16 = 0xcd,
  U32 = 0xce,
  U64 = 0xcf,
  NIL = 0xc0,
  STR8 = 0xd9,
  EXT8 = 0xc7
};

uint32_t message_write_header(uint8_t *out, const struct message *m) {
  out[0] = U32;
  store_be32(out + 1, 0);
  out[AT_ARRAY] = FIXARRAY9;
  out[AT_KIND] = U8;
  out[AT_KIND + 1] = (uint8_t)m->kind;
  out[AT_OP] = U8;
  out[AT_OP + 1] = (uint8_t)m->op;
  out[AT_FLAGS] = U16;
  store_be16(out + AT_FLAGS + 1, m->flags);
  out[AT_DEPTH] = U16;
  store_be16(out + AT_DEPTH + 1, m->depth);
  out[AT_ID] = U64;
  store_be64(out + AT_ID + 1, m->id);
  out[AT_PEER] = U64;
  store_be64(out + AT_PEER + 1, m->peer);
  out[AT_DEADLINE] = U32;
  store_be32(out + AT_DEADLINE + 1, m->deadline_ms);
  uint8_t *p = out + MESSAGE_TARGET_OFFSET;
  switch (m->target) {
    case OP_NONE:
      *p++ = NIL;
      break;
    case OP_NAME:
      *p++ = STR8;
      *p++ = m->name_size;
      memcpy(p, m->name, m->name_size);
      p += m->name_size;
      break;
    case OP_PT:
      pt_write(p, &m->pt);
      p += PT_WIRE_BYTES;
      break;
  }
  assert(p - out <= MESSAGE_HEADER_MOST);
  return (uint32_t)(p - out);
}

void message_set_size(uint8_t *bytes, uint32_t size) {
  assert(size >= MESSAGE_PREFIX_BYTES);
  store_be32(bytes + 1, size - MESSAGE_PREFIX_BYTES);
}
enum message_kind message_kind_of(const uint8_t *bytes) { return bytes[AT_KIND + 1]; }
enum op message_op(const uint8_t *bytes) { return bytes[AT_OP + 1]; }
uint16_t message_flags(const uint8_t *bytes) { return load_be16(bytes + AT_FLAGS + 1); }
uint32_t message_size(const uint8_t *bytes) { return load_be32(bytes + 1) + MESSAGE_PREFIX_BYTES; }
void message_set_op(uint8_t *bytes, enum op op) { bytes[AT_OP + 1] = (uint8_t)op; }
void message_set_flags(uint8_t *bytes, uint16_t flags) { store_be16(bytes + AT_FLAGS + 1, flags); }
void message_set_id(uint8_t *bytes, uint64_t id) { store_be64(bytes + AT_ID + 1, id); }
void message_set_peer(uint8_t *bytes, uint64_t peer) { store_be64(bytes + AT_PEER + 1, peer); }
void message_set_deadline(uint8_t *bytes, uint32_t ms) { store_be32(bytes + AT_DEADLINE + 1, ms); }

/* Reads the target; returns the bytes it takes, 0 if it is malformed. */
static uint32_t parse_target(const uint8_t *p, uint32_t size, struct message *m) {
  if (size >= 1 && p[0] == NIL) {
    m->target = OP_NONE;
    return 1;
  }
  if (size >= 2 && p[0] == STR8 && size - 2 >= p[1]) {
    m->target = OP_NAME;
    m->name = (const char *)p + 2;
    m->name_size = p[1];
    return 2 + (uint32_t)p[1];
  }
  m->target = OP_PT;
  return pt_read(p, size, &m->pt) ? PT_WIRE_BYTES : 0;
}

/* Reads the array header of the body into body_count. */
static bool parse_body_count(struct message *m) {
  const uint8_t *p = m->body;
  if (m->body_size < 1) return false;
  if ((p[0] & 0xf0) == 0x90) {
    m->body_count = p[0] & 0x0f;
  } else if (p[0] == 0xdc && m->body_size >= 3) {
    m->body_count = load_be16(p + 1);
  } else if (p[0] == 0xdd && m->body_size >= 5) {
    m->body_count = load_be32(p + 1);
  } else {
    return false;
  }
  return true;
}

/* The marks of the first two runs of eight bytes, from the array's and from the depth's on, and
 * which bytes of them are marks; those of peer and deadline follow alone. */
#define FIRST_MARKS UINT64_C(0x99cc00cc00cd0000)
#define FIRST_MASK UINT64_C(0xffff00ff00ff0000)
#define NEXT_MARKS UINT64_C(0xcd0000cf00000000)
#define NEXT_MASK UINT64_C(0xff0000ff00000000)
static_assert(AT_KIND == AT_ARRAY + 1 && AT_OP == AT_ARRAY + 3 && AT_FLAGS == AT_ARRAY + 5 &&
                  AT_DEPTH == AT_ARRAY + 8 && AT_ID == AT_DEPTH + 3,
              "the envelope's marks are where the masks have them");

/* The checks that depend on kind and op. */
static const char *check_fields(const struct message *m) {
  const struct op_info *info = m->info;
  if (!info) return "unknown opcode";
  if (m->flags & ~(MESSAGE_ONE_WAY | MESSAGE_COUNTED)) return "unknown flag";
  if (m->flags & MESSAGE_COUNTED && (m->kind != MESSAGE_REQUEST || m->flags & MESSAGE_ONE_WAY))
    return "the flag of a counted request where there is none that is answered";
  if (m->kind == MESSAGE_REPLY || m->kind == MESSAGE_ERROR) {
    if (info->kind != OP_REQUEST) return "an answer to a notice";
    if (m->target != OP_NONE) return "an answer with a target";
    if (m->kind == MESSAGE_ERROR && (m->body_count < 2 || m->body_count > 3))
      return "an error is status, value and maybe a traceback";
    return NULL;
  }
  if (m->kind != MESSAGE_REQUEST && m->kind != MESSAGE_NOTICE) return "unknown kind";
  if ((m->kind == MESSAGE_REQUEST) != (info->kind == OP_REQUEST))
    return "request where the opcode is a notice, or the other way round";
  if (m->target != info->target) return "wrong target for the opcode";
  if (m->kind == MESSAGE_REQUEST && m->id == 0) return "request with id 0";
  if (m->body_count < info->least || m->body_count > info->most)
    return "wrong number of values for the opcode";
  return NULL;
}

/* Whether it is an ordinary request or answer, for which the checks are short. */
static inline bool is_ordinary(const struct message *m) {
  const struct op_info *info = m->info;
  if (!info || m->flags > MESSAGE_ONE_WAY || info->kind != OP_REQUEST) return false;
  if (m->kind == MESSAGE_REPLY) return m->target == OP_NONE;
  return m->kind == MESSAGE_REQUEST && m->target == info->target && m->id != 0 &&
         m->body_count >= info->least && m->body_count <= info->most;
}

/* What is wrong with the form of the envelope's numbers; `size`: at least the least. */
static const char *form_fault(const uint8_t *bytes, uint32_t size) {
  if (bytes[0] != U32) return "length prefix is not a uint32 in its 5-byte form";
  if (load_be32(bytes + 1) != size - MESSAGE_PREFIX_BYTES)
    return "length prefix does not match the message";
  if (bytes[AT_ARRAY] != FIXARRAY9) return "envelope is not an array of 9 elements";
  return "envelope numbers must be written in their widest form (uint8 uint8 uint16 uint16 "
         "uint64 uint64 uint32), not minimally";
}

const char *message_parse(const uint8_t *bytes, uint32_t size, struct message *m) {
  if (size < MESSAGE_LEAST_BYTES) return "message shorter than its envelope";
  uint64_t first = load_be64(bytes + AT_ARRAY), next = load_be64(bytes + AT_DEPTH);
  if (((first ^ FIRST_MARKS) & FIRST_MASK) | ((next ^ NEXT_MARKS) & NEXT_MASK) |
      (bytes[AT_PEER] ^ U64) | (bytes[AT_DEADLINE] ^ U32) | (bytes[0] ^ U32) |
      (load_be32(bytes + 1) ^ (size - MESSAGE_PREFIX_BYTES)))
    return form_fault(bytes, size);
  m->bytes = bytes; /* each field by itself: to zero all before takes longer than the rest */
  m->size = size;
  m->pt = (struct pt){0};
  m->name = NULL;
  m->name_size = 0;
  m->kind = first >> 40 & 0xff;
  m->op = first >> 24 & 0xff;
  m->info = op_info(m->op);
  m->flags = (uint16_t)first;
  m->depth = (uint16_t)(next >> 40);
  m->id = load_be64(bytes + AT_ID + 1);
  m->peer = load_be64(bytes + AT_PEER + 1);
  m->deadline_ms = load_be32(bytes + AT_DEADLINE + 1);
  uint32_t target = parse_target(bytes + MESSAGE_TARGET_OFFSET, size - MESSAGE_TARGET_OFFSET, m);
  if (!target) return "target is neither nil, a str8 nor a PT";
  m->body = bytes + MESSAGE_TARGET_OFFSET + target;
  m->body_size = size - MESSAGE_TARGET_OFFSET - target;
  if (!parse_body_count(m)) return "body is not an array";
  return is_ordinary(m) ? NULL : check_fields(m);
}
