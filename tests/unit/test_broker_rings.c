/* SPDX-License-Identifier: MIT
 *
 * A broker and a worker that has rings (broker/net/lanes.h, carrier.h), in one process: how they get there, and what the broker
 * does with one that writes what it likes. Beside it is a victim on its socket, which is served all the time.
 */
#include "broker/net/carrier.h"
#include "broker/net/hot.h"
#include "proto/ring/map.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, victim;
static struct rings pair; /* a's */
static void *map;

static void open_with(enum transport transport, uint32_t rings, uint32_t poll_us) {
  struct broker_config c = wire_config();
  c.transport = transport;
  c.rings = rings;
  c.poll_us = poll_us;
  memset(&w, 0, sizeof w);
  memset(&a, 0, sizeof a);
  memset(&victim, 0, sizeof victim);
  memset(&pair, 0, sizeof pair);
  map = NULL;
  wire_open(&w, &c);
  wire_join(&w, &victim, "victim");
}
static void setup(void) { open_with(TRANSPORT_SHM, 4, 50); }

static struct connections *all(void) { return &w.broker.connections; }

static void teardown(void) {
  wire_quiet(&w, &victim);
  wire_leave(&a);
  wire_leave(&victim);
  for (int i = 0; i < 10; i++) wire_turn(&w);
  ck_assert_uint_eq(all()->carrier.count, 0);
  if (map) ring_unmap(map);
  wire_close(&w);
}

static void join_asking(uint32_t layout, bool observer) {
  struct hello_request h = {.lowest = WIRE_VERSION_LEAST, .highest = WIRE_VERSION_MOST, .name = observer ? NULL : "a",
                            .name_size = observer ? 0 : 1, .observer = observer};
  wire_connect(&w, &a);
  hello_put_request(wire_begin(&a, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(1)), &h, 1);
  pack_text(&a.p, RING_KEY);
  pack_uint(&a.p, layout);
  a.last_id = 1;
  wire_send(&w, &a);
}

/* Reads all that is there, with the descriptor that comes with it; -1: none. */
static int receive_offer(void) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  uint32_t room;
  int fd = -1;
  for (int i = 0; i < 4; i++) {
    wire_turn(&w);
    struct iovec v = {.iov_base = frame_room(&a.in, 4096, &room), .iov_len = 4096};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(a.fd, &m, MSG_CMSG_CLOEXEC);
    if (n > 0) frame_filled(&a.in, (uint32_t)n);
    if (n > 0 && CMSG_FIRSTHDR(&m)) memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
  }
  wire_expect(&w, &a, MESSAGE_REPLY, OP_hello);
  wire_uint(&a);
  a.host = wire_uint(&a);
  return fd;
}

static void answer(uint64_t step) {
  pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_ring, 0, 1), step);
  wire_end(&a);
}

/* It has rings, and both streams are there. */
static void move(void) {
  join_asking(RING_LAYOUT, false);
  int fd = receive_offer();
  ck_assert_int_ge(fd, 0);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_ring);
  ck_assert_uint_eq(wire_uint(&a), RING_OFFERED);
  ck_assert_uint_eq(wire_uint(&a), RING_LAYOUT);
  ck_assert_int_eq(ring_map(fd, &map), 0);
  close(fd);
  rings_attach(&pair, map, RING_WORKER, NULL);
  answer(RING_MOVED);
  wire_flush(&w, &a);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_ring);
  ck_assert_uint_eq(wire_uint(&a), RING_MOVED);
  ck_assert(wire_client(&w, &a)->lanes->in && wire_client(&w, &a)->lanes->out);
}

/* On a full socket there are some. */
static void knock(void) { ck_assert(send(a.fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 || errno == EAGAIN); }

/* What is in a.out goes into the ring. */
static void put_out(void) {
  for (uint32_t done = 0; done < a.out.size;) {
    done += ring_put(&pair, a.out.bytes + done, a.out.size - done);
    if (ring_publish(&pair)) knock();
    wire_turn(&w);
  }
  a.out.size = 0;
}

/* The message that comes next in the ring. */
static void next_in_ring(void) {
  uint8_t *bytes;
  uint32_t size, room, count, n;
  bool is_due = false;
  for (int turns = 0;; turns++) {
    ck_assert_int_lt(turns, WIRE_TURNS);
    if (frame_next(&a.in, &bytes, &size) == FRAME_MESSAGE) break;
    uint8_t *to = frame_room(&a.in, 65536, &room);
    while ((n = ring_take(&pair, to, room, &is_due)) == 0 && !ring_sleep(&pair)) continue;
    frame_filled(&a.in, n);
    if (is_due) knock();
    is_due = false;
    wire_turn(&w);
  }
  ck_assert_ptr_null(message_parse(bytes, size, &a.m));
  reader_open(&a.r, a.m.body, a.m.body_size, &count);
}
static void expect_in_ring(enum message_kind kind, enum op op) {
  next_in_ring();
  ck_assert(a.m.op == op && a.m.kind == kind);
}

static void ping(void) {
  wire_ask(&a, OP_ping, NULL, NULL, 0);
  wire_end(&a);
  put_out();
  expect_in_ring(MESSAGE_REPLY, OP_ping);
}

/* The broker has ended it, for this. */
static void expect_ended(const char *why) {
  for (int i = 0; i < 10; i++) wire_turn(&w);
  ck_assert_msg(hosts_find(&w.broker.hosts, a.host) == SLAB_NONE || client_is_ending(wire_client(&w, &a)), "%s", why);
  wire_quiet(&w, &victim);
}

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
  if (kind == 6) all()->accounts.limits.most[ACCOUNT_BYTES] = RING_MAP_BYTES - 1;
  join_asking(kind == 0 ? RING_LAYOUT + 1 : RING_LAYOUT, kind == 1);
  ck_assert_int_eq(receive_offer(), -1);
  wire_quiet(&w, &a);
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
  c->busy_from = (uint32_t)c->messages_in - CARRIER_BUSY;
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

/* ---- Who is heard, and until when ---- */

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
  tcase_add_loop_test(c, who_may_not_is_offered_none, 0, 7);
  tcase_add_test(c, who_refuses_stays_on_its_socket);
  tcase_add_test(c, on_auto_only_who_is_busy_gets_some);
  tcase_add_test(c, a_knock_may_follow_at_once);
  tcase_add_test(c, large_messages_go_through);
  tcase_add_test(c, the_ring_is_read_to_its_end);
  tcase_add_test(c, work_for_others_keeps_no_ring_waiting);
  tcase_add_test(c, behind_its_end_nothing_is_taken);
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
