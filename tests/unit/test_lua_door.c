/* SPDX-License-Identifier: MIT
 *
 * Fibers that wait for the connection, or for what is confirmed over it (lua/fiber/door.c): who is let through, when, and
 * what ends a wait.
 */
#include "client-lib/internal.h"
#include "lua/fiber/door.h"
#include "tests/unit/vm.h"

static struct vm v;

static void set_away(bool away) { v.f.g->ret.phase = away ? PHASE_OFF : PHASE_UP; }

static void look(void) {
  door_look(&v.w);
  ck_assert_ptr_null(door_check(&v.w));
  vm_run(&v);
  ck_assert_ptr_null(door_check(&v.w));
}

/* wait(NAME, REASON, SECONDS or nil): notes the name and how it ended, or raises. */
static int lua_wait(lua_State *L) {
  struct worker *w = worker_of(L);
  double until = lua_isnumber(L, 3) ? clock_seconds() + lua_tonumber(L, 3) : 0;
  enum wait_outcome how = door_wait(L, w, (enum door_reason)lua_tointeger(L, 2), NULL, until);
  if (how != WAIT_WOKEN) return door_raise(L, w, how, "call to worker bank", until);
  vm_note(&v, lua_tostring(L, 1));
  vm_note(&v, " ");
  return 0;
}

static void set_up(void) {
  vm_connect(&v);
  worker_push_function(v.w.L, &v.w, lua_wait);
  lua_setglobal(v.w.L, "wait");
  v.expected_error = true;
}

static void tear_down(void) {
  set_away(false);
  vm_close(&v);
}

START_TEST(they_are_let_through_in_their_order) {
  set_away(true);
  ck_assert(door_is_shut(&v.w) && !door_is_free(&v.w));
  vm_start(&v, "wait('a', 0)");
  vm_start(&v, "wait('b', 0)");
  vm_start(&v, "wait('c', 1)");
  vm_run(&v);
  look();
  ck_assert_str_eq(v.log, "");
  set_away(false);
  ck_assert(door_is_free(&v.w));
  door_look(&v.w);
  ck_assert(!door_is_free(&v.w)); /* who comes now waits until they have gone through */
  ck_assert_ptr_null(door_check(&v.w));
  vm_start(&v, "wait('d', 0)");
  vm_run(&v);
  ck_assert_str_eq(v.log, "a b c d ");
  ck_assert(door_is_free(&v.w) && !v.w.door.first && !v.w.door.last);
}
END_TEST

START_TEST(what_is_confirmed_is_worth_another_try) {
  vm_start(&v, "wait('a', 1)");
  vm_run(&v);
  ck_assert_str_eq(v.log, "");
  ck_assert_uint_eq(v.running, 1);
  set_away(true);
  look(); /* news, but the connection is away */
  ck_assert_str_eq(v.log, "");
  set_away(false);
  look();
  ck_assert_str_eq(v.log, "a ");
}
END_TEST

START_TEST(who_was_let_through_and_finds_it_shut_again_waits_on) {
  set_away(true);
  vm_start(&v, "wait('a', 0)");
  vm_run(&v);
  set_away(false);
  door_look(&v.w);
  door_look(&v.w); /* is let through once */
  ck_assert_uint_eq(v.w.door.n_woken, 1);
  set_away(true);
  vm_run(&v);
  ck_assert_str_eq(v.log, "");
  ck_assert_uint_eq(v.w.door.n_woken, 0);
  set_away(false);
  look();
  ck_assert_str_eq(v.log, "a ");
}
END_TEST

START_TEST(a_loss_for_good_lets_all_through) {
  set_away(true);
  vm_start(&v, "wait('a', 0)");
  vm_start(&v, "wait('b', 1)");
  vm_run(&v);
  v.w.lost = true;
  ck_assert(!door_is_shut(&v.w));
  look();
  ck_assert_str_eq(v.log, "a b ");
  v.w.lost = false;
}
END_TEST

