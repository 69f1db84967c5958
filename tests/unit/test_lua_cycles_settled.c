/* SPDX-License-Identifier: MIT
 *
 * A large heap in a round about cycles (lua/cycles/rounds.c): its collector is settled before a check, so that in halt marking is all that
 * is done; and wherever the collector is by then, what is condemned is nowhere to be found.
 */
#include "lua/cycles/inquiry.h"
#include "lua/vm/gc.h"
#include "tests/unit/cycle_asker.h"

/* A cycle that is garbage, with a finaliser that tells whether a weak table still has it; the id of its object here. */
static uint64_t make_garbage(const char *also) {
  open_vm();
  vm_do(&v, "heap = {} for i = 1, 35000 do heap[i] = {i, name = 'object ' .. i} end");
  ck_assert_int_gt(lua_gc(v.w.L, LUA_GCCOUNT, 0), 4096);
  vm_give(&v, "a", &A);
  vm_do(&v, "u = {t = {a}} a = nil weak = setmetatable({u, u.t}, {__mode = 'v'})");
  vm_do(&v, also);
  uint64_t id = export();
  vm_do(&v, "u = nil");
  return id;
}

static void watch_with_a_finaliser(void) {
  vm_do(&v, "do local p = newproxy(true) getmetatable(p).__gc = function() note(tostring(weak[1]), tostring(weak[2])) end end");
}

/* So much later its finalisers have run. */
static void end_round(void) {
  while (v.w.cycles->finishing) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
}

START_TEST(in_halt_it_only_marks) {
  uint64_t id = make_garbage("");
  ck_assert(!gc_is_settled(v.w.L, &v.w));
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  ck_assert(gc_is_settled(v.w.L, &v.w));
  watch_with_a_finaliser();
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  ck_assert(!gc_is_settled(v.w.L, &v.w));
  ck_assert_ptr_nonnull(v.w.cycles->finishing);
  ck_assert_ptr_null(gaijin_token_find(v.w.g, id));
  vm_do(&v, "note(tostring(weak[1]), tostring(weak[2]))");
  ck_assert_str_eq(v.log, "nilnil");
  end_round();
  ck_assert_str_eq(v.log, "nilnilnilnil");
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  vm_close(&v);
}
END_TEST

/* Its collector goes on by itself after the check, for so many steps: none, a few, several rounds. */
static const unsigned steps[] = {0, 1, 10, 100, 1000, 1500, 2000, 2500, 3000, 10000};

static void step(unsigned n) {
  lua_State *L = v.w.L;
  for (unsigned i = 0; i < n; i++) lua_gc(L, LUA_GCSTEP, 0);
}

/* A finaliser that runs before the decision may see them; none that runs later. */
static void check_steps(unsigned before, unsigned after) {
  uint64_t id = make_garbage("");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  watch_with_a_finaliser();
  step(before);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  step(after);
  bool has_run = *v.log;
  v.log[0] = '\0';
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  vm_do(&v, "note(tostring(weak[1]), tostring(weak[2]))");
  end_round();
  vm_collect(&v);
  ck_assert_str_eq(v.log, has_run ? "nilnil" : "nilnilnilnil");
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  vm_close(&v);
}

START_TEST(wherever_the_collector_is_it_is_asked_right) { check_steps(steps[_i], 0); }
END_TEST

START_TEST(wherever_the_collector_is_nothing_is_found) { check_steps(0, steps[_i]); }
END_TEST

/* A part of the garbage was reached by another way when the collector had marked it. */
START_TEST(what_was_marked_before_is_gone_too) {
  uint64_t id = make_garbage("");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  vm_do(&v, "keep = weak[2]");
  step(1000);
  ck_assert(gc_is_settled(v.w.L, &v.w));
  vm_do(&v, "keep = nil");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  vm_do(&v, "note(tostring(weak[1]), tostring(weak[2]))");
  ck_assert_str_eq(v.log, "nilnil");
  vm_close(&v);
}
END_TEST

