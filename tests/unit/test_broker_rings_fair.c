/* SPDX-License-Identifier: MIT
 *
 * Rings (broker/net/lanes.h) beside others: who has some is heard as they are, and keeps none of them waiting.
 */
#define _GNU_SOURCE /* memfd_create */
#include <pthread.h>

#include "broker/net/hot.h"
#include "tests/unit/broker_carried.h"
#include "tests/unit/ring_wire.h"

static bool work_without_end(struct work *work, struct job *j) {
  (void)work;
  (void)j;
  return true;
}

/* While there is work the loop does not wait, and nobody is looked at before; one that is hot does not knock. */
START_TEST(work_for_others_keeps_no_ring_waiting) {
  struct job others = {0};
  struct hot *h = &all()->hot;
  move();
  ping();
  polling_init(&h->polling, 1000000);
  h->polling.share = 1;
  hot_heat(wire_client(&w, &a));
  work_add(&w.broker.work, &others, work_without_end);
  ping();
  ck_assert(wire_client(&w, &a)->hot);
  work_remove(&w.broker.work, &others);
}
END_TEST

/* It goes on putting, as does one who has the memory though the process has ended. */
START_TEST(behind_its_end_nothing_is_taken) {
  move();
  ck_assert_int_eq(shutdown(a.fd, SHUT_WR), 0);
  for (int i = 0; i < 200 && hosts_find(&w.broker.hosts, a.host) != SLAB_NONE; i++) {
    while (ring_room(&pair) > 64) {
      pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), 1);
      wire_end(&a);
      ring_put(&pair, a.out.bytes, a.out.size);
      a.out.size = 0;
    }
    ring_publish(&pair);
    wire_turn(&w);
  }
  ck_assert_uint_eq(hosts_find(&w.broker.hosts, a.host), SLAB_NONE);
}
END_TEST

static atomic_bool stops;
enum { PARTS = 48, PART = 1 << 20 };
static const char part[PART];

/* Takes a little all the time. */
static void *drain(void *none) {
  struct ring_counters *down = &pair.page->down;
  for (uint32_t tail = atomic_load(&down->tail); !atomic_load(&stops); atomic_store(&down->tail, tail)) {
    uint32_t have = atomic_load(&down->head) - tail;
    tail += have < 1024 ? have : 1024;
  }
  return none;
}

/* The other clients wait meanwhile. */
START_TEST(a_write_ends_while_the_other_takes) {
  struct outbox o;
  pthread_t taker;
  bool is_due = false;
  move();
  struct client *c = wire_client(&w, &a);
  outbox_init(&o, &all()->accounts, c->account, &all()->spares);
  for (int i = 0; i < PARTS; i++) ck_assert(outbox_push(&o, c->account, part, PART));
  atomic_store(&stops, false);
  ck_assert_int_eq(pthread_create(&taker, NULL, drain, NULL), 0);
  while (o.bytes > 0) {
    uint64_t before = o.written;
    ck_assert_int_ne(outbox_put(&o, &c->lanes->pair, &is_due), OUTBOX_FAILED);
    ck_assert_uint_le(o.written - before, 2 * RING_BYTES);
  }
  atomic_store(&stops, true);
  ck_assert_int_eq(pthread_join(taker, NULL), 0);
  outbox_deinit(&o);
}
END_TEST

/* In the next turn, though nobody knocks. */
START_TEST(a_write_that_ended_so_goes_on) {
  static char taken[RING_BYTES];
  bool is_due = false;
  move();
  struct client *c = wire_client(&w, &a);
  client_push(c, c->account, part, PART);
  wire_turn(&w);
  ck_assert(c->is_full && !(c->events & UV_WRITABLE));
  ck_assert_uint_eq(ring_take(&pair, taken, sizeof taken, &is_due), sizeof taken);
  c->lanes->has_room = true;
  client_watch(c, true);
  wire_turn(&w);
  ck_assert(ring_has(&pair) && c->is_full && !c->lanes->has_room);
}
END_TEST

/* ---- Knocks ---- */

/* Bytes that come in its ring. */
static uint32_t take_some(bool knocks) {
  static char taken[RING_BYTES];
  bool is_due = false;
  uint32_t n = ring_take(&pair, taken, sizeof taken, &is_due);
  if (is_due && knocks) knock();
  return n;
}

static void put_ping(void) {
  wire_ask(&a, OP_ping, NULL, NULL, 0);
  wire_end(&a);
  ck_assert_uint_eq(ring_put(&pair, a.out.bytes, a.out.size), a.out.size);
  a.out.size = 0;
  if (ring_publish(&pair)) knock();
}

