/* SPDX-License-Identifier: MIT
 *
 * Rounds that would last for long: they end, and what had no turn comes first in the next; and nobody who has the others check again
 * and again keeps more than what it shares with them.
 */
#define _GNU_SOURCE
#include "tests/unit/broker_cycles_spoilt.h"

static struct end e, f;
static struct end *const six[] = {&all[0], &all[1], &all[2], &d, &e, &f};

/* Three parts: a and b, c and d, e and f, in this order. */
static void setup_parts(void) {
  setup();
  e = f = (struct end){0};
  wire_join(&w, &e, "e");
  wire_join(&w, &f, "f");
  for (int i = 0; i < 6; i++) {
    struct end *holder = six[i ^ 1];
    const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct pt pt = wire_token(six[i], 1);
    wire_client(&w, six[i])->cycle_pause_ms = 1000;
    wire_fetch(&w, holder, six[i], names[i], &pt);
  }
}
static void teardown_parts(void) {
  wire_leave(&e);
  wire_leave(&f);
  teardown();
}

static void to_halt(void) {
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
    for (int i = 0; i < 6; i++) clear(six[i], (enum cycles_phase)phase);
}
/* Which part is halted. */
static int halted_part(void) {
  struct cycles *k = w.broker.cycles;
  for (int n = 0; n < 20 && !(k->phase == CYCLES_HALT && k->stage == CYCLES_WAIT); n++) wire_turn(&w);
  for (int i = 0; i < 6; i += 2)
    if (k->hosts[wire_client(&w, six[i])->host].member != SLAB_NONE) return i / 2;
  return -1;
}
static void end_well(int part) {
  clear(six[2 * part], CYCLES_HALT);
  clear(six[2 * part + 1], CYCLES_HALT);
  expect_op(six[2 * part], OP_condemn);
  expect_op(six[2 * part + 1], OP_condemn);
}
static const struct cycles_past *last_round(void) {
  const struct cycles *k = w.broker.cycles;
  return &k->past[(k->rounds - 1) % CYCLES_ROUNDS];
}

/* In each round one has its halt last until the time is over: each part has its turn. */
START_TEST(who_had_no_turn_comes_first) {
  struct cycles *k = w.broker.cycles;
  static const char *const why[] = {"worker b did not answer in time", "worker d did not answer in time", "worker f did not answer in time"};
  for (int round = 0; round < 4; round++) {
    char text[120];
    begin_by_time();
    to_halt();
    int part = halted_part();
    ck_assert_int_eq(part, round % 3);
    clear(six[2 * part], CYCLES_HALT);
    asked(six[2 * part + 1], CYCLES_HALT);
    k->ends_ms = 0;
    be_late();
    await_end();
    for (int i = 0; i < 6; i++) wire_client(&w, six[i])->strikes = 0;
    snprintf(text, sizeof text, "%s; its time was over: 2 groups of workers come first in the next round", why[part]);
    ck_assert_str_eq(last_round()->why, text);
    ck_assert_int_eq(last_round()->outcome, CYCLES_ABORTED);
    ck_assert_uint_eq(k->pause_ms, k->time_ms);
    ck_assert_uint_eq(k->limit, CYCLES_TURNS);
  }
}
END_TEST

/* What had its turn stays decided. One part has its turn, however long the checks took. */
START_TEST(one_part_at_least_has_its_turn) {
  struct cycles *k = w.broker.cycles;
  for (int part = 0; part < 3; part++) {
    begin_by_time();
    for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
      for (int i = 2 * part; i < 6; i++) {
        asked(six[i], (enum cycles_phase)phase);
        if (phase == CYCLES_CHECK && i == 5) k->ends_ms = 0;
        cycles_answer(six[i], 0);
      }
    ck_assert_int_eq(halted_part(), part);
    ck_assert_uint_gt(k->ends_ms, uv_now(&w.loop) + 20000);
    k->ends_ms = 0;
    end_well(part);
    await_end();
    ck_assert_int_eq(last_round()->outcome, CYCLES_FOUND);
    ck_assert_uint_eq(last_round()->condemned, 2);
    ck_assert_int_eq(strstr(last_round()->why, "its time was over") != NULL, part < 2);
  }
}
END_TEST

