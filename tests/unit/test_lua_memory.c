/* SPDX-License-Identifier: MIT
 *
 * A worker that finds no memory for what has come (lua/fiber/connection.c).
 */
#define _GNU_SOURCE
#include "lua/fiber/connection.h"

#include "lua/fiber/timer.h"
#include "tests/unit/scarce.h"
#include "tests/unit/vm.h"

static struct vm v;

static void on_time(struct timer *t) { timer_stop(t); }

/* An answer with a PT of another's comes while nothing can be allocated. _i == 1: a timer neither. */
START_TEST(what_found_no_memory_is_received_later) {
  const struct gaijin_pt pt = {OTHER_HOST, 3, 13, GAIJIN_KIND_TABLE};
  struct timer *idle;
  vm_connect(&v);
  ck_assert_int_eq(connection_watch(&v.w), 0);
  uint64_t id = 0;
  gaijin_begin_request(v.w.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(v.w.g, NULL, NULL, &id), 0);
  gaijin_flush(v.w.g, true);
  fake_next(&v.f);
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 1);
  fake_put_pt(&v.f, &pt);
  fake_send(&v.f);
  timer_stop(timer_start(&v.w, 1, on_time, NULL)); /* its record is there for the next */
  idle = v.w.loop.idle_timers;
  if (_i == 1) v.w.loop.idle_timers = NULL;
  scarce_from(0, true);
  scarce_begin();
  uv_run(&v.w.loop.uv, UV_RUN_NOWAIT);
  scarce_end();
  if (SCARCE_REPLACES) ck_assert_uint_eq(gaijin_holding_count(v.w.g), 0);
  if (SCARCE_REPLACES && _i == 1) ck_assert_ptr_null(v.w.loop.memory_timer);
  if (_i == 1) v.w.loop.idle_timers = idle;
  /* As the loop does: it does not sleep while there is more. */
  for (int turns = 0; gaijin_holding_count(v.w.g) == 0 && turns < 10; turns++) {
    connection_resume(&v.w);
    bool more = connection_has_more(&v.w) || v.w.loop.memory_timer;
    ck_assert(gaijin_holding_count(v.w.g) > 0 || more);
    uv_run(&v.w.loop.uv, v.w.loop.memory_timer ? UV_RUN_ONCE : UV_RUN_NOWAIT);
  }
  ck_assert_uint_eq(gaijin_holding_count(v.w.g), 1);
  struct gaijin_answer a;
  ck_assert_int_eq(gaijin_await(v.w.g, id, 1, &a), 0);
  gaijin_body_free(a.body);
  vm_close(&v);
}
END_TEST

/* A turn is over when one fiber has run. */
static double passing_seconds(void) {
  static double now = 1;
  return now++;
}

/* Nor is there any for a C stack, or for the timer that would try again: it is tried in the next turn, and
 * nobody overtakes. What has its stack runs on. */
START_TEST(what_found_no_stack_keeps_its_place) {
  if (!SCARCE_REPLACES) return;
  vm_open(&v);
  struct fiber *other = vm_start(&v, "park()");
  fiber_run_ready(&v.w);
  vm_start(&v, "note 'a'");
  vm_start(&v, "note 'b'");
  if (_i == 0) v.w.sched.seconds = passing_seconds;
  scarce_from(0, true);
  scarce_begin();
  bool more = fiber_run_ready(&v.w);
  if (_i == 1) {
    fiber_wake(other);
    more = fiber_run_ready(&v.w);
  }
  scarce_end();
  ck_assert(scarce.failed > 0);
  ck_assert_str_eq(v.log, "");
  ck_assert_uint_eq(v.running, _i == 1 ? 2 : 3);
  ck_assert(more);
  vm_start(&v, "note 'c'");
  while (fiber_run_ready(&v.w)) continue;
  if (_i == 0) fiber_wake(other);
  while (fiber_run_ready(&v.w)) continue;
  ck_assert_uint_eq(v.running, 0);
  ck_assert_str_eq(v.log, "abc");
  vm_close(&v);
}
END_TEST

/* A resurrected object is claimed again, and the n-th allocation fails as the grant comes: whatever its user
 * is told, in the end nobody holds it. */
static bool claim_with_shortage(long n) {
  static const struct gaijin_pt pt = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE};
  vm_connect(&v);
  v.expected_error = true;
  vm_give(&v, "a", &pt);
  vm_do(&v, "local box = {a = a} a = nil local u = newproxy(true) getmetatable(u).__gc = function() a = box.a end");
  vm_collect(&v);
  ck_assert_int_eq(gaijin_flush(v.w.g, true), 0);
  ck_assert_int_eq(fake_next(&v.f)->op, OP_unsub);
  uint64_t id = vm_ask(&v, "note(pcall(function() return a.x end))", GAIJIN_OP_SUB);
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_SUB, id, 0);
  fake_send(&v.f);
  /* Or nothing would be allocated. */
  gj_values_deinit(v.w.g);
  v.w.sched.all->has_first_answer = true;
  scarce_from(n, false);
  scarce_begin();
  gaijin_dispatch(v.w.g);
  scarce_end();
  bool failed = scarce.failed > 0;
  connection_resume(&v.w);
  gaijin_dispatch(v.w.g);
  vm_run(&v);
  if (v.running) { /* it has been granted */
    ck_assert_int_eq(fake_next(&v.f)->op, OP_get);
    fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_GET, v.f.m.id, 1);
    pack_number(&v.f.p, 5);
    vm_deliver(&v);
    ck_assert_str_eq(v.log, "true5");
  }
  ck_assert_uint_eq(v.running, 0);
  vm_do(&v, "a = nil");
  vm_collect(&v);
  ck_assert_int_eq(gaijin_flush(v.w.g, true), 0);
  ck_assert_uint_eq(gaijin_holding_count(v.w.g), 0);
  vm_close(&v);
  return failed;
}

