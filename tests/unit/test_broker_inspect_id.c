/* SPDX-License-Identifier: MIT
 *
 * The books, by an object's id.
 */
#include "tests/unit/broker_three.h"

static void setup(void) {
  struct broker_config config = wire_config();
  three_open(&config);
}

static void expect_row(uint32_t values) {
  struct value v;
  ck_assert(reader_next(&o.r, &v));
  ck_assert_int_eq(v.type, VALUE_ARRAY);
  ck_assert_uint_eq(v.count, values);
}

/* Asks for objects of an id (0: of any); rows of the first page, the first of which comes next. *all:
 * there is no other page. */
static uint32_t ask_by_id(const char *host, const char *kind, uint64_t id, bool *all) {
  struct value v;
  struct pack *p = wire_ask(&o, OP_inspect, NULL, NULL, 7);
  pack_text(p, "tokens");
  pack_nil(p);
  if (host)
    pack_text(p, host);
  else
    pack_nil(p);
  pack_nil(p);
  if (kind)
    pack_text(p, kind);
  else
    pack_nil(p);
  pack_nil(p);
  if (id)
    pack_uint(p, id);
  else
    pack_nil(p);
  wire_send(&w, &o);
  wire_expect(&w, &o, MESSAGE_REPLY, OP_inspect);
  ck_assert(reader_next(&o.r, &v));
  *all = v.type == VALUE_NIL;
  return o.m.body_count - 1;
}

/* Also of a host that has ended. */
START_TEST(tokens_of_one_id) {
  bool all;
  for (uint64_t id = 5990; id < 6000; id++) {
    struct pt pt = wire_token(&a, id);
    wire_fetch(&w, &b, &a, "a", &pt);
  }
  struct pt of_b = wire_token(&b, 5999);
  wire_fetch(&w, &a, &b, "b", &of_b);
  ck_assert_uint_eq(ask_by_id("a", NULL, 5999, &all), 1);
  ck_assert(all);
  expect_row(9);
  wire_expect_text(&o, "a");
  ck_assert_uint_eq(wire_uint(&o), 5999);
  ck_assert_uint_eq(ask_by_id(NULL, NULL, 5999, &all), 2);
  ck_assert(all);
  ck_assert_uint_eq(ask_by_id("b", NULL, 5998, &all), 0);
  ck_assert(all);
  ck_assert_uint_eq(ask_by_id("a", NULL, 6001, &all), 0);
  ck_assert_uint_eq(ask_by_id("a", "function", 5999, &all), 0);
  ck_assert_uint_eq(ask_by_id("a", NULL, 0, &all), 10); /* nil filters nothing */
  wire_leave(&a);
  wire_turn(&w);
  ck_assert_uint_eq(ask_by_id("a", NULL, 5999, &all), 1);
  ck_assert(all);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker inspect id");
  TCase *t = tcase_create("id");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, tokens_of_one_id);
  return run_suite(s);
}
