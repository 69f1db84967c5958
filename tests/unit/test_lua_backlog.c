/* SPDX-License-Identifier: MIT
 *
 * What has come and is not begun (lua/serve/backlog.c, begin.c): a burst becomes records, each
 * caller's order is kept, nothing accepted is lost, and memory is bounded.
 */
#include "tests/unit/backlog.h"

#include "lua/fiber/ending.h"

START_TEST(a_burst_becomes_records_and_few_fibers) {
  for (int i = 0; i < POSTS; i++) call(OTHER_HOST, true, 1, 0);
  arrive();
  ck_assert_uint_le(v.w.sched.n_fibers, 100);
  turns();
  vm_do(&v, "assert(n == 1500)");
  ck_assert_uint_eq(v.w.posts_failed, 0);
  ck_assert_uint_eq(v.w.backlog.n_posts, 0);
  uint64_t reported = 0;
  while (!fake_idle(&v.f)) {
    ck_assert_int_eq(fake_next(&v.f)->op, OP_taken);
    struct reader r = fake_values(&v.f.m);
    uint64_t host, posts;
    ck_assert(reader_uint(&r, &host) && reader_uint(&r, &posts));
    reported += posts;
  }
  ck_assert_uint_gt(reported, POSTS - POSTS / 4);
}
END_TEST

START_TEST(a_call_does_not_overtake_posts_of_its_caller) {
  use_up_fibers();
  call(OTHER_HOST, true, 1, 1);
  call(OTHER_HOST, false, 1, 2);
  call(OTHER_HOST, true, 1, 3);
  arrive();
  turns();
  ck_assert_str_eq(v.log, "");
  ck_assert_uint_eq(v.w.backlog.n_calls, 1);
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
  ck_assert_str_eq(v.log, "1 2 3 ");
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
}
END_TEST

/* work(s): it takes so many seconds. */
static int work(lua_State *L) {
  now += luaL_checknumber(L, 1);
  return 0;
}

/* Who asks little is not behind all that was asked before: each that is at work for longer than a
 * quantum goes behind the others. */
START_TEST(callers_take_turns) {
  lua_register(v.w.L, "work", work);
  use_up_fibers();
  vm_do(&v, "local note0 = note note = function(...) work(0.0003) note0(...) end");
  for (unsigned i = 1; i <= 4; i++) call(OTHER_HOST, true, 1, i);
  for (unsigned i = 11; i <= 14; i++) call(THIRD_HOST, true, 1, i);
  arrive();
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
  ck_assert_str_eq(v.log, "11 1 12 2 13 3 14 4 ");
}
END_TEST

START_TEST(a_cancelled_call_that_waits_does_not_begin) {
  use_up_fibers();
  call(OTHER_HOST, true, 1, 1);
  uint64_t id = last_id + 1;
  call(OTHER_HOST, false, 1, 2);
  arrive();
  turns();
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_CANCEL, 0, 1);
  pack_uint(&v.f.p, id);
  fake_deliver(&v.f);
  turns();
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
  ck_assert_str_eq(v.log, "1 ");
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
}
END_TEST

START_TEST(who_stops_does_what_waits_and_tells_of_what_comes_later) {
  use_up_fibers();
  for (unsigned i = 1; i <= 3; i++) call(OTHER_HOST, true, 1, i);
  arrive();
  turns();
  ending_stop(&v.w, 0);
  uint32_t size = call(OTHER_HOST, true, 1, 9);
  arrive();
  turns();
  ck_assert_int_eq(fake_next(&v.f)->op, OP_taken);
  struct reader r = fake_values(&v.f.m);
  uint64_t host, posts, bytes, undone;
  ck_assert(reader_uint(&r, &host) && reader_uint(&r, &posts) && reader_uint(&r, &bytes) && reader_uint(&r, &undone));
  ck_assert_uint_eq(undone, 1);
  ck_assert_uint_gt(bytes, size); /* with those begun before */
  ck_assert(!ending_turn(&v.w));
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
  ck_assert_str_eq(v.log, "1 2 3 ");
  ck_assert(ending_turn(&v.w));
  ck_assert_uint_eq(v.w.posts_failed, 0); /* the sender counts it */
}
END_TEST

