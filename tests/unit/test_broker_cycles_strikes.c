/* SPDX-License-Identifier: MIT
 *
 * Who spoils the halts of several rounds is left out for a while, if it does so by itself: nobody can have another left out with a
 * request that comes at the right moment.
 */
#define _GNU_SOURCE
#include "broker/cycles/cycles.h"
#include "tests/unit/broker_cycles_spoilt.h"

/* One by request, or by time with no quiet asked for, counts for nothing. */
START_TEST(rounds_about_what_was_used_just_now_do_not_count) {
  spoilers_cycle(a);
  if (_i)
    cycles_begin_by_time();
  else
    cycles_begin_round();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_HALT; phase++) {
    clear(a, (enum cycles_phase)phase);
    asked(c, (enum cycles_phase)phase);
    if (phase < CYCLES_HALT) cycles_answer(c, 0);
  }
  withdraw();
  expect_op(a, OP_resume);
  ck_assert_uint_eq(wire_client(&w, c)->strikes, 0);
}
END_TEST

/* In rounds by time, if nobody has made it do so: it is asked no more after the third. */
START_TEST(who_always_spoils_it_is_left_out) {
  if (_i == REFUSE || _i == DIE || _i == RELEASE) return;
  spoilers_cycle(a);
  for (int round = 0; round < 4; round++) {
    begin_by_time();
    if (round == 3) break;
    for (int phase = CYCLES_SCAN; phase <= CYCLES_HALT; phase++) {
      clear(a, (enum cycles_phase)phase);
      asked(c, (enum cycles_phase)phase);
      if (phase < CYCLES_HALT) cycles_answer(c, 0);
    }
    spoil(_i);
    expect_op(a, OP_resume);
    await_end();
    ck_assert_uint_eq(wire_client(&w, c)->strikes, round == 2 ? 0u : (unsigned)round + 1);
  }
  ck_assert_uint_gt(wire_client(&w, c)->unable_s, broker_now(&w.broker));
  await_end();
  ck_assert_uint_eq(w.broker.cycles->number, 4);
  char text[80];
  snprintf(text, sizeof text, "left out: c (%s)", unable_text(wire_client(&w, c)->unable_why));
  ck_assert_str_eq(w.broker.cycles->past[3].why, text);
}
END_TEST

START_TEST(who_took_part_well_begins_anew) {
  cycles_pair();
  wire_client(&w, a)->strikes = 2;
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_HALT; phase++) {
    clear(a, (enum cycles_phase)phase);
    clear(b, (enum cycles_phase)phase);
  }
  expect_op(a, OP_condemn);
  ck_assert_uint_eq(wire_client(&w, a)->strikes, 0);
}
END_TEST

/* ---- Whose doing it is ---- */

/* A request for c, which others cannot see the end of. */
static void disturb(void) {
  pack_text(wire_ask(a, OP_s2t, "c", NULL, 1), "hello");
  wire_send(&w, a);
}
/* Begins a round and brings it to its halt, in which c is asked last: a request for c comes before it is asked to check, before it
 * is asked to halt, or after that; or never. */
enum { NEVER, BEFORE_CHECK, BEFORE_HALT, IN_HALT, WHENS };
static void halt_disturbed(int when) {
  spoilers_cycle(a);
  begin_by_time();
  clear(a, CYCLES_SCAN);
  asked(c, CYCLES_SCAN);
  if (when == BEFORE_CHECK) disturb();
  cycles_answer(c, 0);
  clear(a, CYCLES_CHECK);
  asked(c, CYCLES_CHECK);
  if (when == BEFORE_HALT) disturb();
  cycles_answer(c, 0);
  asked(a, CYCLES_HALT);
  struct asked mine = q;
  asked(c, CYCLES_HALT);
  struct asked its = q;
  q = mine;
  cycles_answer(a, 0);
  if (when == IN_HALT) disturb();
  q = its;
}
static unsigned strikes_of(struct end *e) { return wire_client(&w, e)->strikes; }

/* It may be for the sake of that request. */
START_TEST(what_others_may_have_caused_is_no_strike) {
  int way = _i % WAYS, when = _i / WAYS;
  if (way == REFUSE || way == DIE) return;
  halt_disturbed(when);
  spoil(way);
  expect_op(a, OP_resume);
  ck_assert_uint_eq(strikes_of(c), when == NEVER || when == IN_HALT ? 1 : 0);
  ck_assert_uint_eq(strikes_of(a), 0);
}
END_TEST

