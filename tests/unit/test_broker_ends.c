/* SPDX-License-Identifier: MIT
 *
 * How clients end, and the broker itself: in slices if there is much to be done for it, each after what the client had sent.
 */
#include "broker/net/connections.h"
#include "tests/unit/broker_pair.h"

/* Watches of a worker that does not come. */
static void begin_watches(struct end *e, unsigned n) {
  while (n--) {
    struct pack *p = wire_ask(e, OP_watch, NULL, NULL, 2);
    pack_text(p, "nobody");
    pack_text(p, "ready");
    wire_end(e);
  }
}

START_TEST(the_end_of_much_is_read_in_slices_and_a_successor_waits_for_it) {
  struct end successor = {0};
  unsigned turns = 0;
  enum { PINGS = 3000 };
  struct client *c = client_of(&a);
  begin_pings(&a, PINGS);
  write_only(&a);
  shutdown(a.fd, SHUT_WR);
  wire_connect(&w, &successor);
  wire_turn(&w);
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .name = "a", .name_size = 1};
  hello_put_request(wire_begin(&successor, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(0)), &h,
                    0);
  wire_end(&successor);
  write_only(&successor);
  ck_assert_uint_lt(c->messages_in, PINGS);
  for (; hosts_find(&w.broker.hosts, a.host) != SLAB_NONE; turns++) {
    ck_assert_uint_eq(take_all(&successor), 0);
    wire_turn(&w);
  }
  ck_assert_uint_gt(turns, 2);
  ck_assert_uint_eq(take_all(&a), PINGS);
  wire_expect(&w, &successor, MESSAGE_REPLY, OP_hello);
  wire_leave(&successor);
}
END_TEST

START_TEST(many_who_end_together_share_turns_of_bounded_length) {
  enum { MANY = 26, WATCHES = 380, TURN_WATCHES = 9000 }; /* below the limit of waits */
  static struct end many[MANY];
  const struct slab *waits = &w.broker.names.watches.all;
  memset(many, 0, sizeof many);
  for (int i = 0; i < MANY; i++) wire_join(&w, &many[i], NULL);
  for (int i = 0; i < MANY; i++) {
    begin_watches(&many[i], WATCHES);
    wire_flush(&w, &many[i]);
  }
  while (waits->count < MANY * WATCHES) wire_turn(&w);
  for (int i = 0; i < MANY; i++) wire_leave(&many[i]);
  for (uint32_t left = waits->count; left > 0; left = waits->count) {
    uv_run(&w.loop, UV_RUN_NOWAIT);
    ck_assert_uint_le(left - waits->count, TURN_WATCHES);
  }
}
END_TEST

/* What it has kept is charged to it, also while its end takes some turns: the books are checked after each. */
START_TEST(one_ends_within_a_message) {
  enum { WATCHES = 2000, PART = 5 };
  begin_watches(&a, WATCHES);
  wire_flush(&w, &a);
  while (w.broker.names.watches.all.count < WATCHES) wire_turn(&w);
  begin_pings(&a, 2); /* a part of the first; the rest of it, and the second but for its end */
  ck_assert_int_eq(send(a.fd, a.out.bytes, PART, MSG_NOSIGNAL), PART);
  wire_turn(&w);
  uint32_t rest = a.out.size - 2 * PART;
  ck_assert_int_eq(send(a.fd, a.out.bytes + PART, rest, MSG_NOSIGNAL), (int)rest);
  wire_turn(&w);
  ck_assert_uint_gt(client_of(&a)->rest.in.size, 0);
  shutdown(a.fd, SHUT_WR);
  wire_turn(&w);
  ck_assert_uint_gt(w.broker.names.watches.all.count, 0);
  while (hosts_find(&w.broker.hosts, a.host) != SLAB_NONE) wire_turn(&w);
}
END_TEST

/* What is kept for its messages goes when it begins to end, also of one that is being walked, and
 * with it what it is charged, however long its end takes. */
