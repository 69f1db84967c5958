/* SPDX-License-Identifier: MIT
 *
 * What is served without a fiber (lua/serve/quick.c): what is, and for how long in a turn.
 */
#define _GNU_SOURCE
#include "lua/serve/quick.h"

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};
static struct gaijin_pt ours; /* the global o */

static void open_host(void) {
  vm_connect(&v);
  vm_give(&v, "f", &F);
  vm_do(&v, "o = {field = 1} gaijin.post(f, o)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
}

/* A request has come, and no fiber has run since. */
static void ask(enum op op, uint64_t id, uint32_t count) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = op, .id = id, .peer = OTHER_HOST, .depth = 1,
                      .target = OP_PT, .pt = gj_pt_wire(&ours)};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, count);
  if (count > 0) pack_text(&v.f.p, "field");
  if (count > 1) pack_number(&v.f.p, (double)id);
  fake_deliver(&v.f);
}

static void answered(uint64_t id) {
  const struct message *m = fake_next(&v.f);
  ck_assert_int_eq(m->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(m->id, id);
}

static void flush(void) { ck_assert_int_eq(gaijin_flush(v.w.g, true), 0); }

START_TEST(what_can_run_no_script_needs_no_fiber) {
  open_host();
  ask(OP_set, 10, 2);
  ask(OP_get, 11, 1);
  ask(OP_len, 12, 0);
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
  flush();
  for (uint64_t id = 10; id < 13; id++) answered(id);
  vm_do(&v, "assert(o.field == 10)");
  vm_close(&v);
}
END_TEST

/* Each of these makes one wait for its turn. */
static const char *const hindrances[] = {
    "setmetatable(o, {__newindex = error, __index = error}) o.field = nil",
    "function gaijin.access() return true end",
    "gaijin.spawn(function() end)",
};

START_TEST(all_else_gets_a_fiber) {
  open_host();
  vm_start(&v, hindrances[_i]);
  fiber_run_ready(&v.w);
  uint32_t before = (uint32_t)v.w.sched.n_fibers;
  ask(OP_set, 10, 2);
  ck_assert_uint_eq(v.w.sched.n_fibers, before + 1);
  vm_run(&v);
  ck_assert_uint_eq(fake_next(&v.f)->id, 10);
  vm_close(&v);
}
END_TEST

static double now;
static double clock_of_test(void) { return now += TURNS_SECONDS / 3; }

START_TEST(so_much_time_is_spent_on_them_in_a_turn) {
  open_host();
  v.w.sched.seconds = clock_of_test;
  for (uint64_t id = 1000; id < 1100; id++) ask(OP_set, id, 2);
  ck_assert_uint_gt(v.w.sched.n_fibers, 0);
  ck_assert_uint_lt(v.w.sched.n_fibers, 100);
  vm_run(&v);
  for (uint64_t id = 1000; id < 1100; id++) answered(id);
  vm_do(&v, "assert(o.field == 1099)");
  ask(OP_set, 1200, 2); /* in the next turn */
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_quick");
  TCase *c = tcase_create("quick");
  tcase_add_test(c, what_can_run_no_script_needs_no_fiber);
  tcase_add_loop_test(c, all_else_gets_a_fiber, 0, (int)ARRAY_SIZE(hindrances));
  tcase_add_test(c, so_much_time_is_spent_on_them_in_a_turn);
  suite_add_tcase(s, c);
  return run_suite(s);
}
