/* SPDX-License-Identifier: MIT
 *
 * Two clients of a broker (broker_wire.h) that ping it, without turning its loop: so a test sees what one turn does.
 */
#ifndef GAIJIN_TESTS_BROKER_PAIR_H
#define GAIJIN_TESTS_BROKER_PAIR_H

#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b;

static inline void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
}
static inline void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  while (w.broker.connections.all || w.broker.work.first) wire_turn(&w);
  wire_close(&w);
}

/* The broker's side of a connection. */
static inline struct client *client_of(const struct end *e) {
  return hosts_at(&w.broker.hosts, hosts_find(&w.broker.hosts, e->host))->client;
}

/* Writes what was begun, without turning the loop. */
static inline void write_only(struct end *e) {
  ck_assert_int_eq(send(e->fd, e->out.bytes, e->out.size, MSG_NOSIGNAL), (int)e->out.size);
  e->out.size = 0;
}

static inline void begin_pings(struct end *e, unsigned n) {
  while (n--) {
    wire_ask(e, OP_ping, NULL, NULL, 0);
    wire_end(e);
  }
}

/* Reads and counts what has come for `e`, without turning the loop. */
static inline unsigned take_all(struct end *e) {
  uint8_t *bytes;
  uint32_t size, room;
  unsigned n = 0;
  for (;;) {
    while (frame_next(&e->in, &bytes, &size) == FRAME_MESSAGE) n++;
    uint8_t *to = frame_room(&e->in, 64 << 10, &room);
    ssize_t got = recv(e->fd, to, room, 0);
    if (got <= 0) return n;
    frame_filled(&e->in, (uint32_t)got);
  }
}

/* In a turn the broker may read a quantum from the socket and run a slice. */
enum { TURN_MOST = 2 * WORK_QUANTUM + 100 };

#endif
