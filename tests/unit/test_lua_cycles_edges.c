/* SPDX-License-Identifier: MIT
 *
 * What a worker tells of its suspects in a scan (lua/cycles/edges.h). The test is the broker.
 */
#include "lua/cycles/rounds.h"

#include "tests/unit/cycle_asker.h"

/* Of several of others': what is reached from ours is told in edges, what is used elsewhere is live. */
START_TEST(edges_lead_to_all_that_is_reached) {
  static const struct gaijin_pt B = {OTHER_HOST, 3, 13, GAIJIN_KIND_TABLE}, C = {OTHER_HOST, 4, 14, GAIJIN_KIND_TABLE};
  static const unsigned char to_first_and_last[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  open_vm();
  vm_give(&v, "a", &A);
  vm_give(&v, "b", &B);
  vm_give(&v, "c", &C);
  vm_do(&v, "u = {a, {c}} a = nil c = nil");
  uint64_t id = export();
  vm_do(&v, "u = nil");
  begin_question(GAIJIN_CYCLE_SCAN, &id, 1);
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
  ck_assert_uint_eq((unsigned char)*live, 1 << 2); /* B */
  ck_assert_uint_eq(n_edges, sizeof to_first_and_last);
  unsigned char sorted[sizeof to_first_and_last];
  bool is_turned = (unsigned char)edges[7] == 2; /* their order is open */
  memcpy(sorted, edges + (is_turned ? 8 : 0), 8);
  memcpy(sorted + 8, edges + (is_turned ? 0 : 8), 8);
  ck_assert_mem_eq(sorted, to_first_and_last, sizeof sorted);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_cycles_edges");
  TCase *c = tcase_create("edges");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, edges_lead_to_all_that_is_reached);
  suite_add_tcase(s, c);
  return run_suite(s);
}
