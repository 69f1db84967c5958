/* SPDX-License-Identifier: MIT
 *
 * References through the whole broker: who becomes a holder, who may use a token,
 * and when its host is told that nobody holds it any more.
 */
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, c; /* a has the objects */

static void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  wire_join(&w, &c, "c");
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&c);
  wire_close(&w);
}

/* `from` calls the object `target` of the host `to` with one PT as argument; not read yet. */
static void call_with(struct end *from, const struct pt *target, const struct pt *argument) {
  pack_pt(wire_ask(from, OP_call, NULL, target, 1), argument);
  wire_send(&w, from);
}
static void send_to(struct end *from, const char *name, const struct pt *argument) {
  pack_pt(wire_ask(from, OP_s2t, name, NULL, 1), argument);
  wire_send(&w, from);
}
/* The next request that `e` gets, with one PT. */
static struct pt receive(struct end *e) {
  wire_past_peers(&w, e);
  ck_assert_int_eq(e->m.kind, MESSAGE_REQUEST);
  return wire_pt(e);
}

START_TEST(delivery_makes_a_holder_and_unsub_ends_it) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_quiet(&w, &a);
  wire_unsub(&w, &b, &x, 1);
  wire_quiet(&w, &a);
  wire_unsub(&w, &b, &x, 1);
  wire_expect_drop(&w, &a, 1, 2);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
}
END_TEST

START_TEST(hosts_in_a_message_are_introduced_before_it) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  send_to(&b, "c", &x);
  wire_expect_peer(&w, &c, b.host, "b");
  wire_expect_peer(&w, &c, a.host, "a");
  wire_expect(&w, &c, MESSAGE_REQUEST, OP_s2t);
  send_to(&b, "c", &x);
  wire_expect(&w, &c, MESSAGE_REQUEST, OP_s2t);
}
END_TEST

START_TEST(what_a_host_sends_to_itself_is_dropped_after_the_message) {
  struct pt x = wire_token(&a, 1);
  send_to(&a, "a", &x);
  wire_expect_peer(&w, &a, a.host, "a");
  wire_expect(&w, &a, MESSAGE_REQUEST, OP_s2t);
  wire_expect_drop(&w, &a, 1, 1);
}
END_TEST

START_TEST(what_reaches_nobody_is_seen_and_dropped) {
  struct pt x = wire_token(&a, 1), y = wire_token(&a, 2);
  struct pack *p = wire_ask(&a, OP_s2t, "nope", NULL, 2);
  pack_pt(p, &x);
  pack_pt(p, &x);
  wire_send(&w, &a);
  wire_expect_error(&w, &a, STATUS_dead);
  wire_expect_drop(&w, &a, 1, 2);
  pack_pt(wire_begin(&a, MESSAGE_REPLY, OP_get, 4711, 1), &y);
  wire_send(&w, &a);
  wire_expect_drop(&w, &a, 2, 1);
}
END_TEST

START_TEST(a_hand_off_survives_an_unsub_behind_it) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  send_to(&b, "c", &x);
  wire_unsub(&w, &b, &x, 1);
  struct pt got = receive(&c);
  ck_assert(pt_equal(&got, &x));
  wire_quiet(&w, &a);
  wire_unsub(&w, &c, &x, 1);
  wire_expect_drop(&w, &a, 1, 1);
}
END_TEST

START_TEST(a_value_on_its_way_keeps_a_holder_that_unsubs) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  send_to(&a, "b", &x); /* b has not read it when it gives the first one back */
  wire_unsub(&w, &b, &x, 1);
  wire_quiet(&w, &a);
  receive(&b);
  wire_unsub(&w, &b, &x, 1);
  wire_expect_drop(&w, &a, 1, 2);
}
END_TEST

START_TEST(what_comes_home_makes_no_holder) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  send_to(&b, "a", &x);
  receive(&a);
  wire_unsub(&w, &b, &x, 1);
  wire_expect_drop(&w, &a, 1, 1);
}
END_TEST