/* The broker takes from the ring, and must not say so in the midst of what it yet sends over the socket. */
START_TEST(no_knock_comes_among_messages) {
  enum { QUEUED = 600000 };
  static char queued[QUEUED], read[QUEUED];
  join_asking(RING_LAYOUT, false);
  int fd = receive_offer();
  ck_assert_int_eq(ring_map(fd, &map), 0);
  close(fd);
  rings_attach(&pair, map, RING_WORKER, NULL);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_ring);
  memset(queued, 'x', QUEUED);
  struct client *c = wire_client(&w, &a);
  client_push(c, c->account, queued, QUEUED);
  answer(RING_MOVED);
  wire_flush(&w, &a);
  ck_assert(c->lanes->in && !c->lanes->out);
  atomic_store(&pair.page->up.full, 1);
  put_ping();
  for (uint32_t n = 0; n < QUEUED;) {
    wire_turn(&w);
    ssize_t some = recv(a.fd, read + n, QUEUED - n, 0);
    ck_assert(some > 0 || errno == EAGAIN);
    if (some > 0) n += (uint32_t)some;
  }
  ck_assert_int_eq(memcmp(read, queued, QUEUED), 0);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_ring);
  wire_turn(&w);
  ck_assert_msg(recv(a.fd, read, 2, 0) == 1 || a.in.in.size - a.in.start == 1, "the knock was forgotten");
  a.in.start = a.in.in.size;
  expect_in_ring(MESSAGE_REPLY, OP_ping);
}
END_TEST

/* It leaves too much untaken to be heard, and knocks then (0) or was looked at till then (1). When that has gone nobody is looked
 * at, and nobody knocks. */
START_TEST(who_was_not_heard_is_heard_later) {
  bool is_hot = _i == 1;
  move();
  struct client *c = wire_client(&w, &a);
  for (int i = 0; i < 10 && all()->hot.count > 0; i++) wire_turn(&w);
  if (is_hot)
    hot_heat(c);
  else
    hot_set(all(), 0);
  for (int i = 0; i < 3; i++) client_push(c, c->account, part, PART);
  wire_turn(&w);
  ck_assert(client_leaves_untaken(c));
  if (is_hot) hot_set(all(), 0);
  put_ping();
  for (uint32_t taken = 0; taken < 3 * PART; taken += take_some(false)) {
    wire_turn(&w);
    if (c->outbox.bytes == 0) continue;
    c->lanes->has_room = true;
    client_watch(c, true);
  }
  for (int i = 0; i < 10; i++) wire_turn(&w);
  expect_in_ring(MESSAGE_REPLY, OP_ping);
}
END_TEST

/* ---- To another program ---- */

static struct wire after;

/* The program after it has the rings as they are. */
static void upgrade(void) {
  struct broker_config c = wire_config();
  c.transport = TRANSPORT_SHM;
  c.rings = 4;
  c.poll_us = 50;
  memset(&after, 0, sizeof after);
  carried_over(&after, &w, &c);
  struct client *old = wire_client(&w, &a);
  old->lanes->file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  hot_leave_all(all());
  carried_forget(&w);
}
static void end_after(void) {
  wire_leave(&a);
  wire_leave(&victim);
  for (int i = 0; i < 10; i++) wire_turn(&after);
  ck_assert_uint_eq(after.broker.connections.carrier.count, 0);
  if (map) ring_unmap(map);
  wire_close(&after);
}

/* 0: it sleeps; 1: something is in the ring; 2: and something waits, the ring being full; 3: something waits, and there is
 * room again. */
START_TEST(an_upgrade_takes_rings_along) {
  move();
  if (_i >= 2) client_push(wire_client(&w, &a), wire_client(&w, &a)->account, part, PART - 1);
  wire_turn(&w);
  if (_i == 1 || _i == 2) put_ping();
  if (_i == 3) ck_assert_uint_gt(take_some(false), 0); /* as if it had known of the room */
  upgrade();
  if (_i == 0) put_ping();
  uint32_t taken = 0, want = _i == 3 ? PART - 1 - RING_BYTES : _i == 2 ? PART : 1;
  for (int i = 0; i < 100 && taken < want; i++) {
    wire_turn(&after);
    taken += take_some(true);
  }
  ck_assert_uint_ge(taken, want);
  put_ping();
  for (int i = 0; i < 10; i++) wire_turn(&after);
  ck_assert_uint_gt(take_some(true), 0);
  end_after();
}
END_TEST

int main(void) {
  Suite *s = suite_create("rings beside others");
  TCase *c = tcase_create("rings");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, work_for_others_keeps_no_ring_waiting);
  tcase_add_test(c, behind_its_end_nothing_is_taken);
  tcase_add_test(c, a_write_ends_while_the_other_takes);
  tcase_add_test(c, a_write_that_ended_so_goes_on);
  tcase_add_test(c, no_knock_comes_among_messages);
  tcase_add_loop_test(c, who_was_not_heard_is_heard_later, 0, 2);
  suite_add_tcase(s, c);
  c = tcase_create("upgrade");
  tcase_add_checked_fixture(c, setup, NULL);
  tcase_add_loop_test(c, an_upgrade_takes_rings_along, 0, 4);
  suite_add_tcase(s, c);
  return run_suite(s);
}
