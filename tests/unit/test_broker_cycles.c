/* SPDX-License-Identifier: MIT
 *
 * A round that looks for garbage in cycles: who is suspected and asked, what becomes of what is live, and how it ends well.
 */
#include "tests/unit/broker_cycles.h"

START_TEST(a_pair_is_condemned) {
  cycles_pair();
  cycles_begin_round();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_HALT; phase++) {
    cycles_asked(a, (enum cycles_phase)phase);
    ck_assert_uint_eq(q.hosted, 1);
    ck_assert_uint_eq(q.ids[0], 1);
    ck_assert_uint_eq(q.held, 1);
    struct pt y = wire_token(b, 2);
    ck_assert(pt_equal(&q.pts[0], &y));
    cycles_answer(a, 0);
    cycles_clear(b, (enum cycles_phase)phase);
  }
  cycles_expect_condemn(a, 1);
  cycles_expect_condemn(b, 2);
  cycles_expect_end(2, "found");
  struct pt x = wire_token(a, 1), y = wire_token(b, 2);
  wire_unsub(&w, b, &x, 1);
  wire_expect_drop(&w, a, 1, 1);
  wire_unsub(&w, a, &y, 1);
  wire_expect_drop(&w, b, 2, 1);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
}
END_TEST

/* Who holds something and has nothing, and an observer: nobody is asked. */
START_TEST(what_is_not_cyclic_costs_no_message) {
  cycles_hold(b, a, 1);
  cycles_hold(c, b, 2);
  cycles_hold(c, a, 3);
  pack_text(wire_ask(&o, OP_lend, NULL, NULL, 2), "a");
  pack_uint(&o.p, 1);
  wire_send(&w, &o);
  wire_past_peers(&w, &o);
  cycles_begin_round();
  cycles_expect_end(0, "nothing");
  for (int i = 0; i < WORKERS; i++) wire_quiet(&w, &all[i]);
}
END_TEST

/* A cycle of a and b is also held by c, who has nothing. */
START_TEST(what_others_hold_is_pruned) {
  cycles_pair();
  cycles_hold(c, a, 1);
  cycles_begin_round();
  cycles_expect_end(0, "nothing");
}
END_TEST

START_TEST(what_is_live_goes_and_the_rest_is_asked_again) {
  cycles_pair();
  cycles_hold(b, a, 3); /* another cycle of the two */
  cycles_hold(a, b, 4);
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  ck_assert_uint_eq(q.hosted + q.held, 4);
  cycles_answer(a, q.pts[0].id == 4 ? 1 << 2 : 1 << 3); /* 4 is live here */
  cycles_asked(b, CYCLES_SCAN);
  cycles_answer(b, 0);
  cycles_asked(a, CYCLES_CHECK);
  ck_assert_uint_eq(q.hosted, 2);
  ck_assert_uint_eq(q.held, 1);
  ck_assert_uint_eq(q.pts[0].id, 2);
  cycles_answer(a, 0);
  cycles_asked(b, CYCLES_CHECK);
  ck_assert_uint_eq(q.held, 2);
  cycles_answer(b, 1 << (1 + (q.pts[0].id == 3 ? 0 : 1))); /* so 3 is live, too */
  for (int phase = CYCLES_CHECK; phase <= CYCLES_HALT; phase++) {
    cycles_asked(a, (enum cycles_phase)phase);
    ck_assert_uint_eq(q.hosted + q.held, 2);
    cycles_answer(a, 0);
    cycles_clear(b, (enum cycles_phase)phase);
  }
  cycles_expect_condemn(a, 1);
  cycles_expect_condemn(b, 2);
  cycles_expect_end(2, "found");
}
END_TEST