START_TEST(a_grant_that_finds_no_memory_is_let_go) {
  long n = 0;
  while (claim_with_shortage(n)) n++;
  ck_assert(!SCARCE_REPLACES || n > 0);
}
END_TEST

/* All fibers wait, a call comes, and the n-th allocation fails: it is answered all the same, at least with an
 * error. */
static bool wait_with_shortage(long n) {
  enum { FIBERS = 3, SHORT = FIBERS + 1, LAST };
  struct gaijin_pt ours;
  vm_connect(&v);
  vm_give(&v, "f", &(struct gaijin_pt){OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION});
  vm_do(&v, "gaijin.post(f, function(i) if i <= 3 then park() end return i end)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
  v.w.sched.max_fibers = FIBERS;
  scarce_from(n, false);
  for (uint64_t id = 1; id <= LAST; id++) {
    fake_begin_to(&v.f, GAIJIN_OP_CALL, id, &ours, 1);
    pack_uint(&v.f.p, id);
    fake_send(&v.f);
    if (id == SHORT) scarce_begin();
    gaijin_dispatch(v.w.g);
    if (id == SHORT) scarce_end();
    connection_resume(&v.w);
    if (id < SHORT) vm_run(&v);
  }
  bool failed = scarce.failed > 0;
  gaijin_dispatch(v.w.g);
  while (v.n_parked) fiber_wake(v.parked[--v.n_parked]);
  vm_run(&v);
  ck_assert_uint_eq(backlog_count(&v.w) + v.w.sched.n_fibers, 0);
  gaijin_flush(v.w.g, true);
  bool answered[LAST + 1] = {0};
  for (unsigned i = 0; i < LAST; i++) {
    uint64_t id = fake_next(&v.f)->id;
    ck_assert(id >= 1 && id <= LAST && !answered[id]);
    ck_assert(v.f.m.kind == MESSAGE_REPLY || (v.f.m.kind == MESSAGE_ERROR && id == SHORT));
    answered[id] = true;
  }
  vm_close(&v);
  return failed;
}

START_TEST(what_finds_no_memory_to_wait_is_refused) {
  long n = 0;
  while (wait_with_shortage(n)) n++;
  ck_assert(!SCARCE_REPLACES || n > 0);
}
END_TEST

/* What one like it was served with before is there for the next: none of these allocates. */
static const struct {
  enum gaijin_op op;
  const char *object;
  uint32_t values;
} served[] = {
    {GAIJIN_OP_GET, "{5}", 1},
    {GAIJIN_OP_SET, "{5}", 2},
    {GAIJIN_OP_LEN, "{5}", 0},
    {GAIJIN_OP_CALL, "function(a, b) return a + b, true, nil, 'text' end", 2},
    {GAIJIN_OP_CALL, "function() error('text', 0) end", 0}, /* but this one's traceback */
};

static int heap(void) { return (lua_gc(v.w.L, LUA_GCCOUNT, 0) << 10) + lua_gc(v.w.L, LUA_GCCOUNTB, 0); }

START_TEST(what_is_served_takes_no_memory) {
  enum { WARM = 3 };
  struct gaijin_pt ours;
  char code[256];
  int before = 0;
  bool is_error = _i == ARRAY_SIZE(served) - 1;
  vm_connect(&v);
  vm_give(&v, "f", &(struct gaijin_pt){OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION});
  snprintf(code, sizeof code, "gaijin.post(f, %s)", served[_i].object);
  vm_do(&v, code);
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
  for (uint64_t id = 1; id <= WARM; id++) {
    fake_begin_to(&v.f, served[_i].op, id, &ours, served[_i].values);
    for (uint32_t i = 0; i < served[_i].values; i++) pack_uint(&v.f.p, 1);
    fake_send(&v.f);
    scarce_from(0, true);
    lua_gc(v.w.L, LUA_GCSTOP, 0);
    before = heap();
    if (id == WARM) scarce_begin();
    gaijin_dispatch(v.w.g);
    while (fiber_run_ready(&v.w)) continue;
    if (id == WARM) scarce_end();
    gaijin_flush(v.w.g, true);
    ck_assert_int_eq(fake_next(&v.f)->kind, is_error ? MESSAGE_ERROR : MESSAGE_REPLY);
    ck_assert_uint_eq(v.f.m.id, id);
  }
  ck_assert_int_eq(scarce.failed, 0); /* of what is not Lua's */
  if (is_error)
    ck_assert_int_gt(heap(), before);
  else
    ck_assert_int_eq(heap(), before);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_memory");
  TCase *c = tcase_create("memory");
  tcase_add_loop_test(c, what_found_no_memory_is_received_later, 0, 2);
  tcase_add_loop_test(c, what_found_no_stack_keeps_its_place, 0, 2);
  tcase_add_test(c, a_grant_that_finds_no_memory_is_let_go);
  tcase_add_test(c, what_finds_no_memory_to_wait_is_refused);
  tcase_add_loop_test(c, what_is_served_takes_no_memory, 0, (int)ARRAY_SIZE(served));
  suite_add_tcase(s, c);
  return run_suite(s);
}
