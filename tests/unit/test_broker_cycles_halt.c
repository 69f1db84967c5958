/* SPDX-License-Identifier: MIT
 *
 * The halt of a round: parts that share no worker, what is left when one is spoilt, and how long answers are waited for.
 */
#define _GNU_SOURCE
#include "tests/unit/broker_cycles_spoilt.h"

/* ---- Parts ---- */

/* Whether it is of the part that is halted. */
static bool is_halted(struct end *e) {
  struct cycles *k = w.broker.cycles;
  for (int n = 0; n < 20 && !(k->phase == CYCLES_HALT && k->stage == CYCLES_WAIT); n++) wire_turn(&w);
  return k->hosts[wire_client(&w, e)->host].member != SLAB_NONE;
}

START_TEST(parts_are_halted_one_after_the_other) {
  struct end *const four[] = {a, b, c, &d};
  cycles_pair();
  spoilers_cycle(&d);
  cycles_begin_round();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
    for (int i = 0; i < 4; i++) clear(four[i], (enum cycles_phase)phase);
  int first = is_halted(a) ? 0 : 2;
  wire_quiet(&w, four[2 - first]);
  clear(four[first], CYCLES_HALT);
  wire_quiet(&w, four[2 - first]);
  clear(four[first + 1], CYCLES_HALT);
  expect_op(four[first], OP_condemn);
  expect_op(four[first + 1], OP_condemn);
  clear(four[2 - first], CYCLES_HALT);
  clear(four[3 - first], CYCLES_HALT);
  expect_end(4, "found", "");
  ck_assert_uint_eq(w.broker.cycles->part_count, 2);
  ck_assert_uint_eq(w.broker.cycles->past[0].turns, 3);
}
END_TEST

/* Whichever comes first. */
START_TEST(who_spoils_a_part_leaves_the_others) {
  struct end *const four[] = {a, b, c, &d};
  int way = _i % WAYS;
  if (_i < WAYS) cycles_pair();
  spoilers_cycle(&d);
  if (_i >= WAYS) cycles_pair();
  cycles_begin_round();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
    for (int i = 0; i < 4; i++) clear(four[i], (enum cycles_phase)phase);
  bool is_first = is_halted(&d);
  for (int part = 0; part < 2; part++) {
    if (is_first == (part == 1)) {
      clear(a, CYCLES_HALT);
      clear(b, CYCLES_HALT);
      expect_op(a, OP_condemn);
      expect_op(b, OP_condemn);
    } else {
      clear(&d, CYCLES_HALT);
      asked(c, CYCLES_HALT);
      spoil(way);
      expect_op(&d, OP_resume);
    }
  }
  expect_end(2, "found", text_of(way));
}
END_TEST

/* And the clock of its halt runs out while its suspects are let go. */
START_TEST(the_clock_of_a_halt_ends_with_it) {
  struct end *const four[] = {a, b, c, &d};
  struct cycles *k = w.broker.cycles;
  cycles_pair();
  spoilers_cycle(&d);
  cycles_begin_round();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
    for (int i = 0; i < 4; i++) clear(four[i], (enum cycles_phase)phase);
  int other = is_halted(a) ? 2 : 0;
  uv_timer_start(&k->timer, k->timer.timer_cb, 0, 0);
  round_lose_for(k, "it is to be");
  round_react(k);
  clear(four[other], CYCLES_HALT);
  clear(four[other + 1], CYCLES_HALT);
  expect_op(four[other], OP_condemn);
  expect_op(four[other + 1], OP_condemn);
}
END_TEST

/* In one part with the others: they are asked once more, without what it has and holds. */
START_TEST(who_spoils_a_halt_keeps_only_what_it_has) {
  cycles_pair();
  spoilers_cycle(a);
  cycles_begin_round();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
    for (int i = 0; i < WORKERS; i++) clear(&all[i], (enum cycles_phase)phase);
  clear(a, CYCLES_HALT);
  clear(b, CYCLES_HALT);
  asked(c, CYCLES_HALT);
  ck_assert_uint_eq(q.hosted + q.held, 2);
  spoil(_i);
  expect_op(a, OP_resume);
  expect_op(b, OP_resume);
  for (int phase = CYCLES_CHECK; phase <= CYCLES_HALT; phase++)
    for (int i = 0; i < 2; i++) {
      asked(&all[i], (enum cycles_phase)phase);
      ck_assert_uint_eq(q.hosted + q.held, 2);
      cycles_answer(&all[i], 0);
    }
  expect_op(a, OP_condemn);
  expect_op(b, OP_condemn);
  expect_end(2, "found", text_of(_i));
  ck_assert_uint_eq(wire_client(&w, a)->strikes + wire_client(&w, b)->strikes, 0);
}
END_TEST

