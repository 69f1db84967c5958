/* SPDX-License-Identifier: MIT
 *
 * Requests that are in no window, of older clients and by name: the broker counts them until they
 * are answered, and answers what is beyond the limit with `busy`.
 */
#include "tests/unit/broker_flow.h"

static void setup_open(void) {
  setup();
  w.broker.flows.open = (struct window){POSTS, 4096};
}

/* It has calls under way, not only some that are not begun: more than a window. */
START_TEST(an_older_sender_may_have_more_open_than_a_window) {
  w.broker.flows.open = (struct window){FLOWS_OPEN_MOST, FLOWS_OPEN_BYTES};
  wire_client(&w, &a)->version = 3;
  for (uint64_t i = 1; i <= 10 * POSTS; i++) call(i, 0);
  receive(10 * POSTS);
  wire_quiet(&w, &a);
}
END_TEST

/* Who does not know that they count gets no flag and no grant, and may have so many unanswered. Its
 * posts have a window of their own, for that is what it counts. */
START_TEST(calls_of_an_older_sender_are_bounded_until_answered) {
  wire_client(&w, &a)->version = 3;
  for (uint64_t i = 1; i <= POSTS; i++) call(i, 0);
  call(77, 0);
  wire_expect_error(&w, &a, STATUS_busy);
  ck_assert_uint_eq(a.m.id, 77);
  uint32_t size = post(78, 0);
  for (int i = 1; i <= POSTS; i++) {
    receive(1);
    ck_assert_uint_eq(b.m.flags, 0);
  }
  reply(OP_call);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_call);
  receive(1);
  ck_assert_uint_eq(b.m.flags, MESSAGE_ONE_WAY);
  call(79, 0);
  call(80, 0);
  wire_expect_error(&w, &a, STATUS_busy);
  ck_assert_uint_eq(a.m.id, 80);
  ck_assert_uint_eq(outstanding(), 1);
  say_taken(a.host, 1, size, 0);
  expect_grant(1, size, 0);
  wire_quiet(&w, &a);
}
END_TEST

START_TEST(bytes_of_calls_of_an_older_sender_count_too) {
  wire_client(&w, &a)->version = 3;
  call(1, 3000);
  call(2, 3000);
  wire_expect_error(&w, &a, STATUS_busy);
  receive(1);
  reply(OP_call);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_call);
  call(3, 8192);
  receive(1);
  wire_quiet(&w, &a);
}
END_TEST

/* To give up is no way around it: the worker asked has it all the same. */
START_TEST(what_is_given_up_is_open_until_it_is_answered) {
  wire_client(&w, &a)->version = 3;
  for (uint64_t i = 1; i <= POSTS; i++) {
    call(i, 0);
    pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), i);
    wire_send(&w, &a);
  }
  call(77, 0);
  wire_expect_error(&w, &a, STATUS_busy);
  ck_assert_uint_eq(a.m.id, 77);
  receive(1);
  uint64_t first = b.m.id;
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_cancel);
  wire_begin(&b, MESSAGE_REPLY, OP_call, first, 0);
  wire_send(&w, &b);
  call(78, 0);
  call(79, 0);
  wire_expect_error(&w, &a, STATUS_busy);
  ck_assert_uint_eq(a.m.id, 79);
}
END_TEST

/* The other one learns of its end, or answers to nobody; the books are checked in each turn. */
START_TEST(open_requests_end_with_either) {
  struct end *ends = _i == 0 ? &a : &b;
  wire_client(&w, &a)->version = 3;
  for (uint64_t i = 1; i <= POSTS; i++) call(i, 0);
  if (_i == 0) receive(POSTS);
  wire_leave(ends);
  wire_turn(&w);
  if (_i == 0) reply(OP_call);
  if (_i == 1)
    for (int i = 0; i < POSTS; i++) wire_expect_error(&w, &a, STATUS_lost);
  wire_turn(&w);
}
END_TEST

/* Of a sender that has ended the record stays while others hold objects of it, and so does what it
 * has open there, until that is answered. */
