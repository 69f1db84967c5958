/* SPDX-License-Identifier: MIT
 *
 * A worker that is asked about several objects of its own and of others' (lua/cycles/): each has its bit, its edges and its end, and
 * what is asked for is the same only if all of it is.
 */
#include "tests/unit/cycle_asker.h"

enum { SEVERAL = 3, ALL = (1 << SEVERAL) - 1 };
static const struct gaijin_pt pts[SEVERAL] = {
    {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION}, {OTHER_HOST, 4, 14, GAIJIN_KIND_TABLE}};
static uint64_t ids[SEVERAL];

/* Ours with the number i holds that of the others'; it is in a weak table, and used, if its bit is set. */
static void make(unsigned used) {
  char text[80];
  open_vm();
  vm_do(&v, "weak, keep = setmetatable({}, {__mode = 'v'}), {}");
  for (int i = 0; i < SEVERAL; i++) {
    vm_give(&v, "a", &pts[i]);
    snprintf(text, sizeof text, "u = {t = a} a = nil weak[%d] = u keep[%d] = %s", i + 1, i + 1, used >> i & 1 ? "u" : "nil");
    vm_do(&v, text);
    ids[i] = export();
    vm_do(&v, "u = nil");
  }
}

/* Asks about so many from the first, in their order or turned. */
static void ask_for(unsigned phase, uint32_t hosted, uint32_t held, bool is_turned) {
  uint64_t in_order[SEVERAL];
  for (uint32_t i = 0; i < hosted; i++) in_order[i] = ids[is_turned ? hosted - 1 - i : i];
  begin_question(phase, in_order, hosted);
  pack_array(&v.f.p, held);
  for (uint32_t i = 0; i < held; i++) fake_put_pt(&v.f, &pts[i]);
  fake_deliver(&v.f);
}

/* The bits of the next answer; which of ours are told to lead to which of others', three bits for each. */
static unsigned live_bits(unsigned *led) {
  struct message *m = fake_next(&v.f);
  while (m->op != OP_cycle) m = fake_next(&v.f);
  uint64_t ms;
  const char *live, *edges;
  uint32_t n_live, n_edges;
  struct reader r = fake_values(m);
  ck_assert(reader_uint(&r, &ms) && reader_string(&r, &live, &n_live) && reader_string(&r, &edges, &n_edges));
  ck_assert_uint_eq(n_live, 1);
  *led = 0;
  for (const unsigned char *e = (const unsigned char *)edges; n_edges; e += 8, n_edges -= 8) *led |= 1u << (e[3] * SEVERAL + e[7]);
  return (unsigned char)*live;
}

/* _i: which are used. */
START_TEST(each_has_its_bit) {
  unsigned led, used = (unsigned)_i, own = 0;
  for (int i = 0; i < SEVERAL; i++)
    if (!(used >> i & 1)) own |= 1u << (i * SEVERAL + i);
  make(used);
  ask_for(GAIJIN_CYCLE_SCAN, SEVERAL, SEVERAL, false);
  await_answer();
  ck_assert_uint_eq(live_bits(&led), used << SEVERAL);
  ck_assert_uint_eq(led, own);
  ask_for(GAIJIN_CYCLE_CHECK, SEVERAL, SEVERAL, false);
  await_answer();
  ck_assert_uint_eq(live_bits(&led), used << SEVERAL);
  ck_assert_uint_eq(led, 0);
  vm_close(&v);
}
END_TEST

START_TEST(each_goes_when_it_is_condemned) {
  unsigned led;
  make(0);
  ask_for(GAIJIN_CYCLE_HALT, SEVERAL, SEVERAL, false);
  await_answer();
  ck_assert_uint_eq(live_bits(&led), 0);
  decide(GAIJIN_OP_CONDEMN, ids, SEVERAL);
  vm_do(&v, "note(next(weak) == nil)");
  ck_assert_str_eq(v.log, "true");
  for (int i = 0; i < SEVERAL; i++) ck_assert_ptr_null(gaijin_token_find(v.w.g, ids[i]));
  ck_assert_uint_eq(gaijin_releases(v.w.g), SEVERAL);
  vm_close(&v);
}
END_TEST

