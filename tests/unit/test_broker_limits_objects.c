/* SPDX-License-Identifier: MIT
 *
 * How many objects one may export and hold, and who pays for them.
 */
#include "tests/unit/broker_limits.h"

static struct pt x;

/* b, which holds x of a, calls it with so many objects of its own. */
static void call_with(uint32_t tokens) {
  struct pack *p = wire_ask(&b, OP_call, NULL, &x, tokens);
  for (uint32_t i = 0; i < tokens; i++) {
    struct pt own = wire_token(&b, i + 1);
    pack_pt(p, &own);
  }
  wire_send(&w, &b);
}

/* a answers what it was asked last with an object that it has not sent before. */
static void answer_with_new(void) {
  struct pt y = wire_token(&a, 2);
  pack_pt(wire_begin(&a, MESSAGE_REPLY, (enum op)a.m.op, a.m.id, 1), &y);
  wire_send(&w, &a);
}

/* All are of one process in this test. */
START_TEST(exports_are_limited_in_requests_and_answers) {
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  limits()->most[ACCOUNT_EXPORTED] = 3;
  call_with(3);
  expect_refused(&b, STATUS_busy, "--max-exported");
  call_with(4);
  expect_refused(&b, STATUS_too_large, "--max-exported");
  ck_assert_uint_eq(w.broker.refs.tokens.count, 1);
  for (int i = 0; i < 2; i++) { /* the second time none is new */
    call_with(2);
    wire_past_peers(&w, &a);
    ck_assert_int_eq(a.m.op, OP_call);
    ck_assert_uint_eq(w.broker.refs.tokens.count, 3);
  }
  answer_with_new();
  expect_refused(&b, STATUS_lost, "--max-exported");
  ck_assert_uint_eq(w.broker.refs.tokens.count, 3);
}
END_TEST

/* e asks a, which answers with an object that it has not sent before. */
static void get_new(struct end *e, uint64_t id) {
  struct pt y = wire_token(&a, id);
  pack_text(wire_ask(e, OP_s2t, "a", NULL, 1), "x");
  wire_send(&w, e);
  do
    wire_past_peers(&w, &a);
  while (a.m.op != OP_s2t); /* or it is told what it may drop */
  pack_pt(wire_begin(&a, MESSAGE_REPLY, OP_s2t, a.m.id, 1), &y);
  wire_send(&w, &a);
  wire_past_peers(&w, e);
}

/* Else one that goes on asking, and keeps what it gets, would be the only one whom a worker can give anything. */
START_TEST(one_holder_leaves_some_of_what_may_be_exported) {
  limits()->most[ACCOUNT_EXPORTED] = 16;
  for (uint64_t i = 1; i <= 14; i++) {
    get_new(&b, i);
    ck_assert_int_eq(b.m.kind, MESSAGE_REPLY);
  }
  get_new(&b, 15);
  uint64_t status;
  ck_assert(b.m.kind == MESSAGE_ERROR && reader_uint(&b.r, &status) && status == STATUS_lost);
  ck_assert_uint_eq(b_account()->refused, 1);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 14);
  get_new(&b, 3); /* that it has already */
  ck_assert_int_eq(b.m.kind, MESSAGE_REPLY);
  wire_join(&w, &many[0], "c");
  get_new(&many[0], 15);
  ck_assert_int_eq(many[0].m.kind, MESSAGE_REPLY);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 15);
  wire_leave(&many[0]);
}
END_TEST

START_TEST(holds_are_limited_in_requests_and_answers) {
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  limits()->most[ACCOUNT_HELD] = 3;
  call_with(3);
  expect_refused(&b, STATUS_busy, "--max-held");
  call_with(4); /* the message alone has more than any may hold */
  expect_refused(&b, STATUS_too_large, "--max-held");
  ck_assert_uint_eq(b_account()->refused, 2); /* who sends is told of, not who would receive */
  ck_assert_uint_eq(wire_client(&w, &a)->account->refused, 0);
  for (int i = 0; i < 2; i++) { /* the second time nothing is new */
    call_with(2);
    wire_past_peers(&w, &a);
    ck_assert_int_eq(a.m.op, OP_call);
  }
  answer_with_new();
  expect_refused(&b, STATUS_lost, "--max-held");
  ck_assert_uint_eq(w.broker.refs.holds.count, 3);
  pack_pt(wire_begin(&b, MESSAGE_REQUEST, OP_sub, ++b.last_id, 1), &x);
  wire_send(&w, &b);
  wire_past_peers(&w, &b);
  ck_assert(b.m.kind == MESSAGE_REPLY && b.m.op == OP_sub); /* it holds that already */
  wire_join(&w, &many[0], "c");
  pack_pt(wire_begin(&many[0], MESSAGE_REQUEST, OP_sub, 2, 1), &x);
  wire_send(&w, &many[0]);
  expect_refused(&many[0], STATUS_busy, "--max-held");
  wire_leave(&many[0]);
}
END_TEST

