/* SPDX-License-Identifier: MIT
 *
 * When tokens were last mentioned, and what happens to those that are on trial.
 */
#define _GNU_SOURCE
#include "broker/cycles/internal.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b;
static struct pt x;
static uint32_t token;

static void on_nothing(uv_timer_t *timer) { (void)timer; }

static void setup(void) {
  a = b = (struct end){0};
  wire_open(&w, NULL);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  x = wire_token(&a, 7);
  wire_fetch(&w, &b, &a, "a", &x);
  token = refs_find_id(&w.broker.refs, wire_client(&w, &a)->host, 7);
  ck_assert_uint_ne(token, SLAB_NONE);
  struct cycles *k = w.broker.cycles; /* it is the test that is a round, and waits for an answer */
  k->stage = CYCLES_WAIT;
  k->members = calloc(1, sizeof *k->members);
  k->members[0].request = 1;
  k->member_count = k->waiting = 1;
  uv_timer_start(&w.broker.cycles->timer, on_nothing, 3600000, 0);
}
static void teardown(void) {
  struct refs *r = &w.broker.refs;
  if (slab_live(&r->tokens, token) && refs_token(r, token)->mark & TOKEN_TRIAL) refs_acquit(r, token);
  w.broker.cycles->stage = CYCLES_IDLE;
  w.broker.cycles->member_count = 0;
  wire_leave(&a);
  wire_leave(&b);
  wire_close(&w);
}

static void ask(struct end *e) {
  pack_text(wire_ask(e, OP_get, NULL, &x, 1), "k");
  wire_send(&w, e);
}
static void by_target(void) { ask(&b); }
static void by_target_again(void) { /* by the way kept (core/way.h) */
  ask(&b);
  refs_acquit(&w.broker.refs, token);
  refs_try(&w.broker.refs, token);
  ck_assert_uint_eq(w.broker.refs.touched, 0);
  ask(&b);
}
static void by_own_target(void) { ask(&a); }
static void by_host(void) {
  pack_pt(wire_ask(&a, OP_s2t, "b", NULL, 1), &x);
  wire_send(&w, &a);
}
static void by_holder(void) {
  pack_pt(wire_ask(&b, OP_s2t, "a", NULL, 1), &x);
  wire_send(&w, &b);
}
static void in_what_is_refused(void) {
  pack_pt(wire_ask(&b, OP_s2t, "nobody", NULL, 1), &x);
  wire_send(&w, &b);
}
static void by_sub(void) {
  pack_pt(wire_ask(&b, OP_sub, NULL, NULL, 1), &x);
  wire_send(&w, &b);
}
static void by_loan(void) {
  static struct end o;
  o = (struct end){0};
  wire_join_as(&w, &o, "o", true);
  pack_text(wire_ask(&o, OP_lend, NULL, NULL, 2), "a");
  pack_uint(&o.p, 7);
  wire_send(&w, &o);
  wire_leave(&o);
}
static void (*const mentions[])(void) = {by_target, by_target_again, by_own_target, by_host, by_holder,
                                         in_what_is_refused, by_sub, by_loan};

START_TEST(each_mention_touches) {
  struct refs *r = &w.broker.refs;
  refs_token(r, token)->last = (uint16_t)(broker_now(&w.broker) - 1000);
  ck_assert_uint_eq(refs_quiet(refs_token(r, token), broker_now(&w.broker)), 1000);
  refs_try(r, token);
  ck_assert_uint_eq(r->trials, 1);
  mentions[_i]();
  ck_assert_uint_eq(r->touched, 1);
  ck_assert_uint_le(refs_quiet(refs_token(r, token), broker_now(&w.broker)), 100);
  refs_acquit(r, token);
  ck_assert_uint_eq(r->trials + r->touched, 0);
}
END_TEST

