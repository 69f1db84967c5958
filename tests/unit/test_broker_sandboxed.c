/* SPDX-License-Identifier: MIT
 *
 * What a client that has said in hello that it is sandboxed may not have applied to objects of others.
 */
#include "proto/closed.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, c; /* a has the object x, b is sandboxed, c is not */
static struct pt x;

static void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  wire_join(&w, &c, "c");
  wire_client(&w, &b)->sandboxed = true;
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_fetch(&w, &c, &a, "a", &x);
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&c);
  wire_close(&w);
}

static void apply(struct end *from, const char *title, const struct pt *to) {
  pack_text(wire_ask(from, OP_apply, NULL, to, 1), title);
  wire_send(&w, from);
}
static void expect_forwarded(struct end *to) {
  wire_past_peers(&w, to);
  ck_assert_int_eq(to->m.op, OP_apply);
  ck_assert_int_eq(to->m.kind, MESSAGE_REQUEST);
}

START_TEST(what_leads_from_one_object_to_all) {
  static const char *const closed[] = {"getfenv", "setfenv", "getmetatable", "setmetatable",
                                       "debug.getinfo", "debug.", "debug.setuservalue"};
  static const char *const open[] = {"rawget", "table.concat", "fetch", "getfenvs", "getfen", "debug", ""};
  for (unsigned i = 0; i < sizeof closed / sizeof closed[0]; i++) {
    apply(&b, closed[i], &x);
    wire_expect_error(&w, &b, STATUS_denied);
    wire_expect(&w, &b, MESSAGE_NOTICE, OP_grant); /* it has room again */
    wire_expect_nothing(&w, &a);
    apply(&c, closed[i], &x);
    expect_forwarded(&a);
  }
  for (unsigned i = 0; i < sizeof open / sizeof open[0]; i++) {
    apply(&b, open[i], &x);
    expect_forwarded(&a);
  }
}
END_TEST

START_TEST(its_own_objects_are_its_own) {
  struct pt own = wire_token(&b, 1);
  wire_fetch(&w, &c, &b, "b", &own);
  apply(&b, "getfenv", &own);
  expect_forwarded(&b);
  apply(&c, "getfenv", &own); /* the worker itself refuses */
  expect_forwarded(&b);
}
END_TEST

/* Nobody waits for these. */
START_TEST(one_way_too) {
  struct message h = {.kind = MESSAGE_REQUEST, .flags = MESSAGE_ONE_WAY, .op = OP_apply, .id = ++b.last_id,
                      .depth = 1, .target = OP_PT, .pt = x};
  pack_text(wire_begin_to(&b, &h, 1), "setfenv");
  wire_send(&w, &b);
  wire_expect_nothing(&w, &a);
}
END_TEST

START_TEST(another_first_argument_is_for_the_host_to_refuse) {
  pack_uint(wire_ask(&b, OP_apply, NULL, &x, 1), 7);
  wire_send(&w, &b);
  expect_forwarded(&a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker sandboxed");
  TCase *t = tcase_create("sandboxed");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, what_leads_from_one_object_to_all);
  tcase_add_test(t, its_own_objects_are_its_own);
  tcase_add_test(t, one_way_too);
  tcase_add_test(t, another_first_argument_is_for_the_host_to_refuse);
  return run_suite(s);
}
