/* SPDX-License-Identifier: MIT
 *
 * The broker is killed while a worker waits to succeed another, or has just done so: whoever comes back first, both are what they
 * were, and whoever does not come back leaves the other what is its.
 */
#include "broker/core/grace.h"
#include "tests/unit/broker_succeed.h"

static void again(void) {
  wire_kill(&w);
  wire_again(&w, NULL);
}

static void come_back(struct worker *k) {
  worker_return(&w, k);
  check();
  worker_back(&w, k);
  check();
}

static void all_back(void) {
  for (int i = 0; i < WIRE_TURNS && w.broker.grace.is_on; i++) wire_turn(&w);
  ck_assert(!w.broker.grace.is_on);
  check();
}

/* _i: the successor comes first. */
START_TEST(a_successor_waits_on) {
  join_successor(&b, "shop", true);
  again();
  if (_i & 1) come_back(&b);
  come_back(&a);
  if (!(_i & 1)) come_back(&b);
  come_back(&c);
  all_back();
  wire_quiet(&w, &a.end);
  expect_asked("shop", &a);
  say(&b, OP_ready);
  wire_expect(&w, &a.end, MESSAGE_NOTICE, OP_succeeded);
  expect_asked("shop", &b);
}
END_TEST

/* It is ready while the one before is away: that finds the name passed. */
START_TEST(ready_before_the_one_before_is_back) {
  join_successor(&b, "shop", true);
  again();
  come_back(&b);
  say(&b, OP_ready);
  come_back(&c);
  expect_asked("shop", &b);
  worker_return(&w, &a);
  wire_expect(&w, &a.end, MESSAGE_NOTICE, OP_succeeded);
  check();
  worker_back(&w, &a);
  all_back();
  expect_asked("shop", &b);
}
END_TEST

/* _i: the successor has come before it is known that the one before is dead. */
START_TEST(the_one_before_has_ended_meanwhile) {
  join_successor(&b, "shop", true);
  again();
  come_back(&c);
  if (_i) come_back(&b);
  uint32_t absent = absents_find_name(&w.broker.grace.absents, "shop", 4);
  ck_assert_uint_ne(absent, SLAB_NONE);
  /* its process, as the roster has it, is no more */
  roster_at(&w.broker.roster, absents_at(&w.broker.grace.absents, absent)->slot)->start--;
  ck_assert(grace_has_ended(&w.broker, absent));
  check();
  if (!_i) come_back(&b);
  all_back();
  expect_asked("shop", &b);
  worker_forget(&a);
}
END_TEST

/* The one before is dead, and a stranger has the name meanwhile, by right: of another user (_i: one who is not sandboxed, and the
 * successor is; one that cannot be told). The successor could not have waited for that one, and does not now. */
START_TEST(the_name_is_a_strangers_meanwhile) {
  struct worker d = {0};
  join_successor(&b, "shop", true);
  if (_i == 1) roster_at(&w.broker.roster, wire_client(&w, &b.end)->slot)->sandboxed = 1;
  again();
  come_back(&c);
  uint32_t absent = absents_find_name(&w.broker.grace.absents, "shop", 4);
  roster_at(&w.broker.roster, absents_at(&w.broker.grace.absents, absent)->slot)->start--;
  ck_assert(grace_has_ended(&w.broker, absent));
  worker_forget(&a);
  succeed_hello(&d, "shop", _i == 2 ? WIRE_VERSION_SUCCEED - 1 : WIRE_VERSION_MOST);
  worker_welcome(&w, &d);
  if (_i == 0) wire_client(&w, &d.end)->uid++;
  worker_return(&w, &b);
  wire_expect(&w, &b.end, MESSAGE_NOTICE, OP_succeeded);
  check();
  worker_back(&w, &b);
  all_back();
  say(&b, OP_ready);
  wire_quiet(&w, &d.end);
  expect_asked("shop", &d);
  end(&d);
}
END_TEST

