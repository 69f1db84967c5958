/* SPDX-License-Identifier: MIT
 *
 * Requests that wait for a label (lua/serve/label_waits.h): they cost no fiber, are answered in the
 * order in which they came when the label is set, and are bounded for each asker.
 */
#define _GNU_SOURCE
#include "lua/serve/label_waits.h"

#include "lua/fiber/ending.h"
#include "tests/unit/vm.h"

static struct vm v;

/* Begins such a request; several leave together with what is delivered next. */
static void put_ask(uint64_t asker, uint64_t id, const char *label, uint32_t size) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = id, .peer = asker, .depth = 1,
                      .target = OP_NAME, .name = "shop", .name_size = 4};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 2);
  pack_string(&v.f.p, label, size);
  pack_bool(&v.f.p, true);
}

static void ask_label_as(uint64_t asker, uint64_t id, const char *label, uint32_t size) {
  put_ask(asker, id, label, size);
  vm_deliver(&v);
}

static void give_up(uint64_t id) {
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_CANCEL, 0, 1);
  pack_uint(&v.f.p, id);
  vm_deliver(&v);
}

/* The next message is an error of this status for the request. */
static void expect_error(uint64_t id, enum gaijin_status expected) {
  uint64_t status;
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(v.f.m.id, id);
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_uint(&r, &status));
  ck_assert_uint_eq(status, expected);
}

/* The next message is a reply with this number. */
static void expect_value(uint64_t id, uint64_t expected) {
  uint64_t value;
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(v.f.m.id, id);
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_uint(&r, &value));
  ck_assert_uint_eq(value, expected);
}

static void check(unsigned count) {
  const char *fault = label_waits_check(&v.w);
  ck_assert_msg(!fault, "%s", fault);
  ck_assert_uint_eq(label_waits_count(&v.w), count);
}

START_TEST(those_that_wait_are_answered_in_their_order) {
  vm_connect(&v);
  for (uint64_t id = 1; id <= 6; id++) vm_ask_label(&v, id, id % 2 ? "odd" : "even");
  check(6);
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
  vm_do(&v, "bakaGaijin.other = 0 bakaGaijin[7] = 0 bakaGaijin['od' .. 'd'] = 1");
  check(3);
  for (uint64_t id = 1; id <= 5; id += 2) expect_value(id, 1);
  ck_assert(fake_idle(&v.f));
  vm_do(&v, "bakaGaijin.even = 2");
  check(0);
  for (uint64_t id = 2; id <= 6; id += 2) expect_value(id, 2);
  vm_close(&v);
}
END_TEST

START_TEST(a_number_is_another_label_than_its_text) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = 1, .peer = OTHER_HOST,
                      .depth = 1, .target = OP_NAME, .name = "shop", .name_size = 4};
  vm_connect(&v);
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 2);
  pack_number(&v.f.p, 0);
  pack_bool(&v.f.p, true);
  vm_deliver(&v);
  vm_ask_label(&v, 2, "0");
  vm_do(&v, "bakaGaijin[-0] = 3");
  expect_value(1, 3);
  check(1);
  vm_do(&v, "bakaGaijin['0'] = 4");
  expect_value(2, 4);
  vm_close(&v);
}
END_TEST

/* The label was taken away again before the one that waits had its turn. */
START_TEST(it_waits_again_if_the_label_has_gone) {
  vm_connect(&v);
  vm_ask_label(&v, 1, "short");
  vm_do(&v, "bakaGaijin.short = 1 bakaGaijin.short = nil");
  ck_assert(fake_idle(&v.f));
  check(1);
  vm_do(&v, "bakaGaijin.short = 5");
  expect_value(1, 5);
  check(0);
  vm_close(&v);
}
END_TEST

