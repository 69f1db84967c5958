/* SPDX-License-Identifier: MIT
 *
 * What has come and is not begun (lua/serve/backlog.c, serve.c): a burst becomes records, each
 * caller's order is kept, nothing accepted is lost, and calls still get in.
 */
#include "lua/serve/backlog.h"

#include "lua/fiber/ending.h"
#include "tests/unit/vm.h"

enum { POSTS = 1500 };
static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};
static struct gaijin_pt ours; /* function(i): notes i, and waits if `waiting` */
static uint64_t last_id;

static void setup(void) {
  vm_connect_window(&v, MAX_MESSAGE_DEFAULT, &(struct window){POSTS, 64 << 20});
  vm_give(&v, "f", &F);
  vm_do(&v, "n = 0 gaijin.post(f, function(i) n = n + 1 if i then note(i, ' ') end if waiting then park() end return n end)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
  for (uint64_t host = OTHER_HOST; host <= THIRD_HOST; host += THIRD_HOST - OTHER_HOST) {
    fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
    pack_uint(&v.f.p, host);
    pack_text(&v.f.p, host == OTHER_HOST ? "bank" : "till");
    fake_deliver(&v.f);
  }
  last_id = 0;
}
static void teardown(void) {
  vm_close(&v);
}

/* Begins a call of ours; what was begun leaves with vm_deliver or fake_deliver. The message's size. */
static uint32_t call(uint64_t caller, bool one_way, uint16_t depth, unsigned argument) {
  uint32_t before = v.f.out.size;
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = ++last_id, .peer = caller,
                      .depth = depth, .target = OP_PT, .pt = gj_pt_wire(&ours),
                      .flags = one_way ? MESSAGE_ONE_WAY : 0};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, argument ? 1 : 0);
  if (argument) pack_uint(&v.f.p, argument);
  fake_end(&v.f);
  return v.f.out.size - before;
}

/* Sends what was begun; the worker handles what it wants to. */
static void arrive(void) {
  fake_bytes(&v.f, v.f.out.bytes, v.f.out.size);
  v.f.out.size = 0;
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
}

/* Turns as the loop does them, until nothing is left to do. */
static void turns(void) {
  bool more = true;
  while (more) {
    connection_resume(&v.w);
    serve_begin(&v.w);
    more = fiber_run_ready(&v.w) || connection_has_more(&v.w) ||
           (v.w.backlog.n_posts && v.w.sched.n_fibers < v.w.sched.max_for_posts);
  }
  ck_assert_int_eq(gaijin_flush(v.w.g, false), 0);
}

START_TEST(a_burst_becomes_records_and_few_fibers) {
  for (int i = 0; i < POSTS; i++) call(OTHER_HOST, true, 1, 0);
  arrive();
  ck_assert_uint_le(v.w.sched.n_fibers, FIBERS_READY_MOST);
  ck_assert(gaijin_paused(v.w.g)); /* it reads on when they have run */
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

/* max_for_posts fibers of posts that wait. */
static void use_up_fibers(void) {
  vm_do(&v, "waiting = true");
  v.w.sched.max_fibers = 8;
  v.w.sched.max_for_posts = 7;
  for (int i = 0; i < 7; i++) call(OTHER_HOST, true, 1, 0);
  arrive();
  turns();
  ck_assert_uint_eq(v.n_parked, 7);
  vm_do(&v, "waiting = false");
}

START_TEST(posts_wait_for_fibers_and_calls_of_others_do_not) {
  use_up_fibers();
  for (unsigned i = 1; i <= 3; i++) call(OTHER_HOST, true, 1, i);
  call(THIRD_HOST, false, 1, 100);
  call(OTHER_HOST, true, 1, 4);
  arrive();
  turns();
  ck_assert_str_eq(v.log, "100 ");
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(v.w.backlog.n_posts, 4);
  ck_assert(v.w.backlog.stuck);
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
  ck_assert_str_eq(v.log, "100 1 2 3 4 ");
  ck_assert_uint_eq(v.w.posts_failed, 0);
  ck_assert(!v.w.backlog.stuck);
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

START_TEST(callers_take_turns) {
  use_up_fibers();
  for (unsigned i = 1; i <= 3; i++) call(OTHER_HOST, true, 1, i);
  for (unsigned i = 11; i <= 13; i++) call(THIRD_HOST, true, 1, i);
  arrive();
  for (unsigned i = 0; i < 7; i++) fiber_wake(v.parked[i]);
  turns();
  ck_assert_str_eq(v.log, "1 11 2 12 3 13 ");
}
END_TEST

/* It may be what those wait for that have the fibers. */
START_TEST(a_nested_call_behind_posts_that_cannot_begin_is_busy) {
  use_up_fibers();
  call(OTHER_HOST, true, 1, 1);
  arrive();
  turns();
  uint64_t id = last_id + 1;
  call(OTHER_HOST, false, 2, 2);
  arrive();
  turns();
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(v.f.m.id, id);
  struct reader r = fake_values(&v.f.m);
  uint64_t status;
  ck_assert(reader_uint(&r, &status));
  ck_assert_uint_eq(status, GAIJIN_STATUS_BUSY);
  ck_assert_str_eq(v.log, "");
}
END_TEST

START_TEST(one_that_waits_when_they_are_used_up_is_busy_too) {
  for (unsigned i = 1; i <= FIBERS_READY_MOST + 10; i++) call(OTHER_HOST, true, 1, 0);
  vm_do(&v, "waiting = true");
  v.w.sched.max_fibers = 2 * FIBERS_READY_MOST;
  v.w.sched.max_for_posts = FIBERS_READY_MOST;
  call(OTHER_HOST, false, 2, 0);
  arrive();
  while (gaijin_paused(v.w.g)) ck_assert_int_eq(gaijin_dispatch(v.w.g), 0); /* reads on, before any ran */
  ck_assert_uint_eq(v.w.backlog.n_posts, 10);
  turns();
  ck_assert(v.w.backlog.stuck);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  while (v.n_parked) {
    fiber_wake(v.parked[--v.n_parked]);
    if (!v.n_parked) turns();
  }
  vm_do(&v, "assert(n == 266, n)");
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
  serve_begin(&v.w); /* as in the turn that cancels */
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

int main(void) {
  Suite *s = suite_create("lua backlog");
  TCase *c = tcase_create("backlog");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_burst_becomes_records_and_few_fibers);
  tcase_add_test(c, posts_wait_for_fibers_and_calls_of_others_do_not);
  tcase_add_test(c, a_call_does_not_overtake_posts_of_its_caller);
  tcase_add_test(c, callers_take_turns);
  tcase_add_test(c, a_nested_call_behind_posts_that_cannot_begin_is_busy);
  tcase_add_test(c, one_that_waits_when_they_are_used_up_is_busy_too);
  tcase_add_test(c, a_cancelled_call_that_waits_does_not_begin);
  tcase_add_test(c, who_stops_does_what_waits_and_tells_of_what_comes_later);
  tcase_add_test(c, what_waits_at_the_end_is_told);
  return run_suite(s);
}
