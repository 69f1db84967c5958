/* SPDX-License-Identifier: MIT
 *
 * The envelope (proto/message.c): offsets, forms, and each field malformed.
 */
#include <string.h>

#include "proto/base.h"
#include "proto/message.h"
#include "proto/pack.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

static const struct pt sample_pt = {.host = 7, .id = 8, .stamp = 9, .kind = PT_TABLE};

/* A well-formed `get` with one value; out has room for 128 bytes. */
static uint32_t make(uint8_t *out, const struct message *m, uint32_t count) {
  struct buffer b;
  struct pack p;
  buffer_init(&b, 1000);
  pack_begin(&p, &b, 1000, m, count);
  for (uint32_t i = 0; i < count; i++) pack_nil(&p);
  ck_assert_int_eq(pack_end(&p), BUFFER_OK);
  ck_assert_uint_le(b.size, 128);
  memcpy(out, b.bytes, b.size);
  uint32_t size = b.size;
  buffer_deinit(&b);
  return size;
}

static struct message get_request(void) {
  return (struct message){.kind = MESSAGE_REQUEST, .op = OP_get, .flags = MESSAGE_ONE_WAY, .depth = 0x0102, .id = 0x1112131415161718u,
                          .peer = 0x2122232425262728u, .deadline_ms = 0x31323334, .target = OP_PT, .pt = sample_pt};
}

START_TEST(offsets_are_as_documented) {
  uint8_t b[128];
  struct message in = get_request(), m;
  uint32_t size = make(b, &in, 1);
  static const uint8_t head[] = {0xce, 0, 0, 0, 63, 0x99, 0xcc, 1, 0xcc, 3, 0xcd, 0, 1, 0xcd, 1, 2, 0xcf, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
                                 0x17, 0x18, 0xcf, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0xce, 0x31, 0x32, 0x33, 0x34, 0xc7, 24, 1};
  ck_assert_uint_eq(size, 68);
  ck_assert_mem_eq(b, head, sizeof head);
  ck_assert_ptr_null(message_parse(b, size, &m));
  ck_assert_int_eq(m.kind, in.kind);
  ck_assert_int_eq(m.op, in.op);
  ck_assert_uint_eq(m.flags, in.flags);
  ck_assert_uint_eq(m.depth, in.depth);
  ck_assert_uint_eq(m.id, in.id);
  ck_assert_uint_eq(m.peer, in.peer);
  ck_assert_uint_eq(m.deadline_ms, in.deadline_ms);
  ck_assert(pt_equal(&m.pt, &sample_pt));
  ck_assert_uint_eq(m.body_count, 1);
  ck_assert_uint_eq(m.body_size, 2);
}
END_TEST

START_TEST(patches_reach_their_fields) {
  uint8_t b[128];
  struct message in = get_request(), m;
  uint32_t size = make(b, &in, 1);
  message_set_op(b, OP_next);
  message_set_id(b, UINT64_MAX);
  message_set_peer(b, 5);
  message_set_deadline(b, 6);
  ck_assert_ptr_null(message_parse(b, size, &m));
  ck_assert_int_eq(m.op, OP_next);
  ck_assert_uint_eq(m.id, UINT64_MAX);
  ck_assert_uint_eq(m.peer, 5);
  ck_assert_uint_eq(m.deadline_ms, 6);
  ck_assert_uint_eq(m.depth, in.depth);
}
END_TEST

/* The fault of a message with one byte changed; "" if there is none. */
static const char *with_byte(uint32_t at, uint8_t value) {
  uint8_t b[128];
  struct message in = get_request(), m;
  uint32_t size = make(b, &in, 1);
  b[at] = value;
  const char *fault = message_parse(b, size, &m);
  return fault ? fault : "";
}

