/* SPDX-License-Identifier: MIT
 *
 * A broker that is killed and started again inside the test, and workers that come back to it.
 *
 *   struct worker a = {0}, b = {0};
 *   worker_join(&w, &a, "shop");      and more, as in broker_wire.h, with a.end
 *   wire_kill(&w);                    all connections end, the roster stays
 *   wire_again(&w, NULL);
 *   worker_return(&w, &a);            hello with host and secret, welcomed
 *   worker_announce(&w, &a, pts, n);  worker_claim(...);  worker_back(&w, &a);
 */
#ifndef GAIJIN_TESTS_BROKER_COMEBACK_H
#define GAIJIN_TESTS_BROKER_COMEBACK_H

#include "proto/returning.h"
#include "tests/unit/broker_wire.h"

struct worker {
  struct end end;
  struct secret secret;
  uint64_t host, generation;
  const char *name;
};

/* The broker is gone without a word; its roster is there. */
static inline void wire_kill(struct wire *w) {
  char roster[120], kept[130];
  snprintf(roster, sizeof roster, "%s.roster", w->path);
  snprintf(kept, sizeof kept, "%s.kept", roster);
  ck_assert_int_eq(rename(roster, kept), 0);
  w->broker.listens = false; /* it has no time to remove it */
  broker_stop(&w->broker);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  broker_deinit(&w->broker);
  ck_assert_int_eq(uv_loop_close(&w->loop), 0);
  ck_assert_int_eq(rename(kept, roster), 0);
}

/* The next one, on the same socket. config: NULL for wire_config(). */
static inline void wire_again(struct wire *w, const struct broker_config *config) {
  char error[512];
  struct broker_config c = config ? *config : wire_config();
  c.socket = w->path;
  ck_assert_int_eq(uv_loop_init(&w->loop), 0);
  ck_assert_msg(broker_start(&w->broker, &w->loop, &c, error, sizeof error) == 0, "%s", error);
}

/* Whatever was to be read of the old connection is not. */
static inline void worker_forget(struct worker *k) {
  wire_leave(&k->end);
  k->end = (struct end){.fd = -1};
}

/* Sends hello with these options; secret NULL: without, host 0: without. */
static inline void worker_hello(struct wire *w, struct worker *k, const char *name, uint64_t host,
                                const struct secret *secret) {
  struct hello_request h = {.lowest = WIRE_VERSION_LEAST, .highest = WIRE_VERSION_MOST,
                            .name = name, .name_size = name ? (uint32_t)strlen(name) : 0};
  uint32_t options = (host ? 1u : 0) + (secret ? 1u : 0);
  wire_connect(w, &k->end);
  struct pack *p =
      wire_begin(&k->end, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(options));
  hello_put_request(p, &h, options);
  if (host) {
    pack_text(p, RETURN_HOST_KEY);
    pack_uint(p, host);
  }
  if (secret) {
    pack_text(p, RETURN_SECRET_KEY);
    pack_string(p, (const char *)secret->bytes, SECRET_BYTES);
  }
  k->end.last_id = 1;
  wire_send(w, &k->end);
}

static inline void worker_welcome(struct wire *w, struct worker *k) {
  struct hello_reply r;
  struct reader v;
  wire_expect(w, &k->end, MESSAGE_REPLY, OP_hello);
  ck_assert_ptr_null(hello_read_reply(&k->end.m, &r));
  k->host = k->end.host = r.host;
  ck_assert(hello_option(&r.options, RETURN_SECRET_KEY, &v) && secret_read(&v, &k->secret));
  ck_assert(hello_option(&r.options, RETURN_GENERATION_KEY, &v) && reader_uint(&v, &k->generation));
}

static inline void worker_join(struct wire *w, struct worker *k, const char *name) {
  k->name = name;
  worker_hello(w, k, name, 0, NULL);
  worker_welcome(w, k);
}

static inline void worker_return(struct wire *w, struct worker *k) {
  struct worker was = *k;
  worker_forget(k);
  worker_hello(w, k, k->name, was.host, &was.secret);
  worker_welcome(w, k);
  ck_assert_uint_eq(k->host, was.host);
  ck_assert(secret_equal(&k->secret, &was.secret));
}

/* It must be refused with this status, and the connection end. */
static inline void worker_refused(struct wire *w, struct worker *k, enum status status) {
  wire_expect_error(w, &k->end, status);
  wire_expect_end(w, &k->end);
  worker_forget(k);
}

static inline void worker_say(struct wire *w, struct worker *k, enum op op, const struct pt *pts,
                              uint32_t n) {
  bool asks = op == OP_claim;
  uint64_t id = asks ? ++k->end.last_id : 0;
  struct pack *p = wire_begin(&k->end, asks ? MESSAGE_REQUEST : MESSAGE_NOTICE, op, id, n);
  for (uint32_t i = 0; i < n; i++) pack_pt(p, &pts[i]);
  wire_send(w, &k->end);
}
static inline void worker_announce(struct wire *w, struct worker *k, const struct pt *pts,
                                   uint32_t n) {
  worker_say(w, k, OP_announce, pts, n);
}
static inline void worker_claim(struct wire *w, struct worker *k, const struct pt *pts,
                                uint32_t n) {
  worker_say(w, k, OP_claim, pts, n);
}
static inline void worker_back(struct wire *w, struct worker *k) {
  worker_say(w, k, OP_back, NULL, 0);
}

/* The next answer, introductions skipped, must be that of a claim, with `n` places refused. */
static inline void worker_expect_claimed(struct wire *w, struct worker *k, uint64_t id,
                                         uint32_t n) {
  wire_past_peers(w, &k->end);
  ck_assert_int_eq(k->end.m.op, OP_claim);
  ck_assert_int_eq(k->end.m.kind, MESSAGE_REPLY);
  ck_assert_uint_eq(k->end.m.id, id);
  ck_assert_uint_eq(k->end.m.body_count, n);
}

/* Turns until the grace period is over and all is settled. */
static inline void wire_settle(struct wire *w) {
  for (int i = 0; i < WIRE_TURNS && (w->broker.grace.is_on || w->broker.refs.kept); i++)
    wire_turn(w);
  ck_assert(!w->broker.grace.is_on && !w->broker.refs.kept);
}
/* The time for coming back is over. */
static inline void wire_lapse(struct wire *w) {
  w->broker.grace.left_ms = 0;
  uv_timer_start(&w->broker.grace.timer, w->broker.grace.timer.timer_cb, 0, 0);
  wire_settle(w);
}

/* `by` asks for the length of an object of `of`, which answers. */
static inline void worker_use(struct wire *w, struct worker *by, struct worker *of,
                              const struct pt *pt) {
  wire_ask(&by->end, OP_len, NULL, pt, 0);
  wire_send(w, &by->end);
  wire_past_peers(w, &of->end);
  ck_assert_int_eq(of->end.m.op, OP_len);
  pack_uint(wire_begin(&of->end, MESSAGE_REPLY, OP_len, of->end.m.id, 1), 3);
  wire_send(w, &of->end);
  wire_past_peers(w, &by->end);
  ck_assert_int_eq(by->end.m.kind, MESSAGE_REPLY);
  ck_assert_int_eq(by->end.m.op, OP_len);
}

#endif
