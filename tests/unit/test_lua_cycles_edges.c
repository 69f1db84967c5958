/* SPDX-License-Identifier: MIT
 *
 * What a worker tells of its suspects in a scan (lua/cycles/edges.h). The test is the broker.
 */
#include "lua/cycles/rounds.h"

#include <stdlib.h>

#include "tests/unit/cycle_asker.h"

static const struct gaijin_pt B = {OTHER_HOST, 3, 13, GAIJIN_KIND_TABLE}, C = {OTHER_HOST, 4, 14, GAIJIN_KIND_TABLE};

static void open_with_three(void) {
  open_vm();
  vm_give(&v, "a", &A);
  vm_give(&v, "b", &B);
  vm_give(&v, "c", &C);
}

/* What was answered in a scan about objects of ours and A, B and C. */
static struct {
  uint64_t live; /* a bit each, ours first */
  uint32_t n_edges;
  unsigned char edges[64]; /* which of ours, then which of others, by these numbers */
} told;

static int compare_edges(const void *x, const void *y) { return memcmp(x, y, 8); }

static void scan(const uint64_t *ids, uint32_t n) {
  vm_do(&v, "a, b, c = nil");
  begin_question(GAIJIN_CYCLE_SCAN, ids, n);
  pack_array(&v.f.p, 3);
  fake_put_pt(&v.f, &A);
  fake_put_pt(&v.f, &B);
  fake_put_pt(&v.f, &C);
  fake_deliver(&v.f);
  await_answer();
  struct message *m = fake_next(&v.f);
  while (m->op != OP_cycle) m = fake_next(&v.f);
  uint64_t ms;
  const char *live, *edges;
  uint32_t n_live, n_edges;
  struct reader r = fake_values(m);
  ck_assert(reader_uint(&r, &ms) && reader_string(&r, &live, &n_live) && reader_string(&r, &edges, &n_edges));
  ck_assert_uint_eq(n_live, 1);
  ck_assert_uint_eq(n_edges % 8, 0);
  ck_assert_uint_le(n_edges, sizeof told.edges);
  told.live = (unsigned char)*live;
  told.n_edges = n_edges / 8;
  memcpy(told.edges, edges, n_edges);
  qsort(told.edges, told.n_edges, 8, compare_edges); /* their order is open */
}

static void expect_edges(const unsigned char (*pairs)[2], uint32_t n) {
  ck_assert_uint_eq(told.n_edges, n);
  for (uint32_t i = 0; i < n; i++) {
    const unsigned char edge[8] = {0, 0, 0, pairs[i][0], 0, 0, 0, pairs[i][1]};
    ck_assert_mem_eq(told.edges + (size_t)8 * i, edge, 8);
  }
}

static uint64_t export_of(const char *code) {
  vm_do(&v, code);
  return export();
}

/* Of several of others': what is reached from ours is told in edges, what is used elsewhere is live. */
START_TEST(edges_lead_to_all_that_is_reached) {
  open_with_three();
  uint64_t id = export_of("u = {a, {c}}");
  vm_do(&v, "u = nil kept = b");
  scan(&id, 1);
  ck_assert_uint_eq(told.live, 1 << 2); /* B */
  expect_edges((const unsigned char[][2]){{0, 0}, {0, 2}}, 2);
  vm_close(&v);
}
END_TEST

/* Ours lead to each other, and to what is in use: from there on nothing is told. One has gone. */
START_TEST(of_ours_by_way_of_ours) {
  open_with_three();
  uint64_t ids[4] = {[1] = 77};
  ids[0] = export_of("shared = {} shared.back = shared shared.a = a u = {shared} first = u");
  ids[2] = export_of("u = {function() return first, b end}; setfenv(u[1], {first = first, b = b})");
  ids[3] = export_of("in_use = {{c}} u = {in_use[1], in_use, shared}");
  vm_do(&v, "u, shared, first = nil");
  scan(ids, 4);
  ck_assert_uint_eq(told.live, 1 << 6); /* C */
  expect_edges((const unsigned char[][2]){{0, 0}, {2, 0}, {2, 1}, {3, 0}}, 4);
  vm_close(&v);
}
END_TEST

/* The collector marks what finalisers of garbage will see. It is reached by way of ours all the same; but not what userdata refer
 * to that is in use. */
START_TEST(what_finalisers_will_see_is_no_use) {
  open_with_three();
  vm_do(&v, "function userdata(x) local p = newproxy(true) local m = getmetatable(p) m.__gc = function() end m.k = {x, m} return p end");
  uint64_t ids[3];
  ids[0] = export_of("u = {userdata(a), userdata(b)}");
  ids[1] = export_of("used = userdata(c) u = {used}");
  ids[2] = export_of("u = {{userdata(b)}}");
  vm_do(&v, "u = nil");
  scan(ids, 3);
  ck_assert_uint_eq(told.live, 1 << 5); /* C */
  expect_edges((const unsigned char[][2]){{0, 0}, {0, 1}, {2, 1}}, 3);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_cycles_edges");
  TCase *c = tcase_create("edges");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, edges_lead_to_all_that_is_reached);
  tcase_add_test(c, of_ours_by_way_of_ours);
  tcase_add_test(c, what_finalisers_will_see_is_no_use);
  suite_add_tcase(s, c);
  return run_suite(s);
}
