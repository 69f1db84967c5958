/* SPDX-License-Identifier: MIT
 *
 * What of a worker begins afresh in a fork that connects anew (lua/api/reopen.c), and what stays.
 */
#include "lua/api/reopen.h"

#include "tests/unit/run.h"

static struct worker w;

START_TEST(what_was_the_parents_is_forgotten) {
  memset(&w, 1, sizeof w); /* each counter, pointer and mark is set */
  const struct worker before = w;
  reopen_reset(&w);
  ck_assert(!w.loop.open && !w.loop.polling && !w.loop.own_after_fork && !w.loop.pulse_sent);
  ck_assert(!w.loop.all_timers && !w.loop.idle_timers && !w.loop.pulse_timer);
  ck_assert(!w.deaths.wanted && !w.deaths.received && !w.deaths.first && !w.deaths.listener);
  ck_assert(!w.backlog.first && !w.backlog.n_posts && !w.backlog.stuck);
  for (int i = 0; i < WORKER_LINES; i++) ck_assert_uint_eq(w.lines[i].left_out, 0);
  ck_assert_uint_eq(w.weights.n_exports + w.weights.grown + w.weights.freed + w.weights.rounds, 0);
  ck_assert_uint_eq(w.open_futures + w.sweeps + w.posts_failed, 0);
  ck_assert_int_eq(w.exit_code, 0);
  ck_assert(!w.stopping && !w.retired && !w.unwinding && !w.overdue && !w.loss_told);
  ck_assert(w.lost && w.left_parent); /* until it is connected */
  ck_assert_ptr_eq(w.sched.guest_state, before.sched.guest_state);
  ck_assert_uint_eq(w.sched.last_number, before.sched.last_number);
  const struct scheduler *s = &w.sched;
  ck_assert(!s->all && !s->current && !s->turn_first && !s->stackless_first && !s->guest);
  ck_assert(!w.label_waits && !s->runners && !s->by_number[1] && !s->by_request[1]);
  ck_assert_uint_eq(s->n_fibers + s->n_requests + s->n_serving + s->n_ready + s->no_wait, 0);
  ck_assert(!s->stacks.all && !s->stacks.guarded && !s->interrupted && !s->cancelling);
}
END_TEST

START_TEST(the_vm_and_its_settings_stay) {
  memset(&w, 1, sizeof w);
  const struct worker before = w;
  reopen_reset(&w);
  ck_assert_ptr_eq(w.L, before.L);
  ck_assert_int_eq(memcmp(&w.anchors, &before.anchors, sizeof w.anchors), 0);
  ck_assert_uint_eq(w.max_depth, before.max_depth);
  ck_assert_uint_eq(w.collector_waits, before.collector_waits);
  ck_assert_uint_eq(w.weights.live, before.weights.live);
  ck_assert(w.weights.round_ended && w.is_luajit);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_reopen");
  TCase *c = tcase_create("reopen");
  tcase_add_test(c, what_was_the_parents_is_forgotten);
  tcase_add_test(c, the_vm_and_its_settings_stay);
  suite_add_tcase(s, c);
  return run_suite(s);
}
