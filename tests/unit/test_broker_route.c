/* SPDX-License-Identifier: MIT
 *
 * The way of requests and answers.
 */
#include "broker/net/connections.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, c;

static void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  wire_join(&w, &c, "c");
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&c);
  wire_close(&w);
}

/* `from` asks `to` for its labels, and `to` has read it: its id there. */
static uint64_t ask(struct end *from, struct end *to, const char *name) {
  wire_ask(from, OP_labels, name, NULL, 0);
  wire_send(&w, from);
  wire_past_peers(&w, to);
  ck_assert_int_eq(to->m.op, OP_labels);
  return to->m.id;
}

static void answer(struct end *e, uint64_t id, const char *text) {
  pack_text(wire_begin(e, MESSAGE_REPLY, OP_labels, id, 1), text);
  wire_send(&w, e);
}

START_TEST(a_request_and_its_answer_carry_who_and_which) {
  struct message h = {.kind = MESSAGE_REQUEST,
                      .op = OP_s2t,
                      .id = 77,
                      .depth = 5,
                      .deadline_ms = 1234,
                      .target = OP_NAME,
                      .name = "b",
                      .name_size = 1};
  pack_text(wire_begin_to(&a, &h, 1), "x");
  wire_send(&w, &a);
  wire_expect_peer(&w, &b, a.host, "a");
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
  ck_assert_uint_eq(b.m.peer, a.host);
  ck_assert_uint_eq(b.m.depth, 5);
  ck_assert_uint_eq(b.m.deadline_ms, 1234);
  wire_expect_text(&b, "x");
  pack_text(wire_begin(&b, MESSAGE_REPLY, OP_s2t, b.m.id, 1), "y");
  wire_send(&w, &b);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_s2t);
  ck_assert_uint_eq(a.m.id, 77);
  ck_assert_uint_eq(a.m.peer, b.host);
  wire_expect_text(&a, "y");
}
END_TEST

START_TEST(answers_may_come_in_any_order) {
  uint64_t first = ask(&a, &b, "b"), second = ask(&a, &b, "b");
  ck_assert_uint_ne(first, second);
  answer(&b, second, "two");
  answer(&b, first, "one");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_labels);
  ck_assert_uint_eq(a.m.id, 3);
  wire_expect_text(&a, "two");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_labels);
  ck_assert_uint_eq(a.m.id, 2);
}
END_TEST

START_TEST(raised_values_pass_unchanged) {
  uint64_t id = ask(&a, &b, "b");
  struct pack *p = wire_begin(&b, MESSAGE_ERROR, OP_labels, id, 3);
  pack_uint(p, STATUS_raised);
  pack_text(p, "boom");
  pack_text(p, "traceback");
  wire_send(&w, &b);
  wire_expect_error(&w, &a, STATUS_raised);
  wire_expect_text(&a, "boom");
  wire_expect_text(&a, "traceback");
}
END_TEST

START_TEST(an_unknown_name_is_dead) {
  wire_ask(&a, OP_labels, "nope", NULL, 0);
  wire_send(&w, &a);
  wire_expect_error(&w, &a, STATUS_dead);
  wire_expect_text(&a, "Gaijin tried accessing dead resource. (nope)");
}
END_TEST

START_TEST(a_name_that_no_worker_can_have_is_unsupported) {
  wire_ask(&a, OP_labels, "b@home", NULL, 0);
  wire_send(&w, &a);
  wire_expect_error(&w, &a, STATUS_unsupported);
  wire_expect_text(&a, "no worker can have this name: a worker's name has no '@' and no '/': they are reserved for naming machines");
}
END_TEST

START_TEST(a_client_may_address_itself) {
  uint64_t id = ask(&a, &a, "a");
  ck_assert_uint_eq(a.m.peer, a.host);
  answer(&a, id, "me");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_labels);
  wire_expect_text(&a, "me");
}
END_TEST

START_TEST(a_one_way_request_has_no_reply) {
  struct message h = {.kind = MESSAGE_REQUEST,
                      .op = OP_labels,
                      .id = 9,
                      .flags = MESSAGE_ONE_WAY,
                      .target = OP_NAME,
                      .name = "b",
                      .name_size = 1};
  wire_begin_to(&a, &h, 0);
  wire_send(&w, &a);
  wire_expect_peer(&w, &b, a.host, "a");
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_labels);
  ck_assert_uint_eq(b.m.flags, MESSAGE_ONE_WAY);
  answer(&b, b.m.id, "not wanted");
  wire_quiet(&w, &b);
  h.name = "nope";
  h.name_size = 4;
  wire_begin_to(&a, &h, 0);
  wire_send(&w, &a);
  wire_expect(&w, &a, MESSAGE_ERROR, OP_labels); /* but its refusal is told */
  ck_assert_uint_eq(a.m.id, h.id);
  wire_quiet(&w, &a);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
}
END_TEST

START_TEST(an_open_id_asked_again_ends_the_connection) {
  ask(&a, &b, "b");
  a.last_id--;
  wire_ask(&a, OP_labels, "b", NULL, 0);
  wire_send(&w, &a);
  wire_expect_end(&w, &a);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_cancel);
}
END_TEST