START_TEST(s38_a_forged_pt_is_denied_and_goes_nowhere) {
  struct pt x = wire_token(&a, 1), own = wire_token(&c, 7);
  wire_fetch(&w, &b, &a, "a", &x);
  struct pack *p = wire_ask(&c, OP_s2t, "b", NULL, 2);
  pack_pt(p, &own);
  pack_pt(p, &x);
  wire_send(&w, &c);
  wire_expect_error(&w, &c, STATUS_denied);
  wire_expect_drop(&w, &c, 7, 1); /* read, although refused */
  wire_quiet(&w, &b);
  struct pt wrong = x;
  wrong.stamp++;
  call_with(&b, &wrong, &x); /* a holder, but with the wrong stamp */
  wire_expect_error(&w, &b, STATUS_denied);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_grant); /* it does not count in the window */
  call_with(&c, &x, &own);
  wire_expect_error(&w, &c, STATUS_denied);
  wire_expect(&w, &c, MESSAGE_NOTICE, OP_grant);
  wire_expect_drop(&w, &c, 7, 1);
  wire_quiet(&w, &a);
}
END_TEST

START_TEST(a_forged_pt_in_an_answer_is_an_error_for_the_asker) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  pack_text(wire_ask(&b, OP_s2t, "c", NULL, 1), "label");
  wire_send(&w, &b);
  wire_expect_peer(&w, &c, b.host, "b");
  wire_expect(&w, &c, MESSAGE_REQUEST, OP_s2t);
  pack_pt(wire_begin(&c, MESSAGE_REPLY, OP_s2t, c.m.id, 1), &x);
  wire_send(&w, &c);
  wire_expect_error(&w, &b, STATUS_denied);
  wire_quiet(&w, &c);
}
END_TEST

START_TEST(s35_too_many_forgeries_end_the_connection) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  for (int i = 0; i < FORGERIES_MOST; i++) {
    call_with(&c, &x, &x);
    wire_expect_error(&w, &c, STATUS_denied);
    wire_expect(&w, &c, MESSAGE_NOTICE, OP_grant);
  }
  call_with(&c, &x, &x);
  wire_expect_error(&w, &c, STATUS_denied);
  wire_expect(&w, &c, MESSAGE_NOTICE, OP_grant);
  wire_expect_end(&w, &c);
  wire_quiet(&w, &b);
}
END_TEST

/* The stamp is the password of sub; whoever tries stamps out is stopped long before 2^64 tries. */
START_TEST(s35_guessing_stamps_ends_the_connection) {
  struct pt x = wire_token(&a, 1), guess = x;
  wire_fetch(&w, &b, &a, "a", &x);
  for (int i = 0; i < FORGERIES_MOST; i++) {
    guess.stamp++;
    pack_pt(wire_ask(&c, OP_sub, NULL, NULL, 1), &guess);
    wire_send(&w, &c);
    wire_expect_error(&w, &c, STATUS_denied);
  }
  guess.stamp++;
  pack_pt(wire_ask(&c, OP_sub, NULL, NULL, 1), &guess);
  wire_send(&w, &c);
  wire_expect_end(&w, &c);
  wire_quiet(&w, &b);
}
END_TEST

START_TEST(s29_a_strangers_unsub_frees_nothing) {
  struct pt x = wire_token(&a, 1), wrong = x;
  wire_fetch(&w, &b, &a, "a", &x);
  wire_unsub(&w, &c, &x, 1);
  wire_unsub(&w, &a, &x, 1);
  wrong.stamp++;
  wire_unsub(&w, &b, &wrong, 1);
  wire_unsub(&w, &b, &x, 2);
  wire_unsub(&w, &b, &x, 0);
  wire_quiet(&w, &a);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 1);
  wire_unsub(&w, &b, &x, 1);
  wire_expect_drop(&w, &a, 1, 1);
}
END_TEST

START_TEST(another_stamp_from_the_host_itself_ends_the_connection) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  x.stamp++;
  send_to(&a, "b", &x);
  wire_expect_end(&w, &a);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_dead);
}
END_TEST

