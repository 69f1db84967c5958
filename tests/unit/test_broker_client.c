/* SPDX-License-Identifier: MIT
 *
 * Connections: bytes that are no messages, messages in pieces, ends of all kinds.
 */
#define _GNU_SOURCE /* memmem */
#include "proto/base.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b;

static void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_close(&w);
}

/* The broker must end a's connection for what it has just sent, with this text, and b must not
 * notice. */
static void expect_fault(const char *text) {
  wire_expect_error(&w, &a, STATUS_protocol);
  struct value v;
  ck_assert(reader_next(&a.r, &v));
  ck_assert_msg(memmem(v.bytes, v.size, text, strlen(text)) != NULL, "expected \"%s\" in \"%.*s\"",
                text, (int)v.size, v.bytes);
  wire_expect_end(&w, &a);
  wire_quiet(&w, &b);
}

START_TEST(garbage_ends_its_sender_only) {
  wire_bytes(&w, &a, "GET / HTTP/1.1\r\n", 16);
  expect_fault("length");
}
END_TEST

START_TEST(minimal_numbers_are_refused_with_a_text_that_says_so) {
  /* length, [1, 24, 0, 0, 9, 0, 0, nil, []] as a general msgpack library writes it, padded to the
   * least size. */
  uint8_t m[60] = {0xce, 0, 0, 0, 55, 0x99, 1, 24, 0, 0, 9, 0, 0, 0xc0, 0x90};
  wire_bytes(&w, &a, m, sizeof m);
  expect_fault("widest form");
}
END_TEST

START_TEST(a_message_over_the_limit_is_refused_by_its_head) {
  uint8_t m[5] = {0xce};
  store_be32(m + 1, (1 << 20) + 1);
  wire_bytes(&w, &a, m, sizeof m);
  expect_fault("over the limit");
}
END_TEST

START_TEST(a_malformed_body_is_refused) {
  wire_ask(&a, OP_s2t, "b", NULL, 1);
  pack_text(&a.p, "label");
  wire_end(&a);
  a.out.bytes[a.out.size - 6] = 0x81; /* a map where the label was */
  wire_flush(&w, &a);
  expect_fault("not allowed");
}
END_TEST

START_TEST(s37_only_the_broker_sends_free_drop_dead_and_peer) {
  wire_begin(&a, MESSAGE_REQUEST, OP_free, 5, 0);
  wire_send(&w, &a);
  expect_fault("only the broker");
  wire_leave(&a);
  wire_turn(&w);
  static const enum op ops[] = {OP_drop, OP_dead, OP_peer};
  for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
    memset(&a, 0, sizeof a);
    wire_join(&w, &a, "a");
    uint32_t values = ops[i] == OP_dead ? 1 : 2;
    wire_begin(&a, MESSAGE_NOTICE, ops[i], 0, values);
    pack_uint(&a.p, b.host);
    if (values == 2) ops[i] == OP_peer ? pack_text(&a.p, "x") : pack_uint(&a.p, 1);
    wire_send(&w, &a);
    expect_fault("only the broker");
    wire_leave(&a);
    wire_turn(&w);
  }
}
END_TEST

START_TEST(an_error_without_a_status_is_refused) {
  wire_begin(&a, MESSAGE_ERROR, OP_get, 5, 2);
  pack_text(&a.p, "x");
  pack_text(&a.p, "y");
  wire_send(&w, &a);
  expect_fault("status");
}
END_TEST

START_TEST(messages_may_come_byte_by_byte) {
  for (int i = 0; i < 3; i++) {
    wire_ask(&a, OP_ping, NULL, NULL, 0);
    wire_end(&a);
  }
  for (uint32_t i = 0; i < a.out.size; i++) wire_bytes(&w, &a, a.out.bytes + i, 1);
  a.out.size = 0;
  for (int i = 0; i < 3; i++) wire_expect(&w, &a, MESSAGE_REPLY, OP_ping);
  wire_expect_nothing(&w, &a);
}
END_TEST

START_TEST(large_messages_pass_among_small_ones) {
  static char large[900000];
  for (int i = 0; i < 4; i++) {
    memset(large, 'a' + i, sizeof large);
    wire_ask(&a, OP_ping, NULL, NULL, 0);
    wire_end(&a);
    pack_string(wire_ask(&a, OP_s2t, "b", NULL, 1), large, (uint32_t)sizeof large);
    wire_end(&a);
  }
  wire_flush(&w, &a);
  wire_expect_peer(&w, &b, a.host, "a");
  for (int i = 0; i < 4; i++) {
    const char *bytes;
    uint32_t size;
    wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
    ck_assert(reader_string(&b.r, &bytes, &size));
    ck_assert_uint_eq(size, sizeof large);
    ck_assert_int_eq(bytes[0], 'a' + i);
    ck_assert_int_eq(bytes[size - 1], 'a' + i);
    wire_expect(&w, &a, MESSAGE_REPLY, OP_ping);
  }
}
END_TEST

