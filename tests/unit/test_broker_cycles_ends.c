/* SPDX-License-Identifier: MIT
 *
 * Rounds for garbage in cycles that do not end well, and those who would have them end otherwise.
 */
#define _GNU_SOURCE
#include "tests/unit/broker_carried.h"
#include "tests/unit/broker_cycles.h"

/* The object 1 of a is mentioned, or one of the pair. */
static void use(void) {
  struct pt x = wire_token(a, 1);
  pack_text(wire_ask(b, OP_get, NULL, &x, 1), "k");
  wire_send(&w, b);
}
static void claim(void) {
  struct pt x = wire_token(a, 1);
  pack_pt(wire_ask(c, OP_sub, NULL, NULL, 1), &x);
  wire_send(&w, c);
}
static void borrow(void) {
  pack_text(wire_ask(&o, OP_lend, NULL, NULL, 2), "a");
  pack_uint(&o.p, 1);
  wire_send(&w, &o);
  wire_past_peers(&w, &o);
}
static void let_go(void) {
  struct pt x = wire_token(a, 1);
  wire_unsub(&w, b, &x, 1);
}
static void (*const touches[])(void) = {use, claim, borrow, let_go};
enum { TOUCHES = sizeof touches / sizeof touches[0] };

/* Reads on to `resume`; what else came was not of the round. */
static void resumed(struct end *e) {
  do
    ck_assert_int_eq(wire_next(&w, e), 1);
  while (e->m.op != OP_resume);
  ck_assert_uint_eq(wire_uint(e), q.round);
}

START_TEST(a_touch_in_halt_aborts) {
  cycles_pair();
  cycles_begin_round();
  cycles_to_halt();
  cycles_asked(a, CYCLES_HALT);
  if (_i >= TOUCHES) cycles_answer(a, 0);
  touches[_i % TOUCHES]();
  wire_turn(&w);
  resumed(a);
  resumed(b);
  cycles_expect_end(0, "aborted");
  bool is_known = touches[_i % TOUCHES] == use || touches[_i % TOUCHES] == let_go;
  wire_expect_text(&o, is_known ? "worker b used a suspected object meanwhile" : "a suspected object was used meanwhile");
  ck_assert_uint_eq(w.broker.refs.touched, 0);
}
END_TEST

/* Between the last answer but one and the last one: what is in the same turn counts, too. */
START_TEST(a_touch_before_the_last_answer_aborts) {
  struct pt x = wire_token(a, 1);
  cycles_pair();
  cycles_begin_round();
  cycles_to_halt();
  cycles_clear(a, CYCLES_HALT);
  cycles_asked(b, CYCLES_HALT);
  pack_text(wire_ask(b, OP_get, NULL, &x, 1), "k");
  wire_end(b);
  cycles_put_answer(b, 1, 0, 0, NULL);
  wire_flush(&w, b);
  resumed(a);
  resumed(b);
  cycles_expect_end(0, "aborted");
}
END_TEST

/* In scan and check it is one more that is live. */
START_TEST(a_touch_before_halt_has_them_asked_again) {
  cycles_pair();
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  if (_i >= TOUCHES) {
    cycles_answer(a, 0);
    cycles_clear(b, CYCLES_SCAN);
    cycles_asked(a, CYCLES_CHECK);
  }
  touches[_i % TOUCHES]();
  wire_turn(&w);
  struct asked mine = q;
  for (;;) {
    ck_assert_int_eq(wire_next(&w, b), 1);
    if (b->m.op == OP_cycle) break;
  }
  q.id = b->m.id;
  q.hosted = q.held = 1;
  cycles_answer(b, 0);
  q = mine;
  cycles_answer(a, 0);
  if (touches[_i % TOUCHES] == let_go) { /* what it ended with is asked for once more */
    wire_expect_drop(&w, a, 1, 1);
    cycles_asked(a, CYCLES_CHECK);
    ck_assert_uint_eq(q.hosted, 0);
    cycles_answer(a, 1);
    cycles_clear(b, CYCLES_CHECK);
  }
  cycles_expect_end(0, "nothing"); /* 2 is held by one who hosts no suspect then */
}
END_TEST

