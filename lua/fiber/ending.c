/* SPDX-License-Identifier: MIT
 *
 * The signal handler only says so to the loop, and sets an alarm for the case
 * that the loop does not hear it.
 */
#include "lua/fiber/ending.h"

#include <assert.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lua/fiber/connection.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/hooks.h"
#include "lua/fiber/timer.h"
#include "lua/vm/fate.h"
#include "proto/base.h"
#include "proto/settings/manager.h"

static const double unwind_seconds = 0.5;
static const char stopping_text[] = "the worker is stopping";

/* A handler has no argument of ours, so this is the process's. */
static struct {
  struct worker *worker;
  unsigned alarm_seconds; /* 0: no alarm */
  volatile sig_atomic_t signalled;
  struct sigaction term, interrupt, hang_up, alarm; /* as they were */
  bool ignores_hang_up; /* it was started so, as nohup does */
} watched;

/* ---- Stopping ---- */

/* One that serves no request: the script, spawned ones, timers. */
static bool is_own(const struct fiber *f) { return f->serving.id == 0; }

static bool own_left(const struct worker *w) { return w->sched.n_fibers > w->sched.n_requests; }

static void on_unwound(struct timer *t) {
  struct worker *w = timer_worker(t);
  timer_stop(t);
  if (w->sched.n_serving)
    worker_log(w, LOG_WARN,
               "%u requests still under way after being cancelled; ending without them",
               w->sched.n_serving);
  w->overdue = true;
  timer_wake_loop(w);
}

static void cancel_all(struct worker *w) {
  assert(w->stopping && !w->unwinding);
  w->unwinding = true;
  for (struct fiber *f = w->sched.all; f; f = f->all_next)
    if (f->is_serving || is_own(f)) fiber_cancel(f, stopping_text);
  if (w->sched.guest) fiber_cancel(w->sched.guest, stopping_text);
  if (!timer_start(w, unwind_seconds, on_unwound, NULL)) w->overdue = true;
}

static void on_grace_over(struct timer *t) {
  struct worker *w = timer_worker(t);
  timer_stop(t);
  if (w->unwinding) return;
  worker_log(w, LOG_WARN, "%u requests still under way after %g s; they are cancelled",
             w->sched.n_serving, w->grace);
  cancel_all(w);
}

/* What comes after gaijin.run belongs to the end of the script. */
static void wake_runners(struct worker *w) {
  for (struct fiber *f = w->sched.runners; f; f = f->next_waiter) {
    if (!f->is_serving) {
      f->is_serving = true;
      w->sched.n_serving++;
    }
    fiber_wake(f);
  }
}

void ending_stop(struct worker *w, int exit_code) {
  if (w->stopping) return;
  w->stopping = true;
  w->exit_code = exit_code;
  if (!worker_is_fork(w)) manager_tell(w->manager, "STOPPING=1\nSTATUS=ends");
  wake_runners(w);
  timer_wake_loop(w);
  if (w->grace == 0 || !timer_start(w, w->grace, on_grace_over, NULL)) cancel_all(w);
}

/* Here and not in ending_stop, which may be called while a message is being written. A broker of an
 * older version learns of our end when it comes. */
static void retire(struct worker *w) {
  if (w->retired || w->lost) return;
  w->retired = gaijin_notice(w->g, GAIJIN_OP_RETIRE) == 0; /* else the connection is away */
}

/* ---- Being succeeded ---- */

static void on_linger_over(struct timer *t) {
  struct worker *w = timer_worker(t);
  timer_stop(t);
  if (w->stopping) return;
  worker_log(w, LOG_INFO,
             "it was succeeded %g s ago and others still have objects of its (%zu); it stops",
             w->linger, gaijin_token_count(w->g));
  ending_stop(w, 0);
}

void ending_succeeded(struct worker *w) {
  if (w->succeeded || w->stopping) return;
  w->succeeded = true;
  worker_log(w, LOG_INFO, "another worker has its name now; it stops when nobody has anything of "
             "its any more, after %g s at most", w->linger);
  if (w->linger == 0 || !timer_start(w, w->linger, on_linger_over, NULL)) ending_stop(w, 0);
  timer_wake_loop(w);
}

/* What was asked by the name came before the notice that it is another's. */
static bool is_left(const struct worker *w) {
  return gaijin_token_count(w->g) == 0 && w->sched.n_requests == 0 && !w->backlog.first &&
         w->backlog.n_due == 0;
}

bool ending_is_due(const struct worker *w) {
  return w->succeeded && !w->stopping && !w->lost && is_left(w);
}

static void turn_succeeded(struct worker *w) {
  char dead[WORKER_DEAD_BYTES];
  if (!w->label_waits_left) {
    w->label_waits_left = true;
    w->loop.hooks->leave(w, GAIJIN_STATUS_DEAD, worker_dead_text(w, dead));
  }
  if (is_left(w)) ending_stop(w, 0);
}

bool ending_turn(struct worker *w) {
  if (w->succeeded && !w->stopping && !w->lost) turn_succeeded(w);
  if (w->stopping) retire(w);
  if (!w->stopping || w->unwinding || w->lost || w->sched.n_serving > 0) return false;
  if (w->backlog.first || w->backlog.n_due > 0) return false; /* it was accepted, and is done */
  cancel_all(w);
  return true;
}