START_TEST(only_the_host_asked_can_answer) {
  uint64_t id = ask(&a, &b, "b");
  answer(&c, id, "from c");
  answer(&c, 4711, "to nobody");
  wire_quiet(&w, &c);
  wire_quiet(&w, &a);
  answer(&b, id, "from b");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_labels);
  wire_expect_text(&a, "from b");
}
END_TEST

START_TEST(an_answer_to_another_op_ends_the_connection) {
  uint64_t id = ask(&a, &b, "b");
  wire_begin(&b, MESSAGE_REPLY, OP_get, id, 0);
  wire_send(&w, &b);
  wire_expect_end(&w, &b);
  wire_expect_error(&w, &a, STATUS_lost);
}
END_TEST

START_TEST(a_cancelled_request_is_not_answered) {
  uint64_t id = ask(&a, &b, "b");
  pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), a.last_id);
  wire_send(&w, &a);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_cancel);
  ck_assert_uint_eq(wire_uint(&b), id);
  /* What the late answer carries is given back. */
  struct pt pt = wire_token(&b, 5);
  pack_pt(wire_begin(&b, MESSAGE_REPLY, OP_labels, id, 1), &pt);
  wire_send(&w, &b);
  wire_expect_drop(&w, &b, 5, 1);
  wire_quiet(&w, &a);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
  pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), 4711);
  wire_send(&w, &a);
  wire_quiet(&w, &a);
}
END_TEST

/* The record of a request that was given up goes when its late answer comes (_i == 1: an error, 2:
 * a forged answer), and not before; the asker may use the id again meanwhile. */
START_TEST(a_late_answer_ends_the_record_of_a_given_up_request) {
  uint64_t id = ask(&a, &b, "b"), asked = a.last_id, again;
  pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), asked);
  wire_send(&w, &a);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_cancel);
  ck_assert_uint_eq(w.broker.calls.all.count, 1);
  a.last_id = asked - 1;
  again = ask(&a, &b, "b");
  ck_assert_uint_eq(a.last_id, asked);
  ck_assert_uint_ne(again, id);
  ck_assert_uint_eq(w.broker.calls.all.count, 2);
  struct pt forged = wire_token(&c, 1);
  if (_i == 1) {
    pack_uint(wire_begin(&b, MESSAGE_ERROR, OP_labels, id, 2), STATUS_cancelled);
    pack_text(&b.p, "given up");
  } else {
    pack_pt(wire_begin(&b, MESSAGE_REPLY, OP_labels, id, 1), &forged);
    if (_i == 0) b.out.size = 0, pack_text(wire_begin(&b, MESSAGE_REPLY, OP_labels, id, 1), "late");
  }
  wire_send(&w, &b);
  wire_quiet(&w, &b);
  ck_assert_uint_eq(w.broker.calls.all.count, 1);
  a.last_id++; /* the ping's */
  wire_quiet(&w, &a);
  answer(&b, again, "in time");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_labels);
  ck_assert_uint_eq(a.m.id, asked);
  wire_expect_text(&a, "in time");
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
  answer(&b, id, "twice"); /* the id that b was given means nothing any more */
  wire_quiet(&w, &b);
  wire_quiet(&w, &a);
}
END_TEST

/* What it was sent it may have done. */
START_TEST(calls_to_the_dead_are_lost_and_then_its_death_is_told) {
  ask(&a, &b, "b");
  ask(&b, &a, "a");
  wire_leave(&b);
  wire_expect_error(&w, &a, STATUS_lost);
  wire_expect_text(&a, "worker b ended while it worked on the call; whether it was done is not known");
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_cancel);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead);
  ck_assert_uint_eq(wire_uint(&a), b.host);
  wire_quiet(&w, &c);
}
END_TEST

static char long_text[50000];

/* A request to b that b does not read; its text makes it so long that not many fit into a socket. */
static void ask_unread(void) {
  memset(long_text, 'x', sizeof long_text - 1);
  pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), long_text);
  wire_send(&w, &a);
}

static bool queues(const struct end *e) {
  uint32_t host = hosts_find(&w.broker.hosts, e->host);
  return hosts_at(&w.broker.hosts, host)->client->outbox.bytes > 0;
}

/* b reads nothing until its socket is full: what was written wholly it may have read, what was
 * written in part or not at all it has not (_i == 1: nor what was asked when it had gone). */
START_TEST(a_request_that_never_left_the_broker_was_not_done) {
  uint64_t asked = 0, first = a.last_id + 1;
  while (!queues(&b)) ask_unread();
  uint64_t in_part = a.last_id;
  ask_unread();
  wire_leave(&b);
  if (_i == 1) ask_unread();
  asked = a.last_id - first + 1;
  ck_assert_uint_gt(in_part, first);
  for (uint64_t i = 0; i < asked; i++) {
    wire_expect(&w, &a, MESSAGE_ERROR, OP_s2t);
    uint64_t status = wire_uint(&a);
    ck_assert_uint_eq(status, a.m.id < in_part ? STATUS_lost : STATUS_dead);
    if (status == STATUS_dead)
      wire_expect_text(&a, "Gaijin tried accessing dead resource. (b)");
  }
}
END_TEST

