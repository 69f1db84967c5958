/* SPDX-License-Identifier: MIT
 *
 * A broker with a small window, and two clients of it: a asks for an object of b.
 */
#ifndef GAIJIN_TESTS_BROKER_FLOW_H
#define GAIJIN_TESTS_BROKER_FLOW_H

#include "tests/unit/broker_wire.h"

enum { POSTS = 8 };
static struct wire w;
static struct end a, b;
static struct pt x;

static inline void setup(void) {
  struct broker_config config = wire_config();
  config.window = (struct window){POSTS, 4096};
  wire_open(&w, &config);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  x = wire_token(&b, 1);
  wire_fetch(&w, &a, &b, "b", &x);
}
/* Requests that are outstanding, of all pairs. */
static inline uint32_t outstanding(void) {
  const struct slab *all = &w.broker.loads.all;
  uint32_t n = 0;
  for (uint32_t i = slab_next(all, 0); i != SLAB_NONE; i = slab_next(all, i + 1))
    n += loads_at(&w.broker.loads, i)->outstanding.requests;
  return n;
}
static inline void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_turn(&w);
  ck_assert_uint_eq(outstanding(), 0);
  wire_close(&w);
}

/* a calls x with a string of so many bytes. The size of the message. */
static inline uint32_t ask(uint64_t id, uint16_t flags, uint32_t bytes) {
  static const char text[8192];
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = id, .depth = 1,
                      .flags = flags, .target = OP_PT, .pt = x};
  pack_string(wire_begin_to(&a, &h, 1), text, bytes);
  wire_end(&a);
  uint32_t size = a.out.size;
  wire_flush(&w, &a);
  return size;
}

static inline uint32_t post(uint64_t id, uint32_t bytes) { return ask(id, MESSAGE_ONE_WAY, bytes); }
static inline uint32_t call(uint64_t id, uint32_t bytes) { return ask(id, 0, bytes); }

/* b receives so many; their bytes. */
static inline uint64_t receive(int n) {
  uint64_t bytes = 0;
  while (n-- > 0) {
    wire_expect(&w, &b, MESSAGE_REQUEST, OP_call);
    bytes += b.m.size;
  }
  return bytes;
}

static inline void say_taken(uint64_t host, uint64_t posts, uint64_t bytes, uint64_t undone) {
  struct pack *p = wire_begin(&b, MESSAGE_NOTICE, OP_taken, 0, 4);
  pack_uint(p, host);
  pack_uint(p, posts);
  pack_uint(p, bytes);
  pack_uint(p, undone);
  wire_send(&w, &b);
}

static inline void expect_grant(uint64_t posts, uint64_t bytes, uint64_t undone) {
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_grant);
  ck_assert_uint_eq(wire_uint(&a), b.host);
  ck_assert_uint_eq(wire_uint(&a), posts);
  ck_assert_uint_eq(wire_uint(&a), bytes);
  ck_assert_uint_eq(wire_uint(&a), undone);
}

/* b answers the request it received last. */
static inline void reply(enum op op) {
  wire_begin(&b, MESSAGE_REPLY, op, b.m.id, 0);
  wire_send(&w, &b);
}

#endif
