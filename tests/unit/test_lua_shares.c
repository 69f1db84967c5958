/* SPDX-License-Identifier: MIT
 *
 * Who gets a fiber where many want one (lua/fiber/turns.h, lua/serve/begin.c), and what is refused
 * when none comes free.
 */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/backlog.h"

START_TEST(requests_wait_for_fibers_and_those_of_others_do_not) {
  use_up_fibers();
  for (unsigned i = 1; i <= 3; i++) call(OTHER_HOST, true, 1, i);
  call(THIRD_HOST, false, 1, 100);
  call(OTHER_HOST, true, 1, 4);
  arrive();
  turns();
  ck_assert_str_eq(v.log, "100 ");
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(v.w.backlog.n_posts, 4);
  ck_assert(!v.w.backlog.stuck);
  pass_stall();
  ck_assert(v.w.backlog.stuck);
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
  ck_assert_str_eq(v.log, "100 1 2 3 4 ");
  ck_assert_uint_eq(v.w.posts_failed, 0);
  ck_assert(!v.w.backlog.stuck);
}
END_TEST

/* It may be what those wait for that have the fibers. */
START_TEST(a_nested_call_behind_posts_that_cannot_begin_is_busy) {
  use_up_fibers();
  call(OTHER_HOST, true, 1, 1);
  arrive();
  turns();
  if (_i == 0) pass_stall(); /* it comes later */
  uint64_t id = last_id + 1, status;
  call(OTHER_HOST, false, 2, 2);
  arrive();
  turns();
  if (_i == 1) {
    ck_assert(fake_idle(&v.f)); /* they may not be used up for long */
    pass_stall();
  }
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(v.f.m.id, id);
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_uint(&r, &status));
  ck_assert_uint_eq(status, GAIJIN_STATUS_BUSY);
  ck_assert_str_eq(v.log, "");
}
END_TEST

/* Half of them at a time, the last ones first: the others may find fibers then. */
START_TEST(nested_calls_are_refused_by_halves) {
  use_up_fibers();
  call(OTHER_HOST, true, 1, 1);
  for (unsigned i = 2; i <= 6; i++) call(OTHER_HOST, false, 2, i);
  arrive();
  turns();
  static const unsigned left[] = {2, 1, 0, 0};
  for (unsigned i = 0, before = 5; i < 4; before = left[i++]) {
    pass_stall();
    ck_assert_uint_eq(v.w.backlog.n_calls, left[i]);
    for (unsigned k = before; k > left[i]; k--) {
      ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
      ck_assert_uint_eq(v.f.m.id, last_id - 5 + k);
    }
    ck_assert(fake_idle(&v.f));
  }
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
  ck_assert_str_eq(v.log, "1 ");
}
END_TEST

/* Each by its own clock, whoever else is stuck. */
START_TEST(each_asker_has_its_own_time) {
  use_up_fibers();
  vm_do(&v, "waiting = true");
  call(THIRD_HOST, true, 1, 0);
  arrive();
  turns(); /* that was the last fiber */
  ck_assert_int_eq(luaL_dostring(v.w.L, "waiting = false"), 0);
  for (unsigned i = 1; i <= 4; i++) call(OTHER_HOST, false, 2, i);
  arrive();
  turns();
  now += BEGIN_STALL / 2;
  for (unsigned i = 1; i <= 4; i++) call(THIRD_HOST, false, 2, i);
  arrive();
  turns();
  static const unsigned left[][2] = {{4, 4}, {2, 4}, {2, 2}, {1, 2}, {1, 1}, {0, 1}, {0, 0}};
  const struct asker *other = turns_find(&v.w, OTHER_HOST), *third = turns_find(&v.w, THIRD_HOST);
  for (unsigned i = 0; i < sizeof left / sizeof *left; i++) {
    ck_assert_uint_eq(other->n_entries, left[i][0]);
    ck_assert_uint_eq(third->n_entries, left[i][1]);
    now += BEGIN_STALL / 2 + 0.001;
    if (v.w.backlog.stall_timer) timer_stop(v.w.backlog.stall_timer);
    v.w.backlog.stall_timer = NULL;
    turns();
  }
  for (unsigned i = 0; i < v.n_parked; i++) fiber_wake(v.parked[i]);
  turns();
}
END_TEST

