/* SPDX-License-Identifier: MIT
 *
 * What is served without a fiber (lua/serve/quick.c): what is, and for how long in a turn.
 */
#define _GNU_SOURCE
#include "lua/serve/quick.h"

#include <math.h>

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

static void begin(enum op op, uint64_t id, uint32_t count, uint8_t flags) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = op, .id = id, .peer = OTHER_HOST, .depth = 1,
                      .flags = flags, .target = OP_PT, .pt = gj_pt_wire(&ours)};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, count);
}

/* A request has come, and no fiber has run since. */
static void ask(enum op op, uint64_t id, uint32_t count) {
  begin(op, id, count, 0);
  if (count > 0) pack_text(&v.f.p, "field");
  if (count > 1) pack_number(&v.f.p, (double)id);
  fake_deliver(&v.f);
}

static void set_field_one_way(uint64_t id) {
  begin(OP_set, id, 2, MESSAGE_ONE_WAY);
  pack_text(&v.f.p, "field");
  pack_number(&v.f.p, (double)id);
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

START_TEST(what_nobody_waits_for_gets_a_fiber) {
  open_host();
  set_field_one_way(10);
  ck_assert_uint_eq(v.w.sched.n_fibers, 1);
  vm_run(&v);
  vm_do(&v, "assert(o.field == 10)");
  vm_close(&v);
}
END_TEST

static void put_nan(void) {
  pack_number(&v.f.p, NAN);
  pack_number(&v.f.p, 1);
}
static void put_nil(void) {
  pack_nil(&v.f.p);
  pack_number(&v.f.p, 1);
}
static void put_object(void) {
  pack_text(&v.f.p, "field");
  fake_put_pt(&v.f, &F);
}

/* Values with which a set needs a fiber, and whether it is an error there. */
static const struct {
  void (*put)(void);
  bool fails;
} values[] = {{put_nan, true}, {put_nil, true}, {put_object, false}};

START_TEST(values_that_are_not_plain_get_a_fiber) {
  open_host();
  begin(OP_set, 10, 2, 0);
  values[_i].put();
  fake_deliver(&v.f);
  ck_assert_uint_eq(v.w.sched.n_fibers, 1);
  vm_run(&v);
  ck_assert_int_eq(fake_next(&v.f)->kind, values[_i].fails ? MESSAGE_ERROR : MESSAGE_REPLY);
  ck_assert_uint_eq(v.f.m.id, 10);
  if (!values[_i].fails) vm_do(&v, "assert(type(o.field) == 'function')");
  vm_close(&v);
}
END_TEST

START_TEST(a_worker_that_stops_does_none) {
  open_host();
  v.w.stopping = true;
  ask(OP_set, 10, 2);
  v.w.stopping = false;
  flush();
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  vm_do(&v, "assert(o.field == 1)");
  vm_close(&v);
}
END_TEST

START_TEST(those_that_wait_for_a_stack_are_not_overtaken) {
  struct fiber waits = {0};
  open_host();
  v.w.sched.stackless_first = &waits;
  ask(OP_set, 10, 2);
  v.w.sched.stackless_first = NULL;
  ck_assert_uint_eq(v.w.sched.n_fibers, 1);
  vm_run(&v);
  answered(10);
  vm_close(&v);
}
END_TEST

START_TEST(those_that_cannot_be_begun_are_not_overtaken) {
  open_host();
  for (int i = 0; i < 2; i++) vm_start(&v, "park()");
  vm_run(&v);
  v.w.sched.max_fibers = 2; /* so many may wait, too */
  set_field_one_way(10);
  ck_assert_ptr_nonnull(v.w.backlog.first);
  ask(OP_set, 11, 2);
  ck_assert_int_eq(luaL_dostring(v.w.L, "assert(o.field == 1)"), 0);
  for (int i = 0; i < 2; i++) fiber_wake(v.parked[i]);
  vm_run(&v);
  while (fake_next(&v.f)->kind == MESSAGE_NOTICE) continue;
  ck_assert_uint_eq(v.f.m.id, 11);
  vm_do(&v, "assert(o.field == 11)");
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
  tcase_add_test(c, what_nobody_waits_for_gets_a_fiber);
  tcase_add_loop_test(c, values_that_are_not_plain_get_a_fiber, 0, (int)ARRAY_SIZE(values));
  tcase_add_test(c, a_worker_that_stops_does_none);
  tcase_add_test(c, those_that_wait_for_a_stack_are_not_overtaken);
  tcase_add_test(c, those_that_cannot_be_begun_are_not_overtaken);
  tcase_add_test(c, so_much_time_is_spent_on_them_in_a_turn);
  suite_add_tcase(s, c);
  return run_suite(s);
}
