/* SPDX-License-Identifier: MIT
 *
 * Requests for descriptions of objects at the broker: how many one may have open, and that the count is right
 * whatever becomes of them; forms and versions. Who may: test_broker_permissions.c.
 */
#define _GNU_SOURCE
#include "tests/unit/broker_carried.h"

static struct wire w, next;
static struct end shop, till, looker, other;

static void setup(void) {
  wire_open(&w, NULL);
  shop = till = looker = other = (struct end){0};
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &looker, "looker", true);
  wire_join_as(&w, &other, "other", true);
}
static void leave(void) {
  wire_leave(&shop);
  wire_leave(&looker);
  wire_leave(&other);
}
static void teardown(void) {
  leave();
  wire_close(&w);
}

static void ask_about(struct end *e, uint32_t objects) {
  struct pack *p = wire_ask(e, OP_describe, "shop", NULL, objects);
  for (uint32_t i = 1; i <= objects; i++) pack_uint(p, i);
}
static void ask(struct wire *of, struct end *e) {
  ask_about(e, 1);
  wire_send(of, e);
}
/* The shop has been sent it: its id there. */
static uint64_t forwarded(struct wire *of) {
  do
    wire_past_peers(of, &shop);
  while (shop.m.op == OP_cancel || shop.m.op == OP_dead);
  ck_assert_int_eq(shop.m.op, OP_describe);
  return shop.m.id;
}
static uint64_t ask_all(struct wire *of, struct end *e) {
  uint64_t first = 0;
  for (int i = 0; i < CALLS_LOOKS_MOST; i++) {
    ask(of, e);
    uint64_t id = forwarded(of);
    if (i == 0) first = id;
  }
  return first;
}
static void expect_full(struct wire *of, struct end *e) {
  ask(of, e);
  wire_expect_error(of, e, STATUS_busy);
  wire_expect_nothing(of, &shop);
}
static void expect_room(struct wire *of, struct end *e) {
  ask(of, e);
  forwarded(of);
}
static void cancel(struct end *e, uint64_t id) {
  pack_uint(wire_begin(e, MESSAGE_NOTICE, OP_cancel, 0, 1), id);
  wire_send(&w, e);
}

START_TEST(an_observer_has_so_many_open) {
  ask_all(&w, &looker);
  expect_full(&w, &looker);
  expect_room(&w, &other); /* each has its own */
  pack_text(wire_ask(&looker, OP_labels, "shop", NULL, 0), "");
  looker.out.size = 0; /* not sent */
  wire_ask(&looker, OP_alive, "shop", NULL, 0);
  wire_send(&w, &looker);
  wire_expect(&w, &shop, MESSAGE_REQUEST, OP_alive); /* others are not meant */
}
END_TEST

START_TEST(an_answer_makes_room) {
  uint64_t id = ask_all(&w, &looker);
  wire_begin(&shop, MESSAGE_REPLY, OP_describe, id, 0);
  wire_send(&w, &shop);
  wire_past_peers(&w, &looker);
  ck_assert_int_eq(looker.m.kind, MESSAGE_REPLY);
  expect_room(&w, &looker);
  expect_full(&w, &looker);
}
END_TEST

START_TEST(giving_up_makes_room_once) {
  uint64_t id = ask_all(&w, &looker);
  uint64_t last = looker.last_id;
  cancel(&looker, last);
  wire_expect(&w, &shop, MESSAGE_NOTICE, OP_cancel);
  cancel(&looker, last);
  expect_room(&w, &looker);
  expect_full(&w, &looker);
  /* The late answer of the one that was given up is none of theirs that are open. */
  wire_begin(&shop, MESSAGE_REPLY, OP_describe, id + CALLS_LOOKS_MOST - 1, 0);
  wire_send(&w, &shop);
  wire_expect_nothing(&w, &looker);
  expect_full(&w, &looker);
}
END_TEST

START_TEST(ends_leave_nothing_counted) {
  ask_all(&w, &looker);
  wire_leave(&looker);
  wire_turn(&w);
  looker = (struct end){0};
  wire_join_as(&w, &looker, "looker", true); /* the number of its host may be used again */
  ask_all(&w, &looker);
  wire_leave(&shop);
  wire_turn(&w);
  for (int i = 0; i < CALLS_LOOKS_MOST; i++) {
    wire_past_peers(&w, &looker);
    if (looker.m.op == OP_dead) i--;
  }
  shop = (struct end){0};
  wire_join(&w, &shop, "shop");
  expect_room(&w, &looker);
}
END_TEST

START_TEST(another_program_knows_how_many) {
  ask_all(&w, &looker);
  expect_room(&w, &other);
  carried_over(&next, &w, NULL);
  carried_forget(&w);
  expect_full(&next, &looker);
  expect_room(&next, &other);
  leave();
  wire_close(&next);
  setup(); /* for teardown */
}
END_TEST

static void hello_in_version(struct end *e, uint64_t version, const char *name, bool observer) {
  struct hello_request h = {.lowest = version, .highest = version, .name = name, .name_size = (uint32_t)strlen(name), .observer = observer};
  wire_connect(&w, e);
  hello_put_request(wire_begin(e, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(0)), &h, 0);
  wire_send(&w, e);
  wire_expect(&w, e, MESSAGE_REPLY, OP_hello);
  ck_assert_uint_eq(wire_uint(e), version);
  e->host = wire_uint(e);
  e->last_id = 1;
}

START_TEST(older_workers_are_not_asked) {
  hello_in_version(&till, 5, "till", false);
  pack_uint(wire_ask(&looker, OP_describe, "till", NULL, 1), 1);
  wire_send(&w, &looker);
  wire_expect_error(&w, &looker, STATUS_unsupported);
  wire_expect_nothing(&w, &till);
  wire_leave(&till);
}
END_TEST

START_TEST(older_observers_do_not_ask) {
  hello_in_version(&till, 5, "till", true);
  ask(&w, &till);
  wire_expect_end(&w, &till);
  wire_leave(&till);
}
END_TEST

START_TEST(none_or_too_many_are_no_request) {
  ask_about(&looker, op_info(OP_describe)->most);
  wire_send(&w, &looker);
  forwarded(&w);
  ask_about(&looker, _i ? op_info(OP_describe)->most + 1 : 0);
  wire_send(&w, &looker);
  wire_expect_end(&w, &looker);
  wire_expect_nothing(&w, &other);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker describe");
  TCase *c = tcase_create("describe");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, an_observer_has_so_many_open);
  tcase_add_test(c, an_answer_makes_room);
  tcase_add_test(c, giving_up_makes_room_once);
  tcase_add_test(c, ends_leave_nothing_counted);
  tcase_add_test(c, another_program_knows_how_many);
  tcase_add_test(c, older_workers_are_not_asked);
  tcase_add_test(c, older_observers_do_not_ask);
  tcase_add_loop_test(c, none_or_too_many_are_no_request, 0, 2);
  suite_add_tcase(s, c);
  return run_suite(s);
}