START_TEST(live_in_halt_aborts) {
  cycles_pair();
  cycles_begin_round();
  cycles_to_halt();
  cycles_asked(a, CYCLES_HALT);
  cycles_answer(a, 1 << _i); /* it is pinned; or reached */
  resumed(a);
  resumed(b);
  cycles_expect_end(0, "aborted");
  wire_expect_text(&o, "worker a uses a suspected object");
}
END_TEST

START_TEST(who_withdraws_is_let_go) {
  cycles_pair();
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  pack_uint(wire_begin(a, MESSAGE_NOTICE, OP_withdraw, 0, 1), q.round);
  wire_send(&w, a); /* too early: it is not halted */
  cycles_answer(a, 0);
  cycles_clear(b, CYCLES_SCAN);
  cycles_clear(a, CYCLES_CHECK);
  cycles_clear(b, CYCLES_CHECK);
  cycles_clear(a, CYCLES_HALT);
  pack_uint(wire_begin(c, MESSAGE_NOTICE, OP_withdraw, 0, 1), q.round); /* who was not asked */
  wire_send(&w, c);
  pack_uint(wire_begin(a, MESSAGE_NOTICE, OP_withdraw, 0, 1), q.round + 1);
  wire_send(&w, a);
  cycles_asked(b, CYCLES_HALT);
  ck_assert_uint_eq(w.broker.cycles->stage, CYCLES_WAIT);
  pack_uint(wire_begin(a, MESSAGE_NOTICE, OP_withdraw, 0, 1), q.round);
  wire_send(&w, a);
  cycles_expect_resume(a);
  cycles_expect_resume(b);
  cycles_expect_end(0, "aborted");
  wire_expect_text(&o, "worker a could not stand still for so long");
  cycles_answer(b, 0); /* too late */
  pack_uint(wire_begin(a, MESSAGE_NOTICE, OP_withdraw, 0, 1), q.round);
  wire_send(&w, a);
  wire_quiet(&w, a);
  wire_quiet(&w, b);
}
END_TEST

/* It was decided: whoever withdraws now is condemned like the others. */
START_TEST(after_the_decision_it_is_too_late) {
  cycles_pair();
  cycles_begin_round();
  cycles_to_halt();
  cycles_clear(a, CYCLES_HALT);
  cycles_asked(b, CYCLES_HALT);
  pack_uint(wire_begin(a, MESSAGE_NOTICE, OP_withdraw, 0, 1), q.round);
  wire_end(a);
  cycles_put_answer(b, 1, 0, 0, NULL);
  ck_assert_int_gt(send(b->fd, b->out.bytes, b->out.size, 0), 0);
  b->out.size = 0;
  wire_turn(&w);
  wire_flush(&w, a);
  cycles_expect_condemn(a, 1);
  cycles_expect_condemn(b, 2);
  cycles_expect_end(2, "found");
  claim();
  wire_past_peers(&w, c);
  ck_assert_int_eq(c->m.kind, MESSAGE_ERROR);
  ck_assert_uint_eq(wire_uint(c), STATUS_stale);
  wire_quiet(&w, a);
}
END_TEST

/* Who is late, in any phase. */
START_TEST(nobody_is_waited_for_for_ever) {
  struct cycles *k = w.broker.cycles;
  cycles_pair();
  cycles_begin_round();
  for (int phase = CYCLES_SCAN; phase <= _i; phase++) {
    cycles_clear(a, (enum cycles_phase)phase);
    cycles_asked(b, (enum cycles_phase)phase);
    if (phase < _i) cycles_answer(b, 0);
  }
  ck_assert_uint_le(uv_timer_get_due_in(&k->timer), _i == CYCLES_HALT ? 52 + 2 * told_ms : 10000);
  uv_timer_start(&k->timer, k->timer.timer_cb, 0, 0);
  wire_turn(&w);
  if (_i == CYCLES_HALT) {
    cycles_expect_resume(a);
    cycles_expect_resume(b);
  }
  cycles_expect_end(0, _i == CYCLES_HALT ? "aborted" : "nothing");
  wire_expect_text(&o, _i == CYCLES_HALT ? "worker b did not answer in time" : "left out: b (does not answer)");
  cycles_answer(b, 3); /* to nobody */
  wire_quiet(&w, b);
  wire_quiet(&w, a);
}
END_TEST

