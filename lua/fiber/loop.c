/* SPDX-License-Identifier: MIT
 *
 * One turn: begin requests that wait, run fibers that are ready, send what they wrote in one go,
 * then wait for the socket, a timer or a signal; while more is to do, only look at them. Before the
 * wait it is looked whether the next message comes at once (proto/wait/polling.h), and if so the
 * next turn begins with it; timers and signals wait for POLLING_STRETCH at most meanwhile.
 *
 * A fiber may fork, and come back here in the child. The epoll set is shared over fork: to take a
 * descriptor out of it in the child would take it out of the parent's loop, and an event the child
 * reads the parent misses. So the child first gets a set of its own, and then the loop ends.
 */
#include "lua/fiber/loop.h"

#include <assert.h>
#include <unistd.h>

#include "lua/fiber/connection.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/ration.h"
#include "lua/fiber/slices.h"
#include "lua/fiber/timer.h"
#include "lua/fiber/turns.h"
#include "proto/wait/polling.h"

static void on_sweep(struct timer *t) {
  struct worker *w = timer_worker(t);
  timer_stop(t);
  w->loop.sweep_timer = NULL; /* on_prepare starts the next; if memory is short, a later one does */
  w->loop.hooks->sweep(w);
}

int loop_init(struct worker *w, const struct loop_hooks *hooks) {
  struct loop *l = &w->loop;
  l->hooks = hooks;
  w->sched.seconds = clock_seconds;
  int r = uv_loop_init(&l->uv);
  if (r < 0) return r;
  timer_init(w);
  uv_prepare_init(&l->uv, &l->prepare);
  l->prepare.data = w;
  l->open = true;
  return 0;
}

static void on_prepare(uv_prepare_t *prepare);

int loop_watch(struct worker *w) {
  struct loop *l = &w->loop;
  int r = connection_watch(w);
  if (r < 0) return r;
  uv_prepare_start(&l->prepare, on_prepare);
  l->sweep_timer = timer_start(w, w->atc_time, on_sweep, NULL);
  return l->sweep_timer ? 0 : UV_ENOMEM;
}

void loop_leave_parent(struct worker *w) {
  struct loop *l = &w->loop;
  if (!l->open || l->own_after_fork) return;
  assert(worker_is_fork(w));
  l->own_after_fork = true;
  int r = uv_loop_fork(&l->uv);
  if (r == 0) return;
  worker_log(w, LOG_ERROR, "a fork of this process cannot leave its loop (%s) and ends",
             uv_strerror(r));
  _exit(1);
}

/* In the child: no other fiber runs, and the script of a stock interpreter is told if it waits. */
static void end_fork(struct worker *w) {
  loop_leave_parent(w);
  if (w->sched.guest) fiber_cancel(w->sched.guest, "this process is a fork");
  ending_finish(w);
}

static void turn(struct worker *w) {
  assert(!w->sched.current); /* fibers run from here only */
  scheduler_next_stretch(&w->sched);
  connection_resume(w);
  if (w->halted) { /* it only listens, and sends what it has said before */
    if (connection_has_more(w))
      timer_wake_loop(w);
    else
      timer_let_loop_wait(w);
    connection_flush(w);
    return;
  }
  w->loop.hooks->begin(w);
  slices_turn(w);
  bool more = fiber_run_ready(w) || slices_wanted(w);
  if (worker_is_fork(w)) {
    end_fork(w);
    return;
  }
  ration_turn(w);
  if (ending_turn(w) || more || fiber_is_due(w) || connection_has_more(w))
    timer_wake_loop(w);
  else
    timer_let_loop_wait(w);
  w->loop.hooks->turn(w);
  if (!w->loop.sweep_timer) w->loop.sweep_timer = timer_start(w, w->atc_time, on_sweep, NULL);
  connection_flush(w);
  if (ending_reached(w)) ending_finish(w);
}

/* Whether there is nothing to do but to wait. */
static bool is_about_to_wait(const struct worker *w) {
  return uv_backend_timeout(&w->loop.uv) != 0;
}

static bool is_guest_awake(const struct worker *w) {
  return w->sched.guest && w->sched.guest->queued;
}

bool loop_linger(struct worker *w) {
  double until = 0;
  if (w->poll_us == 0) return false;
  while (is_about_to_wait(w) && connection_poll(w)) {
    double now = clock_seconds();
    if (until == 0) until = now + POLLING_STRETCH;
    if (is_guest_awake(w)) return true;
    turn(w);
    if (is_guest_awake(w)) return true;
    if (now >= until) {
      timer_wake_loop(w);
      return true;
    }
    uv_update_time(&w->loop.uv);
  }
  /* What a look has ended the loop has not been told yet: it is not to wait as it was about to. */
  return until != 0 || !is_about_to_wait(w);
}

/* After timers and before the wait, so that what they made ready never waits for the socket. */
static void on_prepare(uv_prepare_t *prepare) {
  struct worker *w = prepare->data;
  turn(w);
  if (!w->sched.guest) loop_linger(w);
}

void loop_run(struct worker *w) {
  uv_run(&w->loop.uv, UV_RUN_DEFAULT);
}

void loop_deinit(struct worker *w) {
  struct loop *l = &w->loop;
  if (!l->open) return;
  assert(!l->polling); /* the descriptor is closed by now */
  l->open = false;
  ending_unwatch_signals(w);
  timer_close_all(w);
  if (l->signals) uv_close((uv_handle_t *)&l->signalled, NULL);
  uv_close((uv_handle_t *)&l->prepare, NULL);
  uv_run(&l->uv, UV_RUN_DEFAULT);
  timer_free_all(w);
  int r = uv_loop_close(&l->uv);
  assert(r == 0); /* no handle is left */
  (void)r;
}