START_TEST(the_late_answer_to_a_dead_asker_is_discarded) {
  uint64_t id = ask(&b, &a, "a");
  wire_leave(&b);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_cancel);
  ck_assert_uint_eq(wire_uint(&a), id);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead);
  answer(&a, id, "late");
  wire_quiet(&w, &a);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
}
END_TEST

START_TEST(what_may_wait_for_a_client_is_four_messages_or_64_mib) {
  struct connections n;
  connections_init(&n, &w.loop, &w.broker.work, &w.broker.log, w.broker.connections.events, NULL, 1 << 20);
  ck_assert_uint_eq(n.queue_most, 64 << 20);
  connections_deinit(&n);
  connections_init(&n, &w.loop, &w.broker.work, &w.broker.log, w.broker.connections.events, NULL, 20 << 20);
  ck_assert_uint_eq(n.queue_most, 80 << 20);
  connections_deinit(&n);
}
END_TEST

enum { LARGE = 1 << 18 };
static char large[LARGE];

START_TEST(a_client_that_does_not_read_gets_no_more_requests) {
  w.broker.connections.queue_most = 4 * LARGE;
  bool busy = false;
  size_t waits = 0;
  for (int i = 0; i < 50 && !busy; i++) {
    waits = wire_client(&w, &b)->outbox.bytes;
    pack_string(wire_ask(&a, OP_s2t, "b", NULL, 1), large, LARGE);
    wire_send(&w, &a);
    if (wire_next(&w, &a) == 1) {
      busy = true;
      ck_assert_int_eq(a.m.kind, MESSAGE_ERROR);
      ck_assert_uint_eq(wire_uint(&a), STATUS_busy);
    }
    ck_assert_int_eq(busy, waits > 4 * LARGE);
  }
  ck_assert(busy);
  ck_assert_uint_eq(wire_client(&w, &b)->outbox.bytes, waits);
  /* Others are served meanwhile, and b is again when it has read. */
  ask(&a, &c, "c");
  while (wire_next(&w, &b) == 1) continue;
  ask(&a, &b, "b");
}
END_TEST

START_TEST(a_client_that_does_not_read_answers_is_ended_far_beyond_that) {
  enum { MOST = LARGE, ASKED = 50 }; /* four times that is the bound */
  uint64_t ids[ASKED];
  bool ended = false;
  w.broker.connections.queue_most = MOST;
  for (int i = 0; i < ASKED; i++) { /* a asks much at once, and never reads */
    wire_ask(&a, OP_labels, "b", NULL, 0);
    wire_end(&a);
  }
  wire_flush(&w, &a);
  for (int i = 0; i < ASKED; i++) {
    while (wire_next(&w, &b) == 1 && b.m.op == OP_peer) continue;
    ids[i] = b.m.id;
  }
  for (int i = 0; i < ASKED && !ended; i++) {
    size_t waits = wire_client(&w, &a)->outbox.own;
    pack_string(wire_begin(&b, MESSAGE_REPLY, OP_labels, ids[i], 1), large, LARGE);
    wire_send(&w, &b);
    for (int turns = 0; turns < 4; turns++) wire_turn(&w); /* all of it is read */
    ended = hosts_find(&w.broker.hosts, a.host) == SLAB_NONE;
    ck_assert_int_eq(ended, waits > 4 * MOST);
  }
  ck_assert(ended);
  while (wire_next(&w, &b) == 1 && b.m.op == OP_cancel) continue; /* of what b has not answered */
  ck_assert_int_eq(b.m.op, OP_dead);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker route");
  TCase *t = tcase_create("route");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_request_and_its_answer_carry_who_and_which);
  tcase_add_test(t, answers_may_come_in_any_order);
  tcase_add_test(t, raised_values_pass_unchanged);
  tcase_add_test(t, an_unknown_name_is_dead);
  tcase_add_test(t, a_name_that_no_worker_can_have_is_unsupported);
  tcase_add_test(t, a_client_may_address_itself);
  tcase_add_test(t, a_one_way_request_has_no_reply);
  tcase_add_test(t, an_open_id_asked_again_ends_the_connection);
  tcase_add_test(t, only_the_host_asked_can_answer);
  tcase_add_test(t, an_answer_to_another_op_ends_the_connection);
  tcase_add_test(t, a_cancelled_request_is_not_answered);
  tcase_add_loop_test(t, a_late_answer_ends_the_record_of_a_given_up_request, 0, 3);
  tcase_add_test(t, calls_to_the_dead_are_lost_and_then_its_death_is_told);
  tcase_add_loop_test(t, a_request_that_never_left_the_broker_was_not_done, 0, 2);
  tcase_add_test(t, the_late_answer_to_a_dead_asker_is_discarded);
  tcase_add_test(t, what_may_wait_for_a_client_is_four_messages_or_64_mib);
  tcase_add_test(t, a_client_that_does_not_read_gets_no_more_requests);
  tcase_add_test(t, a_client_that_does_not_read_answers_is_ended_far_beyond_that);
  return run_suite(s);
}
