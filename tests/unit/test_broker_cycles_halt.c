/* SPDX-License-Identifier: MIT
 *
 * The halt of a round: parts that share no worker, how long answers are waited for, and what becomes of who spoils it. Here a
 * and b have a cycle of the objects 1 and 2; the one who spoils it has 3, in a cycle with 4 of a, or with 4 of d.
 */
#define _GNU_SOURCE
#include "tests/unit/broker_cycles.h"

static void setup(void) {
  cycles_setup();
  told_ms = 400; /* they are waited for less long than they wait */
  wire_join(&w, &d, "d");
  for (int i = 0; i < WORKERS; i++) wire_client(&w, &all[i])->cycle_pause_ms = 1000;
  wire_client(&w, &d)->cycle_pause_ms = 1000;
}
static void teardown(void) {
  if (d.fd >= 0) wire_leave(&d);
  cycles_teardown();
}

/* c has 3 and holds 4 of the other, who holds 3. */
static void spoilers_cycle(struct end *other) {
  cycles_hold(other, c, 3);
  cycles_hold(c, other, 4);
}

/* Has the round begin that is due: all was mentioned last 40 s ago. */
static void begin_by_time(void) {
  struct refs *r = &w.broker.refs;
  w.broker.cycles->quiet_s = 30;
  for (uint32_t i = slab_next(&r->tokens, 0); i != SLAB_NONE; i = slab_next(&r->tokens, i + 1))
    refs_token(r, i)->last = (uint16_t)(broker_now(&w.broker) - 40);
  cycles_begin_by_time();
}

/* ---- Ways to spoil it, by c, which was asked last ---- */

static void use(void) {
  struct pt x = wire_token(c, 3);
  pack_text(wire_ask(c, OP_get, NULL, &x, 1), "k");
  wire_send(&w, c);
}
static void release(void) {
  wire_begin(c, MESSAGE_NOTICE, OP_unsub, 0, 2);
  struct pt y = q.pts[0];
  pack_pt(&c->p, &y);
  pack_uint(&c->p, 1);
  wire_send(&w, c);
}
static void say_live(void) { cycles_answer(c, 1); }
static void withdraw(void) {
  pack_uint(wire_begin(c, MESSAGE_NOTICE, OP_withdraw, 0, 1), q.round);
  wire_send(&w, c);
}
static void refuse(void) {
  pack_uint(wire_begin(c, MESSAGE_ERROR, OP_cycle, q.id, 2), STATUS_busy);
  pack_text(&c->p, "no");
  wire_send(&w, c);
}
static void be_late(void) {
  struct cycles *k = w.broker.cycles;
  for (uint32_t i = 0; i < k->member_count; i++) k->members[i].asked_ms -= k->halt_ms;
  uv_timer_start(&w.broker.cycles->timer, w.broker.cycles->timer.timer_cb, 0, 0);
  wire_turn(&w);
}
static void die(void) {
  wire_leave(c);
  c->fd = -1;
  wire_turn(&w);
}
static void (*const ways[])(void) = {use, release, say_live, withdraw, refuse, be_late, die};
static const char *const texts[] = {"an object was used meanwhile, by worker c", "an object was used meanwhile, by worker c",
                                    "worker c uses an object", "worker c could not wait", "worker c cannot answer; without c (busy)",
                                    "worker c did not answer in time", NULL};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* Whatever else comes, until the next of the round. */