START_TEST(sub_claims_what_it_knows) {
  struct pt x = wire_token(&a, 1), unknown = wire_token(&a, 2), wrong = x, nowhere = x;
  wire_fetch(&w, &b, &a, "a", &x);
  pack_pt(wire_ask(&c, OP_sub, NULL, NULL, 1), &x);
  wire_send(&w, &c);
  wire_expect_peer(&w, &c, a.host, "a");
  wire_expect(&w, &c, MESSAGE_REPLY, OP_sub);
  pack_pt(wire_ask(&c, OP_sub, NULL, NULL, 1), &unknown);
  wire_send(&w, &c);
  wire_expect_error(&w, &c, STATUS_stale);
  nowhere.host ^= 1;
  pack_pt(wire_ask(&c, OP_sub, NULL, NULL, 1), &nowhere);
  wire_send(&w, &c);
  wire_expect_error(&w, &c, STATUS_stale);
  wrong.stamp++;
  pack_pt(wire_ask(&c, OP_sub, NULL, NULL, 1), &wrong);
  wire_send(&w, &c);
  wire_expect_error(&w, &c, STATUS_denied);
  wire_unsub(&w, &b, &x, 1);
  wire_quiet(&w, &a);
  wire_unsub(&w, &c, &x, 1);
  wire_expect_drop(&w, &a, 1, 1);
}
END_TEST

START_TEST(the_end_of_a_holder_gives_everything_back) {
  struct pt x = wire_token(&a, 1), y = wire_token(&a, 2);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_fetch(&w, &b, &a, "a", &y);
  wire_fetch(&w, &b, &a, "a", &y);
  wire_fetch(&w, &c, &a, "a", &x);
  wire_leave(&b);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead);
  wire_expect_drop(&w, &a, 2, 2);
  wire_quiet(&w, &a);
  wire_leave(&c);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead);
  wire_expect_drop(&w, &a, 1, 2);
}
END_TEST

START_TEST(tokens_of_a_dead_host_are_dead_but_no_forgeries) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_leave(&a);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_dead);
  ck_assert_uint_eq(wire_uint(&b), x.host);
  wire_ask(&b, OP_len, NULL, &x, 0);
  wire_send(&w, &b);
  wire_expect_error(&w, &b, STATUS_dead);
  wire_expect_text(&b, "Gaijin tried accessing dead resource. (a)");
  /* It may be passed on; the receiver learns who it was, and that it is dead. */
  send_to(&b, "c", &x);
  wire_expect_peer(&w, &c, b.host, "b");
  wire_expect_peer(&w, &c, x.host, "a");
  wire_expect(&w, &c, MESSAGE_REQUEST, OP_s2t);
  wire_expect(&w, &c, MESSAGE_NOTICE, OP_dead);
  wire_unsub(&w, &b, &x, 1);
  wire_quiet(&w, &b);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 1);
  ck_assert_uint_eq(w.broker.hosts.all.count, 3);
  wire_unsub(&w, &c, &x, 1);
  wire_quiet(&w, &c);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
  ck_assert_uint_eq(w.broker.hosts.all.count, 2);
}
END_TEST

START_TEST(a_new_worker_of_the_name_is_another_host) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_leave(&a);
  wire_turn(&w);
  memset(&a, 0, sizeof a);
  wire_join(&w, &a, "a");
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_dead);
  struct pt y = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &y);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 2);
  wire_unsub(&w, &b, &y, 1);
  wire_expect_drop(&w, &a, 1, 1);
}
END_TEST

/* ---- The limit of references ---- */

/* `n` tokens of a's, in one array. */
static void put_tokens(struct pack *p, uint32_t n) {
  pack_array(p, n);
  for (uint64_t i = 1; i <= n; i++) {
    struct pt pt = wire_token(&a, i);
    pack_pt(p, &pt);
  }
}

