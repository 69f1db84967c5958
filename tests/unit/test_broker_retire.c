/* SPDX-License-Identifier: MIT
 *
 * A worker that ends in good order: its name is free as soon as it serves nobody new, and what it did not begin is told
 * from what it may have done.
 */
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, c, o;

static void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &a, "shop");
  wire_join(&w, &b, "till");
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  if (c.fd > 0) wire_leave(&c);
  if (o.fd > 0) wire_leave(&o);
  wire_close(&w);
}

static void say(struct end *e, enum op op) {
  wire_begin(e, MESSAGE_NOTICE, op, 0, 0);
  wire_send(&w, e);
}

static void ask(const char *name) {
  pack_text(wire_ask(&b, OP_s2t, name, NULL, 1), "x");
  wire_send(&w, &b);
}

static void watch(struct end *e, const char *event) {
  struct pack *p = wire_ask(e, OP_watch, NULL, NULL, 2);
  pack_text(p, "shop");
  pack_text(p, event);
  wire_send(&w, e);
}

START_TEST(the_name_is_another_s_and_the_tokens_are_not) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "shop", &x);
  say(&a, OP_ready);
  say(&a, OP_retire);
  ask("shop");
  wire_expect_error(&w, &b, STATUS_dead);
  wire_expect_text(&b, "Gaijin tried accessing dead resource. (shop)");
  watch(&b, "present");
  wire_expect_nothing(&w, &b);
  wire_join(&w, &c, "shop");
  wire_expect_peer(&w, &b, c.host, "shop");
  wire_expect(&w, &b, MESSAGE_REPLY, OP_watch);
  ck_assert_uint_eq(wire_uint(&b), c.host);
  ask("shop");
  wire_expect_peer(&w, &c, b.host, "till");
  wire_expect(&w, &c, MESSAGE_REQUEST, OP_s2t);
  /* who has a token of it may still ask it */
  wire_ask(&b, OP_len, NULL, &x, 0);
  wire_send(&w, &b);
  wire_expect(&w, &a, MESSAGE_REQUEST, OP_len);
  pack_number(wire_begin(&a, MESSAGE_REPLY, OP_len, a.m.id, 1), 3);
  wire_send(&w, &a);
  wire_expect(&w, &b, MESSAGE_REPLY, OP_len);
  /* and its end is not that of its successor */
  wire_leave(&a);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_dead);
  ck_assert_uint_eq(wire_uint(&b), x.host);
  wire_quiet(&w, &c);
  a.fd = -1;
  wire_connect(&w, &o);
  wire_hello(&w, &o, "shop", false);
  wire_expect_error(&w, &o, STATUS_name_taken);
}
END_TEST

/* A late ready, and being said twice, changes nothing. */
START_TEST(a_retired_worker_is_not_ready_again) {
  say(&a, OP_retire);
  say(&a, OP_retire);
  say(&a, OP_ready);
  uint32_t host = hosts_find(&w.broker.hosts, a.host);
  ck_assert(!hosts_at(&w.broker.hosts, host)->client->serves);
  wire_join(&w, &c, "shop");
  watch(&b, "ready");
  wire_expect_nothing(&w, &b);
  say(&c, OP_ready);
  wire_expect_peer(&w, &b, c.host, "shop");
  wire_expect(&w, &b, MESSAGE_REPLY, OP_watch);
}
END_TEST

/* Also one that leaves and has not said that it retires. */
START_TEST(who_was_ready_serves_no_longer_and_has_no_name) {
  say(&a, OP_ready);
  const struct client *client = hosts_at(&w.broker.hosts, hosts_find(&w.broker.hosts, a.host))->client;
  ck_assert(client->serves);
  say(&a, _i ? OP_leave : OP_retire);
  ck_assert(!client->serves && client->retired);
  ck_assert_int_eq(client->leaves, _i);
  wire_join(&w, &c, "shop");
}
END_TEST

START_TEST(an_observer_has_nothing_to_give_up) {
  wire_join_as(&w, &o, "looker", true);
  say(&o, OP_retire);
  say(&o, OP_leave);
  wire_quiet(&w, &o);
}
END_TEST

/* _i == 1: it has said that it has not begun what it did not answer. */
START_TEST(what_a_leaving_worker_has_not_begun_was_not_done) {
  ask("shop");
  wire_expect_peer(&w, &a, b.host, "till");
  wire_expect(&w, &a, MESSAGE_REQUEST, OP_s2t);
  say(&a, _i ? OP_leave : OP_retire);
  wire_leave(&a);
  wire_expect_error(&w, &b, _i ? STATUS_dead : STATUS_lost);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker retire");
  TCase *t = tcase_create("retire");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, the_name_is_another_s_and_the_tokens_are_not);
  tcase_add_test(t, a_retired_worker_is_not_ready_again);
  tcase_add_loop_test(t, who_was_ready_serves_no_longer_and_has_no_name, 0, 2);
  tcase_add_test(t, an_observer_has_nothing_to_give_up);
  tcase_add_loop_test(t, what_a_leaving_worker_has_not_begun_was_not_done, 0, 2);
  return run_suite(s);
}