static void asked(struct end *e, enum cycles_phase phase) {
  do
    ck_assert_int_eq(wire_next(&w, e), 1);
  while (e->m.op != OP_cycle);
  struct value v;
  q.round = wire_uint(e);
  ck_assert_uint_eq(wire_uint(e), phase);
  q.id = e->m.id;
  ck_assert(reader_next(&e->r, &v));
  q.hosted = v.count;
  for (uint32_t i = 0; i < v.count; i++) wire_uint(e);
  ck_assert(reader_next(&e->r, &v));
  q.held = v.count;
  for (uint32_t i = 0; i < v.count; i++) q.pts[i] = wire_pt(e);
}
static void clear(struct end *e, enum cycles_phase phase) {
  asked(e, phase);
  cycles_answer(e, 0);
}
static void expect_op(struct end *e, enum op op) {
  do
    ck_assert_int_eq(wire_next(&w, e), 1);
  while (e->m.op != op && e->m.op != OP_cycle);
  ck_assert_int_eq(e->m.op, op);
}
static void await_end(void) {
  for (int n = 0; n < 20; n++) wire_turn(&w);
  ck_assert_uint_eq(w.broker.cycles->stage, CYCLES_IDLE);
}
static void expect_end(uint64_t condemned, const char *outcome, const char *text) {
  cycles_expect_end(condemned, outcome);
  if (text) wire_expect_text(&o, text);
}

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
      ways[way]();
      expect_op(&d, OP_resume);
    }
  }
  expect_end(2, "found", texts[way]);
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
  ways[_i]();
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
  expect_end(2, "found", texts[_i]);
  ck_assert_uint_eq(wire_client(&w, a)->strikes + wire_client(&w, b)->strikes, 0);
}
END_TEST

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

/* In rounds by time it is asked no more after the third. */
START_TEST(who_always_spoils_it_is_left_out) {
  if (ways[_i] == refuse || ways[_i] == die || ways[_i] == release) return;
  spoilers_cycle(a);
  for (int round = 0; round < 4; round++) {
    begin_by_time();
    if (round == 3) break;
    for (int phase = CYCLES_SCAN; phase <= CYCLES_HALT; phase++) {
      clear(a, (enum cycles_phase)phase);
      asked(c, (enum cycles_phase)phase);
      if (phase < CYCLES_HALT) cycles_answer(c, 0);
    }
    ways[_i]();
    expect_op(a, OP_resume);
    await_end();
    ck_assert_uint_eq(wire_client(&w, c)->strikes, round == 2 ? 0u : (unsigned)round + 1);
  }
  ck_assert_uint_gt(wire_client(&w, c)->unable_s, broker_now(&w.broker));
  await_end();
  ck_assert_uint_eq(w.broker.cycles->number, 4);
  char text[80];
  snprintf(text, sizeof text, "without c (%s)", wire_client(&w, c)->unable_why);
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
      {0, 1000, 50}, {100, 1000, 250}, {400, 1000, 850}, {600, 1000, 1000}, {600, 300, 300}, {100, 10, 50}, {100, 0, 50}, {900, 9000, 1000}};
  halt_with(cases[_i].checked, cases[_i].pause);
  ck_assert_uint_le(w.broker.cycles->halt_ms, cases[_i].most + 60); /* what the test itself took in check */
  ck_assert_uint_ge(w.broker.cycles->halt_ms, cases[_i].most);
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
  ck_assert_str_eq(k->past[0].why, _i ? "worker b did not answer in time" : "worker a could not wait");
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
  tcase_add_loop_test(t, who_always_spoils_it_is_left_out, 0, WAYS);
  tcase_add_loop_test(t, rounds_about_what_was_used_just_now_do_not_count, 0, 2);
  tcase_add_test(t, who_took_part_well_begins_anew);
  t = tcase_create("patience");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, halt_lasts_as_long_as_all_allow, 0, 8);
  tcase_add_test(t, halt_lasts_as_long_as_it_would_take);
  tcase_add_loop_test(t, who_is_late_or_impatient, 0, 2);
  tcase_add_test(t, who_had_no_time_is_not_struck);
  tcase_add_test(t, the_clock_begins_when_all_are_asked);
  tcase_add_test(t, the_next_round_goes_without_the_other);
  tcase_add_loop_test(t, a_withdrawal_in_time_is_the_others_fault, 0, 2);
  return run_suite(s);
}
