/* SPDX-License-Identifier: MIT
 *
 * Tokens of the books by kind and age (broker/ops/show/inspect.c).
 */
#include "tests/unit/broker_three.h"

static void setup(void) {
  struct broker_config config = wire_config();
  three_open(&config);
}

/* How many tokens there are of this kind (NULL: any) and, if it is not 0, age. */
static uint32_t count_tokens(const char *kind, uint64_t age) {
  struct value v;
  struct pack *p = wire_ask(&o, OP_inspect, NULL, NULL, 6);
  pack_text(p, "tokens");
  for (int i = 0; i < 3; i++) pack_nil(p);
  if (kind)
    pack_text(p, kind);
  else
    pack_nil(p);
  if (age)
    pack_uint(p, age);
  else
    pack_nil(p);
  wire_send(&w, &o);
  wire_expect(&w, &o, MESSAGE_REPLY, OP_inspect);
  ck_assert(reader_next(&o.r, &v) && v.type == VALUE_NIL);
  return o.m.body_count - 1;
}

START_TEST(tokens_of_a_kind_and_an_age) {
  struct pt x = wire_token(&a, 5), f = wire_token(&a, 6);
  f.kind = PT_FUNCTION;
  wire_fetch(&w, &b, &a, "a", &x);
  wire_fetch(&w, &b, &a, "a", &f);
  ck_assert_uint_eq(count_tokens(NULL, 0), 2);
  ck_assert_uint_eq(count_tokens("table", 0), 1);
  ck_assert_uint_eq(count_tokens("function", 0), 1);
  ck_assert_uint_eq(count_tokens("userdata", 0), 0);
  ck_assert_uint_eq(count_tokens(NULL, UINT64_MAX), 0);
  pack_text(wire_ask(&o, OP_inspect, NULL, NULL, 5), "tokens");
  for (int i = 0; i < 3; i++) pack_nil(&o.p);
  pack_text(&o.p, "tabel");
  wire_send(&w, &o);
  wire_expect_error(&w, &o, STATUS_unsupported); /* a later version may have others */
  ck_assert_uint_eq(count_tokens("function", 0), 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker filters");
  TCase *t = tcase_create("filters");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, tokens_of_a_kind_and_an_age);
  return run_suite(s);
}
