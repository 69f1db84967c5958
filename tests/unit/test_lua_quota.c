/* SPDX-License-Identifier: MIT
 *
 * Memory and processor time of a VM (lua/sandbox/quota.h). What a whole worker makes of them is in
 * tests/flow/test_sandbox.sh.
 */
#include "lua/sandbox/quota.h"

#include <limits.h>
#include <lualib.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/run.h"

static struct worker w;

static void begin(size_t memory, double seconds) {
  w = (struct worker){.name = "limited"};
  w.L = quota_new_state(&w, memory);
  ck_assert_ptr_nonnull(w.L);
  ck_assert(quota_watch(&w, seconds));
  luaL_openlibs(w.L);
}

static void end(void) {
  lua_close(w.L);
  ck_assert_uint_eq(w.heap.used, 0);
  quota_unwatch(&w);
}

/* Runs the code; NULL, or its error, which stays on the stack. */
static const char *run_code(const char *code) {
  lua_settop(w.L, 0);
  int status = luaL_loadstring(w.L, code);
  if (status == 0) status = lua_pcall(w.L, 0, LUA_MULTRET, 0);
  return status == 0 ? NULL : lua_tostring(w.L, -1);
}

static size_t lua_count(void) {
  return (size_t)lua_gc(w.L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(w.L, LUA_GCCOUNTB, 0);
}

START_TEST(what_lua_has_is_counted) {
  begin(8 << 20, 0);
  ck_assert_uint_eq(w.heap.used, lua_count());
  ck_assert_ptr_null(run_code("t = {} for i = 1, 1e4 do t[i] = { i, i .. 's' } end t = { t[1] }"));
  ck_assert_uint_eq(w.heap.used, lua_count());
  end();
}
END_TEST

START_TEST(without_a_limit_nothing_is_counted) {
  begin(0, 0);
  ck_assert_ptr_null(run_code("t = {} for i = 1, 1e5 do t[i] = i end"));
  ck_assert_uint_eq(w.heap.used, 0);
  end();
}
END_TEST

START_TEST(past_the_limit_lua_has_no_memory) {
  begin(2 << 20, 0);
  for (int i = 0; i < 50; i++) {
    ck_assert_str_eq(run_code("local t = {} while true do t[#t + 1] = { #t } end"), "not enough memory");
    ck_assert_uint_le(w.heap.used, w.heap.most);
    ck_assert_str_eq(run_code("return #('x'):rep(3e6)"), "not enough memory");
    ck_assert_uint_le(w.heap.used, w.heap.most);
    ck_assert(w.heap.failed);
    quota_turn(&w);
    ck_assert(!w.heap.failed && w.heap.reserve == 0);
    ck_assert_ptr_null(run_code("assert(#('x'):rep(1e5) == 1e5)"));
  }
  end();
}
END_TEST

/* To the last byte, so nothing can be allocated to collect with. */
START_TEST(a_heap_that_is_full_with_its_reserve_is_collected) {
  begin(4 << 20, 0);
  ck_assert_ptr_null(run_code("collectgarbage('stop') for i = 1, 1e4 do local t = { i } end"));
  size_t before = w.heap.used;
  w.heap.most = w.heap.used - HEAP_RESERVE;
  w.heap.failed = true;
  quota_turn(&w);
  ck_assert_uint_lt(w.heap.used, before / 2);
  ck_assert(!w.heap.failed);
  w.heap.most = 4 << 20;
  end();
}
END_TEST

START_TEST(a_collection_that_fails_is_done_again) {
  begin(4 << 20, 0);
  int collector = w.heap.collector;
  lua_getglobal(w.L, "error");
  w.heap.collector = luaL_ref(w.L, LUA_REGISTRYINDEX);
  w.heap.failed = true;
  quota_turn(&w);
  ck_assert(w.heap.failed);
  w.heap.collector = collector;
  quota_turn(&w);
  ck_assert(!w.heap.failed);
  end();
}
END_TEST

static double processor_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All is marked once, and not for each of them. */
START_TEST(a_collection_is_not_begun_anew_for_each_finaliser_that_raises) {
  enum { RAISING = 300 };
  begin(32 << 20, 0);
  ck_assert_ptr_null(run_code("t = {} for i = 1, 1e5 do t[i] = { i } end ran = 0"));
  double begun = processor_seconds();
  lua_gc(w.L, LUA_GCCOLLECT, 0);
  double once = processor_seconds() - begun;
  ck_assert_ptr_null(run_code("for i = 1, 300 do getmetatable(newproxy(true)).__gc = function() ran = ran + 1 error('no', 0) end end"));
  w.heap.failed = true;
  begun = processor_seconds();
  quota_turn(&w);
  double taken = processor_seconds() - begun;
  ck_assert(!w.heap.failed);
  lua_getglobal(w.L, "ran");
  ck_assert_int_eq((int)lua_tointeger(w.L, -1), RAISING);
  ck_assert_msg(taken < once * RAISING / 6, "%g s, and once takes %g s", taken, once);
  end();
}
END_TEST

START_TEST(too_little_gives_no_vm) {
  w = (struct worker){.name = "limited"};
  for (size_t memory = 1; memory < 4096; memory += 7) {
    lua_State *L = quota_new_state(&w, memory);
    ck_assert(!L || w.heap.used <= memory);
    if (L) lua_close(L);
    ck_assert_uint_eq(w.heap.used, 0);
  }
}
END_TEST

START_TEST(garbage_is_collected_near_the_limit) {
  begin(4 << 20, 0);
  /* By itself Lua would not collect any more. */
  ck_assert_ptr_null(run_code("local kept = ('x'):rep(5e5) collectgarbage('stop')"
                              "for i = 1, 2e5 do local t = { i } end collectgarbage('stop')"
                              "local run = coroutine.wrap(function() for i = 1, 2e5 do local t = { i } end end)"
                              "run() return kept"));
  end();
}
END_TEST

START_TEST(a_finaliser_that_raises_near_the_limit_is_an_error) {
  begin(4 << 20, 0);
  ck_assert_ptr_nonnull(run_code("getmetatable(newproxy(true)).__gc = function() error('in it') end collectgarbage('stop')"
                                 "for i = 1, 2e5 do local t = { i } end"));
  ck_assert_ptr_null(run_code("collectgarbage('stop') for i = 1, 2e5 do local t = { i } end"));
  end();
}
END_TEST

START_TEST(one_stretch_has_a_time) {
  begin(0, 0.03);
  for (int i = 0; i < 3; i++) {
    ck_assert_str_eq(run_code("while true do end"),
                     "gaijin: timeout: limited has computed for 0.03 s without giving way (--cpu-limit)");
    /* In the same stretch it comes again; in the next it does not. */
    ck_assert_ptr_nonnull(run_code("for i = 1, 1e5 do end"));
    scheduler_next_stretch(&w.sched);
    ck_assert_ptr_null(run_code("for i = 1, 1e5 do end"));
  }
  ck_assert_ptr_nonnull(run_code("return coroutine.wrap(function() while true do end end)()"));
  end();
}
END_TEST

START_TEST(stretches_that_end_have_none) {
  begin(0, 0.03);
  double begun = (double)clock() / CLOCKS_PER_SEC;
  while ((double)clock() / CLOCKS_PER_SEC < begun + 0.3) {
    ck_assert_ptr_null(run_code("for i = 1, 1e4 do end"));
    scheduler_next_stretch(&w.sched);
  }
  end();
}
END_TEST

START_TEST(a_stretch_number_is_never_zero) {
  begin(0, 0);
  atomic_store(&w.sched.stretch, UINT_MAX);
  scheduler_next_stretch(&w.sched);
  ck_assert_uint_eq(atomic_load(&w.sched.stretch), 1);
  end();
}
END_TEST

/* A child, for it ends. */
static int status_of(const char *code) {
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    fclose(stderr);
    begin(0, 0.03);
    run_code(code);
    _exit(0);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  return status;
}

START_TEST(what_no_error_stops_ends_the_process) {
  static const char *const codes[] = {
      "while true do pcall(function() while true do end end) end",
      "string.find(('a'):rep(5000), ('.-'):rep(30) .. 'b')",
      "getmetatable(newproxy(true)).__gc = function() while true do end end collectgarbage()",
      "debug.sethook() while true do end",
  };
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    int status = status_of(codes[i]);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU, "%s: %x", codes[i], (unsigned)status);
  }
}
END_TEST