/* The last one that has not answered ends, and in the same turn it would be late: the round goes on without it. */
START_TEST(a_death_at_the_last_moment) {
  struct cycles *k = w.broker.cycles;
  cycles_pair();
  cycles_begin_round();
  cycles_clear(a, CYCLES_SCAN);
  cycles_asked(b, CYCLES_SCAN);
  client_condemn(wire_client(&w, b), "%s", "");
  cycles_late(k);
  ck_assert(!k->is_stopped);
  cycles_expect_end(0, "nothing");
  wire_expect_text(&o, "");
}
END_TEST

/* However many there are who spoil it, and however long the round may be: nobody is halted again and again. */
START_TEST(a_round_has_so_many_halts) {
  struct refs *r = &w.broker.refs;
  w.broker.cycles->limit = 1 << 10;
  for (uint64_t id = 1; id <= 24; id += 2) {
    cycles_hold(b, a, id);
    cycles_hold(a, b, id + 1);
  }
  cycles_begin_round();
  cycles_clear(a, CYCLES_SCAN);
  cycles_clear(b, CYCLES_SCAN);
  for (int halts = 0; halts < CYCLES_HALTS; halts++) {
    for (int phase = CYCLES_CHECK; phase <= CYCLES_HALT; phase++) {
      cycles_clear(a, (enum cycles_phase)phase);
      cycles_asked(b, (enum cycles_phase)phase);
      if (phase == CYCLES_CHECK) cycles_answer(b, 0);
    }
    uint32_t i = slab_next(&r->tokens, 0);
    while (!(refs_token(r, i)->mark & TOKEN_CALLED)) i = slab_next(&r->tokens, i + 1);
    refs_mention(r, i, SLAB_NONE, broker_now(&w.broker));
    wire_turn(&w);
    cycles_expect_resume(a);
    cycles_expect_resume(b);
  }
  cycles_expect_end(0, "aborted");
  ck_assert_uint_eq(w.broker.cycles->limit, CYCLES_TURNS);
}
END_TEST

/* It answers with an error: what it has and holds is as live as can be. */
START_TEST(who_cannot_take_part_is_left_out) {
  enum status status = _i ? STATUS_unsupported : STATUS_busy;
  cycles_pair();
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  pack_uint(wire_begin(a, MESSAGE_ERROR, OP_cycle, q.id, 2), status);
  pack_text(&a->p, "no");
  wire_send(&w, a);
  cycles_clear(b, CYCLES_SCAN);
  cycles_expect_end(0, "nothing");
  ck_assert_int_eq(wire_client(&w, a)->unable_s == UINT32_MAX, _i);
  cycles_begin_round();
  cycles_expect_end(0, "nothing");
  wire_quiet(&w, a);
  wire_quiet(&w, b);
  if (_i) return;
  wire_client(&w, a)->unable_s = broker_now(&w.broker);
  cycles_begin_round();
  cycles_to_halt();
  cycles_asked(a, CYCLES_HALT);
  pack_uint(wire_begin(a, MESSAGE_ERROR, OP_cycle, q.id, 2), status);
  pack_text(&a->p, "no");
  wire_send(&w, a);
  cycles_expect_resume(a);
  cycles_expect_end(0, "aborted");
}
END_TEST

