/* SPDX-License-Identifier: MIT
 *
 * The first message of a connection, and names.
 */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, c;

static void setup(void) { wire_open(&w, NULL); }
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&c);
  wire_close(&w);
}

START_TEST(hello_is_answered_with_identity_and_limits) {
  wire_connect(&w, &a);
  wire_hello(&w, &a, "shop", false);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_hello);
  ck_assert_uint_eq(wire_uint(&a), WIRE_VERSION);
  ck_assert_uint_ne(wire_uint(&a), 0);
  wire_expect_text(&a, "shop");
  ck_assert_uint_eq(wire_uint(&a), 1 << 20);
  wire_expect_text(&a, GAIJIN_VERSION);
}
END_TEST

START_TEST(names_are_made_up_on_request) {
  wire_connect(&w, &a);
  wire_hello(&w, &a, "client-1", false);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_hello);
  wire_connect(&w, &b);
  wire_hello(&w, &b, NULL, false);
  wire_expect(&w, &b, MESSAGE_REPLY, OP_hello);
  wire_uint(&b);
  wire_uint(&b);
  wire_expect_text(&b, "client-2");
}
END_TEST

START_TEST(another_version_is_told_what_to_do) {
  wire_connect(&w, &a);
  struct pack *p = wire_begin(&a, MESSAGE_REQUEST, OP_hello, 1, 3);
  pack_uint(p, WIRE_VERSION + 1);
  pack_text(p, "shop");
  pack_bool(p, false);
  wire_send(&w, &a);
  wire_expect_error(&w, &a, STATUS_protocol);
  ck_assert_uint_eq(a.m.id, 1);
  struct value v;
  ck_assert(reader_next(&a.r, &v) && memmem(v.bytes, v.size, "same release", 12) != NULL);
  wire_expect_end(&w, &a);
}
END_TEST

START_TEST(a_name_is_taken_until_its_worker_ends) {
  wire_join(&w, &a, "shop");
  wire_connect(&w, &b);
  wire_hello(&w, &b, "shop", false);
  wire_expect_error(&w, &b, STATUS_name_taken);
  wire_expect_end(&w, &b);
  close(a.fd);
  a.fd = -1;
  wire_turn(&w);
  wire_join(&w, &c, "shop");
  ck_assert_uint_ne(c.host, a.host);
}
END_TEST

START_TEST(bad_names_are_refused) {
  wire_connect(&w, &a);
  wire_hello(&w, &a, "a\nb", false);
  wire_expect_error(&w, &a, STATUS_unsupported);
  wire_expect_end(&w, &a);
  wire_connect(&w, &b);
  wire_hello(&w, &b, "", false);
  wire_expect_error(&w, &b, STATUS_unsupported);
  wire_expect_end(&w, &b);
  wire_connect(&w, &c);
  wire_hello(&w, &c, "12345678901234567890123456789012345678901234567890123456789012345", false);
  wire_expect_error(&w, &c, STATUS_unsupported);
  wire_expect_end(&w, &c);
}
END_TEST

START_TEST(nothing_is_accepted_before_hello_or_a_second_hello) {
  wire_connect(&w, &a);
  wire_begin(&a, MESSAGE_REQUEST, OP_ping, 1, 0);
  wire_send(&w, &a);
  wire_expect_end(&w, &a);
  wire_join(&w, &b, "shop");
  wire_hello(&w, &b, "shop", false);
  wire_expect_end(&w, &b);
}
END_TEST