/* It has a fiber again, but nobody has looked since. */
START_TEST(who_is_stuck_no_more_is_served) {
  use_up_fibers();
  call(OTHER_HOST, true, 1, 1);
  arrive();
  turns();
  pass_stall();
  ck_assert(turns_find(&v.w, OTHER_HOST)->stuck);
  v.w.sched.max_fibers = 80;
  call(OTHER_HOST, false, 2, 2);
  arrive();
  turns();
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  ck_assert_str_eq(v.log, "1 2 ");
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
}
END_TEST

/* Those that have the fibers only wait for a moment. */
START_TEST(who_goes_on_is_not_stuck) {
  use_up_fibers();
  call(OTHER_HOST, true, 1, 1);
  call(OTHER_HOST, false, 2, 2);
  vm_do(&v, "waiting = true");
  arrive();
  for (unsigned i = 0; i < 5; i++) {
    now += BEGIN_STALL * 0.7;
    turns();
    ck_assert(!v.w.backlog.stuck && fake_idle(&v.f));
    struct fiber *f = v.parked[i];
    fiber_wake(f);
    begin_waiting(&v.w);
    ck_assert(turns_find(&v.w, OTHER_HOST)->refuse_at == 0);
    if (i < 4) turns_remove(&v.w, f); /* it waits on */
  }
  vm_do(&v, "waiting = false");
  turns();
  ck_assert_str_eq(v.log, "1 2 ");
}
END_TEST

/* A nested call that nothing waits before gets no fiber either when all are used up. */
START_TEST(a_nested_call_without_a_fiber_is_busy_after_a_while) {
  use_up_fibers();
  vm_start(&v, "park()");
  turns();
  ck_assert_uint_eq(v.w.sched.n_fibers, 8);
  call(OTHER_HOST, false, 2, 1);
  arrive();
  turns();
  ck_assert(fake_idle(&v.f));
  pass_stall();
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  call(OTHER_HOST, false, 2, 2);
  arrive();
  turns();
  fiber_wake(v.parked[0]);
  turns();
  ck_assert_str_eq(v.log, "2 ");
}
END_TEST

START_TEST(one_that_waits_when_they_are_used_up_is_busy_too) {
  vm_do(&v, "waiting = true");
  v.w.sched.max_fibers = 8;
  for (unsigned i = 1; i <= 12; i++) call(OTHER_HOST, true, 1, 0);
  call(OTHER_HOST, false, 2, 0);
  call(OTHER_HOST, false, 1, 0);
  arrive();
  ck_assert_uint_eq(v.w.backlog.n_posts, 5);
  ck_assert_uint_eq(v.w.backlog.n_calls, 2);
  ck_assert(!v.w.backlog.stuck); /* none of the fibers has run yet */
  turns();
  pass_stall();
  ck_assert(v.w.backlog.stuck);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(v.w.backlog.n_calls, 1);
  while (v.n_parked) {
    fiber_wake(v.parked[--v.n_parked]);
    if (!v.n_parked) turns();
  }
  vm_do(&v, "assert(n == 13, n)");
}
END_TEST

/* It may use what is left for the others; nobody waits for a post. */
START_TEST(a_nested_call_gets_a_fiber_where_nothing_waits_before_it) {
  use_up_fibers();
  call(OTHER_HOST, false, 2, 1);
  arrive();
  turns();
  ck_assert_str_eq(v.log, "1 ");
  call(OTHER_HOST, true, 2, 2);
  arrive();
  turns();
  ck_assert_str_eq(v.log, "1 ");
  ck_assert_uint_eq(v.w.backlog.n_posts, 1);
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
}
END_TEST