/* Older versions of the wire know nothing of it. */
START_TEST(older_ones_are_not_asked) {
  cycles_pair();
  wire_client(&w, a)->version = WIRE_VERSION_CYCLES - 1;
  cycles_begin_round();
  cycles_expect_end(0, "nothing");
  wire_quiet(&w, a);
  pack_uint(wire_begin(a, MESSAGE_NOTICE, OP_withdraw, 0, 1), 1);
  wire_send(&w, a);
  wire_expect_end(&w, a);
}
END_TEST

static void answer_badly(struct end *e, int how) {
  struct pack *p = wire_begin(e, MESSAGE_REPLY, OP_cycle, q.id, how == 0 ? 2 : 3);
  if (how == 1)
    pack_text(p, "soon");
  else
    pack_uint(p, 1);
  pack_string(p, "\0\0", how == 2 ? 2 : 1);
  if (how == 3) pack_string(p, "1234567", 7);
  if (how == 4) pack_string(p, "\0\0\0\1\0\0\0\0", 8);
  if (how == 5) pack_string(p, "\0\0\0\0\377\377\377\377", 8);
  if (how == 1 || how == 2) pack_string(p, "", 0);
  wire_send(&w, e);
}

START_TEST(an_answer_of_another_form_ends_the_connection) {
  cycles_pair();
  cycles_begin_round();
  cycles_clear(b, CYCLES_SCAN);
  cycles_asked(a, CYCLES_SCAN);
  answer_badly(a, _i);
  wire_expect_end(&w, a);
  cycles_expect_end(0, NULL);
}
END_TEST

/* Edges between what it was not asked for: the connection ends at the first, and nobody is waited for while the others are read. */
START_TEST(edges_of_nothing_take_no_time) {
  enum { PAIRS = 4000 };
  static char pairs[8 * PAIRS];
  memset(pairs, 0xff, sizeof pairs);
  cycles_pair();
  cycles_begin_round();
  cycles_clear(b, CYCLES_SCAN);
  cycles_asked(a, CYCLES_SCAN);
  struct pack *p = wire_begin(a, MESSAGE_REPLY, OP_cycle, q.id, 3);
  pack_uint(p, 1);
  pack_string(p, "", 1);
  pack_string(p, pairs, sizeof pairs);
  uint64_t turn = w.broker.work.turn;
  wire_send(&w, a);
  while (w.broker.cycles->stage != CYCLES_IDLE) wire_turn(&w);
  ck_assert_uint_lt(w.broker.work.turn - turn, 100);
}
END_TEST

/* Answers that nobody waits for, from whomever. */
START_TEST(answers_to_nothing_are_ignored) {
  cycles_pair();
  q = (struct asked){.id = 77, .hosted = 1, .held = 1};
  cycles_answer(a, 0);
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  cycles_answer(b, 3); /* with another's id */
  cycles_answer(c, 3);
  cycles_answer(a, 0);
  cycles_answer(a, 3); /* a second time */
  cycles_clear(b, CYCLES_SCAN);
  cycles_clear(a, CYCLES_CHECK);
  cycles_clear(b, CYCLES_CHECK);
  cycles_clear(a, CYCLES_HALT);
  cycles_clear(b, CYCLES_HALT);
  cycles_expect_end(2, "found");
}
END_TEST

/* Whether the message that was read last is `cycle` with the phase halt. */
static bool is_halt(struct end *e) {
  return e->m.op == OP_cycle && wire_uint(e) && wire_uint(e) == CYCLES_HALT;
}