/* As the process may have been started. */
START_TEST(signals_that_were_blocked_do_not_switch_the_limit_off) {
  sigset_t blocked, after;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGPROF);
  sigaddset(&blocked, SIGXCPU);
  ck_assert_int_eq(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
  int status = status_of("string.find(('a'):rep(5000), ('.-'):rep(30) .. 'b')");
  ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
  begin(0, 1);
  end();
  sigprocmask(SIG_BLOCK, NULL, &after);
  ck_assert(sigismember(&after, SIGPROF) && sigismember(&after, SIGXCPU));
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_quota");
  TCase *c = tcase_create("limits");
  run_long(c);
  tcase_add_test(c, what_lua_has_is_counted);
  tcase_add_test(c, without_a_limit_nothing_is_counted);
  tcase_add_test(c, past_the_limit_lua_has_no_memory);
  tcase_add_test(c, a_heap_that_is_full_with_its_reserve_is_collected);
  tcase_add_test(c, a_collection_that_fails_is_done_again);
  tcase_add_test(c, a_collection_is_not_begun_anew_for_each_finaliser_that_raises);
  tcase_add_test(c, too_little_gives_no_vm);
  tcase_add_test(c, garbage_is_collected_near_the_limit);
  tcase_add_test(c, a_finaliser_that_raises_near_the_limit_is_an_error);
  tcase_add_test(c, one_stretch_has_a_time);
  tcase_add_test(c, stretches_that_end_have_none);
  tcase_add_test(c, a_stretch_number_is_never_zero);
  tcase_add_test(c, what_no_error_stops_ends_the_process);
  tcase_add_test(c, signals_that_were_blocked_do_not_switch_the_limit_off);
  suite_add_tcase(s, c);
  return run_suite(s);
}