START_TEST(one_who_ends_within_a_walk_pays_for_it_no_longer) {
  enum { NILS = 500000, WATCHES = 2000 };
  begin_watches(&a, WATCHES);
  wire_flush(&w, &a);
  while (w.broker.names.watches.all.count < WATCHES) wire_turn(&w);
  struct pack *p = wire_ask(&a, OP_s2t, "b", NULL, 1);
  pack_array(p, NILS);
  for (int i = 0; i < NILS; i++) pack_nil(p);
  wire_end(&a);
  struct client *c = client_of(&a);
  while (!c->walk) {
    ssize_t n = send(a.fd, a.out.bytes, a.out.size, MSG_NOSIGNAL);
    if (n > 0) memmove(a.out.bytes, a.out.bytes + n, a.out.size -= (uint32_t)n);
    wire_turn(&w);
  }
  const struct account *k = c->account;
  ck_assert_uint_gt(k->used[ACCOUNT_BYTES], NILS);
  client_condemn(c, "for a test");
  wire_turn(&w);
  ck_assert(c->state == CLIENT_CONDEMNED && client_of(&a) == c && !k->is_closed);
  ck_assert_uint_gt(w.broker.names.watches.all.count, 0);
  ck_assert_uint_eq(k->used[ACCOUNT_BYTES], 0);
  ck_assert_ptr_null(c->walk);
  while (hosts_find(&w.broker.hosts, a.host) != SLAB_NONE) wire_turn(&w);
}
END_TEST

/* To free what waits for one who ends is work, the more the more have sent it. */
START_TEST(what_waits_for_one_who_ends_is_freed_as_work) {
  enum { MESSAGES = 40000 };
  const struct client *c = client_of(&a);
  for (int i = 0; i < MESSAGES; i++)
    client_push(client_of(&a), i % 2 ? client_of(&b)->account : c->account, "0123456789", 10);
  wire_turn(&w);
  uint32_t spans = c->outbox.span_count;
  ck_assert_uint_gt(spans, MESSAGES / 4);
  uint64_t before = w.broker.work.spent;
  client_condemn(client_of(&a), "for a test");
  connections_end_turn(&w.broker.connections);
  ck_assert_uint_ge(w.broker.work.spent - before, spans / 8);
}
END_TEST

START_TEST(the_end_of_one_who_was_asked_much_is_processed_in_slices) {
  enum { CALLS = 3000 };
  unsigned turns = 0, lost = 0;
  for (int i = 0; i < CALLS; i++) {
    wire_ask(&b, OP_labels, "a", NULL, 0);
    wire_end(&b);
  }
  wire_flush(&w, &b);
  while (w.broker.calls.all.count < CALLS) wire_turn(&w);
  wire_leave(&a);
  for (uint32_t left = CALLS; left > 0; turns++) {
    wire_turn(&w);
    ck_assert_uint_ge(2 * WORK_QUANTUM, left - w.broker.calls.all.count);
    left = w.broker.calls.all.count;
  }
  ck_assert_uint_gt(turns, 2);
  while (wire_next(&w, &b) == 1 && b.m.kind == MESSAGE_ERROR) lost++;
  ck_assert_uint_eq(lost, CALLS);
}
END_TEST

START_TEST(the_broker_stops_in_the_middle) {
  begin_pings(&a, 3000);
  write_only(&a);
  if (_i == 1) wire_leave(&a);
  wire_turn(&w);
  ck_assert_ptr_nonnull(w.broker.work.first);
  wire_leave(&a);
  wire_leave(&b);
  wire_close(&w);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker ends");
  TCase *t = tcase_create("ends");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, the_end_of_much_is_read_in_slices_and_a_successor_waits_for_it);
  tcase_add_test(t, many_who_end_together_share_turns_of_bounded_length);
  tcase_add_test(t, one_ends_within_a_message);
  tcase_add_test(t, one_who_ends_within_a_walk_pays_for_it_no_longer);
  tcase_add_test(t, what_waits_for_one_who_ends_is_freed_as_work);
  tcase_add_test(t, the_end_of_one_who_was_asked_much_is_processed_in_slices);
  TCase *stops = tcase_create("stops");
  tcase_add_checked_fixture(stops, setup, NULL);
  tcase_add_loop_test(stops, the_broker_stops_in_the_middle, 0, 2);
  suite_add_tcase(s, stops);
  return run_suite(s);
}