/* Sends what was begun without turning the loop. */
static void send_quietly(struct end *e) {
  ck_assert_int_eq(send(e->fd, e->out.bytes, e->out.size, MSG_NOSIGNAL), (int)e->out.size);
  e->out.size = 0;
}

/* a writes more than the broker reads at once, and dies; in the turn in which the broker reads the
 * first part it also has to write to a, which fails. With unread input at its death (_i == 1) the
 * socket reports an error besides. */
START_TEST(what_was_written_before_death_is_routed) {
  enum { MESSAGES = 2500, ASKED = 3 };
  if (_i == 1) {
    wire_ask(&b, OP_labels, "a", NULL, 0);
    wire_send(&w, &b);
  }
  for (int i = 0; i < MESSAGES; i++) {
    pack_uint(wire_ask(&a, OP_s2t, "b", NULL, 1), (uint64_t)i);
    wire_end(&a);
  }
  ck_assert_uint_gt(a.out.size, 100000);
  send_quietly(&a);
  close(a.fd);
  a.fd = -1;
  for (int i = 0; i < ASKED; i++) {
    wire_ask(&b, OP_labels, "a", NULL, 0);
    wire_end(&b);
  }
  send_quietly(&b);
  int routed = 0, dead = 0, cancelled = 0;
  while (wire_next(&w, &b) == 1) {
    if (b.m.op == OP_s2t) ck_assert_uint_eq(wire_uint(&b), (uint64_t)routed++);
    if (b.m.op == OP_cancel) cancelled++;
    if (b.m.kind == MESSAGE_ERROR) dead++;
  }
  ck_assert_int_eq(routed, MESSAGES);
  ck_assert_int_eq(cancelled, MESSAGES);
  ck_assert_int_eq(dead, ASKED + _i);
}
END_TEST

START_TEST(a_failed_write_does_not_lose_what_the_peer_still_says) {
  /* The peer reads no more, but writes: a write to it fails, and what it writes before and after
   * arrives. */
  ck_assert_int_eq(shutdown(a.fd, SHUT_RD), 0);
  pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "one");
  wire_end(&a);
  ck_assert_int_eq(send(a.fd, a.out.bytes, a.out.size, 0), (int)a.out.size);
  wire_ask(&b, OP_labels, "a", NULL, 0);
  wire_send(&w, &b);
  wire_expect_peer(&w, &b, a.host, "a");
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
  wire_expect_error(&w, &b, STATUS_dead);
}
END_TEST

START_TEST(half_a_message_at_the_end_is_nothing) {
  pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "x");
  wire_end(&a);
  wire_bytes(&w, &a, a.out.bytes, a.out.size - 1);
  wire_leave(&a);
  wire_quiet(&w, &b);
}
END_TEST

START_TEST(two_brokers_live_in_one_process) {
  static struct wire other;
  static struct end d;
  wire_open(&other, NULL);
  wire_join(&other, &d, "a");
  wire_quiet(&other, &d);
  wire_quiet(&w, &a);
  wire_leave(&d);
  wire_close(&other);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker client");
  TCase *t = tcase_create("client");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, garbage_ends_its_sender_only);
  tcase_add_test(t, minimal_numbers_are_refused_with_a_text_that_says_so);
  tcase_add_test(t, a_message_over_the_limit_is_refused_by_its_head);
  tcase_add_test(t, a_malformed_body_is_refused);
  tcase_add_test(t, s37_only_the_broker_sends_free_drop_dead_and_peer);
  tcase_add_test(t, an_error_without_a_status_is_refused);
  tcase_add_test(t, messages_may_come_byte_by_byte);
  tcase_add_test(t, large_messages_pass_among_small_ones);
  tcase_add_loop_test(t, what_was_written_before_death_is_routed, 0, 2);
  tcase_add_test(t, a_failed_write_does_not_lose_what_the_peer_still_says);
  tcase_add_test(t, half_a_message_at_the_end_is_nothing);
  tcase_add_test(t, two_brokers_live_in_one_process);
  return run_suite(s);
}
