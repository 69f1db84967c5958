/* SPDX-License-Identifier: MIT
 *
 * Windows at the broker: who keeps to them is told of room, who does not gets `busy`, and who
 * reports what cannot be ends its connection.
 */
#include "tests/unit/broker_flow.h"

START_TEST(the_window_is_told_in_hello) {
  struct end c = {0};
  struct hello_reply r;
  struct reader v;
  uint64_t number;
  wire_connect(&w, &c);
  wire_hello(&w, &c, "c", false);
  wire_expect(&w, &c, MESSAGE_REPLY, OP_hello);
  ck_assert_ptr_null(hello_read_reply(&c.m, &r));
  ck_assert(hello_option(&r.options, WINDOW_POSTS_KEY, &v) && reader_uint(&v, &number));
  ck_assert_uint_eq(number, POSTS);
  ck_assert(hello_option(&r.options, WINDOW_BYTES_KEY, &v) && reader_uint(&v, &number));
  ck_assert_uint_eq(number, 4096);
  wire_leave(&c);
}
END_TEST

START_TEST(who_ignores_the_window_gets_busy) {
  for (uint64_t i = 1; i <= POSTS; i++) post(i, 0);
  wire_quiet(&w, &a);
  post(77, 0);
  wire_expect_error(&w, &a, STATUS_busy);
  ck_assert_uint_eq(a.m.id, 77);
  wire_ask(&a, OP_labels, "b", NULL, 0); /* a request that is answered goes through */
  wire_send(&w, &a);
  receive(POSTS);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_labels);
  wire_expect_nothing(&w, &b);
}
END_TEST

START_TEST(bytes_count_too) {
  post(1, 3000);
  uint32_t size = post(2, 3000);
  wire_expect_error(&w, &a, STATUS_busy);
  ck_assert_uint_eq(a.m.id, 2);
  expect_grant(1, size, 0);
  say_taken(a.host, 1, receive(1), 0);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_grant);
  post(3, 8192); /* larger than the window, but little is outstanding */
  receive(1);
  wire_quiet(&w, &a);
}
END_TEST

/* Whatever the reason: nobody is going to report it as taken. */
START_TEST(what_is_refused_is_room_again) {
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = 5, .depth = 1,
                      .flags = MESSAGE_ONE_WAY, .target = OP_PT, .pt = x};
  wire_client(&w, &b)->version = 2; /* which has no null pointers */
  for (int i = 0; i < 2 * POSTS; i++) {
    pack_null(wire_begin_to(&a, &h, 1));
    wire_end(&a);
    uint32_t size = a.out.size;
    wire_flush(&w, &a);
    wire_expect_error(&w, &a, STATUS_unsupported);
    expect_grant(1, size, 0);
  }
  wire_client(&w, &b)->version = 3;
  post(6, 0);
  receive(1);
  wire_expect_nothing(&w, &a);
}
END_TEST

START_TEST(what_is_taken_is_room_for_the_sender) {
  for (uint64_t i = 1; i <= POSTS; i++) post(i, 10);
  uint64_t bytes = receive(POSTS) / POSTS;
  say_taken(a.host, 3, 3 * bytes, 1);
  expect_grant(3, 3 * bytes, 1);
  for (uint64_t i = 1; i <= 3; i++) post(i, 10);
  wire_quiet(&w, &a);
  post(4, 10);
  wire_expect_error(&w, &a, STATUS_busy);
}
END_TEST

START_TEST(more_than_was_sent_is_a_fault) {
  post(1, 0);
  uint64_t bytes = receive(1);
  say_taken(a.host, 2, bytes, 0);
  wire_expect_end(&w, &b);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead);
  wire_quiet(&w, &a);
}
END_TEST

START_TEST(nonsense_is_a_fault) {
  post(1, 0);
  uint64_t bytes = receive(1);
  if (_i == 0) say_taken(a.host, 1, bytes, 2); /* more not done than taken */
  if (_i == 1) say_taken(a.host, 0, 0, 0);
  if (_i == 2) { /* how many are not done is missing */
    struct pack *p = wire_begin(&b, MESSAGE_NOTICE, OP_taken, 0, 3);
    pack_uint(p, a.host);
    pack_uint(p, 1);
    pack_uint(p, bytes);
    wire_send(&w, &b);
  }
  wire_expect_end(&w, &b);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead); /* and no grant */
}
END_TEST

START_TEST(all_may_be_taken_and_not_done) {
  for (uint64_t i = 1; i <= 2; i++) post(i, 10);
  uint64_t bytes = receive(2);
  say_taken(a.host, 2, bytes, 2);
  expect_grant(2, bytes, 2);
}
END_TEST

START_TEST(of_none_nothing_can_be_reported) {
  say_taken(a.host, 0, 0, 0);
  wire_expect_end(&w, &b);
}
END_TEST

START_TEST(a_sender_that_has_ended_is_no_fault) {
  post(1, 0);
  uint64_t bytes = receive(1);
  wire_leave(&a);
  wire_turn(&w);
  ck_assert_uint_eq(outstanding(), 0);
  say_taken(a.host, 1, bytes, 0);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_dead);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_drop);
  say_taken(12345, 1, bytes, 0);
  wire_quiet(&w, &b);
}
END_TEST