START_TEST(each_field_is_checked) {
  static const char widest[] = "envelope numbers must be written in their widest form (uint8 uint8 uint16 uint16 uint64 uint64 uint32), not minimally";
  static const struct { uint32_t at; uint8_t value; const char *fault; } cases[] = {
      {0, 0xcd, "length prefix is not a uint32 in its 5-byte form"},
      {4, 62, "length prefix does not match the message"},
      {1, 1, "length prefix does not match the message"},
      {5, 0x98, "envelope is not an array of 9 elements"},
      {6, 0x01, widest}, {8, 0x03, widest}, {10, 0xcc, widest}, {13, 0x01, widest}, {16, 0xce, widest}, {25, 0xd3, widest}, {34, 0xcd, widest},
      {7, 0, "unknown kind"}, {7, 5, "unknown kind"},
      {7, MESSAGE_NOTICE, "request where the opcode is a notice, or the other way round"},
      {7, MESSAGE_REPLY, "an answer with a target"},
      {9, 0, "unknown opcode"}, {9, 200, "unknown opcode"},
      {9, OP_unsub, "request where the opcode is a notice, or the other way round"},
      {9, OP_labels, "wrong target for the opcode"},
      {9, OP_len, "wrong number of values for the opcode"},
      {9, OP_set, "wrong number of values for the opcode"},
      {11, 1, "unknown flag"}, {12, 4, "unknown flag"}, {12, 2, ""}, {12, 1, ""},
      {12, 3, "the flag of a counted request where there is none that is answered"},
      {39, 0xc8, "target is neither nil, a str8 nor a PT"},
      {40, 23, "target is neither nil, a str8 nor a PT"},
      {41, 9, "target is neither nil, a str8 nor a PT"},
      {66, 0xc0, "body is not an array"}, {66, 0x81, "body is not an array"}, {66, 0xdc, "body is not an array"}};
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    const char *fault = with_byte(cases[i].at, cases[i].value);
    ck_assert_msg(strcmp(fault, cases[i].fault) == 0, "byte %u = %02x: '%s'", cases[i].at, cases[i].value, fault);
  }
}
END_TEST

START_TEST(requests_need_an_id_and_errors_a_shape) {
  uint8_t b[128];
  struct message m, in = get_request();
  in.id = 0;
  ck_assert_str_eq(message_parse(b, make(b, &in, 1), &m), "request with id 0");
  in = (struct message){.kind = MESSAGE_ERROR, .op = OP_get, .id = 1};
  for (uint32_t count = 0; count < 5; count++) {
    const char *fault = message_parse(b, make(b, &in, count), &m);
    ck_assert_int_eq(fault == NULL, count == 2 || count == 3);
  }
  in = (struct message){.kind = MESSAGE_REPLY, .op = OP_unsub, .id = 1};
  ck_assert_str_eq(message_parse(b, make(b, &in, 0), &m), "an answer to a notice");
}
END_TEST

START_TEST(names_of_every_length_are_targets) {
  char name[255];
  memset(name, 'n', sizeof name);
  for (unsigned n = 0; n <= 255; n++) {
    struct message m, in = {.kind = MESSAGE_REQUEST, .op = OP_labels, .id = 1, .target = OP_NAME, .name = name, .name_size = (uint8_t)n};
    uint8_t b[MESSAGE_HEADER_MOST + 1];
    uint32_t size = message_write_header(b, &in);
    b[size++] = 0x90;
    message_set_size(b, size);
    ck_assert_ptr_null(message_parse(b, size, &m));
    ck_assert_uint_eq(m.name_size, n);
    ck_assert_mem_eq(m.name, name, n);
  }
}
END_TEST

START_TEST(every_truncation_is_refused) {
  uint8_t b[128];
  struct message in = get_request(), m;
  uint32_t whole = make(b, &in, 1);
  for (uint32_t size = 0; size < whole - 1; size++) { /* the last byte is body_walk's */
    uint8_t *cut = malloc(size + 1); /* exactly so many bytes, for the sanitizer to watch */
    memcpy(cut, b, size);
    if (size >= 5) message_set_size(cut, size);
    ck_assert_ptr_nonnull(message_parse(cut, size, &m));
    free(cut);
  }
}
END_TEST

START_TEST(random_changes_do_no_harm) {
  uint64_t state = random_seed("random_changes_do_no_harm");
  struct message in = get_request();
  uint8_t b[128];
  uint32_t size = make(b, &in, 1);
  for (int round = 0; round < 200000; round++) {
    uint32_t n = random_below(&state, 4) ? size : random_below(&state, size + 1);
    uint8_t *copy = malloc(n + 1);
    struct message m;
    memcpy(copy, b, n);
    for (uint32_t i = random_below(&state, 5); i && n; i--) copy[random_below(&state, n)] = (uint8_t)random_next(&state);
    if (n >= 5 && random_below(&state, 4)) message_set_size(copy, n);
    if (message_parse(copy, n, &m) == NULL && (m.body + m.body_size != copy + n || !op_info(m.op)))
      ck_abort_msg("a message was accepted with a body of %u bytes and op %d", m.body_size, m.op);
    free(copy);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("proto_message");
  TCase *c = tcase_create("message");
  tcase_add_test(c, offsets_are_as_documented);
  tcase_add_test(c, patches_reach_their_fields);
  tcase_add_test(c, each_field_is_checked);
  tcase_add_test(c, requests_need_an_id_and_errors_a_shape);
  tcase_add_test(c, names_of_every_length_are_targets);
  tcase_add_test(c, every_truncation_is_refused);
  tcase_add_test(c, random_changes_do_no_harm);
  suite_add_tcase(s, c);
  return run_suite(s);
}
