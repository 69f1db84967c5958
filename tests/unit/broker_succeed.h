/* SPDX-License-Identifier: MIT
 *
 * Worker shop (a), a successor of its (b), and worker till (c), which looks at both. After each message all books are checked.
 */
#ifndef GAIJIN_TESTS_BROKER_SUCCEED_H
#define GAIJIN_TESTS_BROKER_SUCCEED_H

#include "broker/check.h"
#include "proto/closed.h"
#include "proto/name.h"
#include "tests/unit/broker_comeback.h"

static struct wire w;
static struct worker a, b, c;
static bool sandboxed; /* who says hello with succeed_hello */

static inline void check(void) {
  const char *fault = broker_check(&w.broker);
  ck_assert_msg(!fault, "%s", fault);
}

static inline void setup(void) {
  wire_open(&w, NULL);
  worker_join(&w, &a, "shop");
  worker_join(&w, &c, "till");
}
static inline void teardown(void) {
  if (a.end.fd > 0) wire_leave(&a.end);
  if (b.end.fd > 0) wire_leave(&b.end);
  if (c.end.fd > 0) wire_leave(&c.end);
  wire_close(&w);
}

static inline void succeed_hello(struct worker *k, const char *name, uint32_t highest) {
  struct hello_request h = {.lowest = WIRE_VERSION_LEAST, .highest = highest, .name = name,
                            .name_size = (uint32_t)strlen(name)};
  uint32_t options = sandboxed ? 2 : 1;
  k->name = name;
  wire_connect(&w, &k->end);
  struct pack *p = wire_begin(&k->end, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(options));
  hello_put_request(p, &h, options);
  pack_text(p, SUCCEED_KEY);
  pack_bool(p, true);
  if (sandboxed) {
    pack_text(p, SANDBOXED_KEY);
    pack_bool(p, true);
  }
  k->end.last_id = 1;
  wire_send(&w, &k->end);
}

/* It is welcome, and told that it waits, or not. */
static inline void join_successor(struct worker *k, const char *name, bool waits) {
  struct hello_reply r;
  struct reader v;
  bool told = false;
  succeed_hello(k, name, WIRE_VERSION_MOST);
  worker_welcome(&w, k);
  ck_assert_ptr_null(hello_read_reply(&k->end.m, &r));
  ck_assert_int_eq(hello_option(&r.options, SUCCEED_KEY, &v) && reader_bool(&v, &told) && told, waits);
  check();
}

static inline void say(struct worker *k, enum op op) {
  wire_begin(&k->end, MESSAGE_NOTICE, op, 0, 0);
  wire_send(&w, &k->end);
  check();
}

static inline void end(struct worker *k) {
  wire_leave(&k->end);
  k->end = (struct end){.fd = -1};
  for (int i = 0; i < 3; i++) wire_turn(&w);
  check();
}

/* Till asks for a label of the name: this one gets the question, and answers. */
static inline void expect_asked(const char *name, struct worker *by) {
  pack_text(wire_ask(&c.end, OP_s2t, name, NULL, 1), "x");
  wire_send(&w, &c.end);
  wire_past_peers(&w, &by->end);
  ck_assert_int_eq(by->end.m.op, OP_s2t);
  pack_nil(wire_begin(&by->end, MESSAGE_REPLY, OP_s2t, by->end.m.id, 1));
  wire_send(&w, &by->end);
  wire_past_peers(&w, &c.end);
  ck_assert_int_eq(c.end.m.op, OP_s2t);
  ck_assert_int_eq(c.end.m.kind, MESSAGE_REPLY);
  check();
}

static inline void watch(const char *event) {
  struct pack *p = wire_ask(&c.end, OP_watch, NULL, NULL, 2);
  pack_text(p, "shop");
  pack_text(p, event);
  wire_send(&w, &c.end);
}
static inline void expect_watched(const struct worker *k) {
  wire_past_peers(&w, &c.end);
  ck_assert_int_eq(c.end.m.op, OP_watch);
  ck_assert_int_eq(c.end.m.kind, MESSAGE_REPLY);
  ck_assert_uint_eq(wire_uint(&c.end), k->end.host);
}

/* `to` asks `of` itself for a label and gets the object: by a call of it to `to`. */
static inline void lend(struct worker *of, struct worker *to, const struct pt *pt) {
  struct pack *p = wire_ask(&of->end, OP_s2t, to->name, NULL, 1);
  pack_pt(p, pt);
  wire_send(&w, &of->end);
  wire_past_peers(&w, &to->end);
  ck_assert_int_eq(to->end.m.op, OP_s2t);
  pack_nil(wire_begin(&to->end, MESSAGE_REPLY, OP_s2t, to->end.m.id, 1));
  wire_send(&w, &to->end);
  wire_past_peers(&w, &of->end);
  check();
}

/* It is asked to collect, because it holds something of who was succeeded, and has. */
static inline void collect(struct worker *k) {
  wire_expect(&w, &k->end, MESSAGE_REQUEST, OP_free);
  wire_begin(&k->end, MESSAGE_REPLY, OP_free, k->end.m.id, 0);
  wire_send(&w, &k->end);
  check();
}

#endif