/* The same of an object that has none of others': the weak table that tells has all that is ours, too. */
START_TEST(what_reaches_nothing_is_watched_too) {
  uint64_t id = make_garbage("u.t = nil");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  ck_assert(gc_is_settled(v.w.L, &v.w));
  vm_do(&v, "keep = weak[1]");
  step(1000);
  ck_assert(gc_is_settled(v.w.L, &v.w));
  vm_do(&v, "keep = nil");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  vm_do(&v, "note(tostring(weak[1]))");
  ck_assert_str_eq(v.log, "nil");
  vm_close(&v);
}
END_TEST

/* As by debug.getregistry: the empty tables that are in a table in there. */
static void keep_from_registry(lua_State *L) {
  lua_newtable(L);
  for (lua_pushnil(L); lua_next(L, LUA_REGISTRYINDEX); lua_pop(L, 1)) {
    if (!lua_istable(L, -1)) continue;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      if (!lua_istable(L, -1) || lua_objlen(L, -1) > 0) continue;
      lua_pushvalue(L, -1);
      lua_pushnil(L);
      bool is_empty = !lua_next(L, -2);
      lua_pop(L, is_empty ? 1 : 3);
      if (!is_empty) continue;
      lua_pushvalue(L, -1);
      lua_rawseti(L, 1, (int)lua_objlen(L, 1) + 1);
    }
  }
  lua_setglobal(L, "kept");
}

/* A script that looks for leaks keeps what it comes by. */
START_TEST(a_script_may_keep_all_it_finds) {
  uint64_t id = make_garbage("");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  lua_settop(v.w.L, 0);
  keep_from_registry(v.w.L);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_SCAN, id, &A), 0);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  ck_assert(!gc_is_settled(v.w.L, &v.w));
  end_round();
  vm_do(&v, "note(tostring(weak[1]), tostring(weak[2]))");
  ck_assert_str_eq(v.log, "nilnil");
  vm_close(&v);
}
END_TEST

/* Something large is made: its collector notes that it is behind by so much. */
static void fall_behind(void) {
  lua_State *L = v.w.L;
  lua_gc(L, LUA_GCRESTART, 0);
  lua_newuserdata(L, 64 << 20);
  lua_newtable(L);
  lua_pop(L, 2);
}

/* A collector that is far behind catches up when it is told to go on, and may come to the end of its round by that. It has marked
 * a part of what is garbage by now. */
START_TEST(a_collector_that_is_behind_only_marks) {
  uint64_t id = make_garbage("");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  vm_do(&v, "keep = weak[2]");
  step(1000);
  ck_assert(gc_is_settled(v.w.L, &v.w));
  vm_do(&v, "keep = nil");
  watch_with_a_finaliser();
  fall_behind();
  ck_assert(gc_is_settled(v.w.L, &v.w));
  ck_assert_uint_eq(asked(_i ? GAIJIN_CYCLE_CHECK : GAIJIN_CYCLE_SCAN, id, &A), 0);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  end_round();
  vm_collect(&v);
  ck_assert_str_eq(v.log, "nilnil");
  vm_close(&v);
}
END_TEST

START_TEST(what_was_fetched_since_the_check_is_live) {
  uint64_t id = make_garbage("");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  vm_do(&v, _i ? "keep = weak[1]" : "keep = weak[2]");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), LIVE_THERE);
  vm_close(&v);
}
END_TEST

/* What only a finaliser that has not run keeps is in weak tables: it is garbage, and they have it until then, or until the next
 * collection. */
START_TEST(garbage_that_a_finaliser_has_goes) {
  uint64_t id = make_garbage("do local p, x = newproxy(true), u getmetatable(p).__gc = function() note('fin', type(x)) end end");
  if (_i) ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  end_round();
  ck_assert_str_eq(v.log, "fintable");
  v.log[0] = '\0';
  vm_do(&v, "note(type(weak[1]), type(weak[2]))");
  if (!_i) ck_assert_str_eq(v.log, "tabletable");
  vm_collect(&v);
  v.log[0] = '\0';
  vm_do(&v, "note(type(weak[1]), type(weak[2]))");
  ck_assert_str_eq(v.log, "nilnil");
  ck_assert_ptr_null(gaijin_token_find(v.w.g, id));
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  vm_close(&v);
}
END_TEST