START_TEST(what_waits_at_the_end_is_told) {
  use_up_fibers();
  for (unsigned i = 1; i <= 3; i++) call(OTHER_HOST, true, 1, i);
  arrive();
  turns();
  v.w.grace = 0;
  ending_stop(&v.w, 0);
  begin_waiting(&v.w); /* as in the turn that cancels */
  gaijin_flush(v.w.g, false);
  ck_assert_int_eq(fake_next(&v.f)->op, OP_taken);
  struct reader r = fake_values(&v.f.m);
  uint64_t host, posts, bytes, undone;
  ck_assert(reader_uint(&r, &host) && reader_uint(&r, &posts) && reader_uint(&r, &bytes) && reader_uint(&r, &undone));
  ck_assert_uint_eq(posts, 10);
  ck_assert_uint_eq(undone, 3);
  ck_assert_str_eq(v.log, "");
}
END_TEST

/* As the loop does it: in the turn after the end has been decided, before fibers run. */
static void expect_given_up(uint64_t call_id) {
  bool dead = false;
  turns();
  while (!fake_idle(&v.f)) {
    if (fake_next(&v.f)->kind != MESSAGE_ERROR) continue;
    uint64_t status;
    struct reader r = fake_values(&v.f.m);
    ck_assert(reader_uint(&r, &status));
    ck_assert_uint_eq(v.f.m.id, call_id);
    ck_assert_uint_eq(status, GAIJIN_STATUS_DEAD);
    ck_assert(!dead); /* once */
    dead = true;
  }
  ck_assert_int_eq(dead, call_id != 0);
  ck_assert_str_eq(v.log, "");
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
  ck_assert_ptr_null(v.w.backlog.first);
}

START_TEST(a_call_behind_posts_that_are_given_up_is_not_begun_either) {
  use_up_fibers();
  call(OTHER_HOST, true, 1, 1);
  call(OTHER_HOST, false, 1, 2);
  uint64_t id = last_id;
  arrive();
  turns();
  ck_assert_uint_eq(v.w.backlog.n_calls, 1);
  v.w.grace = 0;
  ending_stop(&v.w, 0);
  expect_given_up(id);
}
END_TEST

/* Nobody hears of it. */
START_TEST(after_a_loss_nothing_more_is_begun) {
  use_up_fibers();
  call(OTHER_HOST, true, 1, 1);
  call(OTHER_HOST, false, 1, 2);
  arrive();
  turns();
  v.w.lost = true;
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  expect_given_up(0);
  v.w.lost = false; /* for the rest of the test */
}
END_TEST

/* The loop comes back for what waits when the fibers have ended that it waits for. */
START_TEST(what_waits_is_begun_in_the_next_turn) {
  ck_assert_int_eq(loop_watch(&v.w), 0);
  use_up_fibers();
  call(OTHER_HOST, true, 1, 0);
  for (int i = 0; i < 5; i++) call(OTHER_HOST, false, 1, 0);
  arrive();
  ck_assert_uint_eq(v.w.backlog.n_calls, 5);
  uv_run(&v.w.loop.uv, UV_RUN_NOWAIT);
  ck_assert_ptr_nonnull(v.w.backlog.stall_timer);
  ck_assert(!uv_is_active((uv_handle_t *)&v.w.loop.idle)); /* it waits for something to happen */
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  uv_run(&v.w.loop.uv, UV_RUN_NOWAIT);
  ck_assert(uv_is_active((uv_handle_t *)&v.w.loop.idle)); /* it does not wait */
  uv_run(&v.w.loop.uv, UV_RUN_NOWAIT);
  ck_assert_uint_eq(backlog_count(&v.w), 0);
}
END_TEST

/* However long it is looked again and again, there is one timer for it. */
START_TEST(the_timer_of_those_that_are_stuck_is_used_again) {
  ck_assert_int_eq(loop_watch(&v.w), 0);
  v.w.sched.seconds = clock_seconds;
  use_up_fibers();
  call(OTHER_HOST, true, 1, 0);
  arrive();
  double end = clock_seconds() + 60;
  while (!v.w.backlog.stuck && clock_seconds() < end) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert(v.w.backlog.stuck);
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  while ((v.w.backlog.first || v.w.backlog.stall_timer) && clock_seconds() < end)
    uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert_ptr_nonnull(v.w.loop.idle_timers);
}
END_TEST

