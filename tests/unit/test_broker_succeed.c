/* SPDX-License-Identifier: MIT
 *
 * A successor waits for its name, and gets it: when it is ready, or when the one before gives it up. At every moment there is
 * somebody behind the name, and each end in between leaves the other as it was.
 */
#include "tests/unit/broker_succeed.h"

START_TEST(a_successor_in_waiting_is_not_found) {
  join_successor(&b, "shop", true);
  expect_asked("shop", &a);
  watch("present");
  expect_watched(&a);
  /* what it has is held and used as anybody's */
  struct pt x = wire_token(&b.end, 1);
  lend(&b, &c, &x);
  worker_use(&w, &c, &b, &x);
  wire_quiet(&w, &a.end);
}
END_TEST

START_TEST(ready_passes_the_name_over) {
  struct pt x = wire_token(&a.end, 1);
  say(&a, OP_ready);
  join_successor(&b, "shop", true);
  lend(&a, &c, &x);
  say(&b, OP_ready);
  wire_expect(&w, &a.end, MESSAGE_NOTICE, OP_succeeded);
  collect(&c);
  expect_asked("shop", &b);
  watch("ready");
  expect_watched(&b);
  /* who has tokens of the one before may go on */
  worker_use(&w, &c, &a, &x);
  /* its end is told with the reason */
  wire_leave(&a.end);
  a.end.fd = -1;
  wire_expect(&w, &c.end, MESSAGE_NOTICE, OP_dead);
  ck_assert_uint_eq(wire_uint(&c.end), x.host);
  bool succeeded = false;
  ck_assert(reader_bool(&c.end.r, &succeeded) && succeeded);
  wire_ask(&c.end, OP_len, NULL, &x, 0);
  wire_send(&w, &c.end);
  wire_expect_error(&w, &c.end, STATUS_dead);
  wire_expect_text(&c.end, "Gaijin tried accessing dead resource. (shop, which another worker of that name has succeeded)");
  expect_asked("shop", &b);
}
END_TEST

/* Those who hold something of the one before, and nobody else; not who is at it already, and once. */
START_TEST(holders_are_asked_to_collect) {
  struct pt x = wire_token(&a.end, 1);
  struct worker d = {0}, e = {0};
  worker_join(&w, &d, "holds nothing");
  worker_join(&w, &e, "holds, too");
  lend(&a, &c, &x);
  lend(&a, &e, &x);
  join_successor(&b, "shop", true);
  wire_quiet(&w, &c.end);
  say(&b, OP_ready);
  collect(&c);
  wire_expect(&w, &a.end, MESSAGE_NOTICE, OP_succeeded);
  wire_expect(&w, &e.end, MESSAGE_REQUEST, OP_free);
  wire_quiet(&w, &d.end);
  wire_quiet(&w, &c.end);
  struct worker f = {0};
  join_successor(&f, "shop", true);
  struct pt y = wire_token(&b.end, 1);
  lend(&b, &e, &y);
  say(&f, OP_ready); /* it is at it still */
  wire_expect(&w, &b.end, MESSAGE_NOTICE, OP_succeeded);
  wire_quiet(&w, &e.end);
  end(&d);
  end(&e);
  end(&f);
}
END_TEST

/* The first host there is, too. */
START_TEST(the_first_of_all_is_asked) {
  struct pt x = wire_token(&c.end, 1);
  lend(&c, &a, &x);
  join_successor(&b, "till", true);
  say(&b, OP_ready);
  collect(&a);
}
END_TEST

/* One that ends while they are being asked. */
START_TEST(who_ends_when_its_name_passes) {
  struct pt x = wire_token(&a.end, 1);
  lend(&a, &c, &x);
  join_successor(&b, "shop", true);
  wire_begin(&b.end, MESSAGE_NOTICE, OP_ready, 0, 0);
  wire_leave(&a.end);
  a.end = (struct end){.fd = -1};
  wire_send(&w, &b.end);
  for (int i = 0; i < 5; i++) wire_turn(&w);
  check();
}
END_TEST

START_TEST(those_who_wait_get_the_successor) {
  join_successor(&b, "shop", true);
  watch("ready");
  wire_quiet(&w, &c.end);
  say(&b, OP_ready);
  expect_watched(&b);
}
END_TEST

/* _i 0: it ends, 1: it leaves, 2: it retires. */
START_TEST(a_successor_that_fails_changes_nothing) {
  say(&a, OP_ready);
  join_successor(&b, "shop", true);
  if (_i) say(&b, _i == 1 ? OP_leave : OP_retire);
  if (_i < 2) end(&b);
  expect_asked("shop", &a);
  watch("ready");
  expect_watched(&a);
  wire_quiet(&w, &a.end);
  struct worker d = {0};
  join_successor(&d, "shop", true);
  worker_forget(&d);
}
END_TEST

/* _i 0: it ends, 1: it leaves, 2: it retires. */
START_TEST(one_that_ends_first_leaves_the_name_to_its_successor) {
  say(&a, OP_ready);
  join_successor(&b, "shop", true);
  if (_i) say(&a, _i == 1 ? OP_leave : OP_retire);
  if (_i < 2) end(&a);
  expect_asked("shop", &b);
  watch("ready");
  wire_quiet(&w, &c.end);
  say(&b, OP_ready);
  expect_watched(&b);
}
END_TEST

START_TEST(a_free_name_is_its_own_at_once) {
  join_successor(&b, "bank", false);
  expect_asked("bank", &b);
}
END_TEST

