/* SPDX-License-Identifier: MIT
 *
 * A broker and a worker `a` that has rings, in one process (tests/unit/broker_wire.h), and a victim on its socket.
 *
 *   tcase_add_checked_fixture(c, setup, teardown);
 *   move(); ping();
 */
#ifndef GAIJIN_TESTS_RING_WIRE_H
#define GAIJIN_TESTS_RING_WIRE_H

#include "broker/net/carrier.h"
#include "proto/ring/map.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, victim;
static struct rings pair; /* a's */
static void *map;

static inline void open_with(enum transport transport, uint32_t rings, uint32_t poll_us) {
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
static inline void setup(void) { open_with(TRANSPORT_SHM, 4, 50); }

static struct connections *all(void) { return &w.broker.connections; }

static inline void teardown(void) {
  wire_quiet(&w, &victim);
  wire_leave(&a);
  wire_leave(&victim);
  for (int i = 0; i < 10; i++) wire_turn(&w);
  ck_assert_uint_eq(all()->carrier.count, 0);
  if (map) ring_unmap(map);
  wire_close(&w);
}

static inline void join_asking(uint32_t layout, bool observer) {
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
static inline int receive_descriptor(void) {
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
  return fd;
}
static inline int receive_offer(void) {
  int fd = receive_descriptor();
  wire_expect(&w, &a, MESSAGE_REPLY, OP_hello);
  wire_uint(&a);
  a.host = wire_uint(&a);
  return fd;
}

static inline void answer(uint64_t step) {
  pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_ring, 0, 1), step);
  wire_end(&a);
}

static inline void expect_step(enum ring_step step) {
  ck_assert(a.m.op == OP_ring && a.m.kind == MESSAGE_NOTICE);
  ck_assert_uint_eq(wire_uint(&a), step);
}

/* It has these rings, and both streams are there. */
static inline void move_to(int fd) {
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
static inline void move(void) {
  join_asking(RING_LAYOUT, false);
  move_to(receive_offer());
}

/* On a full socket there are some. */
static inline void knock(void) { ck_assert(send(a.fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 || errno == EAGAIN); }

/* What is in a.out goes into the ring. */
static inline void put_out(void) {
  for (uint32_t done = 0; done < a.out.size;) {
    done += ring_put(&pair, a.out.bytes + done, a.out.size - done);
    if (ring_publish(&pair)) knock();
    wire_turn(&w);
  }
  a.out.size = 0;
}

/* The message that comes next in the ring. */
static inline void next_in_ring(void) {
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
static inline void expect_in_ring(enum message_kind kind, enum op op) {
  next_in_ring();
  ck_assert(a.m.op == op && a.m.kind == kind);
}

static inline void ping(void) {
  wire_ask(&a, OP_ping, NULL, NULL, 0);
  wire_end(&a);
  put_out();
  expect_in_ring(MESSAGE_REPLY, OP_ping);
}

/* Takes the knocks that are on the socket. */
static inline void hear(void) {
  char knock;
  while (recv(a.fd, &knock, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && !knock) ck_assert_int_eq(recv(a.fd, &knock, 1, 0), 1);
}

/* The broker is back on the socket, and its last message in the ring has come. */
static inline void be_left(void) {
  ck_assert(ring_sleep(&pair));
  all()->events->idle(wire_client(&w, &a));
  ck_assert(wire_client(&w, &a)->lanes->has_left);
  expect_in_ring(MESSAGE_NOTICE, OP_ring);
  expect_step(RING_LEFT);
  hear();
}
/* What was put goes into the ring, and then the worker's last message there. */
static inline void leave_too(void) {
  answer(RING_LEFT);
  ck_assert_uint_eq(ring_put(&pair, a.out.bytes, a.out.size), a.out.size);
  a.out.size = 0;
  if (ring_publish(&pair)) knock();
  ring_unmap(map);
  map = NULL;
}

/* The broker has ended it, for this. */
static inline void expect_ended(const char *why) {
  for (int i = 0; i < 10; i++) wire_turn(&w);
  ck_assert_msg(hosts_find(&w.broker.hosts, a.host) == SLAB_NONE || client_is_ending(wire_client(&w, &a)), "%s", why);
  wire_quiet(&w, &victim);
}

#endif
