/* SPDX-License-Identifier: MIT
 *
 * What rounds cost those who take part: after one all rest, for as long as the one that has spent most needs; and who cannot take part
 * is left out for a while, also by the next program in the broker's place.
 */
#define _GNU_SOURCE
#include "tests/unit/broker_carried.h"
#include "tests/unit/broker_cycles_spoilt.h"

static struct cycles_member *member_of(struct end *e) {
  struct cycles *k = w.broker.cycles;
  return &k->members[k->hosts[wire_client(&w, e)->host].member];
}
/* Its next answer, that nothing is live: after so long, and telling another time. */
static void answer_after(struct end *e, enum cycles_phase phase, uint64_t took, uint64_t tells) {
  asked(e, phase);
  member_of(e)->asked_ms = uv_now(&w.loop) - took;
  cycles_put_answer(e, tells, 0, 0, NULL);
  wire_flush(&w, e);
}
static uint64_t rest_ms(void) {
  const struct cycles *k = w.broker.cycles;
  return k->not_before_ms - k->past[(k->rounds - 1) % CYCLES_ROUNDS].ended_ms;
}
/* What the test itself takes counts, too. */
enum { SLACK_MS = 2000 };

/* For so many seconds from a moment ago on. */
static void expect_left_out(const struct client *its, uint32_t seconds) {
  ck_assert_uint_gt(its->unable_s + 30, broker_now(&w.broker) + seconds);
  ck_assert_uint_le(its->unable_s, broker_now(&w.broker) + seconds);
}

/* ---- Rests ---- */

/* A hundred times as long as all that it did: both looks, the halt, and the collection after that, which takes as long as a look. */
START_TEST(all_rest_for_what_one_has_spent) {
  struct end *spends = &all[_i], *other = &all[1 - _i]; /* whichever it is */
  cycles_pair();
  cycles_begin_round();
  answer_after(spends, CYCLES_SCAN, 500, 70);
  answer_after(other, CYCLES_SCAN, 500, 3);
  answer_after(spends, CYCLES_CHECK, 30, 30);
  answer_after(other, CYCLES_CHECK, 3, 3);
  asked(spends, CYCLES_HALT);
  member_of(spends)->asked_ms -= 40;
  cycles_answer(spends, 0);
  clear(other, CYCLES_HALT);
  expect_end(2, "found", NULL);
  ck_assert_uint_ge(rest_ms(), 100 * (70 + 30 + 40 + 30));
  ck_assert_uint_le(rest_ms(), 100 * (70 + 30 + 40 + 30 + SLACK_MS));
}
END_TEST

/* Standing still for nothing counts, for those who have answered at once, too. */
START_TEST(who_has_stood_still_rests) {
  cycles_pair();
  cycles_begin_round();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++)
    for (int i = 0; i < 2; i++) answer_after(&all[i], (enum cycles_phase)phase, 0, 0);
  answer_after(a, CYCLES_HALT, 0, 0);
  member_of(a)->asked_ms -= 300;
  asked(b, CYCLES_HALT);
  cycles_answer(b, 1);
  expect_op(a, OP_resume);
  await_end();
  ck_assert_uint_ge(rest_ms(), 100 * 300);
  ck_assert_uint_le(rest_ms(), 100 * (300 + SLACK_MS));
}
END_TEST

/* Nobody has the others rest with mere words. */
START_TEST(no_longer_than_it_took_is_believed) {
  cycles_pair();
  cycles_begin_round();
  answer_after(a, CYCLES_SCAN, 0, UINT64_MAX);
  cycles_asked(b, CYCLES_SCAN);
  cycles_answer(b, UINT64_MAX);
  expect_end(0, "nothing", NULL);
  ck_assert_uint_le(rest_ms(), 100 * SLACK_MS);
  ck_assert_uint_eq(w.broker.cycles->past[0].longest_ms, 10000);
}
END_TEST

/* Who has spent so much that the others would rest for more than ten minutes rests alone, but not if an operator asks. */
START_TEST(who_rests_for_longer_rests_alone) {
  struct cycles *k = w.broker.cycles;
  cycles_pair();
  begin_by_time();
  answer_after(a, CYCLES_SCAN, 7000, 7000);
  asked(b, CYCLES_SCAN);
  cycles_answer(b, UINT64_MAX);
  await_end();
  ck_assert_uint_eq(rest_ms(), 600000);
  expect_left_out(wire_client(&w, a), 720);
  ck_assert_uint_eq(wire_client(&w, b)->unable_s, 0);
  begin_by_time();
  await_end();
  ck_assert_str_eq(k->past[1].why, "left out: a (rests)");
  cycles_begin_round();
  clear(a, CYCLES_SCAN);
}
END_TEST

