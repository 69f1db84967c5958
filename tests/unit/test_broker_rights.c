/* SPDX-License-Identifier: MIT
 *
 * Who may be lent objects, have code run, see messages, and look into workers: with a policy, and
 * without one.
 */
#define _GNU_SOURCE /* memmem */
#include "proto/base.h"
#include "tests/unit/broker_policy.h"

static void ask_loan(struct end *e) {
  pack_text(wire_ask(e, OP_lend, NULL, NULL, 2), "shop");
  pack_uint(&e->p, 1);
}
static void borrow(struct end *e) {
  ask_loan(e);
  wire_send(&w, e);
}

START_TEST(lending_is_a_right_of_its_own) {
  char policy[400];
  open_with(ALL_NAMES "[allow]\nwho = all\nhosts = *\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_join_as(&w, &observer, "o", true);
  struct pt x = wire_token(&shop, 1);
  wire_fetch(&w, &till, &shop, "shop", &x);
  borrow(&observer); /* the broker's own user, and no rule */
  wire_past_peers(&w, &observer);
  ck_assert(observer.m.op == OP_lend && observer.m.kind == MESSAGE_REPLY);
  snprintf(policy, sizeof policy, ALL_NAMES "[deny]\nwho = user %u\nmay = lend\n", (unsigned)geteuid());
  reload(policy);
  borrow(&observer);
  expect_refused(&observer, STATUS_denied, "may not be lent object 1 of worker shop: this broker's policy does not give it the right 'lend'");
  wire_client(&w, &observer)->uid = 12345; /* as if the kernel had said so, before it is judged again */
  reload(ALL_NAMES "[allow]\nwho = user 12345\nmay = inspect, act\n");
  borrow(&observer);
  expect_refused(&observer, STATUS_denied, "may not be lent object 1 of worker shop: this broker's policy does not give it the right 'lend'");
  reload(ALL_NAMES "[allow]\nwho = user 12345\nmay = lend\n");
  borrow(&observer);
  wire_expect(&w, &observer, MESSAGE_REPLY, OP_lend);
  wire_client(&w, &observer)->uid = geteuid();
}
END_TEST

/* How a worker reaches an object tells names and keys of its script's. */
static void ask_paths(struct end *e) {
  struct pack *p = wire_ask(e, OP_paths, "shop", NULL, 2);
  pack_text(p, "till");
  pack_uint(p, 1);
}
static void ask_description(struct end *e) { pack_uint(wire_ask(e, OP_describe, "shop", NULL, 1), 1); }
START_TEST(paths_and_descriptions_are_for_who_may_be_lent_what_they_tell_of) {
  void (*const ask)(struct end *) = _i ? ask_description : ask_paths;
  open_with(ALL_NAMES "[allow]\nwho = all\nhosts = *\n[allow]\nwho = user 12345\nmay = lend\n"
            "[deny]\nwho = all\nmay = lend\n[allow]\nwho = all\nmay = inspect, act\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_join_as(&w, &observer, "o", true);
  ask(&till);
  wire_send(&w, &till);
  expect_refused(&till, STATUS_denied, "only observers may");
  ask(&observer);
  wire_send(&w, &observer);
  expect_refused(&observer, STATUS_denied, "does not give it the right 'lend'");
  wire_client(&w, &observer)->uid = 12345; /* as if the kernel had said so, before it is judged again */
  read_again();
  ask(&observer);
  wire_send(&w, &observer);
  const enum op op = _i ? OP_describe : OP_paths;
  expect_forwarded(&shop, op);
  for (int i = 1; i < CALLS_LOOKS_MOST; i++) { /* each of paths is a fork of a worker */
    ask(&observer);
    wire_send(&w, &observer);
    wire_past_peers(&w, &shop);
    ck_assert_int_eq(shop.m.op, op);
  }
  ask(&observer);
  wire_send(&w, &observer);
  expect_refused(&observer, STATUS_busy, "that look into workers are open; wait for answers");
  wire_client(&w, &observer)->uid = geteuid();
}
END_TEST

static void ask_eval(struct end *e) { pack_text(wire_ask(e, OP_eval, "shop", NULL, 1), "1"); }
static void eval(void) {
  ask_eval(&observer);
  wire_send(&w, &observer);
}
static void ask_what_passes(struct end *e) { wire_ask(e, OP_monitor, NULL, NULL, 0); }

/* Without a policy everything else is for whoever is served. */
START_TEST(what_reaches_into_workers_is_for_few) {
  void (*const ask[])(struct end *) = {ask_loan, ask_eval, ask_what_passes, ask_paths, ask_description};
  wire_open(&w, NULL);
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &observer, "o", true);
  struct client *c = wire_client(&w, &observer);
  for (int i = 0; i < 3; i++) {
    c->uid = i == 0 ? geteuid() : 12345;
    c->sandboxed = i == 0;
    struct end *e = i == 2 ? &shop : &observer;
    ask[_i](e);
    wire_send(&w, e);
    expect_refused(e, STATUS_denied, i == 0   ? "no sandboxed client may"
                                     : i == 1 ? "without a policy the broker's own user and root may"
                                              : "only observers may");
    wire_expect_nothing(&w, &shop);
  }
  c->uid = 0;
  ask[_i](&observer);
  wire_send(&w, &observer);
  if (_i % 2 || _i == 4)
    expect_forwarded(&shop, _i == 1 ? OP_eval : _i == 3 ? OP_paths : OP_describe);
  else if (_i == 2)
    wire_expect(&w, &observer, MESSAGE_NOTICE, OP_seen);
  else
    wire_expect_error(&w, &observer, STATUS_stale); /* nobody holds such an object */
  c->uid = geteuid();
}
END_TEST

START_TEST(evaluating_is_a_right_of_its_own) {
  open_with(ALL_NAMES "[allow]\nwho = all\nmay = inspect, act, lend\n");
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &observer, "o", true);
  eval(); /* the broker's own user, and no rule */
  expect_forwarded(&shop, OP_eval);
  wire_client(&w, &observer)->uid = 12345; /* as if the kernel had said so, before it is judged again */
  read_again();
  eval();
  expect_refused(&observer, STATUS_denied, "does not give it the right 'eval'");
  reload(ALL_NAMES "[allow]\nwho = user 12345\nmay = eval\n");
  eval();
  expect_forwarded(&shop, OP_eval);
  wire_client(&w, &observer)->uid = geteuid();
}
END_TEST

int main(void) {
  Suite *s = suite_create("rights");
  TCase *c = tcase_create("rights");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, lending_is_a_right_of_its_own);
  tcase_add_test(c, evaluating_is_a_right_of_its_own);
  tcase_add_loop_test(c, paths_and_descriptions_are_for_who_may_be_lent_what_they_tell_of, 0, 2);
  tcase_add_loop_test(c, what_reaches_into_workers_is_for_few, 0, 5);
  suite_add_tcase(s, c);
  return run_suite(s);
}