START_TEST(one_that_is_given_up_is_answered_and_forgotten) {
  vm_connect(&v);
  for (uint64_t id = 1; id <= 3; id++) vm_ask_label(&v, id * 1024, "never set");
  give_up(2 * 1024);
  expect_error(2 * 1024, GAIJIN_STATUS_CANCELLED);
  check(2);
  give_up(2 * 1024);
  ck_assert(fake_idle(&v.f));
  vm_do(&v, "bakaGaijin['never set'] = 6");
  expect_value(1 * 1024, 6);
  expect_value(3 * 1024, 6);
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

START_TEST(those_that_are_left_keep_their_order) {
  vm_connect(&v);
  for (uint64_t id = 1; id <= 5; id++) vm_ask_label(&v, id, "x");
  for (uint64_t id = 1; id <= 5; id += 2) { /* the first, one amid them, the last */
    give_up(id);
    expect_error(id, GAIJIN_STATUS_CANCELLED);
  }
  vm_ask_label(&v, 6, "x");
  vm_do(&v, "bakaGaijin.x = 1");
  for (uint64_t id = 2; id <= 6; id += 2) expect_value(id, 1);
  check(0);
  vm_close(&v);
}
END_TEST

START_TEST(each_asker_may_wait_for_so_much) {
  vm_connect(&v);
  for (uint64_t id = 1; id <= LABEL_WAITS_MOST; id++) ask_label_as(OTHER_HOST, id, "x", 1);
  check(LABEL_WAITS_MOST);
  ask_label_as(OTHER_HOST, 1 << 20, "x", 1);
  expect_error(1 << 20, GAIJIN_STATUS_BUSY);
  ask_label_as(OTHER_HOST + 1, 1 << 21, "x", 1);
  check(LABEL_WAITS_MOST + 1);
  give_up(7);
  expect_error(7, GAIJIN_STATUS_CANCELLED);
  ask_label_as(OTHER_HOST, 8 << 20, "x", 1);
  check(LABEL_WAITS_MOST + 1);
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

START_TEST(so_many_bytes_too) {
  enum { PIECES = 64 };
  static char label[LABEL_WAITS_BYTES_MOST / PIECES];
  memset(label, 'l', sizeof label);
  vm_connect(&v);
  for (uint64_t id = 1; id <= PIECES; id++) ask_label_as(OTHER_HOST, id, label, sizeof label);
  check(PIECES);
  ask_label_as(OTHER_HOST, 100, "x", 1);
  expect_error(100, GAIJIN_STATUS_BUSY);
  give_up(1);
  expect_error(1, GAIJIN_STATUS_CANCELLED);
  ask_label_as(OTHER_HOST, 101, "x", 1);
  check(PIECES);
  vm_close(&v);
}
END_TEST

/* However many askers: the last ones find less and less, but always some. */
START_TEST(all_askers_together_may_wait_for_so_much) {
  enum { PIECES = 64, ASKERS = LABEL_WAITS_ALL + 3 };
  static char label[LABEL_WAITS_BYTES_MOST / PIECES];
  unsigned n = 0;
  memset(label, 'l', sizeof label);
  vm_connect(&v);
  for (uint64_t k = 0; k < ASKERS; k++) {
    unsigned before = n, i = 0;
    for (; i < PIECES; i++) {
      uint64_t id = k * 1000 + i + 1;
      ask_label_as(1000 + k, id, label, sizeof label);
      if (label_waits_count(&v.w) == n) {
        expect_error(id, GAIJIN_STATUS_BUSY);
        break;
      }
      n++;
    }
    unsigned left = PIECES * LABEL_WAITS_ALL - before;
    ck_assert_uint_eq(i, left >= 2 * PIECES ? PIECES : left / 2);
  }
  check(n);
  ck_assert_uint_lt(n, PIECES * LABEL_WAITS_ALL);
  vm_close(&v);
}
END_TEST

/* The second value, which is to be true, is an object: the label is read all the same. */
START_TEST(a_strange_request_is_read_from_its_begin) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = 1, .peer = OTHER_HOST,
                      .depth = 1, .target = OP_NAME, .name = "shop", .name_size = 4};
  struct gaijin_pt theirs = fake_pt(OTHER_HOST, 77);
  vm_connect(&v);
  vm_do(&v, "bakaGaijin.gate = 8");
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 2);
  pack_text(&v.f.p, "gate");
  fake_put_pt(&v.f, &theirs);
  vm_deliver(&v);
  expect_value(1, 8);
  check(0);
  vm_close(&v);
}
END_TEST

START_TEST(what_is_no_label_cannot_be_waited_for) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = 1, .peer = OTHER_HOST,
                      .depth = 1, .target = OP_NAME, .name = "shop", .name_size = 4};
  vm_connect(&v);
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 2);
  pack_bool(&v.f.p, true);
  pack_bool(&v.f.p, true);
  vm_deliver(&v);
  expect_error(1, GAIJIN_STATUS_RAISED);
  check(0);
  vm_close(&v);
}
END_TEST