START_TEST(a_request_with_too_many_references_is_refused_uncounted) {
  put_tokens(wire_ask(&a, OP_s2t, "b", NULL, 1), REFS_MOST + 1);
  wire_send(&w, &a);
  wire_expect_error(&w, &a, STATUS_too_large);
  wire_expect_nothing(&w, &a); /* nothing was seen, so nothing is dropped */
  wire_expect_nothing(&w, &b);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
  put_tokens(wire_ask(&a, OP_s2t, "b", NULL, 1), REFS_MOST);
  wire_send(&w, &a);
  wire_expect_peer(&w, &b, a.host, "a");
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free); /* over the allowance */
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
  ck_assert_uint_eq(w.broker.refs.tokens.count, REFS_MOST);
}
END_TEST

START_TEST(an_answer_with_too_many_references_is_refused_uncounted) {
  wire_ask(&b, OP_labels, "a", NULL, 0);
  wire_send(&w, &b);
  wire_expect_peer(&w, &a, b.host, "b");
  wire_expect(&w, &a, MESSAGE_REQUEST, OP_labels);
  put_tokens(wire_begin(&a, MESSAGE_REPLY, OP_labels, a.m.id, 1), REFS_MOST + 1);
  wire_send(&w, &a);
  wire_expect_error(&w, &b, STATUS_too_large);
  wire_expect_nothing(&w, &a);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
}
END_TEST

START_TEST(a_notice_with_too_many_references_is_a_fault) {
  struct pt x = wire_token(&a, 1);
  struct pack *p =
      wire_begin(&b, MESSAGE_NOTICE, _i ? OP_weigh : OP_unsub, 0, 2 * (REFS_MOST + 1));
  for (uint32_t i = 0; i <= REFS_MOST; i++) {
    pack_pt(p, &x);
    pack_uint(p, 1);
  }
  wire_send(&w, &b);
  wire_expect_end(&w, &b);
  wire_quiet(&w, &a);
}
END_TEST

START_TEST(the_limit_of_references_is_told) {
  struct hello_reply r;
  struct reader v;
  uint64_t number;
  wire_leave(&c);
  wire_turn(&w);
  c = (struct end){0};
  wire_connect(&w, &c);
  wire_hello(&w, &c, "c", false);
  wire_expect(&w, &c, MESSAGE_REPLY, OP_hello);
  ck_assert_ptr_null(hello_read_reply(&c.m, &r));
  ck_assert(hello_option(&r.options, REFS_MOST_KEY, &v) && reader_uint(&v, &number));
  ck_assert_uint_eq(number, REFS_MOST);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker transfer");
  TCase *t = tcase_create("transfer");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, delivery_makes_a_holder_and_unsub_ends_it);
  tcase_add_test(t, hosts_in_a_message_are_introduced_before_it);
  tcase_add_test(t, what_a_host_sends_to_itself_is_dropped_after_the_message);
  tcase_add_test(t, what_reaches_nobody_is_seen_and_dropped);
  tcase_add_test(t, a_hand_off_survives_an_unsub_behind_it);
  tcase_add_test(t, a_value_on_its_way_keeps_a_holder_that_unsubs);
  tcase_add_test(t, what_comes_home_makes_no_holder);
  tcase_add_test(t, s38_a_forged_pt_is_denied_and_goes_nowhere);
  tcase_add_test(t, a_forged_pt_in_an_answer_is_an_error_for_the_asker);
  tcase_add_test(t, s35_too_many_forgeries_end_the_connection);
  tcase_add_test(t, s35_guessing_stamps_ends_the_connection);
  tcase_add_test(t, s29_a_strangers_unsub_frees_nothing);
  tcase_add_test(t, another_stamp_from_the_host_itself_ends_the_connection);
  tcase_add_test(t, sub_claims_what_it_knows);
  tcase_add_test(t, the_end_of_a_holder_gives_everything_back);
  tcase_add_test(t, tokens_of_a_dead_host_are_dead_but_no_forgeries);
  tcase_add_test(t, a_new_worker_of_the_name_is_another_host);
  tcase_add_test(t, a_request_with_too_many_references_is_refused_uncounted);
  tcase_add_test(t, an_answer_with_too_many_references_is_refused_uncounted);
  tcase_add_loop_test(t, a_notice_with_too_many_references_is_a_fault, 0, 2);
  tcase_add_test(t, the_limit_of_references_is_told);
  return run_suite(s);
}
