/* SPDX-License-Identifier: MIT
 *
 * Who reaches which marked nodes of a graph (lua/cycles/reach.c), beside a search from each node.
 */
#include "lua/cycles/reach.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

enum { NODES = 24, MARKED = 5, LINKS = 40, GRAPHS = 20000 };

static uint32_t first[NODES + 1], next[LINKS], marks[MARKED] = {70, 30, 50, 20, 90};
static bool is_out[NODES];
static bool seen[NODES];

static void search(uint32_t node) {
  if (seen[node] || is_out[node]) return;
  seen[node] = true;
  for (uint32_t i = first[node]; i < first[node + 1]; i++) search(next[i]);
}

static void make_graph(uint64_t *r, uint32_t links) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < NODES; i++) {
    first[i] = n;
    is_out[i] = random_below(r, 8) == 0;
    for (; i >= MARKED && n < links && random_below(r, 3) > 0; n++) next[n] = random_below(r, NODES);
  }
  first[NODES] = n;
}

static bool has_pair(const uint8_t *pairs, uint32_t n, uint32_t from, uint32_t to) {
  uint32_t times = 0;
  for (uint32_t i = 0; i < n; i++) times += load_be32(pairs + (size_t)8 * i) == from && load_be32(pairs + (size_t)8 * i + 4) == to;
  ck_assert_uint_le(times, 1);
  return times;
}

START_TEST(all_that_is_reached_is_told) {
  uint64_t r = random_seed("reach");
  struct reach_graph g = {.count = NODES, .first = first, .next = next, .is_out = is_out, .n_marked = MARKED, .marks = marks};
  uint32_t pairs_seen = 0;
  for (uint32_t round = 0; round < GRAPHS; round++) {
    uint32_t from[NODES], n, expected = 0;
    make_graph(&r, random_below(&r, LINKS));
    for (uint32_t i = 0; i < NODES; i++) from[i] = random_below(&r, 5) ? random_below(&r, NODES) : REACH_NO_NODE;
    uint8_t *pairs = reach_pairs(&g, from, NODES, &n);
    for (uint32_t i = 0; i < NODES; i++) {
      memset(seen, 0, sizeof seen);
      if (from[i] != REACH_NO_NODE) search(from[i]);
      for (uint32_t m = 0; m < MARKED; m++) {
        ck_assert_int_eq(has_pair(pairs, n, i, marks[m]), seen[m]);
        expected += seen[m];
      }
    }
    ck_assert_uint_eq(n, expected);
    ck_assert(n ? pairs != NULL : pairs == NULL);
    pairs_seen += n;
    free(pairs);
  }
  ck_assert_uint_gt(pairs_seen, GRAPHS);
}
END_TEST

/* Nodes: so many marked ones, then a chain, each of which refers to the next, the last one to all that are marked. */
struct chain {
  uint32_t *first, *next, *marks, count;
  bool *is_out;
};

static struct chain make_chain(uint32_t marked, uint32_t length, bool rich) {
  struct chain c = {.count = marked + length};
  c.first = calloc(c.count + 1, sizeof(uint32_t));
  c.next = calloc((size_t)length * 2 + marked, sizeof(uint32_t));
  c.marks = calloc(marked + 1, sizeof(uint32_t));
  c.is_out = calloc(c.count, sizeof(bool));
  ck_assert(c.first && c.next && c.marks && c.is_out);
  uint32_t n = 0;
  for (uint32_t i = 0; i < marked; i++) c.marks[i] = i;
  for (uint32_t i = marked; i < c.count; i++) {
    c.first[i] = n;
    if (i + 1 < c.count) c.next[n++] = i + 1;
    if (rich) c.next[n++] = i % marked;
    for (uint32_t m = 0; i + 1 == c.count && m < marked; m++) c.next[n++] = m;
  }
  c.first[c.count] = n;
  return c;
}

static uint32_t count_pairs(uint32_t marked, uint32_t length, uint32_t n_from, bool rich) {
  struct chain c = make_chain(marked, length, rich);
  struct reach_graph g = {.count = c.count, .first = c.first, .next = c.next, .is_out = c.is_out, .n_marked = marked, .marks = c.marks};
  uint32_t n, *from = calloc(n_from, sizeof *from);
  ck_assert_ptr_nonnull(from);
  for (uint32_t i = 0; i < n_from; i++) from[i] = marked + i % length;
  free(reach_pairs(&g, from, n_from, &n));
  free(from);
  free(c.first);
  free(c.next);
  free(c.marks);
  free(c.is_out);
  return n;
}

START_TEST(a_chain_may_be_long) {
  ck_assert_uint_eq(count_pairs(3, 2000000, 1, false), 3);
  ck_assert_uint_eq(count_pairs(3, 2000000, 1, true), 3);
  ck_assert_uint_eq(count_pairs(1000, 1000000, 1000, true), 1000000); /* they share their sets */
}
END_TEST

START_TEST(too_many_are_not_told) {
  ck_assert_uint_eq(count_pairs(1000, 10, 1000, false), 1000000);
  ck_assert_uint_eq(count_pairs(1000, 10, 1001, false), 0);
}
END_TEST

/* Each node of the chain has one more than the next: as many members of sets as half its square. */
START_TEST(sets_are_bounded) {
  enum { LENGTH = 4000 };
  static uint32_t begins[2 * LENGTH + 1], links[2 * LENGTH], told_as[LENGTH], from[1];
  static bool out[2 * LENGTH];
  uint32_t n = 0;
  for (uint32_t i = 0; i < LENGTH; i++) {
    begins[LENGTH + i] = n;
    links[n++] = i;
    if (i > 0) links[n++] = LENGTH + i - 1;
  }
  begins[2 * LENGTH] = n;
  from[0] = 2 * LENGTH - 1;
  struct reach_graph g = {.count = 2 * LENGTH, .first = begins, .next = links, .is_out = out, .n_marked = LENGTH, .marks = told_as};
  ck_assert_ptr_null(reach_pairs(&g, from, 1, &n));
  ck_assert_uint_eq(n, 0);
  from[0] = LENGTH + 99;
  uint8_t *pairs = reach_pairs(&g, from, 1, &n);
  ck_assert_uint_eq(n, 100);
  free(pairs);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_reach");
  TCase *c = tcase_create("reach");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, all_that_is_reached_is_told);
  tcase_add_test(c, a_chain_may_be_long);
  tcase_add_test(c, too_many_are_not_told);
  tcase_add_test(c, sets_are_bounded);
  suite_add_tcase(s, c);
  return run_suite(s);
}
