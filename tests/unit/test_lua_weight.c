/* SPDX-License-Identifier: MIT
 *
 * What exported objects weigh, and the collector that is driven when they come back (lua/serve/weight.h). The collector's
 * rounds and what grew between them are given by the test, so that the weights are exact.
 */
#define _GNU_SOURCE
#include "lua/serve/weight.h"

#include "tests/unit/vm.h"

static struct vm v;

/* A token of a new table with so many entries in its array; the table is left on the stack. */
static gaijin_token *table_of(int entries) {
  lua_createtable(v.w.L, entries, 0);
  for (int i = 1; i <= entries; i++) {
    lua_pushinteger(v.w.L, i);
    lua_rawseti(v.w.L, -2, i);
  }
  return pool_token(v.w.L, &v.w, -1, GAIJIN_KIND_TABLE);
}

static void open_worker(void) {
  vm_connect(&v);
  lua_gc(v.w.L, LUA_GCSTOP, 0);
  v.w.weights.n_exports = 0;
  v.w.weights.grown = 0;
}

static void close_worker(void) {
  lua_settop(v.w.L, 0);
  vm_close(&v);
}

/* When the token exported as the i-th was, so many KiB more were in use than before. */
static void has_grown(unsigned i, size_t grown) {
  struct weights *k = &v.w.weights;
  k->grown = k->grown - k->exports[i].grown + grown;
  k->exports[i].grown = grown;
}

/* A round of the collector ends with so many KiB more in use than after the one before. */
static void end_round(long grown) {
  struct weights *k = &v.w.weights;
  k->live = 100000;
  k->after = (size_t)(100000 + grown);
  k->round_ended = true;
  weight_turn(&v.w);
  ck_assert(!k->round_ended);
  ck_assert_uint_eq(k->live, k->after);
  ck_assert_uint_eq(k->at_last, k->after);
  ck_assert_uint_eq(k->n_exports, 0);
  ck_assert_uint_eq(k->grown, 0);
}

#define ck_assert_kib(t, kib) ck_assert_uint_eq(gaijin_token_weight(t), (uint64_t)(kib) << 10)

START_TEST(what_grew_is_shared_out_as_it_had_grown) {
  open_worker();
  gaijin_token *large = table_of(1), *small = table_of(1), *tiny = table_of(1);
  has_grown(0, 60000);
  has_grown(1, 30000);
  has_grown(2, 10000);
  end_round(10000); /* nine tenths of it were garbage */
  ck_assert_kib(large, 6000);
  ck_assert_kib(small, 3000);
  ck_assert_kib(tiny, 0); /* 1,000 KiB are not told */
  close_worker();
}
END_TEST

START_TEST(what_did_not_grow_weighs_nothing) {
  open_worker();
  gaijin_token *t = table_of(1), *other = table_of(1);
  has_grown(0, 50000);
  has_grown(1, 0);
  end_round(-5000);
  ck_assert_kib(t, 0);
  ck_assert_kib(other, 0);
  end_round(50000); /* of a round before, no longer known */
  ck_assert_kib(t, 0);
  close_worker();
}
END_TEST

START_TEST(an_array_weighs_its_slots_at_least) {
  open_worker();
  gaijin_token *array = table_of(200000), *beside = table_of(1);
  lua_pop(v.w.L, 1);
  has_grown(0, 0);
  has_grown(1, 0);
  end_round(50000); /* by what nobody exported */
  ck_assert_kib(array, 200000 * 16 / 1024);
  ck_assert_kib(beside, 0);
  close_worker();
}
END_TEST

START_TEST(only_the_last_exports_are_known) {
  gaijin_token *t[WEIGHED_MOST + 1];
  open_worker();
  for (unsigned i = 0; i <= WEIGHED_MOST; i++) {
    t[i] = table_of(1);
    lua_pop(v.w.L, 1);
  }
  for (unsigned i = 0; i < WEIGHED_MOST; i++) has_grown(i, 2000);
  v.w.weights.grown = 2000 * WEIGHED_MOST; /* nothing by the one that is no longer known */
  end_round(2000 * WEIGHED_MOST);
  ck_assert_kib(t[0], 0); /* the last one stands in its place */
  for (unsigned i = 1; i <= WEIGHED_MOST; i++) ck_assert_kib(t[i], 2000);
  close_worker();
}
END_TEST

/* Some 30 MB of garbage, in many objects, while the script has stopped the collector. */
static void make_garbage(void) {
  ck_assert(luaL_dostring(v.w.L, "for i = 1, 400000 do local t = { i } end") == 0);
}

START_TEST(the_collector_is_driven_when_much_came_back) {
  open_worker();
  make_garbage();
  size_t before = (size_t)lua_gc(v.w.L, LUA_GCCOUNT, 0);
  v.w.weights.freed = (16 << 10) - 1;
  weight_turn(&v.w);
  ck_assert_uint_eq(v.w.weights.rounds, 0);
  v.w.weights.freed = 16 << 10;
  weight_turn(&v.w);
  ck_assert_uint_eq(v.w.weights.freed, 0);
  ck_assert_uint_eq(v.w.weights.rounds, 2);
  unsigned turns = 0;
  while (v.w.weights.rounds > 0 && turns < 1000000) {
    weight_turn(&v.w);
    turns++;
  }
  ck_assert_uint_eq(v.w.weights.rounds, 0);
  ck_assert_uint_gt(turns, 2); /* in slices */
  ck_assert_uint_lt((size_t)lua_gc(v.w.L, LUA_GCCOUNT, 0), before / 4);
  close_worker();
}
END_TEST

/* It is the whole heap that a round costs. */
START_TEST(a_large_heap_is_collected_for_its_quarter_only) {
  open_worker();
  make_garbage();
  make_garbage();
  make_garbage();
  ck_assert_uint_gt((size_t)lua_gc(v.w.L, LUA_GCCOUNT, 0), 70000);
  v.w.weights.freed = 16 << 10;
  weight_turn(&v.w);
  ck_assert_uint_eq(v.w.weights.rounds, 0);
  ck_assert_uint_eq(v.w.weights.freed, 16 << 10);
  close_worker();
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_weight");
  TCase *c = tcase_create("weight");
  tcase_add_test(c, what_grew_is_shared_out_as_it_had_grown);
  tcase_add_test(c, what_did_not_grow_weighs_nothing);
  tcase_add_test(c, an_array_weighs_its_slots_at_least);
  tcase_add_test(c, only_the_last_exports_are_known);
  tcase_add_test(c, the_collector_is_driven_when_much_came_back);
  tcase_add_test(c, a_large_heap_is_collected_for_its_quarter_only);
  suite_add_tcase(s, c);
  return run_suite(s);
}
