/* SPDX-License-Identifier: MIT
 *
 * Deadlines of requests in a whole broker.
 */
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b;

static void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_close(&w);
}

/* a writes a request to b. Those that are sent together are read by the broker in one turn, at one
 * time of its clock. */
static void write_request(uint64_t id, uint32_t deadline_ms) {
  struct message h = {.kind = MESSAGE_REQUEST,
                      .op = OP_s2t,
                      .id = id,
                      .deadline_ms = deadline_ms,
                      .target = OP_NAME,
                      .name = "b",
                      .name_size = 1};
  pack_text(wire_begin_to(&a, &h, 1), "x");
  wire_end(&a);
}

/* a asks b, which has read it: the id that b was given. */
static uint64_t ask(uint64_t id, uint32_t deadline_ms) {
  write_request(id, deadline_ms);
  wire_flush(&w, &a);
  wire_past_peers(&w, &b);
  ck_assert_int_eq(b.m.op, OP_s2t);
  return b.m.id;
}

/* Turns the loop, which sleeps until a timer or a socket wakes it, until a message for `e` is
 * there. */
static void wait_for_message(struct end *e) {
  int r;
  while ((r = wire_next(&w, e)) == 0) uv_run(&w.loop, UV_RUN_ONCE);
  ck_assert_int_eq(r, 1);
}

static void expect_timeout(uint64_t id, const char *text) {
  uint64_t status;
  wait_for_message(&a);
  ck_assert_int_eq(a.m.kind, MESSAGE_ERROR);
  ck_assert_uint_eq(a.m.id, id);
  ck_assert(reader_uint(&a.r, &status));
  ck_assert_uint_eq(status, STATUS_timeout);
  wire_expect_text(&a, text);
}

static void expect_cancel(uint64_t id) {
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_cancel);
  ck_assert_uint_eq(wire_uint(&b), id);
}

START_TEST(the_asker_is_told_and_the_host_too) {
  uint64_t start = uv_hrtime(), id = ask(70, 30);
  expect_timeout(70, "s2t to worker b got no answer in 0.03 s; whether it was done is not known");
  ck_assert_uint_ge(uv_hrtime() - start, 30 * 1000000u);
  expect_cancel(id);
  ck_assert_uint_eq(w.broker.calls.deadlines.count, 0);
}
END_TEST

START_TEST(a_late_answer_is_discarded_and_its_objects_dropped) {
  uint64_t id = ask(70, 1);
  expect_timeout(70, "s2t to worker b got no answer in 0.001 s; whether it was done is not known");
  expect_cancel(id);
  struct pt pt = wire_token(&b, 5);
  pack_pt(wire_begin(&b, MESSAGE_REPLY, OP_s2t, id, 1), &pt);
  wire_send(&w, &b);
  wire_expect_drop(&w, &b, 5, 1);
  wire_quiet(&w, &a);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
}
END_TEST

START_TEST(the_nearest_comes_first) {
  write_request(70, 60);
  write_request(71, 20);
  write_request(72, 40);
  wire_flush(&w, &a);
  expect_timeout(71, "s2t to worker b got no answer in 0.02 s; whether it was done is not known");
  expect_timeout(72, "s2t to worker b got no answer in 0.04 s; whether it was done is not known");
  expect_timeout(70, "s2t to worker b got no answer in 0.06 s; whether it was done is not known");
}
END_TEST

START_TEST(an_answer_in_time_ends_it) {
  uint64_t id = ask(70, 10000);
  ck_assert_uint_eq(w.broker.calls.deadlines.count, 1);
  pack_text(wire_begin(&b, MESSAGE_REPLY, OP_s2t, id, 1), "y");
  wire_send(&w, &b);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_s2t);
  ck_assert_uint_eq(w.broker.calls.deadlines.count, 0);
}
END_TEST

START_TEST(without_a_deadline_no_timer_runs) {
  ask(70, 0);
  ck_assert(!uv_is_active((uv_handle_t *)&w.broker.expiry.timer));
  ck_assert_uint_eq(w.broker.calls.deadlines.count, 0);
}
END_TEST

START_TEST(given_up_or_dead_it_does_not_expire) {
  uint64_t id = ask(70, 5000);
  pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), 70);
  wire_send(&w, &a);
  expect_cancel(id);
  ck_assert_uint_eq(w.broker.calls.deadlines.count, 0);
  ask(71, 5000);
  wire_leave(&b);
  wire_expect_error(&w, &a, STATUS_lost);
  ck_assert_uint_eq(w.broker.calls.deadlines.count, 0);
}
END_TEST

START_TEST(the_longest_deadline_is_no_short_one) {
  ask(70, UINT32_MAX);
  ask(71, 2);
  expect_timeout(71, "s2t to worker b got no answer in 0.002 s; whether it was done is not known");
  wire_quiet(&w, &a);
  ck_assert_uint_eq(w.broker.calls.deadlines.count, 1);
}
END_TEST

/* Many whose time is over at once: they are told in slices, and others are answered between. */
START_TEST(deadlines_that_end_together_are_worked_off_in_slices) {
  enum { CALLS = 3000, SLICE_MOST = 200 };
  struct calls *calls = &w.broker.calls;
  uint32_t asker = hosts_find(&w.broker.hosts, a.host);
  for (uint64_t i = 0; i < CALLS; i++) write_request(100 + i, 3600 * 1000);
  wire_flush(&w, &a);
  while (calls_asked_count(calls, asker) < CALLS) wire_turn(&w);
  for (uint32_t i = slab_next(&calls->all, 0); i != SLAB_NONE; i = slab_next(&calls->all, i + 1)) {
    wheel_remove(&calls->deadlines, i);
    wheel_add(&calls->deadlines, i, uv_now(&w.loop), uv_now(&w.loop));
  }
  w.broker.expiry.timer.timer_cb(&w.broker.expiry.timer); /* all are due now */
  unsigned slices = 1;
  ck_assert_uint_eq(calls_asked_count(calls, asker), CALLS - SLICE_MOST);
  for (; job_is_queued(&w.broker.expiry.job); slices++) {
    uint32_t before = calls_asked_count(calls, asker);
    wire_turn(&w); /* ends two turns */
    ck_assert_uint_le(before - calls_asked_count(calls, asker), 2 * SLICE_MOST);
  }
  ck_assert_uint_ge(slices, CALLS / SLICE_MOST / 2);
  ck_assert_uint_eq(calls_asked_count(calls, asker), 0);
  uint32_t told = 0;
  while (wire_next(&w, &a) == 1) told += a.m.kind == MESSAGE_ERROR;
  ck_assert_uint_eq(told, CALLS);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker_expiry");
  TCase *c = tcase_create("expiry");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, the_asker_is_told_and_the_host_too);
  tcase_add_test(c, a_late_answer_is_discarded_and_its_objects_dropped);
  tcase_add_test(c, the_nearest_comes_first);
  tcase_add_test(c, an_answer_in_time_ends_it);
  tcase_add_test(c, without_a_deadline_no_timer_runs);
  tcase_add_test(c, given_up_or_dead_it_does_not_expire);
  tcase_add_test(c, the_longest_deadline_is_no_short_one);
  tcase_add_test(c, deadlines_that_end_together_are_worked_off_in_slices);
  suite_add_tcase(s, c);
  return run_suite(s);
}
