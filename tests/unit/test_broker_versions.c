/* SPDX-License-Identifier: MIT
 *
 * Versions of the wire: what hello agrees on, and what an older client is spared.
 */
#define _GNU_SOURCE /* memmem */
#include "broker/core/notify.h"
#include "proto/closed.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b;

static void setup(void) { wire_open(&w, NULL); }
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_close(&w);
}

/* Says hello with a range of versions, or, with lowest 0, in the form of version 1. */
static void hello_in(struct end *e, uint64_t lowest, uint64_t highest, uint32_t options) {
  wire_connect(&w, e);
  struct hello_request h = {.lowest = lowest, .highest = highest};
  uint32_t values = lowest ? hello_request_values(options) : 3;
  struct pack *p = wire_begin(e, MESSAGE_REQUEST, OP_hello, 1, values);
  if (lowest) {
    pack_uint(p, h.lowest);
    pack_uint(p, h.highest);
  } else {
    pack_uint(p, highest);
  }
  pack_text(p, "shop");
  pack_bool(p, false);
  if (options) pack_array(p, options * 2);
}

/* Sends the hello that was begun; it must be welcomed in this version. Leaves. */
static void expect_welcome(struct end *e, uint64_t version) {
  wire_send(&w, e);
  wire_expect(&w, e, MESSAGE_REPLY, OP_hello);
  ck_assert_uint_eq(e->m.body_count, version < 3 ? 5 : 6); /* windows are told in options */
  ck_assert_uint_eq(wire_uint(e), version);
  ck_assert_uint_eq(w.broker.connections.all->version, version);
  wire_quiet(&w, e);
  wire_leave(e);
  wire_turn(&w);
}

static void expect_text(struct end *e, const char *text) {
  struct value v;
  ck_assert(reader_next(&e->r, &v));
  ck_assert_msg(memmem(v.bytes, v.size, text, strlen(text)) != NULL, "expected \"%s\" in \"%.*s\"",
                text, (int)v.size, v.bytes);
}

/* Sends the hello that was begun; it must be refused (id 1) or be a fault (id 0) with this text. */
static void expect_refusal(struct end *e, uint64_t id, const char *text) {
  wire_send(&w, e);
  wire_expect_error(&w, e, STATUS_protocol);
  ck_assert_uint_eq(e->m.id, id);
  expect_text(e, text);
  wire_expect_end(&w, e);
  wire_leave(e);
}

START_TEST(the_highest_common_version_is_spoken) {
  hello_in(&a, 1, 1, 0);
  expect_welcome(&a, 1);
  hello_in(&a, 1, 2, 0);
  expect_welcome(&a, 2);
  hello_in(&a, 2, 9, 0);
  expect_welcome(&a, WIRE_VERSION_MOST);
  hello_in(&a, 0, 1, 0); /* the form of version 1 */
  expect_welcome(&a, 1);
}
END_TEST

START_TEST(without_a_common_version_it_is_told_what_to_do) {
  char text[256];
  snprintf(text, sizeof text,
           "(gaijin %s) speaks versions 1 to %d of the wire, you speak versions 98 to 99; update "
           "the broker, so that both are of the same release",
           GAIJIN_VERSION, WIRE_VERSION_MOST);
  hello_in(&a, 98, 99, 0);
  expect_refusal(&a, 1, text);
  hello_in(&a, 0, 98, 0);
  expect_refusal(&a, 1, "you speak version 98; update the broker");
  hello_in(&a, 0, 0, 0);
  expect_refusal(&a, 1, "you speak version 0; update your program");
}
END_TEST

START_TEST(a_malformed_hello_is_a_fault) {
  hello_in(&a, 2, 1, 0);
  expect_refusal(&a, 0, "a lowest version above its highest");
  hello_in(&a, 1, 2, 1);
  pack_uint(&a.p, 1);
  pack_nil(&a.p);
  expect_refusal(&a, 0, "the key of an option");
}
END_TEST

START_TEST(options_nobody_knows_are_skipped) {
  hello_in(&a, 1, 2, 2);
  pack_text(&a.p, "colour");
  pack_array(&a.p, 2);
  pack_text(&a.p, "red");
  pack_array(&a.p, 0);
  pack_text(&a.p, "size");
  pack_number(&a.p, -1.5);
  expect_welcome(&a, 2);
}
END_TEST

/* Says hello with the option `sandboxed`. */
static void hello_sandboxed(struct end *e, uint64_t highest) {
  hello_in(e, 1, highest, 1);
  pack_text(&e->p, SANDBOXED_KEY);
}

