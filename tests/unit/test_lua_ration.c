/* SPDX-License-Identifier: MIT
 *
 * Who lists a large table for others when (lua/fiber/ration.h). The clock is the test's: it stands
 * still but for the listing of one table, during which each look at it shows a hundredth of a
 * second more.
 */
#define _GNU_SOURCE
#include "lua/fiber/ration.h"

#include <math.h>

#include "lua/fiber/slices.h"
#include "tests/unit/vm.h"

enum { A = OTHER_HOST, B, C };

static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};
static struct gaijin_pt table;
static uint64_t last_id;
static double now;

static double test_clock(void) {
  if (v.w.sched.ration.began > 0 && v.w.sched.ration.ended == 0) now += 0.01;
  return now;
}

static const struct ration *ration(void) { return &v.w.sched.ration; }

static void setup(void) {
  last_id = 100;
  now = 1000;
  vm_connect(&v);
  vm_give(&v, "f", &F);
  vm_do(&v, "local t = {} for i = 1, 3000 do t[i] = i end gaijin.post(f, t)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &table));
  v.w.sched.seconds = test_clock;
  uv_update_time(&v.w.loop.uv);
}

static void teardown(void) { vm_close(&v); }

static void check(void) {
  const char *fault = ration_check(&v.w);
  ck_assert_msg(!fault, "%s", fault);
}

/* The id of a request of this one, which has been received. */
static uint64_t ask(uint64_t asker, enum op op) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = op, .id = ++last_id, .peer = asker, .depth = 1,
                      .target = OP_PT, .pt = gj_pt_wire(&table)};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 0);
  vm_deliver(&v);
  check();
  return last_id;
}

/* The next answer is to this request. */
static void expect_answer(uint64_t id) {
  struct message *m = fake_next(&v.f);
  ck_assert_int_eq(m->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(m->id, id);
}

static void expect_none(void) { ck_assert(fake_idle(&v.f)); }

/* Rests until the next is let through. */
static void rest(void) {
  uint64_t before = ration()->stretches;
  now = ration()->until;
  while (ration()->stretches == before) {
    ck_assert_ptr_nonnull(ration()->timer);
    uv_run(&v.w.loop.uv, UV_RUN_ONCE);
    vm_run(&v);
    check();
  }
}

START_TEST(after_one_the_others_are_served_first) {
  expect_answer(ask(C, OP_len));
  expect_answer(ask(A, OP_pairs));
  double took = ration()->took;
  ck_assert(took > SLICE_SECONDS && ration()->until > now);
  ck_assert(fabs(ration()->until - now - RATION_REST * took) < 1e-6);
  uint64_t second = ask(B, OP_pairs);
  expect_none();
  for (int i = 0; i < 5; i++) expect_answer(ask(C, OP_len));
  ck_assert_uint_eq(ration()->stretches, 1);
  rest();
  expect_answer(second);
  ck_assert_uint_eq(ration()->stretches, 2);
}
END_TEST

START_TEST(nobody_rests_for_one_who_is_alone) {
  for (int i = 0; i < 5; i++) {
    expect_answer(ask(A, OP_len));
    expect_answer(ask(A, OP_pairs));
  }
}
END_TEST

START_TEST(nobody_rests_for_those_who_all_want_the_same) {
  for (int i = 0; i < 3; i++) {
    expect_answer(ask(A, OP_pairs));
    expect_answer(ask(B, OP_pairs));
  }
}
END_TEST

START_TEST(it_goes_round_the_askers) {
  expect_answer(ask(C, OP_len));
  expect_answer(ask(A, OP_pairs));
  uint64_t first = ask(A, OP_pairs), second = ask(A, OP_pairs), other = ask(B, OP_pairs);
  expect_none();
  rest();
  expect_answer(other);
  expect_answer(ask(C, OP_len));
  rest();
  expect_answer(first);
  expect_answer(ask(C, OP_len));
  rest();
  expect_answer(second);
}
END_TEST

START_TEST(who_has_given_up_keeps_nobody) {
  expect_answer(ask(C, OP_len));
  expect_answer(ask(A, OP_pairs));
  uint64_t first = ask(A, OP_pairs), other = ask(B, OP_pairs);
  fake_begin(&v.f, MESSAGE_NOTICE, (enum gaijin_op)OP_cancel, 0, 1);
  pack_uint(&v.f.p, other);
  vm_deliver(&v);
  struct message *m = fake_next(&v.f);
  ck_assert_int_eq(m->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(m->id, other);
  rest();
  expect_answer(first);
  ck_assert_ptr_null(ration()->first);
}
END_TEST

/* What fits into a page is no stretch. */
START_TEST(small_tables_are_not_rationed) {
  vm_do(&v, "local t = {} for i = 1, 1000 do t[i] = i end gaijin.post(f, t)");
  struct reader r = fake_values(fake_next(&v.f));
  struct gaijin_pt small;
  ck_assert(fake_read_pt(&r, &small));
  expect_answer(ask(C, OP_len));
  expect_answer(ask(A, OP_pairs));
  table = small;
  expect_answer(ask(B, OP_pairs));
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_ration");
  TCase *c = tcase_create("ration");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, after_one_the_others_are_served_first);
  tcase_add_test(c, nobody_rests_for_one_who_is_alone);
  tcase_add_test(c, nobody_rests_for_those_who_all_want_the_same);
  tcase_add_test(c, it_goes_round_the_askers);
  tcase_add_test(c, who_has_given_up_keeps_nobody);
  tcase_add_test(c, small_tables_are_not_rationed);
  suite_add_tcase(s, c);
  return run_suite(s);
}