/* In halt it is answered at once only if all of the same was clear in the check. */
START_TEST(what_is_asked_for_is_the_same_or_not) {
  static const struct { uint32_t hosted, held; bool is_turned, is_same; unsigned live; } cases[] = {
      {3, 3, false, true, 0}, {2, 3, false, false, 1 << 4 /* by ours that is not asked for */}, {3, 2, false, false, 0}, {2, 2, false, false, 0},
      {3, 3, true, false, 0}};
  unsigned led;
  make(0);
  ask_for(GAIJIN_CYCLE_CHECK, SEVERAL, SEVERAL, false);
  await_answer();
  ck_assert_uint_eq(live_bits(&led), 0);
  ask_for(GAIJIN_CYCLE_HALT, cases[_i].hosted, cases[_i].held, cases[_i].is_turned);
  ck_assert_int_eq(!v.w.cycles->is_asked, cases[_i].is_same);
  await_answer();
  ck_assert_uint_eq(live_bits(&led), cases[_i].live);
  resume();
  vm_close(&v);
}
END_TEST

/* Nor if there is more, or another of others'. */
START_TEST(what_was_not_asked_for_is_not_clear) {
  unsigned led;
  make(0);
  ask_for(GAIJIN_CYCLE_CHECK, SEVERAL, 2, false);
  await_answer();
  ck_assert_uint_eq(live_bits(&led), 0);
  if (_i == 0) {
    ask_for(GAIJIN_CYCLE_HALT, SEVERAL, SEVERAL, false);
  } else {
    begin_question(GAIJIN_CYCLE_HALT, ids, SEVERAL);
    pack_array(&v.f.p, 2);
    fake_put_pt(&v.f, &pts[_i == 1 ? 0 : 2]);
    fake_put_pt(&v.f, &pts[_i == 1 ? 2 : 1]);
    fake_deliver(&v.f);
  }
  ck_assert(v.w.cycles->is_asked);
  await_answer();
  resume();
  vm_close(&v);
}
END_TEST

/* Nor if it was in another round. */
START_TEST(a_check_is_of_its_round) {
  unsigned led;
  make(0);
  ask_for(GAIJIN_CYCLE_CHECK, SEVERAL, SEVERAL, false);
  await_answer();
  ck_assert_uint_eq(live_bits(&led), 0);
  v.w.cycles->clear.round--;
  ask_for(GAIJIN_CYCLE_HALT, SEVERAL, SEVERAL, false);
  ck_assert(v.w.cycles->is_asked);
  await_answer();
  resume();
  vm_close(&v);
}
END_TEST

/* A call of the second, with the last of others', waits for its fiber: both are used by that, and so is what the second has. */
START_TEST(what_a_request_waits_for_keeps_what_it_has) {
  unsigned led;
  make(0);
  struct gaijin_pt own = gaijin_token_pt(v.w.g, gaijin_token_find(v.w.g, ids[1]));
  fake_begin_to(&v.f, GAIJIN_OP_CALL, 400, &own, 1);
  fake_put_pt(&v.f, &pts[2]);
  fake_deliver(&v.f);
  ask_for(_i ? GAIJIN_CYCLE_SCAN : GAIJIN_CYCLE_CHECK, SEVERAL, SEVERAL, false);
  await_answer();
  ck_assert_uint_eq(live_bits(&led), 1u << 1 | 1u << (SEVERAL + 1) | 1u << (SEVERAL + 2));
  v.expected_error = true;
  vm_run(&v);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_cycles_several");
  TCase *c = tcase_create("several");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, each_has_its_bit, 0, ALL + 1);
  tcase_add_test(c, each_goes_when_it_is_condemned);
  tcase_add_loop_test(c, what_is_asked_for_is_the_same_or_not, 0, 5);
  tcase_add_loop_test(c, what_was_not_asked_for_is_not_clear, 0, 3);
  tcase_add_test(c, a_check_is_of_its_round);
  tcase_add_loop_test(c, what_a_request_waits_for_keeps_what_it_has, 0, 2);
  suite_add_tcase(s, c);
  return run_suite(s);
}