START_TEST(of_a_sender_that_has_ended_requests_are_open_until_answered) {
  struct pt own = wire_token(&a, 1);
  pack_pt(wire_ask(&a, OP_s2t, "b", NULL, 1), &own);
  wire_send(&w, &a);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
  uint32_t load = loads_find(&w.broker.loads, hosts_find(&w.broker.hosts, a.host),
                             hosts_find(&w.broker.hosts, b.host));
  const struct load *pair = loads_at(&w.broker.loads, load);
  ck_assert_uint_eq(pair->open[0].requests, 1);
  post(78, 100);
  uint64_t request = b.m.id;
  receive(1);
  wire_leave(&a);
  wire_turn(&w);
  ck_assert_uint_eq(pair->open[0].requests, 1);
  ck_assert_uint_eq(pair->asked, 1);
  wire_begin(&b, MESSAGE_REPLY, OP_s2t, request, 0);
  wire_send(&w, &b);
  wire_turn(&w);
  ck_assert_uint_eq(pair->open[0].requests + pair->asked, 0);
  ck_assert_uint_eq(pair->open[0].bytes, 0);
  wire_unsub(&w, &b, &own, 1);
  wire_turn(&w);
  ck_assert_uint_eq(w.broker.loads.all.count, 0);
  memset(&a, 0, sizeof a);
  wire_join(&w, &a, "a");
}
END_TEST

START_TEST(what_is_refused_after_all_is_not_open) {
  wire_client(&w, &a)->version = 3;
  w.broker.connections.accounts.limits.most[ACCOUNT_REQUESTS] = 1;
  call(1, 0);
  for (uint64_t i = 2; i <= 2 * POSTS; i++) {
    call(i, 0);
    wire_expect_error(&w, &a, STATUS_busy);
  }
  w.broker.connections.accounts.limits.most[ACCOUNT_REQUESTS] = 100;
  for (uint64_t i = 2; i <= POSTS; i++) call(i, 0);
  wire_quiet(&w, &a);
}
END_TEST

static void look_up_with(uint32_t values, bool waits) {
  struct pack *p = wire_ask(&a, OP_s2t, "b", NULL, values);
  pack_text(p, "label");
  if (values == 2) pack_bool(p, waits);
  wire_send(&w, &a);
}
static void look_up(bool waits) { look_up_with(waits ? 2 : 1, true); }

/* What is answered and goes by name is in no window, for its sender does not know whose that is. */
START_TEST(calls_by_name_are_bounded_until_answered) {
  for (int i = 0; i < POSTS; i++) {
    look_up(false);
    wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
    ck_assert_uint_eq(b.m.flags, 0);
  }
  look_up(false);
  wire_expect_error(&w, &a, STATUS_busy);
  ck_assert_uint_eq(outstanding(), 0);
  reply(OP_s2t);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_s2t);
  look_up(false);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
  wire_quiet(&w, &a);
}
END_TEST

/* That it does not wait may be said, too: its answer is due like others. */
START_TEST(who_says_that_it_does_not_wait_is_no_wait) {
  for (int i = 0; i < POSTS; i++) look_up_with(2, false);
  look_up_with(2, false);
  wire_expect_error(&w, &a, STATUS_busy);
  const struct client *c = wire_client(&w, &b);
  ck_assert_uint_eq(c->answers_due, POSTS);
  look_up(true);
  ck_assert_uint_eq(c->answers_due, POSTS);
  wire_quiet(&w, &a);
}
END_TEST

/* Waits for labels are many at a time, and keep no others from asking. */
START_TEST(waits_for_labels_have_a_limit_of_their_own) {
  w.broker.flows.open = (struct window){3 * POSTS, 4096};
  for (int i = 0; i < 3 * POSTS; i++) {
    look_up(true);
    wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
  }
  reply(OP_s2t);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_s2t);
  for (int i = 0; i < POSTS; i++) look_up(false);
  wire_quiet(&w, &a);
  look_up(false);
  wire_expect_error(&w, &a, STATUS_busy);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker flow open");
  TCase *t = tcase_create("open");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup_open, teardown);
  tcase_add_test(t, an_older_sender_may_have_more_open_than_a_window);
  tcase_add_test(t, who_says_that_it_does_not_wait_is_no_wait);
  tcase_add_test(t, calls_of_an_older_sender_are_bounded_until_answered);
  tcase_add_test(t, bytes_of_calls_of_an_older_sender_count_too);
  tcase_add_test(t, what_is_given_up_is_open_until_it_is_answered);
  tcase_add_test(t, of_a_sender_that_has_ended_requests_are_open_until_answered);
  tcase_add_test(t, what_is_refused_after_all_is_not_open);
  tcase_add_test(t, calls_by_name_are_bounded_until_answered);
  tcase_add_test(t, waits_for_labels_have_a_limit_of_their_own);
  tcase_add_loop_test(t, open_requests_end_with_either, 0, 2);
  return run_suite(s);
}
