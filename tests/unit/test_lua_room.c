/* SPDX-License-Identifier: MIT
 *
 * Posts that have no room in the window of their receiver (lua/ask/room.c): who waits, in which
 * order, and what ends a wait.
 */
#include <sys/wait.h>

#include "lua/fiber/turns.h"
#include "tests/unit/room.h"

START_TEST(who_waited_first_posts_first) {
  for (int i = 0; i < 4; i++) vm_start(&v, "n = (n or 10) + 1 local me = n gaijin.post(f, me) note(me, ' ')");
  vm_do(&v, "note 'others run '");
  uint32_t size = read_full_window();
  ck_assert_uint_eq(v.running, 4);
  grant(1, size);
  ck_assert_str_eq(v.log, "others run 11 ");
  vm_start(&v, "gaijin.post(f, 20) note '20 '"); /* behind the others, although it runs now */
  grant(2, 2 * size);
  ck_assert_str_eq(v.log, "others run 11 12 13 ");
  grant(2, 2 * size);
  ck_assert_str_eq(v.log, "others run 11 12 13 14 20 ");
  for (unsigned i = 11; i <= 14; i++) ck_assert_uint_eq(next_post(NULL), i);
  ck_assert_uint_eq(next_post(NULL), 20);
  ck_assert_uint_eq(v.running, 0);
  ck_assert_uint_eq(v.w.n_room_queues, 0);
}
END_TEST

static double now;
static double seconds(void) { return now; }
static int work(lua_State *L) {
  now += luaL_checknumber(L, 1);
  return 0;
}

/* Nor do they keep everybody waiting: the turn ends when its time is up. */
START_TEST(who_takes_long_behind_its_post_ends_the_turn) {
  now = 5;
  v.w.sched.seconds = seconds;
  lua_register(v.w.L, "work", work);
  for (unsigned i = 11; i < 14; i++) {
    char code[64];
    snprintf(code, sizeof code, "gaijin.post(f, %u) work(%g)", i, i == 11 ? TURNS_SECONDS / 2 : TURNS_SECONDS);
    vm_start(&v, code);
  }
  vm_run(&v);
  uint32_t size = read_full_window();
  begin_grant(3, 3 * size);
  fake_deliver(&v.f);
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  for (unsigned left = 3; left > 0;) {
    fiber_run_ready(&v.w);
    ck_assert_uint_eq(v.running, left == 3 ? 1 : 0);
    left = v.running;
  }
  vm_run(&v);
  for (unsigned i = 11; i < 14; i++) ck_assert_uint_eq(next_post(NULL), i);
}
END_TEST

/* Else it would be message by message, with a write for each. */
START_TEST(all_that_have_room_go_in_one_turn) {
  enum { WAITING = 6 };
  for (unsigned i = 11; i < 11 + WAITING; i++) {
    char code[64];
    snprintf(code, sizeof code, i % 2 ? "gaijin.post(f, %u)" : "f(%u)", i);
    vm_start(&v, code);
  }
  vm_run(&v);
  uint32_t size = read_full_window();
  begin_grant(3, 3 * size);
  fake_deliver(&v.f);
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  fiber_run_ready(&v.w);
  gaijin_flush(v.w.g, false);
  for (unsigned i = 11; i < 14; i++) ck_assert_uint_eq(next_post(NULL), i);
  ck_assert(fake_idle(&v.f));
  vm_run(&v);
  grant(3, 3 * size);
  for (unsigned i = 14; i < 11 + WAITING; i++) ck_assert_uint_eq(next_post(NULL), i);
}
END_TEST

START_TEST(a_post_whose_value_cannot_be_sent_lets_the_next_go) {
  vm_start(&v, "gaijin.post(f, gaijin.async(function() end))");
  vm_start(&v, "gaijin.post(f, 12) note ' 12'");
  vm_run(&v);
  uint32_t size = read_full_window();
  grant(2, 2 * size);
  ck_assert_ptr_nonnull(strstr(v.log, " 12"));
  ck_assert_uint_eq(v.running, 0);
}
END_TEST

START_TEST(a_large_post_waits_until_little_is_under_way) {
  uint32_t size = read_full_window();
  grant(POSTS, POSTS * size);
  vm_do(&v, "gaijin.post(f, 1, ('x'):rep(2000))");
  ck_assert_uint_eq(next_post(&size), 1);
  vm_start(&v, "gaijin.post(f, 2, ('x'):rep(9000)) note 'large '");
  vm_start(&v, "gaijin.post(f, 3) note 'small '");
  vm_run(&v);
  ck_assert_str_eq(v.log, "");
  grant(1, size);
  ck_assert_str_eq(v.log, "large ");
  ck_assert_uint_eq(next_post(&size), 2);
  grant(1, size);
  ck_assert_str_eq(v.log, "large small ");
}
END_TEST