/* However many come: those that have the most lose what came last, and all that is refused is told. */
START_TEST(what_all_have_waiting_is_bounded) {
  use_up_fibers();
  vm_do(&v, "waiting = true");
  v.w.backlog.most = 64 << 10;
  for (uint64_t host = 100; host < 120; host++) {
    for (unsigned i = 1; i <= 100; i++) call(host, true, 1, 1000 + i);
    arrive();
    check();
  }
  unsigned least = UINT_MAX, most = 0, all = 0;
  for (uint64_t host = 100; host < 120; host++) {
    unsigned n = turns_find(&v.w, host)->n_entries;
    least = n < least ? n : least;
    most = n > most ? n : most;
    all += n;
  }
  ck_assert_uint_ge(least, 3);
  ck_assert_uint_le(most, least + 2);
  ck_assert_uint_eq(all, v.w.backlog.n_posts);
  ck_assert_uint_eq(v.w.posts_failed, 20 * 100 - all - (v.w.sched.n_fibers - 7));
  call(200, false, 1, 2000);
  arrive();
  check();
  ck_assert_uint_eq(turns_find(&v.w, 200)->n_entries, 1);
  ck_assert_int_eq(luaL_dostring(v.w.L, "waiting = false"), 0);
  while (v.n_parked) fiber_wake(v.parked[--v.n_parked]);
  v.log[0] = '\0';
  turns();
  check();
  ck_assert_uint_eq(v.w.backlog.bytes, 0);
  ck_assert_ptr_nonnull(strstr(v.log, "2000 "));
}
END_TEST

/* It is its own calls that are refused then. */
START_TEST(who_has_the_most_waiting_is_busy) {
  use_up_fibers();
  v.w.backlog.most = 16 << 10;
  call(THIRD_HOST, false, 1, 0);
  for (unsigned i = 1; i <= 100; i++) call(OTHER_HOST, false, 1, i);
  arrive();
  check();
  unsigned kept = v.w.backlog.n_calls;
  gaijin_flush(v.w.g, false);
  for (uint64_t id = 0, i = 0; i < 100 - kept; i++) {
    ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
    ck_assert(i == 0 || v.f.m.id == id + 1);
    id = v.f.m.id;
  }
  ck_assert_uint_eq(v.f.m.id, last_id);
  ck_assert(fake_idle(&v.f));
  ck_assert_uint_eq(turns_find(&v.w, THIRD_HOST)->n_fibers, 1);
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
}
END_TEST

/* It has a fiber, but may not run for long, and holds all that came until then. */
START_TEST(what_has_a_fiber_and_has_not_run_counts) {
  for (unsigned i = 0; i < 10; i++) call(OTHER_HOST, true, 1, 0);
  arrive();
  ck_assert_uint_eq(v.w.sched.n_fibers, 10);
  ck_assert_uint_gt(v.w.backlog.bytes, 1000);
  v.w.backlog.most = v.w.backlog.bytes;
  call(OTHER_HOST, true, 1, 0);
  arrive();
  ck_assert_uint_eq(v.w.posts_failed, 1);
  fiber_run_ready(&v.w);
  check();
  ck_assert_uint_eq(v.w.backlog.bytes, 0);
}
END_TEST

/* Nothing of that can be refused any more: who has nothing here and sends little is served all the same, as
 * long as such are not too many. */
