/* SPDX-License-Identifier: MIT
 *
 * Workers that come back to a broker that was started again: each order of what two of them say,
 * and ends at every moment in between.
 */
#include "broker/core/notify.h"
#include "tests/unit/broker_comeback_two.h"

/* Both hold what they held, with count 1, and giving it back drops it after one PT was seen. */
static void expect_as_before(void) {
  worker_use(&w, &till, &shop, &ware);
  worker_use(&w, &shop, &till, &coin);
  wire_unsub(&w, &till.end, &ware, 1);
  wire_expect_drop(&w, &shop.end, 1, 1);
  wire_unsub(&w, &shop.end, &coin, 1);
  wire_expect_drop(&w, &till.end, 1, 1);
  wire_quiet(&w, &shop.end);
  wire_quiet(&w, &till.end);
}

START_TEST(the_next_generation) {
  worker_return(&w, &shop);
  ck_assert_uint_eq(shop.generation, 2);
  ck_assert_uint_eq(w.broker.calls.last_id >> CALL_ID_BITS, 2);
}
END_TEST

/* What a worker says, in its order; the two are interleaved in every way. */
enum { STEPS = 4, ORDERS = 70 };
static void step(struct worker *k, const struct pt *own, const struct pt *foreign, int i) {
  switch (i) {
    case 0: worker_return(&w, k); break;
    case 1: worker_announce(&w, k, own, 1); break;
    case 2: worker_claim(&w, k, foreign, 1); break;
    default: worker_back(&w, k); break;
  }
}

/* The bits of `order` say whose turn it is: 8 steps, 4 of each. */
static bool is_order(int order) { return __builtin_popcount((unsigned)order) == STEPS; }

START_TEST(in_any_order) {
  int n = 0;
  for (int order = 0; order < 1 << 2 * STEPS; order++) {
    if (!is_order(order) || n++ != _i) continue;
    int done[2] = {0};
    for (int i = 0; i < 2 * STEPS; i++) {
      bool tills = order >> i & 1;
      step(tills ? &till : &shop, tills ? &coin : &ware, tills ? &ware : &coin, done[tills]++);
    }
    worker_expect_claimed(&w, &shop, 2, 0);
    worker_expect_claimed(&w, &till, 2, 0);
    wire_settle(&w);
    expect_as_before();
  }
}
END_TEST

/* The same, and the broker is killed a second time after so many steps. */
START_TEST(killed_again_at_each_message) {
  for (int until = 0; until <= 2 * STEPS; until++) {
    for (int i = 0; i < until; i++)
      step(i % 2 ? &till : &shop, i % 2 ? &coin : &ware, i % 2 ? &ware : &coin, i / 2);
    wire_kill(&w);
    wire_again(&w, NULL);
    ck_assert_uint_eq(absents_count(&w.broker.grace.absents), 2);
  }
  for (int i = 0; i < STEPS; i++) step(&shop, &ware, &coin, i);
  for (int i = 0; i < STEPS; i++) step(&till, &coin, &ware, i);
  ck_assert_uint_eq(till.generation, 2 + 2 * STEPS + 1);
  wire_settle(&w);
  worker_expect_claimed(&w, &shop, 2, 0);
  worker_expect_claimed(&w, &till, 2, 0);
  expect_as_before();
}
END_TEST

/* till comes back, and ends after so many steps: its ware goes back to shop, its coin is dead. */
START_TEST(one_that_ends_in_between) {
  come_back(&shop, &ware, &coin);
  for (int i = 0; i < _i; i++) step(&till, &coin, &ware, i);
  wire_leave(&till.end); /* what it has sent is read to its end */
  wire_settle(&w);
  worker_expect_claimed(&w, &shop, 2, _i < STEPS);
  if (_i == STEPS) {
    wire_expect(&w, &shop.end, MESSAGE_NOTICE, OP_dead);
    wire_unsub(&w, &shop.end, &coin, 1);
  }
  wire_expect_drop(&w, &shop.end, 1, 1);
  wire_quiet(&w, &shop.end);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
  ck_assert_uint_eq(w.broker.hosts.all.count, 1);
  ck_assert_uint_eq(w.broker.roster.used, 1);
}
END_TEST