/* The next question ends the one that waits for the collector. */
START_TEST(a_question_that_waits_ends_with_the_next_one) {
  uint64_t id = make_garbage("");
  ask(GAIJIN_CYCLE_CHECK, id, &A);
  ck_assert(v.w.cycles->is_asked && v.w.cycles->settling && !v.w.cycles->inquiry);
  ck_assert_ptr_null(rounds_check(&v.w));
  ask(GAIJIN_CYCLE_SCAN, id, &A);
  ck_assert(v.w.cycles->inquiry && !v.w.cycles->settling);
  ck_assert_ptr_null(rounds_check(&v.w));
  await_answer();
  request_number--; /* the first one's, which says that all is live */
  ck_assert_uint_eq(read_answer(), LIVE_HERE | LIVE_THERE);
  request_number++;
  ck_assert_uint_eq(read_answer(), 0);
  vm_do(&v, "local x = 1");
  ask(GAIJIN_CYCLE_CHECK, id, &A);
  ck_assert_ptr_nonnull(v.w.cycles->settling);
  vm_close(&v); /* and with the worker */
}
END_TEST

static lua_Alloc allocate;
static unsigned fails_in; /* so many allocations; 0: none does */

static void *fail_once(void *user, void *block, size_t old, size_t size) {
  if (size > old && fails_in > 0 && --fails_in == 0) return NULL;
  return allocate(user, block, old, size);
}

/* Memory is too short to mark alone: all is collected, and the collector is not left stopped. (Of LuaJIT's it is known.) */
START_TEST(without_memory_all_is_collected) {
  void *user;
  uint64_t id = make_garbage("");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_CHECK, id, &A), 0);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  allocate = lua_getallocf(v.w.L, &user);
  lua_setallocf(v.w.L, fail_once, user);
  fails_in = (unsigned)_i;
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  fails_in = 0;
  lua_setallocf(v.w.L, allocate, user);
  ck_assert_int_ne(lua_gc(v.w.L, LUAJIT_GCISRUNNING, 0), 0);
  end_round();
  vm_do(&v, "note(tostring(weak[1]), tostring(weak[2]))");
  ck_assert_str_eq(v.log, "nilnil");
  vm_close(&v);
}
END_TEST

static int step_once(lua_State *L) {
  lua_gc(L, LUA_GCSTEP, 0);
  return 0;
}

/* Each breaks off whatever ran it. All has been marked once by then, and is not marked again; they run in slices. */
START_TEST(finalisers_that_raise_have_nothing_marked_again) {
  enum { RAISING = 3000 };
  uint64_t id = make_garbage("ran = 0 for i = 1, 3000 do getmetatable(newproxy(true)).__gc = function() ran = ran + 1 error('no', 0) end end");
  lua_State *L = v.w.L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, v.w.anchors.collector);
  lua_setglobal(L, "original");
  vm_do(&v, "collections = 0 function collector(d) collections = collections + 1 original(d) end");
  lua_getglobal(L, "collector");
  v.w.anchors.collector = luaL_ref(L, LUA_REGISTRYINDEX);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  vm_do(&v, "note(tostring(weak[1]), tostring(weak[2]), collections)");
  ck_assert_str_eq(v.log, "nilnil1");
  ck_assert(!v.w.cycles->has_to_drop && v.w.cycles->finishing);
  end_round();
  lua_getglobal(L, "ran");
  ck_assert_int_eq((int)lua_tointeger(L, -1), RAISING);
  vm_do(&v, "note(collections)");
  ck_assert_str_eq(v.log, "nilnil11");
  vm_close(&v);
}
END_TEST

/* Of a processor. */
static double seconds_of(void (*f)(void)) {
  struct timespec from, to;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
  f();
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
  return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}
static void collect_once(void) { lua_gc(v.w.L, LUA_GCCOLLECT, 0); }
static void collect_fully(void) { gc_full(v.w.L, &v.w); }