START_TEST(a_sandboxed_client_is_told_that_the_broker_knows) {
  struct hello_reply r;
  struct reader v;
  bool is = false;
  hello_sandboxed(&a, 2);
  pack_bool(&a.p, true);
  wire_send(&w, &a);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_hello);
  ck_assert_ptr_null(hello_read_reply(&a.m, &r));
  ck_assert(hello_option(&r.options, SANDBOXED_KEY, &v) && reader_bool(&v, &is) && is);
  ck_assert(w.broker.connections.all->sandboxed);
  wire_leave(&a);
  wire_turn(&w);
  hello_sandboxed(&a, 2);
  pack_bool(&a.p, false);
  expect_welcome(&a, 2);
  hello_sandboxed(&a, 1); /* whose reply has no options */
  pack_bool(&a.p, true);
  wire_send(&w, &a);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_hello);
  ck_assert_uint_eq(a.m.body_count, 5);
  ck_assert(w.broker.connections.all->sandboxed);
  wire_leave(&a);
  wire_turn(&w);
  hello_sandboxed(&a, 2);
  pack_uint(&a.p, 1);
  expect_refusal(&a, 0, "'sandboxed' is neither true nor false");
}
END_TEST

/* What a client of an older version is not asked, told or served. No op is younger than version 1
 * yet, so 0 stands for an older version. */
START_TEST(no_op_of_a_later_version_than_agreed) {
  wire_join(&w, &a, "shop");
  wire_join(&w, &b, "bank");
  w.broker.connections.all->next->version = 0; /* a's */
  wire_ask(&b, OP_labels, "shop", NULL, 0);
  wire_send(&w, &b);
  wire_expect_error(&w, &b, STATUS_unsupported);
  expect_text(&b, "worker shop speaks version 0 of the wire, which does not have 'labels' (0");
  struct host nobody = {.id = 5, .name = "nobody"};
  notify_peer(w.broker.connections.all->next, &nobody, NULL);
  notify_peer(w.broker.connections.all, &nobody, NULL);
  wire_expect_peer(&w, &b, 5, "nobody");
  wire_expect_nothing(&w, &a);
  wire_ask(&a, OP_ping, NULL, NULL, 0);
  wire_send(&w, &a);
  wire_turn(&w);
  wire_expect_end(&w, &a);
  wire_quiet(&w, &b);
}
END_TEST

/* Introductions may come before it. */
static void expect_request(struct end *e, enum op op) {
  wire_past_peers(&w, e);
  ck_assert_int_eq(e->m.kind, MESSAGE_REQUEST);
  ck_assert_int_eq(e->m.op, op);
}

static void expect_null(struct end *e) {
  struct value v;
  ck_assert(reader_next(&e->r, &v) && v.type == VALUE_NULL);
}

/* What clients of version 2 and before can neither read nor send. */
START_TEST(null_pointers_are_for_clients_that_know_them) {
  wire_join(&w, &a, "shop");
  wire_join(&w, &b, "bank");
  struct client *shop = w.broker.connections.all->next, *bank = w.broker.connections.all;
  pack_null(wire_ask(&b, OP_s2t, "shop", NULL, 1));
  wire_send(&w, &b);
  expect_request(&a, OP_s2t);
  expect_null(&a);
  pack_null(wire_begin(&a, MESSAGE_REPLY, OP_s2t, a.m.id, 1));
  wire_send(&w, &a);
  wire_expect(&w, &b, MESSAGE_REPLY, OP_s2t);
  expect_null(&b);
  shop->version = 2;
  pack_null(wire_ask(&b, OP_s2t, "shop", NULL, 1));
  wire_send(&w, &b);
  wire_expect_error(&w, &b, STATUS_unsupported);
  expect_text(&b, "worker shop speaks version 2 of the wire, which has no null pointers");
  wire_expect_nothing(&w, &a);
  shop->version = 3;
  bank->version = 2;
  pack_text(wire_ask(&b, OP_s2t, "shop", NULL, 1), "x");
  wire_send(&w, &b);
  expect_request(&a, OP_s2t);
  pack_null(wire_begin(&a, MESSAGE_REPLY, OP_s2t, a.m.id, 1));
  wire_send(&w, &a);
  wire_expect_error(&w, &b, STATUS_unsupported);
  ck_assert_uint_eq(b.m.id, b.last_id);
  expect_text(&b, "worker shop answered with a null pointer, which version 2 of the wire");
  wire_quiet(&w, &a);
  pack_null(wire_ask(&b, OP_s2t, "shop", NULL, 1));
  wire_send(&w, &b);
  wire_expect_end(&w, &b);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead);
  wire_quiet(&w, &a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker versions");
  TCase *t = tcase_create("versions");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_sandboxed_client_is_told_that_the_broker_knows);
  tcase_add_test(t, the_highest_common_version_is_spoken);
  tcase_add_test(t, without_a_common_version_it_is_told_what_to_do);
  tcase_add_test(t, a_malformed_hello_is_a_fault);
  tcase_add_test(t, options_nobody_knows_are_skipped);
  tcase_add_test(t, no_op_of_a_later_version_than_agreed);
  tcase_add_test(t, null_pointers_are_for_clients_that_know_them);
  return run_suite(s);
}