static void run_until_it_notes(void) {
  for (int i = 0; i < 1000 && !*v.log; i++) {
    uv_run(&v.w.loop.uv, UV_RUN_ONCE);
    vm_run(&v);
  }
}

START_TEST(limits_of_time_say_what_was_missing) {
  set_away(_i == 0);
  vm_start(&v, "wait('a', 1, 0.01)");
  vm_run(&v);
  run_until_it_notes();
  ck_assert_str_eq(v.log, _i == 0 ? "gaijin: timeout: call to worker bank was not begun: the broker has gone and was not back in time"
                                  : "gaijin: timeout: call to worker bank was not begun: after the return of the broker it was not known in "
                                    "time whether the object is still there");
  ck_assert_ptr_null(door_check(&v.w));
  ck_assert(!v.w.door.first);
}
END_TEST

START_TEST(one_that_is_cancelled_leaves_the_others) {
  set_away(true);
  struct fiber *of[3];
  for (int i = 0; i < 3; i++) of[i] = vm_start(&v, "wait('x', 0)");
  vm_run(&v);
  fiber_cancel(of[_i], "for a test");
  vm_run(&v);
  ck_assert_str_eq(v.log, "gaijin: cancelled: call to worker bank: for a test");
  v.log[0] = '\0';
  set_away(false);
  look();
  ck_assert_str_eq(v.log, "x x ");
}
END_TEST

/* pause(PAUSE BEFORE, SECONDS or nil) -> whether, the pause. */
static int lua_pause(lua_State *L) {
  double pause = lua_tonumber(L, 1), until = lua_isnumber(L, 2) ? clock_seconds() + lua_tonumber(L, 2) : 0;
  lua_pushboolean(L, door_pause(L, worker_of(L), "it", until, &pause));
  lua_pushnumber(L, pause);
  return 2;
}

START_TEST(a_pause_is_not_cut_short_but_by_who_cancels) {
  worker_push_function(v.w.L, &v.w, lua_pause);
  lua_setglobal(v.w.L, "pause");
  struct fiber *f = vm_start(&v, "pause(10) note 'over'");
  vm_run(&v);
  fiber_wake(f); /* by something else */
  vm_run(&v);
  ck_assert_str_eq(v.log, "");
  fiber_cancel(f, "for a test");
  vm_run(&v);
  ck_assert_str_eq(v.log, "gaijin: cancelled: it: for a test");
}
END_TEST

START_TEST(pauses_grow_and_stay_within_the_limit) {
  worker_push_function(v.w.L, &v.w, lua_pause);
  lua_setglobal(v.w.L, "pause");
  vm_start(&v, "local a, p = pause(0) local b, q = pause(0.02, 5) local c, r = pause(0.2, 0.1) local d, s = pause(5, 0.2)"
               "note(tostring(a), p, tostring(b), q, tostring(c), r, tostring(d), s)");
  vm_run(&v);
  run_until_it_notes();
  ck_assert_str_eq(v.log, "true0.02true0.04false0.25false0.25");
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_door");
  TCase *c = tcase_create("door");
  tcase_add_checked_fixture(c, set_up, tear_down);
  tcase_add_test(c, they_are_let_through_in_their_order);
  tcase_add_test(c, what_is_confirmed_is_worth_another_try);
  tcase_add_test(c, who_was_let_through_and_finds_it_shut_again_waits_on);
  tcase_add_test(c, a_loss_for_good_lets_all_through);
  tcase_add_loop_test(c, limits_of_time_say_what_was_missing, 0, 2);
  tcase_add_loop_test(c, one_that_is_cancelled_leaves_the_others, 0, 3);
  tcase_add_test(c, a_pause_is_not_cut_short_but_by_who_cancels);
  tcase_add_test(c, pauses_grow_and_stay_within_the_limit);
  suite_add_tcase(s, c);
  return run_suite(s);
}
