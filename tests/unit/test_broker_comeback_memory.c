/* SPDX-License-Identifier: MIT
 *
 * Shortage of memory when a broker is started again and workers come back: each allocation fails
 * once, and in a second round all that follow it do. A start that is refused takes nobody's way
 * back; a worker may lose its connection, and the books hold.
 */
#define _GNU_SOURCE /* syscall */
#include "tests/unit/broker_comeback.h"
#include "tests/unit/scarce.h"

static struct wire w;
static struct worker shop, till;

static void turn(void) {
  scarce_begin();
  uv_run(&w.loop, UV_RUN_NOWAIT);
  broker_end_turn(&w.broker);
  scarce_end();
  const char *fault = broker_check(&w.broker);
  ck_assert_msg(!fault, "%s", fault);
}

static void open_two(void) {
  wire_open(&w, NULL);
  shop = till = (struct worker){.end = {.fd = -1}};
  worker_join(&w, &shop, "shop");
  worker_join(&w, &till, "till");
  wire_kill(&w);
}

START_TEST(a_start_without_memory_takes_nobodys_way_back) {
  struct broker_config c = wire_config();
  char error[512];
  open_two();
  c.socket = w.path;
  for (long until = 0;; until++) {
    ck_assert_int_eq(uv_loop_init(&w.loop), 0);
    scarce_from(until, _i);
    scarce_begin();
    int r = broker_start(&w.broker, &w.loop, &c, error, sizeof error);
    scarce_end();
    if (!scarce.failed) break; /* it needs no more */
    w.broker.listens = w.broker.listens && r < 0; /* the next one is to find the roster */
    broker_stop(&w.broker);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    broker_deinit(&w.broker);
    ck_assert_int_eq(uv_loop_close(&w.loop), 0);
  }
  ck_assert_uint_eq(absents_count(&w.broker.grace.absents), 2);
  worker_return(&w, &shop);
  worker_return(&w, &till);
  worker_back(&w, &shop);
  worker_back(&w, &till);
  wire_settle(&w);
  wire_leave(&shop.end);
  wire_leave(&till.end);
  wire_close(&w);
}
END_TEST

/* What was begun goes, if the connection still is; then the broker has a turn. */
static void send_now(struct worker *k) {
  wire_end(&k->end);
  if (k->end.fd >= 0) send(k->end.fd, k->end.out.bytes, k->end.out.size, MSG_NOSIGNAL);
  k->end.out.size = 0;
  turn();
}

static void say(struct worker *k, enum op op, const struct pt *pts, uint32_t n) {
  bool asks = op == OP_claim;
  struct pack *p =
      wire_begin(&k->end, asks ? MESSAGE_REQUEST : MESSAGE_NOTICE, op, asks ? 2 : 0, n);
  for (uint32_t i = 0; i < n; i++) pack_pt(p, &pts[i]);
  send_now(k);
}

static void come_back(struct worker *k, uint64_t foreign) {
  static struct pt own[200], others[200];
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST};
  wire_connect(&w, &k->end);
  struct pack *p = wire_begin(&k->end, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(2));
  hello_put_request(p, &h, 2);
  pack_text(p, RETURN_HOST_KEY);
  pack_uint(p, k->host);
  pack_text(p, RETURN_SECRET_KEY);
  pack_string(p, (const char *)k->secret.bytes, SECRET_BYTES);
  send_now(k);
  for (uint32_t i = 0; i < 200; i++) {
    own[i] = (struct pt){.host = k->host, .id = i + 1, .stamp = 5, .kind = PT_TABLE};
    others[i] = own[i];
    others[i].host = foreign;
  }
  say(k, OP_announce, own, 200);
  say(k, OP_claim, others, 200);
  say(k, OP_back, NULL, 0);
}

START_TEST(who_comes_back_when_memory_is_short) {
  for (long until = 0, failed = 1; failed; until++) {
    open_two();
    wire_again(&w, NULL);
    worker_forget(&shop);
    worker_forget(&till);
    scarce_from(until, _i);
    come_back(&shop, till.host);
    come_back(&till, shop.host);
    for (int i = 0; i < 3; i++) turn();
    failed = scarce.failed;
    scarce_from(1 << 30, false);
    wire_lapse(&w);
    if (!failed) ck_assert_uint_eq(w.broker.refs.tokens.count, 400);
    struct worker other = {.end = {.fd = -1}};
    worker_join(&w, &other, "other");
    wire_quiet(&w, &other.end);
    wire_leave(&other.end);
    wire_leave(&shop.end);
    wire_leave(&till.end);
    wire_close(&w);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker comeback memory");
  TCase *t = tcase_create("memory");
  suite_add_tcase(s, t);
  tcase_add_loop_test(t, a_start_without_memory_takes_nobodys_way_back, 0, 2);
  tcase_add_loop_test(t, who_comes_back_when_memory_is_short, 0, 2);
  return run_suite(s);
}
