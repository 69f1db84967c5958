/* SPDX-License-Identifier: MIT
 *
 * The hash table (client-lib/table.c): growing, shrinking, equal keys, tearing down.
 */
#include "client-lib/table.h"
#include "tests/unit/run.h"

enum { MANY = 20000 };

static struct table_node nodes[MANY];

START_TEST(it_grows_and_shrinks) {
  struct table t;
  ck_assert(gj_table_init(&t, 1));
  for (uint64_t i = 0; i < MANY; i++) gj_table_insert(&t, &nodes[i], i * 7);
  ck_assert_uint_eq(t.count, MANY);
  ck_assert_uint_ge(t.mask + 1, MANY / 2);
  for (uint64_t i = 0; i < MANY; i++) ck_assert_ptr_eq(table_find(&t, i * 7), &nodes[i]);
  ck_assert_ptr_null(table_find(&t, 1));
  for (uint64_t i = 10; i < MANY; i++) gj_table_remove(&t, &nodes[i]);
  ck_assert_uint_le(t.mask + 1, 128);
  for (uint64_t i = 0; i < 10; i++) ck_assert_ptr_eq(table_find(&t, i * 7), &nodes[i]);
  ck_assert_ptr_null(table_find(&t, 70));
  gj_table_deinit(&t);
}
END_TEST

START_TEST(equal_keys_are_all_found) {
  struct table t;
  ck_assert(gj_table_init(&t, 1));
  for (int i = 0; i < 100; i++) gj_table_insert(&t, &nodes[i], 5);
  int seen = 0;
  for (struct table_node *n = table_find(&t, 5); n; n = table_match(n->next, 5)) seen++;
  ck_assert_int_eq(seen, 100);
  gj_table_deinit(&t);
}
END_TEST

START_TEST(take_empties_it) {
  struct table t;
  ck_assert(gj_table_init(&t, 1));
  for (uint64_t i = 0; i < 1000; i++) gj_table_insert(&t, &nodes[i], i);
  int seen = 0;
  while (gj_table_take(&t)) seen++;
  ck_assert_int_eq(seen, 1000);
  ck_assert_uint_eq(t.count, 0);
  gj_table_deinit(&t);
  gj_table_deinit(&t); /* a zeroed one is valid */
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_table");
  TCase *c = tcase_create("table");
  tcase_add_test(c, it_grows_and_shrinks);
  tcase_add_test(c, equal_keys_are_all_found);
  tcase_add_test(c, take_empties_it);
  suite_add_tcase(s, c);
  return run_suite(s);
}