/* Of those that are free each gets as many as all others together have left. */
START_TEST(whoever_comes_finds_fibers) {
  vm_do(&v, "waiting = true");
  v.w.sched.max_fibers = 80;
  for (unsigned i = 0; i < 100; i++) call(OTHER_HOST, true, 1, 0);
  arrive();
  turns();
  ck_assert_uint_eq(v.n_parked, 69);
  for (unsigned i = 0; i < 100; i++) call(THIRD_HOST, true, 1, 0);
  arrive();
  turns();
  ck_assert_uint_eq(v.n_parked, 77);
  while (v.n_parked > 69) fiber_wake(v.parked[--v.n_parked]);
  vm_do(&v, "waiting = false");
  turns();
  ck_assert_uint_eq(turns_find(&v.w, THIRD_HOST)->n_entries, 0);
  ck_assert_uint_eq(turns_find(&v.w, OTHER_HOST)->n_entries, 31);
  while (v.n_parked) fiber_wake(v.parked[--v.n_parked]);
  turns();
  vm_do(&v, "assert(n == 200, n)");
}
END_TEST

/* What comes free is not always the same one's. */
START_TEST(fibers_that_come_free_go_round) {
  vm_do(&v, "waiting = true");
  v.w.sched.max_fibers = 8;
  for (unsigned i = 0; i < 20; i++) call(OTHER_HOST, true, 1, 0);
  for (unsigned i = 0; i < 20; i++) call(THIRD_HOST, true, 1, 0);
  arrive();
  turns();
  const struct asker *other = turns_find(&v.w, OTHER_HOST), *third = turns_find(&v.w, THIRD_HOST);
  ck_assert_uint_eq(other->n_fibers, 7);
  ck_assert_uint_eq(third->n_fibers, 1);
  for (unsigned i = 0; i < 6; i++) {
    ck_assert_ptr_eq(v.parked[i]->asker, other);
    fiber_wake(v.parked[i]);
    turns();
    ck_assert_ptr_null(backlog_check(&v.w));
  }
  ck_assert_uint_eq(third->n_fibers, 4);
  ck_assert_uint_eq(other->n_fibers, 4);
  ck_assert_int_eq(luaL_dostring(v.w.L, "waiting = false"), 0);
  for (unsigned i = 6; i < v.n_parked; i++) fiber_wake(v.parked[i]);
  turns();
  vm_do(&v, "assert(n == 40, n)");
}
END_TEST

/* However many have come before: the last are for those who have none. */
START_TEST(some_are_kept_for_those_who_have_none) {
  vm_do(&v, "waiting = true");
  v.w.sched.max_fibers = 2 * FIBERS_KEPT;
  for (uint64_t host = 100; host < 104; host++) {
    for (unsigned i = 0; i < 100; i++) call(host, true, 1, 0);
    arrive();
    turns();
  }
  ck_assert_uint_eq(v.w.sched.n_fibers, 2 * FIBERS_KEPT);
  ck_assert_uint_eq(turns_find(&v.w, 102)->n_fibers, 1);
  ck_assert_uint_eq(turns_find(&v.w, 103)->n_fibers, 1);
  ck_assert_int_eq(luaL_dostring(v.w.L, "waiting = false"), 0);
  while (v.n_parked) fiber_wake(v.parked[--v.n_parked]);
  turns();
  vm_do(&v, "assert(n == 400, n)");
}
END_TEST

/* What a request starts here counts as its asker's, and stays within its share. */
START_TEST(what_is_spawned_is_the_askers) {
  v.w.sched.max_fibers = 2 * FIBERS_KEPT;
  vm_do(&v, "note = function(i) for _ = 1, i do gaijin.spawn(park) end end");
  call(OTHER_HOST, true, 1, 3);
  arrive();
  turns();
  ck_assert_uint_eq(turns_find(&v.w, OTHER_HOST)->n_fibers, 3);
  ck_assert_uint_eq(v.w.sched.own.n_fibers, 0);
  ck_assert_uint_eq(v.w.posts_failed, 0);
  call(OTHER_HOST, true, 1, 100);
  arrive();
  turns();
  ck_assert_uint_eq(v.w.posts_failed, 1);
  ck_assert_uint_ge(v.w.sched.n_fibers, FIBERS_KEPT);
  ck_assert_uint_le(v.w.sched.n_fibers, 2 * FIBERS_KEPT - 2);
  while (v.n_parked) fiber_wake(v.parked[--v.n_parked]);
  turns();
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
}
END_TEST