/* However many wait for one label: others get their turns, and the socket is looked at. */
START_TEST(some_are_served_in_each_turn) {
  enum { WAITS = 300, A_TURN = 64 };
  vm_connect(&v);
  for (uint64_t id = 1; id <= WAITS; id++) {
    put_ask(1000 + id % 7, id, "x", 1);
    fake_end(&v.f);
  }
  fake_bytes(&v.f, v.f.out.bytes, v.f.out.size);
  v.f.out.size = 0;
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
  for (int round = 0; round < 2; round++) {
    check(WAITS);
    ck_assert_uint_eq(v.w.backlog.n_due, WAITS);
    begin_waiting(&v.w);
    ck_assert_uint_eq(v.w.backlog.n_due, WAITS - A_TURN);
    ck_assert(fiber_run_ready(&v.w)); /* there is more to do at once */
    vm_run(&v);
    if (round == 0) ck_assert_int_eq(luaL_dostring(v.w.L, "bakaGaijin.x = 1"), 0);
  }
  check(0);
  for (unsigned i = 0; i < WAITS; i++) ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

/* Whoever has few due is not behind those of others who have many. */
START_TEST(askers_take_turns) {
  enum { MANY = 100, TAKEN = 7 };
  static const uint64_t callers[TAKEN] = {1000, 1001, 1002, 1000, 1001, 1000, 1000};
  vm_connect(&v);
  for (uint64_t id = 1; id <= MANY; id++) {
    put_ask(1000, id, "x", 1);
    fake_end(&v.f);
  }
  for (uint64_t id = MANY + 1; id <= MANY + 3; id++) {
    put_ask(id == MANY + 2 ? 1002 : 1001, id, "x", 1);
    fake_end(&v.f);
  }
  fake_bytes(&v.f, v.f.out.bytes, v.f.out.size);
  v.f.out.size = 0;
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  uint64_t last = 0;
  for (unsigned i = 0; i < TAKEN; i++) {
    struct label_wait *k = label_waits_take(&v.w);
    ck_assert_uint_eq(k->request.caller, callers[i]);
    if (k->request.caller == 1000) ck_assert_uint_eq(k->request.id, ++last); /* as they came */
    gaijin_answer_error(v.w.g, k->request.id, k->request.op, GAIJIN_STATUS_BUSY, "");
    label_waits_free(&v.w, k);
    check(MANY + 2 - i);
  }
  while (last < MANY / 2) { /* of one that is given up in the midst */
    give_up(++last);
    check(MANY + 3 - TAKEN - (unsigned)(last - 4));
  }
  vm_close(&v);
}
END_TEST

/* Its label has been set before the worker was to end. */
START_TEST(who_stops_serves_what_is_due) {
  enum { WAITS = 100 };
  vm_connect(&v);
  for (uint64_t id = 1; id <= WAITS; id++) vm_ask_label(&v, id, "x");
  ck_assert_int_eq(luaL_dostring(v.w.L, "bakaGaijin.x = 1"), 0);
  ending_stop(&v.w, 0);
  do {
    begin_waiting(&v.w);
    while (v.w.sched.n_ready > 0) fiber_run_ready(&v.w);
  } while (!ending_turn(&v.w));
  gaijin_flush(v.w.g, false);
  for (uint64_t id = 1; id <= WAITS;) {
    if (fake_next(&v.f)->kind == MESSAGE_NOTICE) continue; /* that it ends */
    ck_assert_int_eq(v.f.m.kind, MESSAGE_REPLY);
    ck_assert_uint_eq(v.f.m.id, id++);
  }
  vm_close(&v);
}
END_TEST

/* While fibers that are cancelled end the loop waits for them, and does not turn on and on. */
START_TEST(what_is_due_at_the_end_is_refused) {
  vm_connect(&v);
  vm_ask_label(&v, 1, "x");
  vm_ask_label(&v, 2, "never set");
  ck_assert_int_eq(luaL_dostring(v.w.L, "bakaGaijin.x = 1"), 0);
  v.w.grace = 0;
  if (_i == 0) ending_stop(&v.w, 0);
  v.w.lost = _i == 1;
  begin_waiting(&v.w);
  ck_assert(!fiber_run_ready(&v.w));
  check(0);
  v.w.lost = false;
  gaijin_flush(v.w.g, false);
  for (uint64_t id = 1; id <= 2 && _i == 0; id++) expect_error(id, GAIJIN_STATUS_DEAD);
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

START_TEST(at_the_end_they_are_told_that_nothing_was_done) {
  vm_connect(&v);
  vm_ask_label(&v, 1, "never set");
  ending_leave(&v.w);
  expect_error(1, GAIJIN_STATUS_DEAD);
  check(0);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_label_waits");
  TCase *c = tcase_create("label waits");
  tcase_add_test(c, those_that_wait_are_answered_in_their_order);
  tcase_add_test(c, a_number_is_another_label_than_its_text);
  tcase_add_test(c, it_waits_again_if_the_label_has_gone);
  tcase_add_test(c, one_that_is_given_up_is_answered_and_forgotten);
  tcase_add_test(c, those_that_are_left_keep_their_order);
  tcase_add_test(c, each_asker_may_wait_for_so_much);
  tcase_add_test(c, so_many_bytes_too);
  tcase_add_test(c, all_askers_together_may_wait_for_so_much);
  tcase_add_test(c, a_strange_request_is_read_from_its_begin);
  tcase_add_test(c, what_is_no_label_cannot_be_waited_for);
  tcase_add_test(c, some_are_served_in_each_turn);
  tcase_add_test(c, askers_take_turns);
  tcase_add_test(c, who_stops_serves_what_is_due);
  tcase_add_loop_test(c, what_is_due_at_the_end_is_refused, 0, 2);
  tcase_add_test(c, at_the_end_they_are_told_that_nothing_was_done);
  suite_add_tcase(s, c);
  return run_suite(s);
}
