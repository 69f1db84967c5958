/* SPDX-License-Identifier: MIT
 *
 * Each `paths` has a worker forked: who asks has so many open at most (broker/ops/route/reach.c).
 */
#include "broker/net/reading.h"
#include "tests/unit/broker_wire.h"

enum { OPEN_MOST = 16 };

static struct wire w;
static struct end shop, observer;

static void begin(void) {
  struct pack *p = wire_ask(&observer, OP_paths, "shop", NULL, 2);
  pack_text(p, "shop");
  pack_uint(p, 1);
  wire_end(&observer);
}

static void ask(void) {
  begin();
  wire_flush(&w, &observer);
}

START_TEST(paths_are_few_at_a_time) {
  uint64_t first = 0;
  wire_open(&w, NULL);
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &observer, "o", true);
  for (int i = 0; i < OPEN_MOST; i++) {
    ask();
    wire_past_peers(&w, &shop);
    ck_assert_int_eq(shop.m.op, OP_paths);
    if (!first) first = shop.m.id;
  }
  ask();
  wire_past_peers(&w, &observer);
  ck_assert_int_eq(observer.m.kind, MESSAGE_ERROR);
  ck_assert_uint_eq(wire_uint(&observer), STATUS_busy);
  /* One that is answered leaves room for another. */
  struct pack *p = wire_begin(&shop, MESSAGE_REPLY, OP_paths, first, 2);
  pack_bool(p, true);
  pack_uint(p, 1);
  wire_send(&w, &shop);
  wire_past_peers(&w, &observer);
  ck_assert_int_eq(observer.m.kind, MESSAGE_REPLY);
  ask();
  wire_past_peers(&w, &shop);
  ck_assert_int_eq(shop.m.op, OP_paths);
  wire_leave(&shop);
  wire_leave(&observer);
  wire_close(&w);
}
END_TEST

/* Else broker and it would be busy with refusals as long as it goes on, and no processor be left. */
START_TEST(who_asks_for_more_rests) {
  wire_open(&w, NULL);
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &observer, "o", true);
  uint32_t host = hosts_find(&w.broker.hosts, observer.host);
  struct client *c = hosts_at(&w.broker.hosts, host)->client;
  for (int more = 0; more <= 1; more++) {
    for (int i = 0; i < (more ? 1 : OPEN_MOST); i++) begin();
    ck_assert_int_eq(send(observer.fd, observer.out.bytes, observer.out.size, MSG_NOSIGNAL),
                     (int)observer.out.size);
    observer.out.size = 0;
    reading_ready(c);
    ck_assert_int_eq(c->job.rests, more);
  }
  wire_leave(&shop);
  wire_leave(&observer);
  wire_close(&w);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker paths");
  TCase *t = tcase_create("paths");
  suite_add_tcase(s, t);
  tcase_add_test(t, paths_are_few_at_a_time);
  tcase_add_test(t, who_asks_for_more_rests);
  return run_suite(s);
}