/* Who is refused a fiber is told which bound it is. */
START_TEST(what_cannot_be_spawned_says_why) {
  v.w.sched.max_fibers = 8;
  vm_do(&v, "note = function(i) if i == 1 then for _ = 1, 100 do gaijin.spawn(park) end else "
            "gaijin.async(park) end end");
  v.expected_error = true;
  for (unsigned i = 1; i <= 2; i++) {
    static const char text[] = "busy: as many fibers as its asker may have (8 of 8, --max-fibers)";
    call(OTHER_HOST, false, 2, i);
    arrive();
    turns();
    ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
    ck_assert_ptr_nonnull(memmem(v.f.m.body, v.f.m.body_size, text, sizeof text - 1));
  }
  while (v.n_parked) fiber_wake(v.parked[--v.n_parked]);
  turns();
}
END_TEST

/* They are for askers who have none: what the worker itself starts does not get them either. */
START_TEST(own_fibers_leave_those_that_are_kept) {
  v.w.sched.max_fibers = 2 * FIBERS_KEPT;
  v.expected_error = true;
  vm_start(&v, "for i = 1, 100 do gaijin.spawn(park) end");
  turns();
  ck_assert_ptr_nonnull(strstr(v.log, "busy: as many fibers as can be (62, --max-fibers)"));
  v.log[0] = '\0';
  call(OTHER_HOST, true, 1, 1);
  call(THIRD_HOST, true, 1, 2);
  arrive();
  turns();
  ck_assert_uint_eq(v.w.backlog.n_posts, 0);
  while (v.n_parked) fiber_wake(v.parked[--v.n_parked]);
  turns();
  for (uint64_t host = 100; host < 164; host++) call(host, true, 1, 0);
  ck_assert_int_eq(luaL_dostring(v.w.L, "waiting = true"), 0);
  arrive();
  turns();
  while (v.w.sched.n_fibers > 2 * FIBERS_KEPT - 1) {
    fiber_wake(v.parked[--v.n_parked]);
    turns();
  }
  ck_assert_uint_eq(v.w.sched.own.n_fibers, 0);
  ck_assert_ptr_nonnull(fiber_new_here(&v.w, vm_job)); /* it has none */
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua shares");
  TCase *c = tcase_create("shares");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, requests_wait_for_fibers_and_those_of_others_do_not);
  tcase_add_loop_test(c, a_nested_call_behind_posts_that_cannot_begin_is_busy, 0, 2);
  tcase_add_test(c, nested_calls_are_refused_by_halves);
  tcase_add_test(c, each_asker_has_its_own_time);
  tcase_add_test(c, who_is_stuck_no_more_is_served);
  tcase_add_test(c, who_goes_on_is_not_stuck);
  tcase_add_test(c, a_nested_call_without_a_fiber_is_busy_after_a_while);
  tcase_add_test(c, one_that_waits_when_they_are_used_up_is_busy_too);
  tcase_add_test(c, a_nested_call_gets_a_fiber_where_nothing_waits_before_it);
  tcase_add_test(c, whoever_comes_finds_fibers);
  tcase_add_test(c, fibers_that_come_free_go_round);
  tcase_add_test(c, some_are_kept_for_those_who_have_none);
  tcase_add_test(c, what_is_spawned_is_the_askers);
  tcase_add_test(c, what_cannot_be_spawned_says_why);
  tcase_add_test(c, own_fibers_leave_those_that_are_kept);
  return run_suite(s);
}