/* It was decided, and one of them ends before it is told: the others are told all the same. */
START_TEST(who_ends_when_it_is_decided) {
  struct end *ends = _i ? a : b, *stays = _i ? b : a;
  cycles_pair();
  cycles_begin_round();
  cycles_to_halt();
  cycles_clear(a, CYCLES_HALT);
  cycles_asked(b, CYCLES_HALT);
  cycles_put_answer(b, 1, 0, 0, NULL);
  ck_assert_int_gt(send(b->fd, b->out.bytes, b->out.size, 0), 0);
  b->out.size = 0;
  for (int n = 0; n < 10 && !w.broker.refs.is_decided; n++) uv_run(&w.loop, UV_RUN_NOWAIT);
  ck_assert(w.broker.refs.is_decided);
  client_condemn(wire_client(&w, ends), "%s", "");
  expect_op(stays, OP_condemn);
  ck_assert_uint_eq(wire_uint(stays), q.round);
  await_end();
}
END_TEST

/* ---- Patience ---- */

/* a and b in halt, of which b took so long in check; a lets others take so long. */
static void halt_with(uint32_t checked_ms, uint32_t pause_ms) {
  told_ms = 1;
  cycles_pair();
  wire_client(&w, a)->cycle_pause_ms = pause_ms;
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++) {
    clear(a, (enum cycles_phase)phase);
    asked(b, (enum cycles_phase)phase);
    struct cycles *k = w.broker.cycles;
    k->members[k->hosts[wire_client(&w, b)->host].member].asked_ms = uv_now(&w.loop) - checked_ms;
    cycles_answer(b, 0);
  }
  asked(a, CYCLES_HALT);
}

START_TEST(halt_lasts_as_long_as_all_allow) {
  static const struct { uint32_t checked, pause, most; } cases[] = {
      {0, 1000, 200}, {100, 1000, 400}, {350, 1000, 900}, {600, 1000, 1000}, {600, 300, 300}, {100, 10, 50}, {100, 0, 50}, {900, 9000, 1000}};
  halt_with(cases[_i].checked, cases[_i].pause);
  const struct cycles *k = w.broker.cycles;
  uint32_t checked = 0; /* and what the test itself took in check */
  for (int i = 0; i < 2; i++) {
    uint32_t ms = k->hosts[wire_client(&w, &all[i])->host].checked_ms;
    if (ms > checked) checked = ms;
  }
  ck_assert_uint_ge(checked, cases[_i].checked);
  ck_assert_uint_le(k->halt_ms, cases[_i].most + 2 * (checked - cases[_i].checked));
  ck_assert_uint_ge(k->halt_ms, cases[_i].most);
  cycles_answer(a, 0);
  clear(b, CYCLES_HALT);
  expect_op(a, OP_condemn);
}
END_TEST

/* Who answers at once, because nothing has run since it looked, tells how long it takes if something does. */
START_TEST(halt_lasts_as_long_as_it_would_take) {
  cycles_pair();
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++) {
    clear(a, (enum cycles_phase)phase);
    asked(b, (enum cycles_phase)phase);
    cycles_put_answer(b, 300, 0, 0, NULL);
    wire_flush(&w, b);
  }
  asked(a, CYCLES_HALT);
  ck_assert_uint_ge(w.broker.cycles->halt_ms, 650);
}
END_TEST

/* A slow worker and one that does not let it take so long: it is nobody's fault, and one round goes without the one, the next
 * without the other. But who takes half a second and longer is too slow. */
START_TEST(who_is_late_or_impatient) {
  uint32_t pause = _i ? 600 : 200;
  w.broker.cycles->number = 10; /* the next is odd */
  halt_with(700, pause);
  cycles_answer(a, 0);
  be_late();
  expect_op(a, OP_resume);
  await_end();
  ck_assert_str_eq(w.broker.cycles->past[0].why, "worker b did not answer in time");
  ck_assert_uint_eq(wire_client(&w, b)->strikes, (unsigned)_i);
  ck_assert_uint_eq(wire_client(&w, a)->strikes, 0);
}
END_TEST
START_TEST(the_next_round_goes_without_the_other) {
  w.broker.cycles->number = 11;
  halt_with(700, 200);
  cycles_answer(a, 0);
  be_late();
  expect_op(a, OP_resume);
  await_end();
  ck_assert_str_eq(w.broker.cycles->past[0].why, "worker a lets others take no more than 200 ms");
  ck_assert_uint_eq(wire_client(&w, b)->strikes + wire_client(&w, a)->strikes, 0);
}
END_TEST