/* What it claimed waits for shop when it ends: it holds nothing then, and shop is told so. */
START_TEST(one_that_ends_while_its_claims_wait) {
  struct pt pts[3] = {ware, ware, ware};
  pts[1].id = 2;
  pts[2].host = shop.host ^ 1;
  worker_return(&w, &till);
  worker_announce(&w, &till, &coin, 1);
  worker_claim(&w, &till, pts, 3);
  worker_claim(&w, &till, &ware, 1);
  if (_i) worker_back(&w, &till);
  wire_leave(&till.end);
  for (int i = 0; i < 10; i++) wire_turn(&w);
  ck_assert_uint_eq(w.broker.grace.claims.all.count, 0);
  come_back(&shop, &ware, &coin);
  wire_settle(&w);
  worker_expect_claimed(&w, &shop, 2, 1);
  wire_expect_drop(&w, &shop.end, 1, 1);
  ck_assert_uint_eq(w.broker.hosts.all.count, 1);
}
END_TEST

/* Connected, and what it has is not all said when the time is over. */
START_TEST(one_that_does_not_say_back) {
  come_back(&shop, &ware, &coin);
  for (int i = 0; i < _i; i++) step(&till, &coin, &ware, i);
  wire_lapse(&w);
  worker_expect_claimed(&w, &shop, 2, 1);
  wire_expect_drop(&w, &shop.end, 1, 1);
  while (till.end.fd >= 0 && wire_next(&w, &till.end) == 1) continue;
  struct secret secret = till.secret;
  uint64_t host = till.host;
  worker_forget(&till);
  worker_hello(&w, &till, "till", host, &secret);
  worker_refused(&w, &till, STATUS_dead);
  worker_hello(&w, &till, "till", 0, NULL);
  worker_welcome(&w, &till);
  ck_assert_uint_ne(till.host, host);
  wire_kill(&w); /* dead for the next broker, too */
  wire_again(&w, NULL);
  worker_forget(&other);
  worker_hello(&w, &other, "till", host, &secret);
  worker_refused(&w, &other, STATUS_dead);
}
END_TEST

START_TEST(nobody_comes) {
  wire_lapse(&w);
  ck_assert_uint_eq(w.broker.roster.used, 0);
  worker_join(&w, &other, "shop");
  struct secret secret = shop.secret;
  worker_forget(&shop);
  worker_hello(&w, &shop, NULL, shop.host, &secret);
  worker_refused(&w, &shop, STATUS_dead);
}
END_TEST

/* In grace nothing is dropped: who holds it may be about to say so. */
START_TEST(nothing_is_dropped_while_one_is_away) {
  worker_return(&w, &shop);
  worker_announce(&w, &shop, &ware, 1);
  worker_back(&w, &shop);
  worker_join(&w, &other, "other");
  struct pt more = wire_token(&shop.end, 2);
  wire_fetch(&w, &other.end, &shop.end, "shop", &more);
  wire_unsub(&w, &other.end, &more, 1);
  wire_quiet(&w, &shop.end); /* no drop of either */
  ck_assert_uint_eq(w.broker.refs.tokens.count, 2);
  wire_lapse(&w);
  wire_expect(&w, &shop.end, MESSAGE_NOTICE, OP_drop);
  ck_assert_uint_eq(shop.end.m.body_count, 4);
  wire_quiet(&w, &shop.end);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
}
END_TEST

START_TEST(nobody_collects_while_one_is_away) {
  worker_return(&w, &shop);
  wire_join_as(&w, &other.end, "eye", true);
  wire_ask(&other.end, OP_gc, "shop", NULL, 0);
  wire_send(&w, &other.end);
  wire_expect_error(&w, &other.end, STATUS_busy);
  wire_ask(&other.end, OP_gc, "till", NULL, 0);
  wire_send(&w, &other.end);
  wire_expect_error(&w, &other.end, STATUS_away);
  wire_ask(&other.end, OP_gc, "nobody", NULL, 0);
  wire_send(&w, &other.end);
  wire_expect_error(&w, &other.end, STATUS_dead);
  notify_free(wire_client(&w, &shop.end));
  wire_quiet(&w, &shop.end);
}
END_TEST

static void expect_refused(struct worker *by, const char *name, const struct pt *pt,
                           enum status status) {
  if (name)
    pack_text(wire_ask(&by->end, OP_s2t, name, NULL, 1), "x");
  else
    wire_ask(&by->end, OP_len, NULL, pt, 0);
  wire_send(&w, &by->end);
  wire_past_peers(&w, &by->end);
  uint64_t got;
  ck_assert_msg(by->end.m.kind == MESSAGE_ERROR, "got '%s'", op_name(by->end.m.op));
  ck_assert(reader_uint(&by->end.r, &got));
  ck_assert_int_eq((int)got, (int)status);
}