/* Who has been clear stands still: what it does then nobody else has caused. */
START_TEST(who_has_been_clear_has_no_excuse) {
  if (_i == REFUSE || _i == DIE || _i == BE_LATE || _i == SAY_LIVE) return;
  spoilers_cycle(a);
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++) {
    clear(a, (enum cycles_phase)phase);
    asked(c, (enum cycles_phase)phase);
    if (phase == CYCLES_CHECK) disturb();
    cycles_answer(c, 0);
  }
  asked(a, CYCLES_HALT);
  clear(c, CYCLES_HALT);
  spoil(_i);
  expect_op(a, OP_resume);
  ck_assert_uint_eq(strikes_of(c), 1);
  ck_assert_uint_eq(strikes_of(a), 0);
}
END_TEST

/* It has used an object, and then been clear: the order counts, not the turn in which both were read. */
START_TEST(what_was_sent_before_the_answer_is_not_after_it) {
  struct pt x = wire_token(c, 3);
  halt_disturbed(BEFORE_HALT);
  pack_text(wire_ask(c, OP_get, NULL, &x, 1), "k");
  wire_end(c);
  cycles_put_answer(c, 1, 0, 0, NULL);
  wire_flush(&w, c);
  expect_op(a, OP_resume);
  ck_assert_uint_eq(strikes_of(c), 0);
  await_end();
  ck_assert_str_eq(w.broker.cycles->past[0].why, "worker c used a suspected object meanwhile");
}
END_TEST

/* a uses an object of c's, by a request to it, and in the same turn c says so. */
START_TEST(what_another_has_done_is_not_ones_own) {
  struct pt x = wire_token(c, 3);
  halt_disturbed(NEVER);
  pack_text(wire_ask(a, OP_get, NULL, &x, 1), "k");
  wire_end(a);
  cycles_put_answer(c, 1, 1, 0, NULL);
  ck_assert_int_gt(send(c->fd, c->out.bytes, c->out.size, 0), 0);
  c->out.size = 0;
  wire_flush(&w, a);
  expect_op(c, OP_resume);
  await_end();
  ck_assert_uint_eq(strikes_of(c), 0);
  ck_assert_uint_eq(strikes_of(a), 1);
}
END_TEST

/* One of two holders gives an object back, which spoils nothing; then the other uses it. */
START_TEST(who_gave_back_what_others_hold_has_not_spoilt_it) {
  cycles_hold(b, a, 1);
  cycles_hold(c, a, 1);
  cycles_hold(a, b, 2);
  cycles_hold(a, c, 3);
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
    for (int i = 0; i < WORKERS; i++) clear(&all[i], (enum cycles_phase)phase);
  asked(a, CYCLES_HALT);
  struct pt x = wire_token(a, 1);
  wire_unsub(&w, b, &x, 1);
  pack_text(wire_ask(c, OP_get, NULL, &x, 1), "k");
  wire_send(&w, c);
  expect_op(a, OP_resume);
  ck_assert(!w.broker.cycles->hosts[wire_client(&w, b)->host].is_barred);
  ck_assert(w.broker.cycles->hosts[wire_client(&w, c)->host].is_barred);
}
END_TEST

/* What came while the broker itself stood still is read before anybody is late. */
START_TEST(a_broker_that_stood_still_blames_nobody) {
  spoilers_cycle(a);
  told_ms = 1;
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= (_i ? CYCLES_HALT : CYCLES_CHECK); phase++) {
    clear(a, (enum cycles_phase)phase);
    asked(c, (enum cycles_phase)phase);
    if (phase < (_i ? CYCLES_HALT : CYCLES_CHECK)) cycles_answer(c, 0);
  }
  uv_timer_start(&w.broker.cycles->timer, w.broker.cycles->timer.timer_cb, 0, 0);
  w.broker.cycles->late_ms = uv_now(&w.loop);
  cycles_put_answer(c, 1, 0, 0, NULL);
  wire_stand_still(c);
  if (_i == 0) {
    clear(a, CYCLES_HALT);
    clear(c, CYCLES_HALT);
  }
  expect_op(a, OP_condemn);
  expect_op(c, OP_condemn);
  ck_assert_uint_eq(strikes_of(c), 0);
  ck_assert_uint_eq(wire_client(&w, c)->unable_s, 0);
}
END_TEST

/* The number of one who has spoilt it and ended may be another's when that is found. */
START_TEST(the_number_of_one_is_anothers) {
  struct cycles *k = w.broker.cycles;
  struct refs *r = &w.broker.refs;
  halt_disturbed(NEVER);
  uint32_t number = wire_client(&w, c)->host, i = slab_next(&r->tokens, 0);
  k->members[k->hosts[number].member].id++;
  refs_mention(r, i, number, broker_now(&w.broker));
  cycles_end_turn(&w.broker);
  client_answer_came(wire_client(&w, c)); /* which was that of the other */
  expect_op(a, OP_resume);
  await_end();
  ck_assert_uint_eq(strikes_of(c), 0);
  ck_assert_str_eq(k->past[0].why, "a suspected object was used meanwhile");
}
END_TEST

