/* SPDX-License-Identifier: MIT
 *
 * A broker and a worker that has rings (broker/net/lanes.h, carrier.h), in one process: how they get there, and what the broker
 * does with one that writes what it likes. Beside it is a victim on its socket, which is served all the time.
 */
#include "broker/net/carrier.h"
#include "tests/unit/ring_wire.h"

/* ---- The way there ---- */

START_TEST(messages_pass_in_rings) {
  move();
  for (int i = 0; i < 100; i++) ping();
  struct client *c = wire_client(&w, &a);
  ck_assert_uint_eq(c->kept, RING_MAP_BYTES);
  ck_assert_uint_eq(c->account->used[ACCOUNT_BYTES], RING_MAP_BYTES);
}
END_TEST

START_TEST(who_may_not_is_offered_none) {
  int kind = _i;
  if (kind == 3 || kind == 4) {
    wire_leave(&victim);
    wire_turn(&w);
    wire_close(&w);
    open_with(kind == 3 ? TRANSPORT_SOCKET : TRANSPORT_SHM, 4, kind == 4 ? 0 : 50);
  }
  if (kind == 2) all()->carrier.uid++;
  if (kind == 5) all()->carrier.most = 0;
  if (kind == 7) all()->accounts.limits.memory = CARRIER_PART * RING_MAP_BYTES - 1;
  if (kind == 6) all()->accounts.limits.most[ACCOUNT_BYTES] = RING_MAP_BYTES - 1;
  join_asking(kind == 0 ? RING_LAYOUT + 1 : RING_LAYOUT, kind == 1);
  ck_assert_int_eq(receive_offer(), -1);
  wire_quiet(&w, &a);
}
END_TEST

START_TEST(what_had_no_room_is_offered_later) {
  size_t most = all()->accounts.limits.most[ACCOUNT_BYTES];
  all()->accounts.limits.most[ACCOUNT_BYTES] = RING_MAP_BYTES - 1;
  join_asking(RING_LAYOUT, false);
  ck_assert_int_eq(receive_offer(), -1);
  struct client *c = wire_client(&w, &a);
  uint64_t refused = c->account->refused;
  wire_quiet(&w, &a);
  all()->accounts.limits.most[ACCOUNT_BYTES] = most;
  wire_quiet(&w, &a); /* not at once */
  ck_assert_uint_eq(c->account->refused, refused);
  ck_assert_uint_eq(all()->carrier.count, 0);
  c->no_lanes_ms -= CARRIER_AGAIN_MS;
  wire_ask(&a, OP_ping, NULL, NULL, 0);
  wire_send(&w, &a);
  ck_assert_uint_eq(all()->carrier.count, 1);
}
END_TEST

START_TEST(who_refuses_stays_on_its_socket) {
  join_asking(RING_LAYOUT, false);
  close(receive_offer());
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_ring);
  ck_assert_uint_eq(all()->carrier.count, 1);
  answer(RING_REFUSED);
  wire_flush(&w, &a);
  ck_assert_uint_eq(all()->carrier.count, 0);
  ck_assert_uint_eq(wire_client(&w, &a)->account->used[ACCOUNT_BYTES], 0);
  wire_quiet(&w, &a);
  ck_assert_uint_eq(all()->carrier.count, 0);
}
END_TEST

START_TEST(on_auto_only_who_is_busy_gets_some) {
  all()->carrier.transport = TRANSPORT_AUTO;
  join_asking(RING_LAYOUT, false);
  ck_assert_int_eq(receive_offer(), -1);
  wire_quiet(&w, &a);
  ck_assert_uint_eq(all()->carrier.count, 0);
  struct client *c = wire_client(&w, &a);
  c->busy_ms = (uint32_t)uv_now(&w.loop);
  c->busy_from = (uint32_t)c->messages_in - CARRIER_BUSY + 2;
  wire_ask(&a, OP_ping, NULL, NULL, 0);
  wire_send(&w, &a);
  ck_assert_uint_eq(all()->carrier.count, 0); /* one more is as many as it takes */
  wire_ask(&a, OP_ping, NULL, NULL, 0);
  wire_send(&w, &a);
  ck_assert_uint_eq(all()->carrier.count, 1);
}
END_TEST

/* In one write: what the worker says last on the socket, and its first knock. */
START_TEST(a_knock_may_follow_at_once) {
  join_asking(RING_LAYOUT, false);
  int fd = receive_offer();
  ck_assert_int_eq(ring_map(fd, &map), 0);
  close(fd);
  rings_attach(&pair, map, RING_WORKER, NULL);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_ring);
  wire_ask(&a, OP_ping, NULL, NULL, 0);
  wire_end(&a);
  ring_put(&pair, a.out.bytes, a.out.size);
  ring_publish(&pair);
  a.out.size = 0;
  answer(RING_MOVED);
  uint8_t both[256] = {0};
  memcpy(both, a.out.bytes, a.out.size);
  wire_bytes(&w, &a, both, a.out.size + 3);
  a.out.size = 0;
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_ring);
  expect_in_ring(MESSAGE_REPLY, OP_ping);
}
END_TEST

/* A message larger than a ring, to itself. */
START_TEST(large_messages_go_through) {
  enum { LARGE = 900000 };
  static char text[LARGE];
  move();
  memset(text, 'x', sizeof text);
  pack_string(wire_ask(&a, OP_s2t, "a", NULL, 1), text, LARGE);
  wire_end(&a);
  put_out();
  do
    next_in_ring();
  while (a.m.kind != MESSAGE_REQUEST);
  const char *bytes;
  uint32_t size;
  ck_assert(reader_string(&a.r, &bytes, &size) && size == LARGE);
}
END_TEST