static const struct account *account_of(struct end *e) { return wire_client(&w, e)->account; }

/* Who is given objects does not pay for them, unless it has asked. */
START_TEST(holdings_are_paid_by_who_has_asked) {
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x); /* b asked */
  ck_assert_uint_eq(b_account()->used[ACCOUNT_HELD], 1);
  ck_assert_uint_eq(account_of(&a)->used[ACCOUNT_HELD], 0);
  call_with(3); /* b gives a some of its own, ... */
  ck_assert_uint_eq(b_account()->used[ACCOUNT_HELD], 4);
  ck_assert_uint_eq(account_of(&a)->used[ACCOUNT_HELD], 0);
  wire_join(&w, &many[0], "c");
  pack_pt(wire_ask(&b, OP_s2t, "c", NULL, 1), &x); /* ... and c what is a's */
  wire_send(&w, &b);
  ck_assert_uint_eq(b_account()->used[ACCOUNT_HELD], 5);
  ck_assert_uint_eq(account_of(&many[0])->used[ACCOUNT_HELD], 0);
  /* It pays beyond its end, as long as they hold it. */
  wire_leave(&b);
  wire_turn(&w);
  const struct account *user = account_of(&a)->user;
  ck_assert_uint_eq(user->used[ACCOUNT_HELD], 4);
  ck_assert_uint_eq(w.broker.hosts.all.count, 3);
  for (uint64_t id = 1; id <= 3; id++) {
    struct pt own = wire_token(&b, id);
    wire_unsub(&w, &a, &own, 1);
  }
  ck_assert_uint_eq(user->used[ACCOUNT_HELD], 1);
  ck_assert_uint_eq(w.broker.hosts.all.count, 3); /* its record is of use to the last */
  wire_unsub(&w, &many[0], &x, 1);
  ck_assert_uint_eq(user->used[ACCOUNT_HELD], 0);
  ck_assert_uint_eq(w.broker.hosts.all.count, 2);
  wire_leave(&many[0]);
  memset(&b, 0, sizeof b);
  wire_join(&w, &b, "b");
}
END_TEST

/* All that one has given goes with the end of who has it, also when both end. */
START_TEST(holdings_of_one_that_ends_are_no_longer_paid) {
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_join(&w, &many[0], "c");
  pack_pt(wire_ask(&b, OP_s2t, "c", NULL, 1), &x);
  wire_send(&w, &b);
  call_with(100);
  wire_leave(&b);
  wire_leave(&many[0]);
  wire_turn(&w);
  wire_leave(&a);
  wire_join(&w, &many[1], "d");
  ck_assert_uint_eq(w.broker.hosts.all.count, 1);
  ck_assert_uint_eq(w.broker.refs.holds.count, 0);
  ck_assert_uint_eq(account_of(&many[1])->user->used[ACCOUNT_HELD], 0);
  wire_leave(&many[1]);
  memset(&a, 0, sizeof a);
  memset(&b, 0, sizeof b);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
}
END_TEST

/* One object many times is one. */
START_TEST(the_same_object_again_is_no_new_holding) {
  enum { TIMES = 50 };
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  limits()->most[ACCOUNT_HELD] = 3;
  struct pack *p = wire_ask(&b, OP_call, NULL, &x, TIMES);
  for (uint32_t i = 0; i < TIMES; i++) {
    struct pt own = i % 3 == 2 ? x : wire_token(&b, 1 + i % 3); /* the last is a's own */
    pack_pt(p, &own);
  }
  wire_send(&w, &b);
  do
    ck_assert_int_eq(wire_next(&w, &a), 1);
  while (a.m.op != OP_call);
  ck_assert_uint_eq(w.broker.refs.holds.count, 3);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker limits objects");
  TCase *t = tcase_create("limits");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, exports_are_limited_in_requests_and_answers);
  tcase_add_test(t, one_holder_leaves_some_of_what_may_be_exported);
  tcase_add_test(t, holds_are_limited_in_requests_and_answers);
  tcase_add_test(t, holdings_are_paid_by_who_has_asked);
  tcase_add_test(t, holdings_of_one_that_ends_are_no_longer_paid);
  tcase_add_test(t, the_same_object_again_is_no_new_holding);
  return run_suite(s);
}