/* One that is late itself is not one that could not wait for others. */
START_TEST(who_is_late_and_impatient_is_late) {
  struct cycles *k = w.broker.cycles;
  k->number = 11;
  wire_client(&w, b)->cycle_pause_ms = 200;
  halt_with(700, 1500);
  cycles_answer(a, 0);
  be_late();
  expect_op(a, OP_resume);
  await_end();
  ck_assert_str_eq(k->past[0].why, "worker b did not answer in time");
  ck_assert_uint_eq(wire_client(&w, b)->strikes, 0);
}
END_TEST

/* Who was asked last is not to blame for a broker that took long to ask. */
START_TEST(who_had_no_time_is_not_struck) {
  struct cycles *k = w.broker.cycles;
  halt_with(100, 1000);
  cycles_answer(a, 0);
  uv_timer_start(&k->timer, k->timer.timer_cb, 0, 0);
  expect_op(a, OP_resume);
  await_end();
  ck_assert_str_eq(k->past[0].why, "worker b did not answer in time");
  ck_assert_uint_eq(wire_client(&w, b)->strikes, 0);
}
END_TEST

/* A busy broker asks one in a turn: the time for answers begins when all have been asked. */
START_TEST(the_clock_begins_when_all_are_asked) {
  struct cycles *k = w.broker.cycles;
  told_ms = 1; /* so they are waited for less long than they wait */
  cycles_pair();
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++) {
    clear(a, (enum cycles_phase)phase);
    asked(b, (enum cycles_phase)phase);
    if (phase == CYCLES_SCAN) cycles_answer(b, 0);
  }
  cycles_answer(b, 0);
  for (int n = 0; n < 100 && !(k->phase == CYCLES_HALT && k->stage == CYCLES_SEND && k->cursor == 1); n++) {
    work_charge(&w.broker.work, 2 * WORK_TURN);
    uv_run(&w.loop, UV_RUN_NOWAIT);
  }
  ck_assert_uint_eq(k->cursor, 1);
  ck_assert_uint_gt(uv_timer_get_due_in(&k->timer), 500);
  k->halt_ms = 600;
  uv_timer_start(&k->timer, k->timer.timer_cb, 200, 0);
  for (int n = 0; n < 100 && k->stage == CYCLES_SEND; n++) wire_turn(&w);
  ck_assert_int_eq(k->stage, CYCLES_WAIT);
  ck_assert_uint_gt(uv_timer_get_due_in(&k->timer), 200);
  ck_assert_uint_le(uv_timer_get_due_in(&k->timer), 600);
}
END_TEST

/* Who has waited as long as it told is not to blame. */
START_TEST(a_withdrawal_in_time_is_the_others_fault) {
  struct cycles *k = w.broker.cycles;
  k->number = 10;
  halt_with(700, 600);
  cycles_answer(a, 0);
  for (int i = 0; _i && i < 2; i++) k->members[i].asked_ms -= 600;
  pack_uint(wire_begin(a, MESSAGE_NOTICE, OP_withdraw, 0, 1), q.round);
  wire_send(&w, a);
  expect_op(a, OP_resume);
  await_end();
  ck_assert_str_eq(k->past[0].why, _i ? "worker b did not answer in time" : "worker a could not stand still for so long");
  ck_assert_uint_eq(wire_client(&w, a)->strikes, _i ? 0u : 1u);
  ck_assert_uint_eq(wire_client(&w, b)->strikes, _i ? 1u : 0u);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker cycles halt");
  TCase *t = tcase_create("parts");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, parts_are_halted_one_after_the_other);
  tcase_add_loop_test(t, who_spoils_a_part_leaves_the_others, 0, 2 * WAYS);
  tcase_add_test(t, the_clock_of_a_halt_ends_with_it);
  tcase_add_loop_test(t, who_spoils_a_halt_keeps_only_what_it_has, 0, WAYS);
  tcase_add_loop_test(t, who_ends_when_it_is_decided, 0, 2);
  t = tcase_create("patience");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, halt_lasts_as_long_as_all_allow, 0, 8);
  tcase_add_test(t, halt_lasts_as_long_as_it_would_take);
  tcase_add_loop_test(t, who_is_late_or_impatient, 0, 2);
  tcase_add_test(t, who_is_late_and_impatient_is_late);
  tcase_add_test(t, who_had_no_time_is_not_struck);
  tcase_add_test(t, the_clock_begins_when_all_are_asked);
  tcase_add_test(t, the_next_round_goes_without_the_other);
  tcase_add_loop_test(t, a_withdrawal_in_time_is_the_others_fault, 0, 2);
  return run_suite(s);
}