/* What is left of a part is not asked for once more when the time is over. */
START_TEST(no_further_turn_when_the_time_is_over) {
  struct cycles *k = w.broker.cycles;
  struct refs *r = &w.broker.refs;
  struct pt of_e = wire_token(&e, 2), of_f = wire_token(&f, 2);
  wire_fetch(&w, &f, &e, "e", &of_e);
  wire_fetch(&w, &e, &f, "f", &of_f);
  begin_by_time();
  to_halt();
  end_well(0);
  end_well(1);
  asked(&e, CYCLES_HALT);
  if (_i) k->ends_ms = 0;
  refs_mention(r, refs_find_id(r, wire_client(&w, &e)->host, 1), SLAB_NONE, broker_now(&w.broker));
  expect_op(&e, OP_resume);
  if (!_i) asked(&e, CYCLES_CHECK);
  if (!_i) return;
  await_end();
  ck_assert_str_eq(last_round()->why, "a suspected object was used meanwhile");
  ck_assert_uint_eq(last_round()->condemned, 4);
}
END_TEST

/* d says in each check that it uses one more of what c shares with it: the others' garbage goes all the same. */
START_TEST(who_has_others_check_for_ever_keeps_only_its_own) {
  struct cycles *k = w.broker.cycles;
  for (uint64_t id = 10; id < 40; id++) {
    struct pt pt = wire_token(c, id);
    wire_fetch(&w, &d, c, "c", &pt);
  }
  begin_by_time();
  for (unsigned turn = 0; turn < CYCLES_TURNS; turn++)
    for (int i = 0; i < 6; i++) {
      asked(six[i], turn ? CYCLES_CHECK : CYCLES_SCAN);
      if (_i && i == 5 && turn == 3) k->ends_ms = 0;
      cycles_answer(six[i], six[i] == &d ? UINT64_C(1) << q.hosted : 0);
      if (_i && i == 5 && turn == 3) turn = CYCLES_TURNS;
    }
  for (int part = 0; part < 3; part += 2) {
    ck_assert_int_eq(halted_part(), part);
    end_well(part);
  }
  await_end();
  ck_assert_uint_eq(last_round()->condemned, 4);
  ck_assert_uint_eq(k->limit, 2 * CYCLES_TURNS);
  wire_quiet(&w, c);
  wire_quiet(&w, &d);
}
END_TEST

/* The time is over in a check in which f uses what e has. So what e holds is no suspect any more, an object of c's: c is asked for
 * less in halt than in check. What it says or does then is no fault of its own. */
START_TEST(who_is_asked_for_less_has_an_excuse) {
  struct cycles *k = w.broker.cycles;
  struct pt pt = wire_token(c, 2);
  wire_fetch(&w, &e, c, "c", &pt);
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
    for (int i = 0; i < 6; i++) {
      asked(six[i], (enum cycles_phase)phase);
      if (phase == CYCLES_CHECK && i == 5) k->ends_ms = 0;
      cycles_answer(six[i], phase == CYCLES_CHECK && i == 5 ? UINT64_C(1) << q.hosted : 0);
    }
  end_well(0);
  ck_assert_int_eq(halted_part(), 1);
  asked(&d, CYCLES_HALT);
  asked(c, CYCLES_HALT);
  ck_assert_uint_eq(q.hosted, 1);
  if (_i == 0)
    cycles_answer(c, UINT64_C(1) << q.hosted); /* by way of that object */
  else
    be_late();
  expect_op(&d, OP_resume);
  await_end();
  ck_assert_uint_eq(wire_client(&w, c)->strikes, 0);
  ck_assert_uint_eq(wire_client(&w, &d)->strikes, (unsigned)_i); /* it is late, and was asked for the same */
}
END_TEST