START_TEST(requests_for_one_who_is_away) {
  worker_return(&w, &shop);
  expect_refused(&shop, "till", NULL, STATUS_away);
  expect_refused(&shop, NULL, &coin, STATUS_away);
  wire_expect(&w, &shop.end, MESSAGE_NOTICE, OP_grant); /* it is not in the window any more */
  pack_pt(wire_ask(&shop.end, OP_sub, NULL, NULL, 1), &coin);
  wire_send(&w, &shop.end);
  wire_expect_error(&w, &shop.end, STATUS_away);
  ck_assert_uint_eq(wire_client(&w, &shop.end)->forgeries, 0);
  worker_return(&w, &till);
  expect_refused(&shop, "till", NULL, STATUS_away); /* it has not said that this is all */
  wire_client(&w, &shop.end)->version = WIRE_VERSION_RETURN - 1;
  expect_refused(&shop, "till", NULL, STATUS_dead);
  wire_client(&w, &shop.end)->version = WIRE_VERSION_MOST;
  worker_back(&w, &shop);
  worker_back(&w, &till);
  wire_settle(&w);
  wire_fetch(&w, &shop.end, &till.end, "till", &coin);
  expect_refused(&shop, "nobody", NULL, STATUS_dead);
}
END_TEST

static void expect_status(struct end *eye, uint64_t workers, uint64_t away, const char *name) {
  struct value v;
  pack_text(wire_ask(eye, OP_inspect, NULL, NULL, 1), "status");
  wire_send(&w, eye);
  wire_past_peers(&w, eye);
  ck_assert_int_eq(eye->m.kind, MESSAGE_REPLY);
  ck_assert_uint_eq(eye->m.body_count, 2);
  ck_assert(reader_next(&eye->r, &v) && v.type == VALUE_NIL);
  ck_assert(reader_next(&eye->r, &v) && v.type == VALUE_ARRAY && v.count == 16);
  ck_assert_uint_eq(wire_uint(eye), 2);
  ck_assert(reader_next(&eye->r, &v) && (v.type == VALUE_NIL) == (away == 0));
  ck_assert_uint_eq(wire_uint(eye), workers);
  ck_assert_uint_eq(wire_uint(eye), away);
  ck_assert(reader_next(&eye->r, &v) && v.type == VALUE_ARRAY && v.count == away);
  if (name) wire_expect_text(eye, name);
}

START_TEST(who_is_away_is_shown) {
  wire_join_as(&w, &other.end, "eye", true);
  expect_status(&other.end, 0, 2, NULL);
  worker_return(&w, &shop);
  expect_status(&other.end, 1, 2, NULL);
  worker_back(&w, &shop);
  expect_status(&other.end, 1, 1, "till");
  worker_return(&w, &till);
  worker_back(&w, &till);
  wire_settle(&w);
  expect_status(&other.end, 2, 0, NULL);
}
END_TEST

/* A delivery that comes before the answer to a claim counts beside it. */
START_TEST(what_arrives_meanwhile_adds_to_the_claim) {
  worker_return(&w, &shop);
  worker_announce(&w, &shop, &ware, 1);
  worker_return(&w, &till);
  worker_claim(&w, &till, &ware, 1);
  worker_back(&w, &shop);
  worker_back(&w, &till);
  worker_expect_claimed(&w, &till, 2, 0);
  wire_settle(&w);
  wire_fetch(&w, &till.end, &shop.end, "shop", &ware);
  uint32_t token, host = hosts_find(&w.broker.hosts, shop.host);
  ck_assert_int_eq(refs_find(&w.broker.refs, host, &ware, &token), REFS_OK);
  ck_assert_uint_eq(refs_count(&w.broker.refs, token, hosts_find(&w.broker.hosts, till.host)), 2);
  wire_unsub(&w, &till.end, &ware, 2);
  wire_expect_drop(&w, &shop.end, 1, 2);
}
END_TEST

