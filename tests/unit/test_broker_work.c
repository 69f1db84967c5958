/* SPDX-License-Identifier: MIT
 *
 * The queue of work: who is run when, and that the loop does not sleep over a job.
 */
#include "broker/base/work.h"

#include "proto/base.h"
#include "tests/unit/run.h"

enum { JOBS = 4 };

struct counted {
  struct job job;
  unsigned slices, left; /* slices run; slices still to come */
  uint64_t units; /* what one costs */
  struct job *removes; /* another job that a slice of this one takes out of the queue */
};

static uv_loop_t loop;
static struct work work;
static struct counted jobs[JOBS];
static char order[64]; /* the jobs run, as letters */

static bool run_one(struct work *w, struct job *j) {
  struct counted *k = container_of(j, struct counted, job);
  ck_assert(!job_is_queued(j));
  order[strlen(order)] = (char)('a' + (k - jobs));
  k->slices++;
  work_charge(w, k->units);
  if (k->removes) work_remove(w, k->removes);
  return --k->left > 0;
}

static void add(unsigned i, unsigned slices, uint64_t units) {
  jobs[i].left = slices;
  jobs[i].units = units;
  work_add(&work, &jobs[i].job, run_one);
}

/* Ends a turn; then these jobs have been run in it. */
static void turn(const char *expected) {
  memset(order, 0, sizeof order);
  work_run(&work);
  work_end_turn(&work);
  ck_assert_str_eq(order, expected);
  ck_assert_ptr_null(work_check(&work));
}