/* A member ends before and after each message. */
START_TEST(a_death_ends_the_round) {
  int messages = _i / 2;
  struct end *dies = _i % 2 ? b : a, *stays = _i % 2 ? a : b;
  cycles_pair();
  cycles_begin_round();
  for (int n = 0; n < messages; n++) {
    struct end *e = n % 2 ? b : a;
    cycles_asked(e, (enum cycles_phase)(n / 2));
    cycles_answer(e, 0);
  }
  if (messages == 6) { /* it was decided */
    cycles_expect_condemn(stays, stays == a ? 1 : 2);
    cycles_expect_end(2, "found");
  }
  wire_leave(dies);
  dies->fd = -1;
  wire_turn(&w);
  if (messages == 1 || messages == 3) { /* the one that stays is still to answer, and was the first to be asked */
    if (stays == b) cycles_asked(b, (enum cycles_phase)(messages / 2));
    if (stays == b) cycles_answer(b, 0);
  }
  if (messages < 6) cycles_expect_end(0, NULL);
  bool halted = messages == 5 && stays == a, resumed_it = false;
  while (wire_next(&w, stays) == 1) {
    ck_assert_int_ne(stays->m.op, OP_condemn);
    halted |= is_halt(stays);
    resumed_it |= stays->m.op == OP_resume;
  }
  ck_assert_int_eq(resumed_it, halted);
}
END_TEST

/* Another program takes the broker's place: the round ends, and who is halted is told. */
START_TEST(an_upgrade_ends_the_round) {
  static struct wire v;
  carried_keeps = _i % 2;
  int messages = _i / 2;
  cycles_pair();
  cycles_begin_round();
  for (int n = 0; n < messages; n++) cycles_clear(n % 2 ? b : a, (enum cycles_phase)(n / 2));
  if (messages == 6) { /* it was decided; whether told or not, it is done */
    ck_assert(w.broker.refs.is_decided || w.broker.cycles->condemned_ever == 2);
  }
  carried_over(&v, &w, NULL);
  ck_assert_uint_eq(v.broker.refs.trials, 0);
  ck_assert_uint_eq(v.broker.cycles->stage, CYCLES_IDLE);
  uint32_t condemned = 0;
  for (uint32_t i = slab_next(&v.broker.refs.tokens, 0); i != SLAB_NONE; i = slab_next(&v.broker.refs.tokens, i + 1))
    condemned += refs_token(&v.broker.refs, i)->mark == TOKEN_CONDEMNED;
  ck_assert_uint_eq(condemned, messages == 6 ? 2 : 0);
  carried_forget(&w);
  for (int i = 0; i < 2; i++) {
    bool told = false, halted = messages > 4 + i;
    while (wire_next(&v, &all[i]) == 1) {
      halted |= is_halt(&all[i]);
      told |= all[i].m.op == (messages == 6 ? OP_condemn : OP_resume);
    }
    ck_assert_int_eq(told, halted);
  }
  for (int i = 0; i < WORKERS; i++) wire_leave(&all[i]);
  wire_leave(&o);
  wire_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker cycles ends");
  TCase *t = tcase_create("ends");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, cycles_setup, cycles_teardown);
  tcase_add_loop_test(t, a_touch_in_halt_aborts, 0, 2 * TOUCHES);
  tcase_add_test(t, a_touch_before_the_last_answer_aborts);
  tcase_add_loop_test(t, a_touch_before_halt_has_them_asked_again, 0, 2 * TOUCHES);
  tcase_add_loop_test(t, live_in_halt_aborts, 0, 2);
  tcase_add_test(t, who_withdraws_is_let_go);
  tcase_add_test(t, after_the_decision_it_is_too_late);
  tcase_add_loop_test(t, nobody_is_waited_for_for_ever, 0, 3);
  tcase_add_test(t, a_death_at_the_last_moment);
  tcase_add_test(t, a_round_has_so_many_halts);
  tcase_add_loop_test(t, who_cannot_take_part_is_left_out, 0, 2);
  tcase_add_test(t, older_ones_are_not_asked);
  tcase_add_loop_test(t, an_answer_of_another_form_ends_the_connection, 0, 6);
  tcase_add_test(t, edges_of_nothing_take_no_time);
  tcase_add_test(t, answers_to_nothing_are_ignored);
  tcase_add_loop_test(t, a_death_ends_the_round, 0, 14);
  t = tcase_create("upgrade");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, cycles_setup, NULL);
  tcase_add_loop_test(t, an_upgrade_ends_the_round, 0, 14);
  return run_suite(s);
}