START_TEST(where_the_receiver_dies_it_counts_as_failed) {
  for (int i = 0; i < 3; i++) vm_start(&v, "gaijin.post(f, 9) note 'on '");
  vm_run(&v);
  say_dead();
  ck_assert_str_eq(v.log, "on on on ");
  ck_assert_uint_eq(v.w.posts_failed, 3);
  read_full_window();
}
END_TEST

START_TEST(limits_of_time_and_cancelling_end_the_wait) {
  struct fiber *f = vm_start(&v, "gaijin.post(f, 9)");
  vm_start(&v, "gaijin.post(f, 10) note ' sent'");
  vm_run(&v);
  fiber_cancel(f, "for a test");
  vm_run(&v);
  ck_assert_str_eq(v.log, "gaijin: cancelled: post to worker bank: for a test");
  v.log[0] = '\0';
  vm_start(&v, "gaijin.timeout(0.01, gaijin.post, f, 11)");
  vm_run(&v);
  for (int i = 0; i < 1000 && !*v.log; i++) {
    uv_run(&v.w.loop.uv, UV_RUN_ONCE);
    vm_run(&v);
  }
  ck_assert_str_eq(v.log, "gaijin: timeout: post to worker bank: the time limit of 0.01 s is over");
  v.log[0] = '\0';
  uint32_t size = read_full_window();
  grant(1, size);
  ck_assert_str_eq(v.log, " sent");
  ck_assert_uint_eq(next_post(NULL), 10);
}
END_TEST

START_TEST(it_waits_no_longer_than_who_is_served_for) {
  struct fiber *f = vm_start(&v, "gaijin.post(f, 9)");
  f->asked_until = clock_seconds() + 0.01;
  vm_run(&v);
  for (int i = 0; i < 1000 && !*v.log; i++) {
    uv_run(&v.w.loop.uv, UV_RUN_ONCE);
    vm_run(&v);
  }
  ck_assert_str_eq(v.log, "gaijin: timeout: post to worker bank was not begun: there was no room for it in time");
  v.log[0] = '\0';
  f = vm_start(&v, "gaijin.post(f, 9)");
  f->asked_until = clock_seconds() + 1000;
  vm_run(&v);
  fiber_cancel(f, "for a test");
  vm_run(&v);
  ck_assert_str_eq(v.log, "gaijin: cancelled: post to worker bank: for a test");
}
END_TEST

/* What is asked waits like what is posted, in one row with it, and says what became of it. */
START_TEST(calls_wait_for_room_too) {
  vm_start(&v, "f(5)");
  vm_start(&v, "gaijin.post(f, 6)");
  vm_start(&v, "gaijin.async(f, 7)");
  vm_run(&v);
  uint32_t size = read_full_window();
  grant(3, 3 * size);
  for (unsigned i = 5; i <= 7; i++) ck_assert_uint_eq(next_post(NULL), i);
  struct fiber *f = vm_start(&v, "f(9)");
  vm_start(&v, "f(10)");
  vm_run(&v);
  grant(1, size);
  ck_assert_uint_eq(next_post(NULL), 9);
  f = vm_start(&v, "f(11)");
  f->asked_until = clock_seconds() + 0.01;
  vm_run(&v);
  for (int i = 0; i < 1000 && !*v.log; i++) {
    uv_run(&v.w.loop.uv, UV_RUN_ONCE);
    vm_run(&v);
  }
  ck_assert_str_eq(v.log, "gaijin: timeout: call to worker bank was not begun: there was no room for it in time");
  ck_assert(fake_idle(&v.f));
}
END_TEST

/* Whoever serves what a handler of another worker waits for does not wait for one that takes nothing. */
START_TEST(where_nothing_is_taken_one_that_is_awaited_is_busy) {
  struct fiber *f = vm_start(&v, _i ? "gaijin.post(f, 9)" : "f(9)");
  vm_start(&v, "gaijin.post(f, 10)"); /* this one does */
  f->depth = 2;
  vm_run(&v);
  ck_assert_str_eq(v.log, "");
  double end = clock_seconds() + 60;
  while (!*v.log && clock_seconds() < end) {
    uv_run(&v.w.loop.uv, UV_RUN_ONCE);
    vm_run(&v);
  }
  const char *start = _i ? "gaijin: busy: post to worker bank has no room, and the worker takes nothing"
                         : "gaijin: busy: call to worker bank has no room, and the worker takes nothing";
  ck_assert_msg(strncmp(v.log, start, strlen(start)) == 0, "%s", v.log);
  uint32_t size = read_full_window();
  grant(1, size);
  ck_assert_uint_eq(next_post(NULL), 10);
}
END_TEST