/* A chain to and fro: 1 of a, from it 2 of b, from it 3 of a, ...; the first is live. With edges all of it goes at once. */
START_TEST(edges_spread_what_is_live) {
  enum { LONG = 40 };
  for (uint64_t i = 1; i <= LONG; i++) cycles_hold(i % 2 ? b : a, i % 2 ? a : b, i);
  cycles_begin_round();
  for (int i = 0; i < 2; i++) {
    uint32_t edges[2 * LIST_MOST];
    unsigned n = 0;
    uint64_t live = 0;
    cycles_asked(&all[i], CYCLES_SCAN);
    ck_assert_uint_eq(q.hosted + q.held, LONG);
    for (uint32_t k = 0; k < q.hosted; k++)
      for (uint32_t l = 0; l < q.held; l++) {
        if (q.pts[l].id == 1) live |= UINT64_C(1) << (q.hosted + l);
        if (q.pts[l].id != q.ids[k] + 1) continue;
        edges[2 * n] = k;
        edges[2 * n++ + 1] = l;
      }
    cycles_put_answer(&all[i], 3, live, _i ? n : 0, edges);
    wire_flush(&w, &all[i]);
  }
  for (int i = 0; _i == 0 && i < 2; i++) { /* without, the others are asked for again */
    cycles_asked(&all[i], CYCLES_CHECK);
    ck_assert_uint_eq(q.hosted + q.held, LONG - 1);
    cycles_answer(&all[i], UINT64_MAX);
  }
  cycles_expect_end(0, "nothing");
}
END_TEST

/* Lists name what is there when they are sent; who has answered is asked no more. */
START_TEST(three_workers_in_a_ring) {
  cycles_hold(b, a, 1);
  cycles_hold(c, b, 2);
  cycles_hold(a, c, 3);
  cycles_begin_round();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_HALT; phase++)
    for (int i = 0; i < WORKERS; i++) {
      cycles_asked(&all[i], (enum cycles_phase)phase);
      ck_assert_uint_eq(q.hosted, 1);
      ck_assert_uint_eq(q.held, 1);
      cycles_answer(&all[i], 0);
    }
  for (int i = 0; i < WORKERS; i++) cycles_expect_condemn(&all[i], (uint64_t)i + 1);
  cycles_expect_end(3, "found");
}
END_TEST

/* So many live layers that a round does not come to an end: the next one may take twice as long. */
START_TEST(a_round_ends_and_the_next_may_be_longer) {
  for (uint64_t i = 1; i <= 60; i++) cycles_hold(i % 2 ? b : a, i % 2 ? a : b, i);
  cycles_begin_round();
  for (unsigned turn = 0; turn < CYCLES_TURNS; turn++)
    for (int i = 0; i < 2; i++) {
      cycles_asked(&all[i], turn ? CYCLES_CHECK : CYCLES_SCAN);
      cycles_answer(&all[i], UINT64_C(1) << q.hosted); /* one that it holds */
    }
  cycles_expect_end(0, "unfinished");
  ck_assert_uint_eq(w.broker.cycles->limit, 2 * CYCLES_TURNS);
}
END_TEST

/* All objects but this one (0: all) were mentioned last 30 s ago. */
static void let_time_pass(uint64_t but) {
  struct refs *r = &w.broker.refs;
  for (uint32_t i = slab_next(&r->tokens, 0); i != SLAB_NONE; i = slab_next(&r->tokens, i + 1))
    if (refs_token(r, i)->id != but) refs_token(r, i)->last = (uint16_t)(broker_now(&w.broker) - 30);
}

/* What was mentioned lately is no suspect; nor what hangs on it. */
START_TEST(only_what_is_quiet_is_suspected) {
  cycles_pair();
  cycles_hold(c, a, 3); /* a cycle of a and c */
  cycles_hold(a, c, 4);
  let_time_pass(4);
  cycles_begin_by_time();
  cycles_asked(a, CYCLES_SCAN);
  ck_assert_uint_eq(q.hosted, 1);
  ck_assert_uint_eq(q.ids[0], 1);
  ck_assert_uint_eq(q.held, 1);
  ck_assert_uint_eq(q.pts[0].id, 2);
  wire_quiet(&w, c);
  cycles_answer(a, 3);
}
END_TEST