START_TEST(a_target_that_ends_takes_its_books_along) {
  for (uint64_t i = 1; i <= POSTS; i++) post(i, 0);
  wire_leave(&b);
  wire_turn(&w);
  ck_assert_uint_eq(outstanding(), 0);
  post(9, 0);
  do
    ck_assert_int_eq(wire_next(&w, &a), 1);
  while (a.m.kind == MESSAGE_NOTICE);
  ck_assert_uint_eq(wire_uint(&a), STATUS_dead);
}
END_TEST

START_TEST(an_older_receiver_has_taken_what_is_forwarded) {
  wire_client(&w, &b)->version = 2;
  uint64_t size = post(1, 0);
  wire_quiet(&w, &a);
  post(2, 0);
  expect_grant(2, 2 * size, 0);
  for (uint64_t i = 3; i < 30; i++) {
    post(i, 0);
    if (i % 2 == 0) expect_grant(2, 2 * size, 0);
  }
  receive(29);
}
END_TEST

START_TEST(an_older_sender_is_bounded_and_not_told) {
  wire_client(&w, &a)->version = 2;
  for (uint64_t i = 1; i <= POSTS; i++) post(i, 0);
  say_taken(a.host, POSTS, receive(POSTS), 0);
  wire_quiet(&w, &a);
  for (uint64_t i = 1; i <= POSTS; i++) post(i, 0);
  wire_quiet(&w, &a);
  post(99, 0);
  wire_expect_error(&w, &a, STATUS_busy);
}
END_TEST

/* One window for both, and the receiver is told which calls it is to report. */
START_TEST(calls_count_like_posts) {
  for (uint64_t i = 1; i < POSTS; i++) call(i, 0);
  uint32_t size = post(POSTS, 0);
  wire_quiet(&w, &a);
  call(77, 0);
  wire_expect_error(&w, &a, STATUS_busy);
  ck_assert_uint_eq(a.m.id, 77);
  expect_grant(1, size, 0);
  for (int i = 1; i <= POSTS; i++) {
    receive(1);
    ck_assert_uint_eq(b.m.flags, i < POSTS ? MESSAGE_COUNTED : MESSAGE_ONE_WAY);
    if (i == POSTS) break;
    wire_begin(&b, MESSAGE_REPLY, OP_call, b.m.id, 0); /* an answer says nothing of the window */
    wire_send(&w, &b);
  }
  for (int i = 1; i < POSTS; i++) wire_expect(&w, &a, MESSAGE_REPLY, OP_call);
  call(78, 0);
  wire_expect_error(&w, &a, STATUS_busy);
  expect_grant(1, size, 0);
  say_taken(a.host, POSTS, (uint64_t)POSTS * size, 0);
  expect_grant(POSTS, (uint64_t)POSTS * size, 0);
  call(79, 0);
  receive(1);
  wire_quiet(&w, &a);
}
END_TEST

START_TEST(an_older_receiver_has_taken_calls_that_are_forwarded) {
  wire_client(&w, &b)->version = 3;
  for (uint64_t i = 1; i <= 3 * POSTS; i++) {
    uint32_t size = call(i, 0);
    expect_grant(1, size, 0);
    receive(1);
    ck_assert_uint_eq(b.m.flags, 0);
  }
  uint64_t size = post(99, 0); /* which it reports */
  wire_quiet(&w, &a);
  ck_assert_uint_eq(outstanding(), 1);
  receive(1);
  say_taken(a.host, 1, size, 0);
  expect_grant(1, size, 0);
}
END_TEST

START_TEST(of_one_older_still_both_are_taken) {
  wire_client(&w, &b)->version = 2;
  uint64_t size = call(1, 0);
  wire_quiet(&w, &a);
  post(2, 0);
  expect_grant(2, 2 * size, 0);
  receive(2);
}
END_TEST

START_TEST(the_flag_is_the_brokers_own) {
  ask(1, MESSAGE_COUNTED, 0);
  wire_expect_end(&w, &a);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_dead);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_drop);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker flow");
  TCase *t = tcase_create("flow");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, the_window_is_told_in_hello);
  tcase_add_test(t, who_ignores_the_window_gets_busy);
  tcase_add_test(t, bytes_count_too);
  tcase_add_test(t, what_is_refused_is_room_again);
  tcase_add_test(t, what_is_taken_is_room_for_the_sender);
  tcase_add_test(t, more_than_was_sent_is_a_fault);
  tcase_add_loop_test(t, nonsense_is_a_fault, 0, 3);
  tcase_add_test(t, all_may_be_taken_and_not_done);
  tcase_add_test(t, of_none_nothing_can_be_reported);
  tcase_add_test(t, a_sender_that_has_ended_is_no_fault);
  tcase_add_test(t, a_target_that_ends_takes_its_books_along);
  tcase_add_test(t, an_older_receiver_has_taken_what_is_forwarded);
  tcase_add_test(t, an_older_sender_is_bounded_and_not_told);
  tcase_add_test(t, calls_count_like_posts);
  tcase_add_test(t, an_older_receiver_has_taken_calls_that_are_forwarded);
  tcase_add_test(t, of_one_older_still_both_are_taken);
  tcase_add_test(t, the_flag_is_the_brokers_own);
  return run_suite(s);
}