START_TEST(who_never_says_hello_is_sent_away) {
  struct value v;
  wire_join(&w, &c, "shop");
  uv_timer_stop(&w.broker.greeting); /* it waits for c's time still, which is long */
  w.broker.hello_ms = 50;
  wire_connect(&w, &a);
  wire_connect(&w, &b);
  wire_bytes(&w, &b, "\xce", 1); /* to begin is not enough */
  do
    uv_run(&w.loop, UV_RUN_ONCE); /* nothing but the timer can happen */
  while (w.broker.clients->next);
  ck_assert(!uv_is_active((uv_handle_t *)&w.broker.greeting));
  wire_expect_error(&w, &a, STATUS_protocol);
  ck_assert(reader_next(&a.r, &v) && memmem(v.bytes, v.size, "within 0.05 s", 13) != NULL);
  wire_expect_end(&w, &a);
  wire_expect_end(&w, &b);
  wire_quiet(&w, &c);
  wire_leave(&a);
  w.broker.hello_ms = 60000;
  wire_connect(&w, &a);
  wire_turn(&w);
  ck_assert(uv_is_active((uv_handle_t *)&w.broker.greeting)); /* the next one is watched again */
}
END_TEST

START_TEST(before_hello_only_small_messages_are_taken) {
  static const uint8_t announced[] = {0xce, 0, 0, 0x20, 0};
  wire_connect(&w, &a);
  wire_bytes(&w, &a, announced, sizeof announced);
  wire_expect_end(&w, &a);
}
END_TEST

START_TEST(observers_cannot_be_addressed) {
  wire_join_as(&w, &a, "shop", true);
  wire_join(&w, &b, "shop");
  wire_join_as(&w, &c, "bank", true);
  wire_ask(&b, OP_labels, "bank", NULL, 0);
  wire_send(&w, &b);
  wire_expect_error(&w, &b, STATUS_dead);
  wire_expect_text(&b, "Gaijin tried accessing dead resource. (bank)");
}
END_TEST

static void watch(struct end *e, const char *name, const char *event) {
  struct pack *p = wire_ask(e, OP_watch, NULL, NULL, 2);
  pack_text(p, name);
  pack_text(p, event);
  wire_send(&w, e);
}

START_TEST(watches_are_answered_when_they_come_true) {
  wire_join(&w, &a, "bank");
  watch(&a, "shop", "ready");
  watch(&a, "shop", "present");
  watch(&a, "bank", "present");
  wire_expect_peer(&w, &a, a.host, "bank");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_watch);
  ck_assert_uint_eq(wire_uint(&a), a.host);
  wire_expect_nothing(&w, &a);
  wire_join(&w, &b, "shop");
  wire_expect_peer(&w, &a, b.host, "shop");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_watch);
  ck_assert_uint_eq(a.m.id, 3);
  ck_assert_uint_eq(wire_uint(&a), b.host);
  wire_expect_nothing(&w, &a);
  wire_begin(&b, MESSAGE_NOTICE, OP_ready, 0, 0);
  wire_send(&w, &b);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_watch);
  ck_assert_uint_eq(a.m.id, 2);
  watch(&a, "shop", "ready");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_watch);
  wire_leave(&b);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead);
  watch(&a, "shop", "present");
  wire_expect_nothing(&w, &a);
}
END_TEST

START_TEST(a_cancelled_watch_is_not_answered) {
  wire_join(&w, &a, "bank");
  watch(&a, "shop", "present");
  pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), a.last_id);
  wire_send(&w, &a);
  wire_join(&w, &b, "shop");
  wire_quiet(&w, &a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker greet");
  TCase *t = tcase_create("greet");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, hello_is_answered_with_identity_and_limits);
  tcase_add_test(t, names_are_made_up_on_request);
  tcase_add_test(t, another_version_is_told_what_to_do);
  tcase_add_test(t, a_name_is_taken_until_its_worker_ends);
  tcase_add_test(t, bad_names_are_refused);
  tcase_add_test(t, nothing_is_accepted_before_hello_or_a_second_hello);
  tcase_add_test(t, who_never_says_hello_is_sent_away);
  tcase_add_test(t, before_hello_only_small_messages_are_taken);
  tcase_add_test(t, observers_cannot_be_addressed);
  tcase_add_test(t, watches_are_answered_when_they_come_true);
  tcase_add_test(t, a_cancelled_watch_is_not_answered);
  return run_suite(s);
}