START_TEST(a_timer_begins_rounds) {
  struct cycles *k = w.broker.cycles;
  cycles_pair();
  for (int i = 0; i < 3; i++) {
    cycles_begin_by_time();
    wire_turn(&w);
    ck_assert_uint_eq(k->number, (uint64_t)i + 1);
    for (int n = 0; n < 100 && k->stage != CYCLES_IDLE; n++) wire_turn(&w);
    ck_assert_uint_eq(k->stage, CYCLES_IDLE); /* nothing is quiet for long enough */
    ck_assert_uint_eq(k->past[k->number - 1].suspects, 0);
  }
  ck_assert_uint_eq(k->pause_ms, 4 * k->time_ms);
  let_time_pass(0);
  cycles_begin_by_time();
  cycles_to_halt();
  cycles_clear(a, CYCLES_HALT);
  cycles_clear(b, CYCLES_HALT);
  cycles_expect_condemn(a, 1);
  cycles_expect_condemn(b, 2);
  ck_assert_uint_eq(k->pause_ms, k->time_ms);
  ck_assert_uint_eq(k->condemned_ever, 2);
}
END_TEST
/* Who is idle is woken for the next round alone, which is later each time; but when there is much that is new, no later than usual. */
START_TEST(idle_it_is_not_woken) {
  struct cycles *k = w.broker.cycles;
  uint64_t hour = k->time_ms;
  ck_assert_uint_eq(k->pause_ms, 0); /* it was not woken yet */
  ck_assert_uint_le(uv_timer_get_due_in(&k->timer), hour);
  ck_assert_uint_ge(uv_timer_get_due_in(&k->timer), hour - 60000);
  ck_assert_uint_eq(uv_timer_get_repeat(&k->timer), 0);
  for (int i = 0; i < 4; i++) { /* nobody holds anything: there is no round, and the pause doubles all the same */
    cycles_begin_by_time();
    wire_turn(&w);
    ck_assert_uint_eq(k->number, 0);
    ck_assert_uint_ge(uv_timer_get_due_in(&k->timer), (UINT64_C(1) << (i < 3 ? i : 2)) * hour - 60000);
  }
  ck_assert_uint_eq(k->pause_ms, 4 * hour); /* ages of tokens are known so long */
  for (uint64_t id = 1; id < 100; id++) cycles_hold(b, a, id);
  ck_assert_uint_gt(uv_timer_get_due_in(&k->timer), 3 * hour);
  cycles_hold(b, a, 100);
  wire_turn(&w);
  ck_assert_uint_le(uv_timer_get_due_in(&k->timer), hour);
}
END_TEST

static void setup_timed(void) { cycles_setup_with(3600000, 30); }

/* All wait for the same, and for one that begins after they have asked. */
START_TEST(observers_wait_for_a_round_of_their_own) {
  struct end other = {0};
  cycles_pair();
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  wire_join_as(&w, &other, "other", true);
  pack_text(wire_ask(&other, OP_act, NULL, NULL, 2), "cycles");
  pack_text(&other.p, "");
  wire_send(&w, &other);
  uint64_t first = q.round;
  cycles_answer(a, 3);
  cycles_clear(b, CYCLES_SCAN);
  cycles_expect_end(0, "nothing");
  wire_expect_nothing(&w, &other);
  cycles_asked(a, CYCLES_SCAN);
  ck_assert_uint_eq(q.round, first + 1);
  if (_i) {
    pack_uint(wire_begin(&other, MESSAGE_NOTICE, OP_cancel, 0, 1), other.last_id);
    wire_send(&w, &other);
  }
  cycles_answer(a, 3);
  cycles_clear(b, CYCLES_SCAN);
  if (_i)
    wire_expect_nothing(&w, &other);
  else
    wire_expect(&w, &other, MESSAGE_REPLY, OP_act);
  wire_leave(&other);
}
END_TEST

/* So many may wait, and no more. */
START_TEST(not_all_may_wait) {
  cycles_pair();
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  for (int i = 1; i < CYCLES_WAITERS; i++) cycles_begin_round();
  wire_expect_nothing(&w, &o);
  cycles_begin_round();
  wire_expect_error(&w, &o, STATUS_busy);
  cycles_answer(a, 3);
  cycles_clear(b, CYCLES_SCAN);
  cycles_expect_end(0, "nothing");
  cycles_clear(a, CYCLES_SCAN); /* the round of the others */
  cycles_asked(b, CYCLES_SCAN);
  cycles_answer(b, 3);
  for (int i = 1; i < CYCLES_WAITERS; i++) cycles_expect_end(0, "nothing");
}
END_TEST