bool ending_reached(const struct worker *w) {
  if (w->lost) return true;
  return w->stopping && (w->overdue || (w->unwinding && w->sched.n_serving == 0 && !own_left(w)));
}

void ending_leave(struct worker *w) {
  char dead[WORKER_DEAD_BYTES], lost[160];
  if (w->lost || worker_is_fork(w)) return; /* a fork's connection is its parent's */
  worker_dead_text(w, dead);
  snprintf(lost, sizeof lost,
           "worker %s ended while it worked on the call; whether it was done is not known",
           w->name);
  for (struct fiber *f = w->sched.all; f; f = f->all_next) {
    struct serving *s = &f->serving;
    if (s->id == 0 || s->one_way || s->answered) continue;
    /* Without a stack it has had no turn. */
    gaijin_answer_error(w->g, s->id, s->op, f->stack ? GAIJIN_STATUS_LOST : GAIJIN_STATUS_DEAD,
                        f->stack ? lost : dead);
    s->answered = true;
  }
  w->loop.hooks->leave(w, GAIJIN_STATUS_DEAD, dead);
  gaijin_notice(w->g, GAIJIN_OP_LEAVE);
  connection_drain(w);
}

void ending_finish(struct worker *w) {
  uv_stop(&w->loop.uv);
  if (!w->sched.guest || (w->lost && w->loss_told)) return;
  w->loss_told = w->lost;
  fiber_wake(w->sched.guest);
}

/* ---- Signals ---- */

static void reset(int sig) {
  struct sigaction normal = {.sa_handler = SIG_DFL};
  sigemptyset(&normal.sa_mask);
  sigaction(sig, &normal, NULL);
}

static void reset_all(void) {
  reset(SIGTERM);
  reset(SIGINT);
  if (!watched.ignores_hang_up) reset(SIGHUP);
}

/* The second signal kills, and in a fork the first. The second may come here too: os.execute puts
 * back the handler that it found. */
static void on_signal(int sig) {
  reset_all();
  if (watched.signalled || worker_is_fork(watched.worker)) {
    raise(sig);
    return;
  }
  watched.signalled = 1;
  if (watched.alarm_seconds) alarm(watched.alarm_seconds);
  uv_async_send(&watched.worker->loop.signalled);
}

static void on_alarm(int sig) {
  (void)sig;
  worker_say_last(watched.worker, "its Lua code has not let it stop; killed");
  reset(SIGTERM);
  raise(SIGTERM);
}

/* To stop is to run Lua. */
static void on_signalled(uv_async_t *async) {
  struct worker *w = async->data;
  w->stop_waits = w->halted;
  if (w->halted)
    w->loop.hooks->withdraw(w);
  else
    ending_stop(w, 0);
}

void ending_resume(struct worker *w) {
  if (w->stop_waits) ending_stop(w, 0);
  w->stop_waits = false;
}

/* For one who ends anyway; finalisers may still run, in the time that they would have had. */
static void on_late_signal(int sig) {
  (void)sig;
  reset_all();
  if (watched.worker && watched.alarm_seconds) alarm(watched.alarm_seconds);
}

static int handle(int sig, void (*handler)(int), struct sigaction *old) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  return sigaction(sig, &action, old) == 0 ? 0 : UV_EINVAL;
}

/* Unless it has been changed since: by the first signal, or by the program (stock Lua does, before
 * it closes its state). */
static void restore(int sig, const struct sigaction *old) {
  struct sigaction now;
  if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == on_signal) sigaction(sig, old, NULL);
}

void ending_outlive_signals(void) {
  static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
  for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
    struct sigaction now;
    if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == on_signal)
      handle(signals[i], on_late_signal, &now);
  }
}

int ending_watch_signals(struct worker *w, bool enforce) {
  if (watched.worker) return UV_EBUSY;
  int r = uv_async_init(&w->loop.uv, &w->loop.signalled, on_signalled);
  if (r < 0) return r;
  w->loop.signalled.data = w;
  w->loop.signals = true;
  watched.worker = w;
  watched.signalled = 0;
  /* What it may take in order, and a little more. */
  double in_order = w->grace + unwind_seconds + CONNECTION_DRAIN_SECONDS;
  watched.alarm_seconds = enforce ? (unsigned)ceil(in_order + 0.5) : 0;
  if (enforce && (r = handle(SIGALRM, on_alarm, &watched.alarm)) < 0) return r;
  if ((r = handle(SIGTERM, on_signal, &watched.term)) < 0) return r;
  if ((r = handle(SIGINT, on_signal, &watched.interrupt)) < 0) return r;
  watched.ignores_hang_up =
      sigaction(SIGHUP, NULL, &watched.hang_up) == 0 && watched.hang_up.sa_handler == SIG_IGN;
  return watched.ignores_hang_up ? 0 : handle(SIGHUP, on_signal, &watched.hang_up);
}

void ending_unwatch_signals(struct worker *w) {
  if (watched.worker != w) return;
  restore(SIGTERM, &watched.term);
  restore(SIGINT, &watched.interrupt);
  restore(SIGHUP, &watched.hang_up);
  if (watched.alarm_seconds) {
    alarm(0);
    sigaction(SIGALRM, &watched.alarm, NULL);
  }
  watched.worker = NULL;
}