/* So many whole seconds; but it is left out no sooner than it was, for the same reason. */
START_TEST(its_rest_is_rounded_up) {
  struct cycles *k = w.broker.cycles;
  struct client *its = wire_client(&w, a);
  uint32_t now = broker_now(&w.broker);
  unable_rest(k, its, 600001);
  ck_assert_uint_eq(its->unable_s, now + 601);
  ck_assert_uint_eq(its->unable_why, UNABLE_RESTS);
  its->unable_why = UNABLE_HUNG;
  unable_rest(k, its, 601000);
  ck_assert_uint_eq(its->unable_why, UNABLE_HUNG);
  unable_rest(k, its, 601001);
  ck_assert_uint_eq(its->unable_s, now + 602);
  ck_assert_str_eq(unable_text(UNABLE_FULL), "does not read");
  ck_assert_str_eq(unable_text(UNABLE_FULL + 1), "");
}
END_TEST

/* ---- Who is left out ---- */

/* b does not answer in scan or check of a round by time. */
static void hang(enum cycles_phase in) {
  struct cycles *k = w.broker.cycles;
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= (int)in; phase++) {
    clear(a, (enum cycles_phase)phase);
    asked(b, (enum cycles_phase)phase);
    if (phase < (int)in) cycles_answer(b, 0);
  }
  uv_timer_start(&k->timer, k->timer.timer_cb, 0, 0);
  wire_turn(&w);
  await_end();
}

/* For longer and longer, and no longer than ten minutes. */
START_TEST(who_hangs_is_left_out) {
  static const uint32_t minutes[] = {1, 2, 4, 8, 10, 10};
  struct cycles *k = w.broker.cycles;
  struct client *its = wire_client(&w, b);
  cycles_pair();
  for (unsigned i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
    its->unable_s = 0;
    hang(_i ? CYCLES_CHECK : CYCLES_SCAN);
    ck_assert_str_eq(k->past[(k->rounds - 1) % CYCLES_ROUNDS].why, "left out: b (does not answer)");
    expect_left_out(its, 60 * minutes[i]);
  }
  its->hung = UINT8_MAX;
  its->unable_s = 0;
  hang(CYCLES_SCAN);
  ck_assert_uint_eq(its->hung, UINT8_MAX);
  expect_left_out(its, 600);
  begin_by_time();
  await_end();
  ck_assert_str_eq(k->past[(k->rounds - 1) % CYCLES_ROUNDS].why, "left out: b (does not answer)");
  ck_assert_uint_eq(wire_client(&w, a)->unable_s, 0);
}
END_TEST

static int log_to_file(void) {
  struct log *log = &w.broker.log;
  int fd = memfd_create("log", MFD_CLOEXEC);
  log_close(log);
  ck_assert(log_open(log, LOG_DEBUG, LOG_TEXT, fd));
  return fd;
}
static const char *logged(int fd) {
  static char text[4096];
  log_flush(&w.broker.log);
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  ck_assert_int_gt(n, 0);
  text[n] = '\0';
  return text;
}

/* The log says what a round came to. */
START_TEST(the_log_tells_rounds) {
  cycles_pair();
  int fd = log_to_file();
  begin_by_time();
  for (int phase = CYCLES_SCAN; phase <= CYCLES_HALT; phase++) {
    clear(a, (enum cycles_phase)phase);
    clear(b, (enum cycles_phase)phase);
  }
  expect_op(a, OP_condemn);
  await_end();
  begin_by_time();
  await_end();
  const char *text = logged(fd);
  ck_assert_ptr_nonnull(strstr(text, "info: round 1 for garbage in cycles: 2 objects of 2 suspects in 2 workers are let go, after 3 turns in "));
  ck_assert_ptr_nonnull(strstr(text, "debug: round 2 for garbage in cycles: nothing, 0 suspects, after 0 turns in "));
  ck_assert_ptr_null(strstr(text, "more is suspected"));
  ck_assert_uint_lt(w.broker.cycles->past[0].took_ms, 600000);
  close(fd);
}
END_TEST

/* What there is no room for is left out. */
START_TEST(only_so_much_is_told_of_a_round) {
  struct cycles *k = w.broker.cycles;
  for (int i = 0; i < 40; i++) {
    told_more(k, "sentence %d", 10 + i);
    ck_assert_uint_lt(strlen(k->why), sizeof k->why);
    ck_assert(!k->left_out[0]);
  }
  ck_assert_uint_ge(strlen(k->why), sizeof k->why - 4);
  ck_assert_int_eq(memcmp(k->why, "sentence 10; sentence 11; ", 26), 0);
}
END_TEST

/* The log says who, for how long, and why. */
START_TEST(the_log_tells_it) {
  static const char *const wanted[] = {
      "worker a is left out when garbage in cycles is looked for: what it has and holds stays: unsupported: no",
      "worker b is left out when garbage in cycles is looked for, for ten minutes: what it has and holds stays: busy: no",
      "worker c is left out when garbage in cycles is looked for, for a minute: what it has and holds stays: does not answer",
      "worker c is left out when garbage in cycles is looked for, for 2 minutes: what it has and holds stays: does not answer"};
  struct cycles *k = w.broker.cycles;
  int fd = log_to_file();
  unable_says(k, wire_client(&w, a), true, "unsupported: no");
  unable_says(k, wire_client(&w, b), false, "busy: no");
  for (int i = 0; i < 2; i++) unable_hung(k, wire_client(&w, c));
  const char *text = logged(fd);
  for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) ck_assert_msg(strstr(text, wanted[i]), "%s is not in: %s", wanted[i], text);
  ck_assert_uint_eq(wire_client(&w, a)->unable_s, UINT32_MAX);
  close(fd);
}
END_TEST