START_TEST(who_asked_and_ended_waits_no_more) {
  struct end other = {0};
  cycles_pair();
  wire_join_as(&w, &other, "other", true);
  pack_text(wire_ask(&other, OP_act, NULL, NULL, 2), "cycles");
  pack_text(&other.p, "");
  wire_send(&w, &other);
  cycles_asked(a, CYCLES_SCAN);
  wire_leave(&other);
  wire_turn(&w);
  for (int i = 0; i < CYCLES_WAITERS; i++) ck_assert_uint_eq(w.broker.cycles->waiters[i].host, 0);
}
END_TEST

/* One who has asked while a round was on gets an answer, though nobody holds anything when that is over. */
START_TEST(who_waits_for_a_round_that_is_not_to_be_is_answered) {
  struct end other = {0};
  cycles_pair();
  struct pt x = wire_token(a, 1), y = wire_token(b, 2);
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  wire_join_as(&w, &other, "other", true);
  pack_text(wire_ask(&other, OP_act, NULL, NULL, 2), "cycles");
  pack_text(&other.p, "");
  wire_send(&w, &other);
  wire_unsub(&w, b, &x, 1);
  wire_unsub(&w, a, &y, 1);
  cycles_answer(a, 0);
  cycles_clear(b, CYCLES_SCAN);
  cycles_expect_end(0, "nothing");
  wire_expect(&w, &other, MESSAGE_REPLY, OP_act);
  ck_assert(!w.broker.cycles->is_wanted);
  wire_leave(&other);
}
END_TEST

/* Nobody is sent more who has not read what waits for it already. */
START_TEST(who_does_not_read_is_not_asked) {
  enum { LARGE = 1 << 20 };
  static char text[LARGE];
  size_t most = w.broker.connections.queue_most;
  cycles_pair();
  pack_string(wire_ask(c, OP_s2t, "a", NULL, 1), text, LARGE); /* a does not read it all at once */
  wire_send(&w, c);
  ck_assert_uint_gt(wire_client(&w, a)->outbox.bytes, LARGE / 4);
  w.broker.connections.queue_most = LARGE / 4;
  cycles_begin_round();
  cycles_expect_end(0, "nothing");
  w.broker.connections.queue_most = most;
}
END_TEST

/* What `inspect` tells: of the last round, and of a token while one is on. */
static void inspect(const char *what) {
  struct value v;
  pack_text(wire_ask(&o, OP_inspect, NULL, NULL, 1), what);
  wire_send(&w, &o);
  wire_past_peers(&w, &o);
  if (o.m.op == OP_act) wire_past_peers(&w, &o);
  ck_assert_int_eq(o.m.kind, MESSAGE_REPLY);
  ck_assert(reader_next(&o.r, &v) && v.type == VALUE_NIL);
}
static void expect_trial(const char *text) {
  struct value v;
  inspect("tokens");
  for (int row = 0; row < 2; row++) {
    ck_assert(reader_next(&o.r, &v) && v.type == VALUE_ARRAY);
    ck_assert_uint_eq(v.count, 9);
    for (int i = 0; i < 5; i++) ck_assert(reader_next(&o.r, &v));
    for (int lists = 0; lists < 2; lists++) {
      ck_assert(reader_next(&o.r, &v) && v.type == VALUE_ARRAY);
      for (uint32_t n = v.count; n; n--) ck_assert(reader_next(&o.r, &v));
    }
    ck_assert_uint_le(wire_uint(&o), 100);
    ck_assert(reader_next(&o.r, &v));
    if (!text) ck_assert_int_eq(v.type, VALUE_NIL);
    if (text) ck_assert_mem_eq(v.bytes, text, strlen(text));
  }
}