START_TEST(places_of_the_dead_are_told) {
  struct pt pts[5] = {ware, ware, coin, ware, ware};
  pts[0].host ^= 1;  /* nobody ever had it */
  pts[3].id = 9;     /* its host is back and did not announce it */
  pts[4].stamp ^= 1; /* forged */
  pts[2].host = shop.host ^ 2;
  worker_return(&w, &shop);
  worker_announce(&w, &shop, &ware, 1);
  worker_return(&w, &till);
  worker_claim(&w, &till, pts, 5);
  worker_back(&w, &till);
  wire_quiet(&w, &till.end); /* it waits for shop */
  worker_back(&w, &shop);
  worker_expect_claimed(&w, &till, 2, 4);
  for (uint64_t place = 1; place <= 5; place++)
    if (place != 2) ck_assert_uint_eq(wire_uint(&till.end), place);
  ck_assert_uint_eq(wire_client(&w, &till.end)->forgeries, 1);
  wire_settle(&w);
  wire_unsub(&w, &till.end, &ware, 1);
  wire_expect_drop(&w, &shop.end, 1, 1);
}
END_TEST

/* What is no claim of one that comes back. */
START_TEST(faults) {
  struct pt own;
  worker_return(&w, &shop);
  switch (_i) {
    case 0: worker_claim(&w, &shop, &ware, 1); break;
    case 1: worker_announce(&w, &shop, &coin, 1); break;
    case 2:
      worker_announce(&w, &shop, &ware, 1);
      own = ware;
      own.stamp++;
      worker_announce(&w, &shop, &own, 1);
      break;
    case 3: {
      static struct pt many[RETURNED_MOST + 1];
      for (uint32_t i = 0; i <= RETURNED_MOST; i++) many[i] = wire_token(&shop.end, i + 1);
      worker_announce(&w, &shop, many, RETURNED_MOST + 1);
      break;
    }
    case 4:
      worker_back(&w, &shop);
      worker_back(&w, &shop);
      break;
    case 5:
      worker_back(&w, &shop);
      worker_claim(&w, &shop, &coin, 1);
      break;
    case 6: pack_uint(wire_begin(&shop.end, MESSAGE_REQUEST, OP_claim, 2, 1), 1); break;
    default: pack_nil(wire_begin(&shop.end, MESSAGE_NOTICE, OP_announce, 0, 1)); break;
  }
  if (_i > 5) wire_send(&w, &shop.end);
  wire_expect_end(&w, &shop.end);
  worker_forget(&shop);
  struct pt pt = wire_token(&other.end, 1);
  worker_join(&w, &other, "other"); /* who never was away */
  pt.host = other.host;
  worker_announce(&w, &other, &pt, 1);
  wire_expect_end(&w, &other.end);
}
END_TEST

START_TEST(a_thousand_in_one_message) {
  static struct pt many[RETURNED_MOST];
  for (uint32_t i = 0; i < RETURNED_MOST; i++) many[i] = wire_token(&shop.end, i + 1);
  worker_return(&w, &shop);
  worker_return(&w, &till);
  worker_claim(&w, &till, many, RETURNED_MOST);
  worker_back(&w, &till);
  worker_announce(&w, &shop, many, RETURNED_MOST / 2);
  worker_back(&w, &shop);
  worker_expect_claimed(&w, &till, 2, RETURNED_MOST / 2);
  ck_assert_uint_eq(wire_uint(&till.end), RETURNED_MOST / 2 + 1);
  wire_settle(&w);
  ck_assert_uint_eq(w.broker.refs.tokens.count, RETURNED_MOST / 2);
  /* Its load is what it needs, far above what one new client is asked to collect for: no free. */
  struct pt more = wire_token(&shop.end, RETURNED_MOST + 1);
  wire_fetch(&w, &till.end, &shop.end, "shop", &more);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker comeback");
  TCase *t = tcase_create("comeback");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, the_next_generation);
  tcase_add_loop_test(t, in_any_order, 0, ORDERS);
  tcase_add_test(t, killed_again_at_each_message);
  tcase_add_loop_test(t, one_that_ends_in_between, 1, STEPS + 1);
  tcase_add_loop_test(t, one_that_ends_while_its_claims_wait, 0, 2);
  tcase_add_loop_test(t, one_that_does_not_say_back, 0, STEPS);
  tcase_add_test(t, nobody_comes);
  tcase_add_test(t, nothing_is_dropped_while_one_is_away);
  tcase_add_test(t, nobody_collects_while_one_is_away);
  tcase_add_test(t, requests_for_one_who_is_away);
  tcase_add_test(t, who_is_away_is_shown);
  tcase_add_test(t, what_arrives_meanwhile_adds_to_the_claim);
  tcase_add_test(t, places_of_the_dead_are_told);
  tcase_add_loop_test(t, faults, 0, 8);
  tcase_add_test(t, a_thousand_in_one_message);
  return run_suite(s);
}