START_TEST(a_loss_ends_the_wait) {
  for (int i = 0; i < 2; i++) vm_start(&v, "note(pcall(gaijin.post, f, 9))");
  vm_run(&v);
  close(v.f.fd);
  v.f.fd = -1;
  ck_assert_int_eq(gaijin_dispatch(v.w.g), GAIJIN_STATUS_LOST);
  v.w.lost = true;
  while (fiber_run_ready(&v.w)) continue;
  ck_assert_uint_eq(v.running, 0);
  ck_assert_ptr_nonnull(strstr(v.log, "falsegaijin: lost: "));
}
END_TEST

START_TEST(where_nobody_can_wait_it_is_busy) {
  ck_assert_int_ne(luaL_dostring(v.w.L, "gaijin.post(f, 9)"), 0);
  ck_assert_str_eq(lua_tostring(v.w.L, -1),
                   "gaijin: busy: a post has no room at bank, where nothing can wait (a finaliser run by "
                   "the scheduler or at the end); try again later");
  lua_settop(v.w.L, 0);
  vm_do(&v, "guard = newproxy(true) getmetatable(guard).__gc = function() note(pcall(gaijin.post, f, 9)) end guard = nil");
  vm_collect(&v);
  ck_assert_ptr_nonnull(strstr(v.log, "falsegaijin: busy: a post has no room at bank"));
  uint32_t size = read_full_window();
  grant(1, size);
  ck_assert_int_eq(luaL_dostring(v.w.L, "gaijin.post(f, 10)"), 0); /* it need not wait */
  gaijin_flush(v.w.g, false);
  ck_assert_uint_eq(next_post(NULL), 10);
}
END_TEST

/* In a fork nothing is posted and nobody waits, whether there is room or not. */
static int fork_here(lua_State *L) {
  lua_pushboolean(L, fork() == 0);
  return 1;
}

/* Leaves the child as it is: what the parent freed is no leak of its. */
static int leave_here(lua_State *L) {
  _exit(lua_toboolean(L, 1) ? 7 : 1);
}

START_TEST(a_fork_is_refused) {
  int status;
  pid_t parent = getpid();
  lua_register(v.w.L, "fork", fork_here);
  lua_register(v.w.L, "leave", leave_here);
  uint32_t size = read_full_window();
  if (_i == 0) grant(POSTS, POSTS * size);
  if (_i == 1) vm_start(&v, "gaijin.post(f, 8)"); /* one that waits; else there is only no room */
  if (_i == 2) say_dead();
  vm_run(&v);
  vm_start(&v, "if fork() then local ok, e = pcall(gaijin.post, f, 9) "
               "leave(not ok and e:find 'unsupported: this process is a fork of worker shop') end");
  while (fiber_run_ready(&v.w)) continue;
  if (getpid() != parent) _exit(2); /* it waits */
  ck_assert_int_gt(wait(&status), 0);
  ck_assert_int_eq(WEXITSTATUS(status), 7);
  ck_assert(fake_idle(&v.f));
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua room");
  TCase *c = tcase_create("room");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, who_waited_first_posts_first);
  tcase_add_test(c, all_that_have_room_go_in_one_turn);
  tcase_add_test(c, who_takes_long_behind_its_post_ends_the_turn);
  tcase_add_test(c, a_post_whose_value_cannot_be_sent_lets_the_next_go);
  tcase_add_test(c, a_large_post_waits_until_little_is_under_way);
  tcase_add_test(c, where_the_receiver_dies_it_counts_as_failed);
  tcase_add_test(c, limits_of_time_and_cancelling_end_the_wait);
  tcase_add_test(c, it_waits_no_longer_than_who_is_served_for);
  tcase_add_test(c, a_loss_ends_the_wait);
  tcase_add_test(c, calls_wait_for_room_too);
  tcase_add_loop_test(c, where_nothing_is_taken_one_that_is_awaited_is_busy, 0, 2);
  tcase_add_test(c, where_nobody_can_wait_it_is_busy);
  tcase_add_loop_test(c, a_fork_is_refused, 0, 4);
  return run_suite(s);
}