START_TEST(it_is_shown) {
  struct value v;
  cycles_pair();
  inspect("cycles");
  ck_assert_uint_eq(o.m.body_count, 1);
  expect_trial(NULL);
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  expect_trial("suspect");
  cycles_answer(a, 0);
  cycles_clear(b, CYCLES_SCAN);
  for (int phase = CYCLES_CHECK; phase <= CYCLES_HALT; phase++) {
    cycles_clear(a, (enum cycles_phase)phase);
    cycles_clear(b, (enum cycles_phase)phase);
  }
  cycles_expect_end(2, "found");
  expect_trial("condemned");
  wire_client(&w, &o)->version = WIRE_VERSION_CYCLES - 1; /* older ones get the rows they know */
  inspect("tokens");
  ck_assert(reader_next(&o.r, &v));
  ck_assert_uint_eq(v.count, 7);
  inspect("cycles");
  ck_assert_uint_eq(o.m.body_count, 2);
  ck_assert(reader_next(&o.r, &v) && v.type == VALUE_ARRAY);
  ck_assert_uint_eq(v.count, 12);
  ck_assert_uint_eq(wire_uint(&o), 1);
  wire_uint(&o);
  wire_expect_text(&o, "found");
  const uint64_t wanted[] = {2, 2, 2, 3}; /* condemned, suspects, members, turns */
  for (int i = 0; i < 4; i++) ck_assert_uint_eq(wire_uint(&o), wanted[i]);
}
END_TEST

/* Who keeps most of what is live is told. */
START_TEST(the_keeper_is_told) {
  cycles_pair();
  cycles_hold(b, a, 3);
  cycles_begin_round();
  cycles_asked(a, CYCLES_SCAN);
  cycles_answer(a, UINT64_C(1) << q.hosted);
  cycles_asked(b, CYCLES_SCAN);
  cycles_answer(b, UINT64_C(3) << q.hosted);
  cycles_expect_end(0, "nothing");
  ck_assert_str_eq(w.broker.cycles->past[0].keeper, "b");
  ck_assert_uint_eq(w.broker.cycles->past[0].live, 2);
  cycles_begin_round(); /* also one that keeps one */
  cycles_asked(a, CYCLES_SCAN);
  cycles_answer(a, UINT64_C(1) << q.hosted);
  cycles_asked(b, CYCLES_SCAN);
  cycles_answer(b, 0);
  cycles_expect_end(0, "nothing");
  ck_assert_str_eq(w.broker.cycles->past[1].keeper, "a");
  ck_assert_uint_eq(w.broker.cycles->past[1].live, 1);
}
END_TEST

START_TEST(workers_may_not_ask) {
  pack_text(wire_ask(a, OP_act, NULL, NULL, 2), "cycles");
  pack_text(&a->p, "");
  wire_send(&w, a);
  wire_expect_error(&w, a, STATUS_denied);
  cycles_begin_round(); /* nobody holds anything */
  cycles_expect_end(0, "nothing");
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker cycles");
  TCase *t = tcase_create("rounds");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, cycles_setup, cycles_teardown);
  tcase_add_test(t, a_pair_is_condemned);
  tcase_add_test(t, what_is_not_cyclic_costs_no_message);
  tcase_add_test(t, what_others_hold_is_pruned);
  tcase_add_test(t, what_is_live_goes_and_the_rest_is_asked_again);
  tcase_add_loop_test(t, edges_spread_what_is_live, 0, 2);
  tcase_add_test(t, three_workers_in_a_ring);
  tcase_add_test(t, a_round_ends_and_the_next_may_be_longer);
  tcase_add_loop_test(t, observers_wait_for_a_round_of_their_own, 0, 2);
  tcase_add_test(t, not_all_may_wait);
  tcase_add_test(t, who_asked_and_ended_waits_no_more);
  tcase_add_test(t, who_waits_for_a_round_that_is_not_to_be_is_answered);
  tcase_add_test(t, who_does_not_read_is_not_asked);
  tcase_add_test(t, it_is_shown);
  tcase_add_test(t, the_keeper_is_told);
  tcase_add_test(t, workers_may_not_ask);
  t = tcase_create("timed");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup_timed, cycles_teardown);
  tcase_add_test(t, only_what_is_quiet_is_suspected);
  tcase_add_test(t, a_timer_begins_rounds);
  tcase_add_test(t, idle_it_is_not_woken);
  return run_suite(s);
}