/* The same when others ask for a collection (op free): it marks twice, and not for each that raises. */
START_TEST(a_full_collection_is_not_begun_anew_for_each_that_raises) {
  enum { RAISING = 300 };
  make_garbage("");
  double once = seconds_of(collect_once);
  vm_do(&v, "ran = 0 for i = 1, 300 do getmetatable(newproxy(true)).__gc = function() ran = ran + 1 error('no', 0) end end");
  double taken = seconds_of(collect_fully);
  lua_getglobal(v.w.L, "ran");
  ck_assert_int_eq((int)lua_tointeger(v.w.L, -1), RAISING);
  ck_assert_msg(taken < once * RAISING / 6, "%g s, and once takes %g s", taken, once);
  vm_close(&v);
}
END_TEST

/* They are due already when it is decided, and each allocation runs one: what is done before the collection is not broken off. */
START_TEST(finalisers_that_are_due_have_nothing_marked_again) {
  uint64_t id = make_garbage("ran = 0 for i = 1, 3000 do getmetatable(newproxy(true)).__gc = function() ran = ran + 1 error('no', 0) end end");
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  lua_State *L = v.w.L;
  v.w.halted = false; /* as if they had come to be due just before */
  while (lua_cpcall(L, step_once, NULL) == 0) continue;
  lua_pop(L, 1);
  v.w.halted = true;
  lua_gc(L, LUA_GCRESTART, 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  ck_assert(!v.w.cycles->has_to_drop && v.w.cycles->finishing);
  vm_do(&v, "note(tostring(weak[1]), tostring(weak[2]))");
  ck_assert_str_eq(v.log, "nilnil");
  end_round();
  vm_close(&v);
}
END_TEST

/* How often the loop turns until it is answered, or the round of the collector that was only marked is at its end. */
static unsigned turns_until_answered(void) {
  unsigned n = 0;
  for (; v.w.cycles->settling; n++) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  return n;
}

static unsigned turns_until_finished(void) {
  unsigned n = 0;
  for (; v.w.cycles->finishing; n++) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  return n;
}

/* Fibers have their turn between two slices of the collector's work. */
START_TEST(the_loop_turns_between_slices) {
  uint64_t id = make_garbage("for i = 1, 200000 do heap[i] = {i} end");
  lua_gc(v.w.L, LUA_GCCOLLECT, 0); /* so a whole round of the collector is to be made */
  ask(GAIJIN_CYCLE_CHECK, id, &A);
  ck_assert_uint_gt(turns_until_answered(), 3); /* the last one makes no slice */
  await_answer();
  ck_assert_uint_eq(read_answer(), 0);
  ck_assert_uint_eq(asked(GAIJIN_CYCLE_HALT, id, &A), 0);
  decide(GAIJIN_OP_CONDEMN, &id, 1);
  ck_assert_uint_gt(turns_until_finished(), 2);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_cycles_settled");
  TCase *c = tcase_create("settled");
  run_long(c);
  tcase_set_timeout(c, 60);
  tcase_add_test(c, in_halt_it_only_marks);
  tcase_add_test(c, what_was_marked_before_is_gone_too);
  tcase_add_test(c, what_reaches_nothing_is_watched_too);
  tcase_add_test(c, a_script_may_keep_all_it_finds);
  tcase_add_loop_test(c, a_collector_that_is_behind_only_marks, 0, 2);
  tcase_add_loop_test(c, what_was_fetched_since_the_check_is_live, 0, 2);
  tcase_add_loop_test(c, garbage_that_a_finaliser_has_goes, 0, 2);
  tcase_add_test(c, a_question_that_waits_ends_with_the_next_one);
  tcase_add_test(c, the_loop_turns_between_slices);
  tcase_add_test(c, finalisers_that_raise_have_nothing_marked_again);
  tcase_add_test(c, a_full_collection_is_not_begun_anew_for_each_that_raises);
  tcase_add_test(c, finalisers_that_are_due_have_nothing_marked_again);
  tcase_add_loop_test(c, without_memory_all_is_collected, 1, 8);
  suite_add_tcase(s, c);
  c = tcase_create("steps");
  run_long(c);
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, wherever_the_collector_is_it_is_asked_right, 0, (int)(sizeof steps / sizeof *steps));
  tcase_add_loop_test(c, wherever_the_collector_is_nothing_is_found, 0, (int)(sizeof steps / sizeof *steps));
  suite_add_tcase(s, c);
  return run_suite(s);
}