/* Nobody is halted who has not been asked to check. */
START_TEST(a_scan_alone_is_not_enough) {
  struct cycles *k = w.broker.cycles;
  k->pause_ms = 3600000;
  begin_by_time();
  for (int i = 0; i < 6; i++) {
    asked(six[i], CYCLES_SCAN);
    if (i == 5) k->ends_ms = 0;
    cycles_answer(six[i], 0);
  }
  await_end();
  ck_assert_int_eq(last_round()->outcome, CYCLES_UNFINISHED);
  ck_assert_uint_eq(last_round()->turns, 1);
  ck_assert_uint_eq(k->pause_ms, 3600000); /* the next one is longer, and comes no later */
  ck_assert_uint_eq(k->due_ms, last_round()->ended_ms + k->pause_ms);
  ck_assert_uint_eq(k->limit, 2 * CYCLES_TURNS);
}
END_TEST

/* The more checks a round may have, the longer it may be; but not if somebody waits for it, nor for ever. */
START_TEST(a_round_is_so_long) {
  static const struct { uint32_t limit; uint64_t seconds; } cases[] = {{8, 90}, {16, 180}, {128, 1440}, {1 << 20, 1440}};
  struct cycles *k = w.broker.cycles;
  k->limit = cases[_i].limit;
  begin_by_time();
  asked(a, CYCLES_SCAN);
  ck_assert_uint_eq(k->ends_ms, k->began_ms + 1000 * cases[_i].seconds);
  round_stop_for(k, "it is to be");
  await_end();
  k->limit = cases[_i].limit;
  cycles_begin_round();
  asked(a, CYCLES_SCAN);
  ck_assert_uint_eq(k->ends_ms, k->began_ms + 90000);
}
END_TEST

/* A broker that is so busy that it does not come to ask all has nobody to blame. */
START_TEST(who_was_not_asked_is_not_late) {
  struct cycles *k = w.broker.cycles;
  begin_by_time();
  for (int n = 0; n < 100 && !(k->stage == CYCLES_SEND && k->cursor == 1); n++) {
    work_charge(&w.broker.work, 2 * WORK_TURN);
    uv_run(&w.loop, UV_RUN_NOWAIT);
  }
  ck_assert_uint_eq(k->cursor, 1);
  ck_assert_uint_gt(uv_timer_get_due_in(&k->timer), 10000);
  uv_timer_stop(&k->timer); /* as if that time were over: in a turn of the loop others might be asked before */
  k->timer.timer_cb(&k->timer);
  await_end();
  ck_assert_str_eq(last_round()->why, "the broker took too long");
  for (int i = 0; i < 6; i++) ck_assert_uint_eq(wire_client(&w, six[i])->unable_s, 0);
}
END_TEST

/* It has nothing to do any more, whichever stage it was in. */
START_TEST(a_round_that_is_stopped_is_no_work) {
  struct cycles *k = w.broker.cycles;
  round_begin(k);
  ck_assert(job_is_queued(&k->job));
  if (_i) {
    for (int n = 0; n < 100 && k->stage != CYCLES_WAIT; n++) wire_turn(&w);
    ck_assert_int_eq(k->stage, CYCLES_WAIT);
  }
  round_stop_for(k, "it is to be");
  round_react(k);
  ck_assert_int_eq(k->stage, _i ? CYCLES_CLEAR : CYCLES_IDLE);
  ck_assert(job_is_queued(&k->job) == (_i == 1));
  await_end();
  ck_assert_str_eq(last_round()->why, "it is to be");
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker cycles long");
  TCase *t = tcase_create("long");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup_parts, teardown_parts);
  tcase_add_test(t, who_had_no_turn_comes_first);
  tcase_add_test(t, one_part_at_least_has_its_turn);
  tcase_add_loop_test(t, no_further_turn_when_the_time_is_over, 0, 2);
  tcase_add_loop_test(t, who_has_others_check_for_ever_keeps_only_its_own, 0, 2);
  tcase_add_loop_test(t, who_is_asked_for_less_has_an_excuse, 0, 2);
  tcase_add_test(t, a_scan_alone_is_not_enough);
  tcase_add_loop_test(t, a_round_is_so_long, 0, 4);
  tcase_add_test(t, who_was_not_asked_is_not_late);
  tcase_add_loop_test(t, a_round_that_is_stopped_is_no_work, 0, 2);
  return run_suite(s);
}
