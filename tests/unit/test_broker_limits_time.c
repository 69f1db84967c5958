/* SPDX-License-Identifier: MIT
 *
 * Who keeps the broker waiting is disconnected after a time.
 */
#include "tests/unit/broker_limits.h"

/* As if so much time had passed; then the timer fires. */
static void after(struct end *e, uint64_t heard_ms, uint64_t taken_ms) {
  struct client *c = wire_client(&w, e);
  c->heard_ms = uv_now(&w.loop) - heard_ms;
  c->taken_ms = uv_now(&w.loop) - taken_ms;
  ck_assert(uv_is_active((uv_handle_t *)&w.broker.connections.sweep) || !limits_is_watched(c));
  limits_sweep(&w.broker.connections);
}

START_TEST(a_message_begun_is_gone_on_with) {
  send_part(&a, 1000);
  after(&a, 29000, 0);
  wire_expect_nothing(&w, &a);
  after(&a, 30001, 0);
  expect_farewell(&a, "--message-time");
}
END_TEST

/* What has come while the broker itself did not run has come in time. */
START_TEST(a_broker_that_stood_still_reads_first) {
  w.broker.connections.limits.message_ms = 100;
  pack_string(wire_ask(&a, OP_s2t, "b", NULL, 1), piece, 1000);
  wire_end(&a);
  wire_bytes(&w, &a, a.out.bytes, 10);
  memmove(a.out.bytes, a.out.bytes + 10, a.out.size -= 10);
  wire_stand_still(&a);
  wire_past_peers(&w, &b);
  ck_assert_int_eq(b.m.op, OP_s2t);
}
END_TEST

/* What has come is read before the clock counts, however long the broker itself did not run. */
START_TEST(a_broker_that_stood_still_hears_who_has_said_hello) {
  w.broker.hello_ms = 50;
  wire_connect(&w, &many[0]);
  wire_connect(&w, &many[1]);
  wire_turn(&w); /* the time of both runs */
  wire_put_hello(&many[0], "shop", false);
  wire_end(&many[0]);
  wire_stand_still(&many[0]);
  wire_expect(&w, &many[0], MESSAGE_REPLY, OP_hello);
  while (uv_is_active((uv_handle_t *)&w.broker.greeting)) uv_run(&w.loop, UV_RUN_ONCE);
  wire_expect_end(&w, &many[1]); /* it has not */
  wire_leave(&many[0]);
  wire_leave(&many[1]);
}
END_TEST

START_TEST(a_slow_but_steady_sender_is_heard) {
  pack_string(wire_ask(&a, OP_s2t, "b", NULL, 1), piece, 1000);
  wire_end(&a);
  for (uint32_t i = 0; i < a.out.size; i++) {
    wire_bytes(&w, &a, a.out.bytes + i, 1);
    wire_client(&w, &a)->heard_ms -= 29000; /* it takes its time for the next byte */
    limits_sweep(&w.broker.connections);
  }
  a.out.size = 0;
  wire_past_peers(&w, &b);
  ck_assert_int_eq(b.m.op, OP_s2t);
}
END_TEST

START_TEST(who_has_begun_nothing_may_be_silent) {
  after(&a, 1000000, 1000000);
  wire_quiet(&w, &a);
}
END_TEST

enum { ANSWER = 100 << 10 };

/* a asks b so often, reads nothing, and is answered. */
static void leave_answers(int n) {
  for (int i = 0; i < n; i++) {
    pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "x");
    wire_end(&a);
  }
  wire_flush(&w, &a);
  for (int i = 0; i < n; i++) {
    do
      ck_assert_int_eq(wire_next(&w, &b), 1);
    while (b.m.op != OP_s2t);
    pack_string(wire_begin(&b, MESSAGE_REPLY, OP_s2t, b.m.id, 1), piece, ANSWER);
    wire_send(&w, &b);
    wire_turn(&w); /* it is read in two portions */
  }
}

/* A worker that is stopped is not ended for what others send it. */
START_TEST(what_others_send_is_nobodys_debt) {
  limits()->memory = 8 << 20;
  leave_untaken(4 * LIMITS_WAITING_MOST);
  after(&a, 0, 1000000);
  wire_turn(&w);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY);
}
END_TEST

START_TEST(who_takes_nothing_is_ended_if_much_waits) {
  limits()->memory = 64 << 20;
  leave_answers(LIMITS_WAITING_MOST / ANSWER / 2);
  after(&a, 0, 1000000);
  wire_turn(&w);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY); /* it is stopped, perhaps */
  leave_answers(LIMITS_WAITING_MOST / ANSWER);
  after(&a, 0, 59000);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY);
  after(&a, 0, 60001);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_CONDEMNED);
  wire_turn(&w);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_dead);
  wire_quiet(&w, &b);
}
END_TEST

START_TEST(who_takes_a_little_is_not_ended) {
  limits()->memory = 64 << 20;
  leave_answers(3 * LIMITS_WAITING_MOST / ANSWER);
  after(&a, 0, 59000);
  ck_assert_int_eq(wire_next(&w, &a), 1);
  for (int i = 0; i < 8; i++) ck_assert_int_eq(wire_next(&w, &a), 1);
  ck_assert_uint_gt(wire_client(&w, &a)->outbox.own, LIMITS_WAITING_MOST);
  wire_client(&w, &a)->taken_ms -= 2000; /* 61 s if it had taken nothing */
  limits_sweep(&w.broker.connections);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY);
}
END_TEST

/* Timers may fire between the reading of what others sent it and the writing. */
START_TEST(what_has_just_come_for_one_was_not_left_untaken) {
  struct client *c = wire_client(&w, &a);
  limits()->memory = 8 << 20;
  c->taken_ms = uv_now(&w.loop) - 1000000; /* once before */
  while (c->outbox.bytes <= LIMITS_WAITING_MOST) client_push(c, c->account, piece, LARGE);
  limits_sweep(&w.broker.connections);
  ck_assert_int_eq(c->state, CLIENT_READY);
  wire_turn(&w);
  limits_sweep(&w.broker.connections);
  ck_assert_int_eq(c->state, CLIENT_READY);
  c->taken_ms -= 60001;
  limits_sweep(&w.broker.connections);
  ck_assert_int_eq(c->state, CLIENT_CONDEMNED);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker limits time");
  TCase *t = tcase_create("limits");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_message_begun_is_gone_on_with);
  tcase_add_test(t, a_broker_that_stood_still_reads_first);
  tcase_add_test(t, a_broker_that_stood_still_hears_who_has_said_hello);
  tcase_add_test(t, a_slow_but_steady_sender_is_heard);
  tcase_add_test(t, who_has_begun_nothing_may_be_silent);
  tcase_add_test(t, what_others_send_is_nobodys_debt);
  tcase_add_test(t, who_takes_nothing_is_ended_if_much_waits);
  tcase_add_test(t, who_takes_a_little_is_not_ended);
  tcase_add_test(t, what_has_just_come_for_one_was_not_left_untaken);
  return run_suite(s);
}