START_TEST(the_successor_does_not_come_back) {
  join_successor(&b, "shop", true);
  again();
  come_back(&a);
  come_back(&c);
  /* nobody else takes its place meanwhile */
  struct worker d = {0};
  succeed_hello(&d, "shop", WIRE_VERSION_MOST);
  worker_refused(&w, &d, STATUS_name_taken);
  uint32_t absent = absents_find(&w.broker.grace.absents, b.host);
  ck_assert_uint_ne(absent, SLAB_NONE);
  roster_at(&w.broker.roster, absents_at(&w.broker.grace.absents, absent)->slot)->start--;
  ck_assert(grace_has_ended(&w.broker, absent));
  all_back();
  expect_asked("shop", &a);
  worker_forget(&b);
  join_successor(&b, "shop", true);
}
END_TEST

/* _i: who comes back first. The one before may not have been told. */
START_TEST(the_name_has_passed) {
  join_successor(&b, "shop", true);
  say(&b, OP_ready);
  again();
  if (_i) come_back(&b);
  worker_return(&w, &a);
  wire_expect(&w, &a.end, MESSAGE_NOTICE, OP_succeeded);
  worker_back(&w, &a);
  check();
  if (!_i) come_back(&b);
  come_back(&c);
  all_back();
  expect_asked("shop", &b);
}
END_TEST

/* Who holds something of the one before is asked to collect when all have said what they hold, and is told of its end with the
 * reason. _i & 1: the successor comes back first, & 2: the holder does. */
START_TEST(holders_are_asked_when_all_are_back) {
  struct pt x = wire_token(&a.end, 1);
  lend(&a, &c, &x);
  join_successor(&b, "shop", true);
  say(&b, OP_ready);
  collect(&c);
  again();
  if (_i & 1) come_back(&b);
  if (_i & 2) {
    worker_return(&w, &c);
    worker_claim(&w, &c, &x, 1);
    worker_back(&w, &c);
  }
  worker_return(&w, &a);
  wire_expect(&w, &a.end, MESSAGE_NOTICE, OP_succeeded);
  worker_announce(&w, &a, &x, 1);
  worker_back(&w, &a);
  if (!(_i & 2)) {
    worker_return(&w, &c);
    worker_claim(&w, &c, &x, 1);
    worker_back(&w, &c);
  }
  check();
  if (!(_i & 1)) come_back(&b);
  all_back();
  worker_expect_claimed(&w, &c, c.end.last_id, 0);
  collect(&c);
  worker_use(&w, &c, &a, &x);
  end(&a);
  wire_expect(&w, &c.end, MESSAGE_NOTICE, OP_dead);
  ck_assert_uint_eq(wire_uint(&c.end), x.host);
  bool succeeded = false;
  ck_assert(reader_bool(&c.end.r, &succeeded) && succeeded);
}
END_TEST

/* The broker is killed between the stores with which a name passes: after the first, or the second. */
START_TEST(killed_while_the_name_passes) {
  join_successor(&b, "shop", true);
  roster_at(&w.broker.roster, wire_client(&w, &a.end)->slot)->retired = 1;
  if (_i) roster_at(&w.broker.roster, wire_client(&w, &b.end)->slot)->retired = 0;
  again();
  come_back(&a);
  come_back(&b);
  come_back(&c);
  all_back();
  expect_asked("shop", &b);
}
END_TEST

/* A program of an older release takes it back as one that has retired; here it is read as such. */
START_TEST(an_older_broker_gives_a_successor_no_name) {
  join_successor(&b, "shop", true);
  roster_at(&w.broker.roster, wire_client(&w, &b.end)->slot)->succeeds = 0;
  again();
  come_back(&b);
  come_back(&a);
  come_back(&c);
  all_back();
  expect_asked("shop", &a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker succeed back");
  TCase *t = tcase_create("back");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, a_successor_waits_on, 0, 2);
  tcase_add_test(t, ready_before_the_one_before_is_back);
  tcase_add_loop_test(t, the_one_before_has_ended_meanwhile, 0, 2);
  tcase_add_loop_test(t, the_name_is_a_strangers_meanwhile, 0, 3);
  tcase_add_test(t, the_successor_does_not_come_back);
  tcase_add_loop_test(t, the_name_has_passed, 0, 2);
  tcase_add_loop_test(t, holders_are_asked_when_all_are_back, 0, 4);
  tcase_add_loop_test(t, killed_while_the_name_passes, 0, 2);
  tcase_add_test(t, an_older_broker_gives_a_successor_no_name);
  return run_suite(s);
}