/* As many as there is room for are named, and the others counted. */
START_TEST(not_all_who_are_left_out_are_named) {
  enum { MANY = 20 };
  static struct end others[MANY];
  char name[64], text[640] = "left out: a (takes no part)";
  memset(others, 0, sizeof others);
  cycles_pair();
  wire_client(&w, a)->version = WIRE_VERSION_CYCLES - 1;
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "one-with-a-long-name-%d", 10 + i);
    wire_join(&w, &others[i], name);
    cycles_hold(&others[i], b, 2);
    wire_client(&w, &others[i])->version = WIRE_VERSION_CYCLES - 1;
    size_t used = strlen(text);
    if (i < 5) snprintf(text + used, sizeof text - used, ", %s (takes no part)", name);
  }
  snprintf(text + strlen(text), 32, " and %d more", MANY - 5);
  cycles_begin_round();
  await_end();
  ck_assert_str_eq(w.broker.cycles->past[0].why, text);
  for (int i = 0; i < MANY; i++) wire_leave(&others[i]);
}
END_TEST

/* A whole round: who answers once and then hangs again is not forgiven. */
START_TEST(who_answers_is_forgiven) {
  struct client *its = wire_client(&w, b);
  cycles_pair();
  its->hung = 3;
  wire_client(&w, c)->hung = 2;
  if (_i) {
    hang(CYCLES_CHECK);
    ck_assert_uint_eq(its->hung, 4);
  } else {
    begin_by_time();
    clear(a, CYCLES_SCAN);
    asked(b, CYCLES_SCAN);
    cycles_answer(b, UINT64_MAX);
    await_end();
    ck_assert_uint_eq(its->hung, 0);
  }
  ck_assert_uint_eq(wire_client(&w, c)->hung, 2); /* it was not asked */
}
END_TEST

/* Nor who has spoilt what: else an upgrade would have all begin anew. */
START_TEST(the_next_program_knows_it) {
  static struct wire v;
  static const struct { uint32_t strikes; uint8_t hung, why; } of[WORKERS] = {{2, 1, UNABLE_USES}, {0, 5, UNABLE_HUNG}, {1, 0, UNABLE_NOT}};
  carried_keeps = _i;
  cycles_pair();
  uint32_t until = broker_now(&w.broker) + 500;
  for (int i = 0; i < WORKERS; i++) {
    struct client *its = wire_client(&w, &all[i]);
    its->unable_s = i == 2 ? 0 : until + (uint32_t)i;
    its->strikes = of[i].strikes;
    its->hung = of[i].hung;
    its->unable_why = of[i].why;
  }
  carried_over(&v, &w, NULL);
  for (int i = 0; i < WORKERS; i++) {
    const struct client *its = wire_client(&v, &all[i]);
    ck_assert_uint_eq(its->unable_s, i == 2 ? 0 : until + (uint32_t)i);
    ck_assert_uint_eq(its->strikes, of[i].strikes);
    ck_assert_uint_eq(its->hung, of[i].hung);
    ck_assert_uint_eq(its->unable_why, of[i].why);
  }
  carried_forget(&w);
  struct cycles *k = v.broker.cycles;
  pack_text(wire_ask(&o, OP_act, NULL, NULL, 2), "cycles");
  pack_text(&o.p, "");
  wire_send(&v, &o);
  for (int n = 0; n < 20; n++) wire_turn(&v);
  ck_assert_uint_eq(k->rounds, 1);
  ck_assert_str_eq(k->past[0].why, "left out: a (used objects when others stood still), b (does not answer)");
  for (int i = 0; i < WORKERS; i++) wire_leave(&all[i]);
  wire_leave(&d);
  wire_leave(&o);
  wire_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker cycles rests");
  TCase *t = tcase_create("rests");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, all_rest_for_what_one_has_spent, 0, 2);
  tcase_add_test(t, who_has_stood_still_rests);
  tcase_add_test(t, no_longer_than_it_took_is_believed);
  tcase_add_test(t, who_rests_for_longer_rests_alone);
  tcase_add_test(t, its_rest_is_rounded_up);
  tcase_add_loop_test(t, who_hangs_is_left_out, 0, 2);
  tcase_add_test(t, the_log_tells_it);
  tcase_add_test(t, the_log_tells_rounds);
  tcase_add_test(t, only_so_much_is_told_of_a_round);
  tcase_add_test(t, not_all_who_are_left_out_are_named);
  tcase_add_loop_test(t, who_answers_is_forgiven, 0, 2);
  t = tcase_create("upgrade");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, NULL);
  tcase_add_loop_test(t, the_next_program_knows_it, 0, 2);
  return run_suite(s);
}