START_TEST(small_ones_are_let_in) {
  for (unsigned i = 0; i < 60; i++) call(OTHER_HOST, true, 1, 0);
  arrive();
  ck_assert_uint_eq(v.w.sched.n_fibers, 60);
  ck_assert_ptr_null(v.w.backlog.first);
  size_t most = v.w.backlog.most = v.w.backlog.bytes, each = most / 60;
  call(THIRD_HOST, true, 1, 1);
  arrive();
  ck_assert_uint_eq(v.w.posts_failed, 0);
  call(THIRD_HOST, true, 1, 2); /* it has something here now */
  call(OTHER_HOST, true, 1, 3);
  arrive();
  ck_assert_uint_eq(v.w.posts_failed, 2);
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = ++last_id, .peer = 100, .depth = 1,
                      .target = OP_PT, .pt = gj_pt_wire(&ours), .flags = MESSAGE_ONE_WAY};
  static char large[BACKLOG_SMALL];
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 1);
  pack_string(&v.f.p, large, sizeof large);
  fake_end(&v.f);
  arrive();
  ck_assert_uint_eq(v.w.posts_failed, 3);
  for (uint64_t host = 101; host < 121; host++) call(host, true, 1, 0);
  arrive();
  check();
  ck_assert_uint_eq(v.w.sched.n_fibers, 60 + most / BACKLOG_EXTRA / each);
  ck_assert_uint_eq(v.w.posts_failed, 3 + 20 - (v.w.sched.n_fibers - 61));
  turns();
  check();
  ck_assert_uint_eq(v.w.backlog.bytes, 0);
  ck_assert_str_eq(v.log, "1 ");
}
END_TEST

/* However many wait, few are in a bucket. */
START_TEST(each_of_many_is_found) {
  use_up_fibers();
  for (unsigned i = 0; i < 1000; i++) call(OTHER_HOST, true, 1, 0);
  arrive();
  check();
  ck_assert_uint_eq(v.w.backlog.n_posts, 1000);
  ck_assert_uint_ge(v.w.backlog.n_buckets, 1000);
  for (uint64_t id = last_id; id > last_id - 1000; id--)
    ck_assert_uint_eq(backlog_find(&v.w, id)->request.id, id);
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
  vm_do(&v, "assert(n == 7 + 1000, n)");
}
END_TEST

/* A handler that waits has its arguments in Lua, and not a second time. */
START_TEST(what_has_been_read_is_freed) {
  use_up_fibers();
  for (unsigned i = 0; i < 7; i++) {
    ck_assert_ptr_null(v.parked[i]->serving.body);
    ck_assert(v.parked[i]->asked_until == 0); /* who has sent it waits for as long as it takes */
    fiber_wake(v.parked[i]);
  }
  turns();
}
END_TEST

/* Posts whose bodies have values of others. */
START_TEST(what_waits_is_freed_with_the_worker) {
  use_up_fibers();
  struct gaijin_pt theirs = fake_pt(OTHER_HOST, 77);
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = ++last_id, .peer = OTHER_HOST,
                      .depth = 1, .target = OP_PT, .pt = gj_pt_wire(&ours), .flags = MESSAGE_ONE_WAY};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 1);
  fake_put_pt(&v.f, &theirs);
  fake_end(&v.f);
  arrive();
  turns();
  ck_assert_uint_eq(v.w.backlog.n_posts, 1);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  backlog_deinit(&v.w);
  ck_assert_ptr_null(v.w.backlog.first);
  ck_assert_uint_eq(v.w.backlog.n_posts, 0);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua backlog");
  TCase *c = tcase_create("backlog");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_burst_becomes_records_and_few_fibers);
  tcase_add_test(c, a_call_does_not_overtake_posts_of_its_caller);
  tcase_add_test(c, callers_take_turns);
  tcase_add_test(c, a_cancelled_call_that_waits_does_not_begin);
  tcase_add_test(c, who_stops_does_what_waits_and_tells_of_what_comes_later);
  tcase_add_test(c, what_waits_at_the_end_is_told);
  tcase_add_test(c, a_call_behind_posts_that_are_given_up_is_not_begun_either);
  tcase_add_test(c, after_a_loss_nothing_more_is_begun);
  tcase_add_test(c, what_waits_is_begun_in_the_next_turn);
  tcase_add_test(c, the_timer_of_those_that_are_stuck_is_used_again);
  tcase_add_test(c, what_all_have_waiting_is_bounded);
  tcase_add_test(c, who_has_the_most_waiting_is_busy);
  tcase_add_test(c, what_has_a_fiber_and_has_not_run_counts);
  tcase_add_test(c, small_ones_are_let_in);
  tcase_add_test(c, each_of_many_is_found);
  tcase_add_test(c, what_has_been_read_is_freed);
  tcase_add_test(c, what_waits_is_freed_with_the_worker);
  return run_suite(s);
}