/* What it had put when it ended is handled. */
START_TEST(the_ring_is_read_to_its_end) {
  move();
  for (int i = 0; i < 200; i++) {
    pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), 1);
    wire_end(&a);
  }
  ring_put(&pair, a.out.bytes, a.out.size - 3); /* the last one is torn */
  ring_publish(&pair);
  a.out.size = 0;
  uint64_t all_before = w.broker.traffic.read[OP_cancel].messages[MESSAGE_NOTICE];
  close(a.fd);
  a.fd = -1;
  for (int i = 0; i < 20; i++) wire_turn(&w);
  ck_assert_uint_eq(hosts_find(&w.broker.hosts, a.host), SLAB_NONE);
  ck_assert_uint_eq(w.broker.traffic.read[OP_cancel].messages[MESSAGE_NOTICE], all_before + 199);
}
END_TEST

/* ---- Who writes what it likes ---- */

START_TEST(evil_counters_end_it) {
  move();
  ping();
  uint32_t head = atomic_load(&pair.page->up.head);
  switch (_i) {
    case 0: atomic_store(&pair.page->up.head, head + (1u << 30)); break;
    case 1: atomic_store(&pair.page->up.head, head - 5); break;
    case 2: atomic_store(&pair.page->down.tail, 1u << 29); break;
    case 3: atomic_store(&pair.page->down.tail, UINT32_MAX - 100); break;
  }
  if (_i >= 2) {
    wire_ask(&a, OP_ping, NULL, NULL, 0);
    wire_end(&a);
    ring_put(&pair, a.out.bytes, a.out.size);
    ring_publish(&pair);
    a.out.size = 0;
  }
  knock();
  expect_ended("it goes on with broken rings");
}
END_TEST

START_TEST(evil_bytes_end_it) {
  move();
  memset((uint8_t *)map + RING_PAGE_BYTES, 0x5a, RING_BYTES);
  atomic_store(&pair.page->up.head, atomic_load(&pair.page->up.head) + 5000);
  knock();
  expect_ended("nonsense was taken for messages");
}
END_TEST

START_TEST(only_knocks_come_by_the_socket_then) {
  move();
  ck_assert_int_eq(send(a.fd, "\0\0x", 3, 0), 3);
  expect_ended("something else than a knock");
}
END_TEST

START_TEST(an_answer_without_an_offer_ends_it) {
  all()->carrier.most = 0;
  join_asking(RING_LAYOUT, false);
  ck_assert_int_eq(receive_offer(), -1);
  answer(RING_MOVED);
  wire_flush(&w, &a);
  expect_ended("it took what it was not offered");
}
END_TEST

START_TEST(a_second_answer_ends_it) {
  move();
  answer(RING_REFUSED);
  put_out();
  expect_ended("it went back, which it cannot");
}
END_TEST

START_TEST(knocks_without_end_harm_nobody) {
  static const char many[4096];
  move();
  for (int i = 0; i < 50; i++) {
    while (send(a.fd, many, sizeof many, MSG_DONTWAIT) > 0) continue;
    wire_turn(&w);
    wire_quiet(&w, &victim);
  }
  ping();
}
END_TEST

/* It takes nothing: back-pressure is as on a socket. */
START_TEST(who_takes_nothing_is_held_back) {
  move();
  struct client *c = wire_client(&w, &a);
  for (int i = 0; i < 40000 && !client_leaves_untaken(c); i++) {
    wire_ask(&a, OP_ping, NULL, NULL, 0);
    wire_end(&a);
    uint32_t n = ring_put(&pair, a.out.bytes, a.out.size);
    ck_assert_uint_eq(n, a.out.size);
    a.out.size = 0;
    if (ring_publish(&pair)) knock();
    wire_turn(&w);
  }
  ck_assert(client_leaves_untaken(c) && c->is_full);
  wire_quiet(&w, &victim);
  for (uint64_t i = 2; i <= a.last_id; i++) expect_in_ring(MESSAGE_REPLY, OP_ping);
  ping();
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker/net/lanes, carrier");
  TCase *c = tcase_create("rings");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, messages_pass_in_rings);
  tcase_add_loop_test(c, who_may_not_is_offered_none, 0, 8);
  tcase_add_test(c, what_had_no_room_is_offered_later);
  tcase_add_test(c, who_refuses_stays_on_its_socket);
  tcase_add_test(c, on_auto_only_who_is_busy_gets_some);
  tcase_add_test(c, a_knock_may_follow_at_once);
  tcase_add_test(c, large_messages_go_through);
  tcase_add_test(c, the_ring_is_read_to_its_end);
  tcase_add_loop_test(c, evil_counters_end_it, 0, 4);
  tcase_add_test(c, evil_bytes_end_it);
  tcase_add_test(c, only_knocks_come_by_the_socket_then);
  tcase_add_test(c, an_answer_without_an_offer_ends_it);
  tcase_add_test(c, a_second_answer_ends_it);
  tcase_add_test(c, knocks_without_end_harm_nobody);
  tcase_add_test(c, who_takes_nothing_is_held_back);
  suite_add_tcase(s, c);
  return run_suite(s);
}