START_TEST(there_is_one_successor) {
  struct worker d = {0};
  join_successor(&b, "shop", true);
  succeed_hello(&d, "shop", WIRE_VERSION_MOST);
  worker_refused(&w, &d, STATUS_name_taken);
  /* and nobody else has the name */
  worker_hello(&w, &d, "shop", 0, NULL);
  worker_refused(&w, &d, STATUS_name_taken);
  /* the successor may be succeeded when it has the name */
  say(&b, OP_ready);
  wire_expect(&w, &a.end, MESSAGE_NOTICE, OP_succeeded);
  join_successor(&d, "shop", true);
  say(&d, OP_ready);
  wire_expect(&w, &b.end, MESSAGE_NOTICE, OP_succeeded);
  expect_asked("shop", &d);
  worker_forget(&d);
}
END_TEST

/* It waits for that, as for the end of one that has the name, and is not refused. */
START_TEST(the_end_of_a_successor_takes_some_turns_and_the_next_one_waits_for_it) {
  enum { WATCHES = 2000 };
  struct worker d = {0};
  const struct slab *waits = &w.broker.names.watches.all;
  join_successor(&b, "shop", true);
  for (int i = 0; i < WATCHES; i++) {
    struct pack *p = wire_ask(&b.end, OP_watch, NULL, NULL, 2);
    pack_text(p, "nobody");
    pack_text(p, "ready");
    wire_end(&b.end);
  }
  wire_flush(&w, &b.end);
  while (waits->count < WATCHES) wire_turn(&w);
  worker_forget(&b);
  while (waits->count == WATCHES) wire_turn(&w);
  ck_assert_uint_gt(waits->count, 0);
  join_successor(&d, "shop", true);
  ck_assert_uint_eq(waits->count, 0);
  worker_forget(&d);
}
END_TEST

START_TEST(who_cannot_be_told_is_not_succeeded) {
  wire_client(&w, &a.end)->version = WIRE_VERSION_SUCCEED - 1;
  succeed_hello(&b, "shop", WIRE_VERSION_MOST);
  worker_refused(&w, &b, STATUS_name_taken);
  wire_client(&w, &a.end)->version = WIRE_VERSION_MOST;
  succeed_hello(&b, "shop", WIRE_VERSION_SUCCEED - 1);
  worker_refused(&w, &b, STATUS_name_taken);
  expect_asked("shop", &a);
}
END_TEST

START_TEST(another_user_s_worker_is_not_succeeded) {
  wire_client(&w, &a.end)->uid++;
  succeed_hello(&b, "shop", WIRE_VERSION_MOST);
  worker_refused(&w, &b, STATUS_denied);
  wire_client(&w, &a.end)->uid--;
}
END_TEST

START_TEST(a_sandboxed_one_succeeds_sandboxed_ones_only) {
  sandboxed = true;
  succeed_hello(&b, "shop", WIRE_VERSION_MOST);
  worker_refused(&w, &b, STATUS_denied);
  wire_client(&w, &a.end)->sandboxed = true;
  join_successor(&b, "shop", true);
  sandboxed = false;
}
END_TEST

START_TEST(an_option_that_is_no_boolean_is_a_fault) {
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .name = "shop", .name_size = 4};
  wire_connect(&w, &b.end);
  struct pack *p = wire_begin(&b.end, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(1));
  hello_put_request(p, &h, 1);
  pack_text(p, SUCCEED_KEY);
  pack_uint(p, 1);
  wire_send(&w, &b.end);
  wire_expect_end(&w, &b.end);
  worker_forget(&b);
}
END_TEST

START_TEST(it_is_charged_and_shown_as_anybody) {
  struct account *k = wire_client(&w, &a.end)->account;
  uint64_t names = k->used[ACCOUNT_NAMES];
  join_successor(&b, "shop", true);
  ck_assert_uint_eq(wire_client(&w, &b.end)->account->used[ACCOUNT_NAMES], 1);
  say(&b, OP_ready);
  ck_assert_uint_eq(wire_client(&w, &b.end)->account->used[ACCOUNT_NAMES], 1);
  ck_assert_uint_eq(k->used[ACCOUNT_NAMES], names - 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker succeed");
  TCase *t = tcase_create("succeed");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_successor_in_waiting_is_not_found);
  tcase_add_test(t, ready_passes_the_name_over);
  tcase_add_test(t, holders_are_asked_to_collect);
  tcase_add_test(t, the_first_of_all_is_asked);
  tcase_add_test(t, who_ends_when_its_name_passes);
  tcase_add_test(t, those_who_wait_get_the_successor);
  tcase_add_loop_test(t, a_successor_that_fails_changes_nothing, 0, 3);
  tcase_add_loop_test(t, one_that_ends_first_leaves_the_name_to_its_successor, 0, 3);
  tcase_add_test(t, a_free_name_is_its_own_at_once);
  tcase_add_test(t, there_is_one_successor);
  tcase_add_test(t, the_end_of_a_successor_takes_some_turns_and_the_next_one_waits_for_it);
  tcase_add_test(t, who_cannot_be_told_is_not_succeeded);
  tcase_add_test(t, another_user_s_worker_is_not_succeeded);
  tcase_add_test(t, a_sandboxed_one_succeeds_sandboxed_ones_only);
  tcase_add_test(t, an_option_that_is_no_boolean_is_a_fault);
  tcase_add_test(t, it_is_charged_and_shown_as_anybody);
  return run_suite(s);
}