static void setup(void) {
  memset(jobs, 0, sizeof jobs);
  ck_assert_int_eq(uv_loop_init(&loop), 0);
  work_open(&work, &loop);
}
static void teardown(void) {
  work_close(&work);
  uv_run(&loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(uv_loop_close(&loop), 0);
}

START_TEST(each_job_gets_a_slice_a_turn) {
  add(0, 3, 1);
  add(1, 1, 1);
  add(2, 2, 1);
  turn("abc");
  turn("ac");
  turn("a");
  turn("");
}
END_TEST

START_TEST(a_turn_ends_when_it_is_spent_and_the_next_goes_on) {
  for (unsigned i = 0; i < JOBS; i++) add(i, 2, WORK_TURN / 2);
  turn("ab");
  turn("cd");
  turn("ab");
  turn("cd");
}
END_TEST

START_TEST(half_a_turn_is_the_jobs_however_much_was_spent) {
  for (unsigned i = 0; i < 4; i++) add(i, 1, WORK_TURN / 4);
  work_charge(&work, WORK_TURN);
  ck_assert(work_is_spent(&work) && !work_is_overspent(&work));
  turn("ab");
  ck_assert(!work_is_spent(&work));
  work_charge(&work, WORK_TURN);
  turn("cd");
}
END_TEST

/* Then sockets that were ready have joined the queue. */
START_TEST(in_an_overspent_turn_the_jobs_get_two) {
  for (unsigned i = 0; i < 4; i++) add(i, 1, WORK_TURN);
  work_charge(&work, 3 * WORK_TURN);
  ck_assert(work_is_overspent(&work));
  turn("ab");
  turn("c");
  turn("d");
}
END_TEST

START_TEST(one_job_is_run_however_much_it_costs) {
  add(0, 1, 2 * WORK_TURN);
  add(1, 1, 1);
  turn("a");
  turn("b");
}
END_TEST

START_TEST(jobs_may_be_removed_by_a_slice) {
  for (unsigned i = 0; i < 3; i++) add(i, 2, 1);
  jobs[0].removes = &jobs[1].job;
  turn("ac");
  ck_assert(!job_is_queued(&jobs[1].job));
  jobs[0].removes = &jobs[2].job;
  turn("a");
  turn("");
}
END_TEST

START_TEST(a_job_may_be_queued_again) {
  add(0, 1, 1);
  turn("a");
  add(0, 1, 1);
  add(1, 1, 1);
  work_remove(&work, &jobs[0].job);
  work_remove(&work, &jobs[0].job);
  turn("b");
}
END_TEST

static void on_timer(uv_timer_t *timer) { (void)timer; }

/* A loop that slept would wait for the timer. */
START_TEST(the_loop_does_not_sleep_while_there_is_a_job) {
  static uv_timer_t timer;
  uv_timer_init(&loop, &timer);
  uv_timer_start(&timer, on_timer, 3600 * 1000, 0);
  uv_run(&loop, UV_RUN_NOWAIT); /* what a new loop has to do at first */
  add(0, 1, 1);
  ck_assert_int_eq(uv_backend_timeout(&loop), 0);
  turn("a");
  ck_assert_int_gt(uv_backend_timeout(&loop), 0);
  add(0, 1, 1);
  work_remove(&work, &jobs[0].job);
  ck_assert_int_gt(uv_backend_timeout(&loop), 0);
  uv_close((uv_handle_t *)&timer, NULL);
}
END_TEST

#define EXPECT_WITH(place, value, text)        \
  do {                                         \
    __typeof__(place) was = (place);           \
    (place) = (value);                         \
    ck_assert_str_eq(work_check(&work), text); \
    (place) = was;                             \
  } while (0)

START_TEST(one_that_rests_joins_the_queue_later_and_the_loop_may_sleep) {
  jobs[0].left = jobs[1].left = jobs[2].left = 1;
  work_rest(&work, &jobs[0].job, run_one);
  work_rest(&work, &jobs[1].job, run_one);
  work_rest(&work, &jobs[2].job, run_one);
  ck_assert(job_is_queued(&jobs[0].job) && jobs[0].job.rests);
  ck_assert(!uv_is_active((uv_handle_t *)&work.idle));
  turn("");
  work_remove(&work, &jobs[1].job);
  ck_assert(!job_is_queued(&jobs[1].job) && !jobs[1].job.rests);
  uv_run(&loop, UV_RUN_ONCE); /* waits for the timer */
  ck_assert(uv_is_active((uv_handle_t *)&work.idle));
  turn("ca");
  work_rest(&work, &jobs[1].job, run_one);
  work_remove(&work, &jobs[1].job);
  ck_assert(!uv_is_active((uv_handle_t *)&work.rested));
  turn("");
  work_rest(&work, &jobs[1].job, run_one);
  uv_timer_stop(&work.rested);
  ck_assert_str_eq(work_check(&work),
                   "work: the timer runs without a job that rests, or does not run with one");
}
END_TEST

START_TEST(the_queue_is_checked) {
  add(0, 1, 1);
  add(1, 1, 1);
  EXPECT_WITH(jobs[1].job.run, NULL, "work: a job in the queue that is not queued");
  EXPECT_WITH(jobs[1].job.prev, NULL, "work: a broken link");
  EXPECT_WITH(work.last, &jobs[0].job, "work: the last job is not the last");
  uv_idle_stop(&work.idle);
  ck_assert_str_eq(work_check(&work), "work: the loop sleeps over a job, or does not sleep without one");
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker work");
  TCase *t = tcase_create("work");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, each_job_gets_a_slice_a_turn);
  tcase_add_test(t, a_turn_ends_when_it_is_spent_and_the_next_goes_on);
  tcase_add_test(t, half_a_turn_is_the_jobs_however_much_was_spent);
  tcase_add_test(t, in_an_overspent_turn_the_jobs_get_two);
  tcase_add_test(t, one_job_is_run_however_much_it_costs);
  tcase_add_test(t, jobs_may_be_removed_by_a_slice);
  tcase_add_test(t, a_job_may_be_queued_again);
  tcase_add_test(t, the_loop_does_not_sleep_while_there_is_a_job);
  tcase_add_test(t, one_that_rests_joins_the_queue_later_and_the_loop_may_sleep);
  tcase_add_test(t, the_queue_is_checked);
  return run_suite(s);
}