/* Whoever first mentions one of those that are decided about, or gives one back, is known. */
START_TEST(who_touches_what_is_called_is_known) {
  struct refs *r = &w.broker.refs;
  refs_try(r, token);
  refs_call(r, token);
  r->toucher = SLAB_NONE;
  void (*const by_whom[])(void) = {by_target, by_own_target, by_host, by_holder, by_sub, by_loan};
  struct end *const whom[] = {&b, &a, &a, &b, &b, NULL};
  if (_i < 6)
    by_whom[_i]();
  else
    wire_unsub(&w, &b, &x, 1);
  ck_assert_uint_eq(r->called_touched, _i < 6 ? 1u : 0u);
  ck_assert_uint_eq(r->called_ended, _i == 6 ? 1u : 0u);
  struct end *e = _i < 6 ? whom[_i] : &b;
  if (e) {
    ck_assert_uint_eq(r->toucher, wire_client(&w, e)->host);
  } else { /* an observer, which has left */
    ck_assert_uint_ne(r->toucher, wire_client(&w, &a)->host);
    ck_assert_uint_ne(r->toucher, wire_client(&w, &b)->host);
  }
  if (_i == 6) return;
  refs_uncall(r, token);
  ck_assert_uint_eq(r->called_touched, 0);
  ck_assert_uint_eq(r->touched, 1);
}
END_TEST

/* An unsub, a weight and an answer that carries nothing are none. */
START_TEST(what_is_no_mention_does_not) {
  struct refs *r = &w.broker.refs;
  pack_pt(wire_begin(&a, MESSAGE_NOTICE, OP_weigh, 0, 2), &x);
  refs_try(r, token);
  pack_uint(&a.p, 100000);
  wire_send(&w, &a);
  wire_quiet(&w, &a);
  ck_assert_uint_eq(r->touched, 0);
  wire_unsub(&w, &b, &x, 1); /* the last one */
  ck_assert_uint_eq(r->touched + r->trials, 0);
  ck_assert_uint_eq(r->ended, 1);
}
END_TEST

/* What is left of the age goes round in 18 hours: one that was not mentioned for longer is as old as can be. */
START_TEST(very_old_ones_stay_so) {
  struct token t = {.last = 5};
  ck_assert_uint_eq(refs_quiet(&t, 5 + REFS_QUIET_MOST), REFS_QUIET_MOST);
  for (uint32_t now = 5 + REFS_QUIET_MOST; now < 10 * UINT16_MAX; now += REFS_QUIET_MOST - 1)
    ck_assert_uint_eq(refs_quiet(&t, now), REFS_QUIET_MOST);
}
END_TEST

START_TEST(who_is_condemned_is_claimed_and_lent_by_nobody) {
  struct refs *r = &w.broker.refs;
  refs_try(r, token);
  refs_call(r, token);
  r->is_decided = _i == 1; /* before it is marked */
  w.broker.cycles->stage = _i ? CYCLES_CONVICT : CYCLES_WAIT;
  w.broker.cycles->is_running = true;
  if (_i == 0) refs_condemn(r, token);
  by_sub();
  wire_expect_error(&w, &b, STATUS_stale);
  by_loan();
  ck_assert_uint_eq(refs_token(r, token)->holds, refs_first_held(r, wire_client(&w, &b)->host));
  r->is_decided = w.broker.cycles->is_running = false;
  w.broker.cycles->stage = CYCLES_WAIT;
  wire_unsub(&w, &b, &x, 1);
  wire_expect_drop(&w, &a, 7, 1);
}
END_TEST

START_TEST(trials_are_checked) {
  struct refs *r = &w.broker.refs;
  struct token *t = refs_token(r, token);
  t->mark = TOKEN_TRIAL;
  ck_assert_str_eq(refs_check(r), "refs: trials do not add up");
  t->mark = TOKEN_TOUCHED;
  ck_assert_str_eq(refs_check(r), "refs: a token is touched that is not on trial");
  t->mark = TOKEN_TRIAL | TOKEN_CONDEMNED;
  ck_assert_str_eq(refs_check(r), "refs: a condemned token is on trial");
  t->mark = TOKEN_CALLED;
  ck_assert_str_eq(refs_check(r), "refs: a token is called that is not on trial");
  t->mark = TOKEN_COUNTED;
  ck_assert_str_eq(refs_check(r), "refs: a token is still counted");
  t->mark = 0;
  ck_assert_ptr_null(refs_check(r));
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker trials");
  TCase *t = tcase_create("trials");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, each_mention_touches, 0, sizeof mentions / sizeof mentions[0]);
  tcase_add_loop_test(t, who_touches_what_is_called_is_known, 0, 7);
  tcase_add_test(t, what_is_no_mention_does_not);
  tcase_add_test(t, very_old_ones_stay_so);
  tcase_add_loop_test(t, who_is_condemned_is_claimed_and_lent_by_nobody, 0, 2);
  tcase_add_test(t, trials_are_checked);
  return run_suite(s);
}