/* ---- Who is no member ---- */

enum { PAIRS = 10 };

/* c, or the observer, claims one of the objects that a and b have of each other. */
static void claim_as(bool is_lent, uint64_t id) {
  struct pt x = wire_token(a, id);
  if (is_lent) {
    pack_text(wire_ask(&o, OP_lend, NULL, NULL, 2), "a");
    pack_uint(&o.p, id);
    wire_send(&w, &o);
    wire_past_peers(&w, &o);
  } else {
    pack_pt(wire_ask(c, OP_sub, NULL, NULL, 1), &x);
    wire_send(&w, c);
    wire_past_peers(&w, c);
  }
}

/* It claims another object in each halt: the first one is its, and the halt is spoilt; the others' garbage goes. */
START_TEST(who_is_no_member_spoils_one_halt) {
  struct end *by = _i ? &o : c;
  for (uint64_t id = 1; id <= PAIRS; id++) {
    cycles_hold(b, a, id);
    cycles_hold(a, b, PAIRS + id);
  }
  begin_by_time();
  for (int halt = 0; halt < 2; halt++) {
    for (int phase = halt ? CYCLES_CHECK : CYCLES_SCAN; phase <= CYCLES_CHECK; phase++) {
      clear(a, (enum cycles_phase)phase);
      clear(b, (enum cycles_phase)phase);
    }
    clear(a, CYCLES_HALT);
    asked(b, CYCLES_HALT);
    claim_as(_i, 1 + (uint64_t)halt);
    if (halt == 0) {
      ck_assert_int_eq(by->m.kind, MESSAGE_REPLY);
      expect_op(a, OP_resume);
      expect_op(b, OP_resume);
    }
  }
  ck_assert_int_eq(by->m.kind, MESSAGE_ERROR);
  ck_assert_uint_eq(wire_uint(by), STATUS_busy);
  wire_expect_text(by, "it is about to be decided whether object 2 is garbage; try again later");
  cycles_answer(b, 0);
  expect_op(a, OP_condemn);
  expect_op(b, OP_condemn);
  await_end();
  ck_assert_uint_eq(w.broker.cycles->past[0].condemned, 2 * PAIRS - 1);
  ck_assert_str_eq(w.broker.cycles->past[0].why, "a suspected object was used meanwhile");
  claim_as(_i, 3); /* it is as any other that is gone */
  ck_assert_int_eq(by->m.kind, MESSAGE_ERROR);
  ck_assert_uint_eq(wire_uint(by), STATUS_stale);
}
END_TEST

/* Only while others stand still for it; and what its own members do is their own. */
START_TEST(others_may_claim_what_is_not_halted) {
  cycles_pair();
  spoilers_cycle(&d);
  cycles_hold(&d, a, 7);
  begin_by_time();
  struct end *const four[] = {a, b, c, &d};
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
    for (int i = 0; i < 4; i++) {
      asked(four[i], (enum cycles_phase)phase);
      if (i == 3 && phase == CYCLES_CHECK) break;
      cycles_answer(four[i], 0);
    }
  struct cycles *k = w.broker.cycles;
  uint32_t one = refs_find_id(&w.broker.refs, wire_client(&w, a)->host, 1);
  k->is_claimed = true;
  ck_assert(!cycles_refuses(wire_client(&w, &o), one)); /* it is asked for only */
  cycles_answer(&d, 0);
  clear(a, CYCLES_HALT);
  ck_assert(cycles_refuses(wire_client(&w, &o), one));
  ck_assert(!cycles_refuses(wire_client(&w, b), one));
  k->is_claimed = false;
  ck_assert(!cycles_refuses(wire_client(&w, &o), one));
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker cycles strikes");
  TCase *t = tcase_create("strikes");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, who_always_spoils_it_is_left_out, 0, WAYS);
  tcase_add_loop_test(t, rounds_about_what_was_used_just_now_do_not_count, 0, 2);
  tcase_add_test(t, who_took_part_well_begins_anew);
  tcase_add_loop_test(t, what_others_may_have_caused_is_no_strike, 0, WAYS * WHENS);
  tcase_add_loop_test(t, who_has_been_clear_has_no_excuse, 0, WAYS);
  tcase_add_test(t, what_was_sent_before_the_answer_is_not_after_it);
  tcase_add_test(t, what_another_has_done_is_not_ones_own);
  tcase_add_test(t, who_gave_back_what_others_hold_has_not_spoilt_it);
  tcase_add_loop_test(t, a_broker_that_stood_still_blames_nobody, 0, 2);
  tcase_add_test(t, the_number_of_one_is_anothers);
  tcase_add_loop_test(t, who_is_no_member_spoils_one_halt, 0, 2);
  tcase_add_test(t, others_may_claim_what_is_not_halted);
  return run_suite(s);
}
