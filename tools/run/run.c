/* SPDX-License-Identifier: MIT
 *
 * One loop, two phases: running (until all workers have ended) and ending (the broker). Workers
 * start when those that they need serve, and are stopped when nobody who runs needs them any more.
 * `stopping` may begin in either phase and is never taken back.
 */
#include "tools/run/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "proto/settings/memory.h"
#include "tools/base/text.h"
#include "tools/run/broker/broker.h"
#include "tools/run/control/control.h"
#include "tools/run/core/log.h"
#include "tools/run/broker/observer.h"
#include "tools/run/core/printed.h"
#include "tools/run/core/service.h"
#include "tools/run/core/state.h"
#include "tools/run/worker/successor.h"
#include "tools/run/worker/worker.h"

static const int caught[RUN_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};

/* ---- Who may start, who may stop ---- */

/* Whether all that this plan needs serves, and is not about to be another process. */
static bool needs_serve(const struct run *r, const struct run_worker *plan) {
  for (size_t k = 0; k < plan->after.count; k++) {
    const struct worker *need = worker_find(r, plan->after.at[k]);
    if (need && (!life_serves(&need->life) || life_is_passing(&need->life))) return false;
  }
  return true;
}

/* The same for another process in the place of one that serves: what it needs and what is not to be
 * there any more, it is without already. */
static bool needs_settled(const struct run *r, const struct run_worker *plan) {
  for (size_t k = 0; k < plan->after.count; k++) {
    const struct worker *need = worker_find(r, plan->after.at[k]);
    if (!need || life_is_over(&need->life)) continue;
    if (!life_serves(&need->life) || life_is_passing(&need->life)) return false;
  }
  return true;
}

/* Whether all that it needs serves. One of them that has failed for good makes it fail, too. */
static bool may_start(struct run *r, struct worker *w) {
  const struct words *after = &w->plan->after;
  for (size_t k = 0; k < after->count; k++) {
    const struct worker *need = worker_find(r, after->at[k]);
    if (!need) continue; /* it has left, and whoever comes after it will be told of that */
    if (need->life.state == LIFE_FAILED) {
      run_log_event(w, "is not started: it comes after %s, which has failed", need->plan->name);
      life_refuse(&w->life);
      r->again = true;
      return false;
    }
  }
  return needs_serve(r, w->plan);
}

/* Whether a worker that runs comes after it. */
static bool is_needed(const struct run *r, const struct worker *w) {
  for (size_t i = 0; i < r->count; i++) {
    const struct worker *other = r->workers[i];
    if (life_has_process(&other->life) && words_have(&other->plan->after, w->plan->name))
      return true;
  }
  return false;
}

static void stop_one(struct run *r, struct worker *w) {
  if (w->life.beside == LIFE_FORMER) successor_stop(w);
  if (w->life.state == LIFE_STARTING || w->life.state == LIFE_READY) {
    if (!is_needed(r, w)) worker_stop(w, false);
  } else if (!life_is_over(&w->life) && (w->life.state != LIFE_STOPPING || w->life.again)) {
    life_stop(&w->life, false);
    if (w->life.state == LIFE_STOPPED) uv_timer_stop(&w->timer);
  }
}

/* ---- The end ---- */

static bool is_over(const struct run *r) {
  if (!r->begun && !r->stopping) return false;
  for (size_t i = 0; i < r->count; i++) {
    const struct life *l = &r->workers[i]->life;
    if (life_has_process(l) || (!r->stopping && !life_is_over(l))) return false;
    if (!r->stopping && r->plan->stays && l->state == LIFE_STOPPED) return false;
  }
  return true;
}

/* All workers have ended. Those whose broker goes fail, and may do so before we have seen it go:
 * then that is what has to be said. */
static void end(struct run *r) {
  for (size_t i = 0; i < r->count; i++)
    if (r->workers[i]->life.state == LIFE_FAILED) r->status = 1;
  if (!r->stopping && r->status != 0 && !observer_broker_answers(r)) run_broker_lost(r);
  r->ending = true;
  run_broker_end(r);
}

/* Those that no plan has any more, and that have ended. */
static void remove_leaving(struct run *r) {
  for (size_t i = r->count; i-- > 0;) {
    struct worker *w = r->workers[i];
    if (!w->leaving || life_has_process(&w->life)) continue;
    control_forget(r->control, w);
    worker_remove(r, i);
  }
}

/* Something has happened to a worker, or to the run. */
static void run_changed(struct run *r) {
  r->again = true;
  if (r->changing || r->ending) return;
  r->changing = true;
  while (r->again) {
    r->again = false;
    for (size_t i = 0; i < r->count; i++) {
      struct worker *w = r->workers[i];
      worker_hear(w);
      if (r->stopping)
        stop_one(r, w);
      else if (r->begun && w->life.state == LIFE_WAITING && may_start(r, w))
        worker_start(w), r->again = true;
      else if (life_may_succeed(&w->life) && needs_settled(r, w->next ? w->next : w->plan))
        successor_start(w), r->again = true;
    }
  }
  control_changed(r->control);
  remove_leaving(r);
  run_service_changed(r);
  if (is_over(r)) end(r);
  r->changing = false;
  if (r->ending && r->broker.pid == 0) uv_stop(&r->loop);
}

/* The broker is there. */
static void run_begin(struct run *r) {
  r->control = control_begin(r);
  run_changed(r);
}

static void on_line(const struct worker *w, const char *line, size_t size) {
  control_line(w->run->control, w, line, size);
}

/* ---- Signals ---- */

static void on_stop_signal(struct run *r) {
  if (!r->stopping) {
    r->stopping = true;
    run_changed(r);
    return;
  }
  for (size_t i = 0; i < r->count; i++) worker_kill(r->workers[i]);
  if (r->ending) child_kill(&r->broker);
}

static void on_children(struct run *r) {
  bool before = r->changing;
  r->changing = true; /* what follows may take workers out of the list, so it waits */
  run_broker_reap(r);
  for (size_t i = 0; i < r->count; i++) worker_reap(r->workers[i]);
  r->changing = before;
  run_changed(r);
  if (r->ending && r->broker.pid == 0) uv_stop(&r->loop);
}

/* For logrotate. The plan may be half edited then: it is read by who asks for that only. */
static void on_hangup(struct run *r) {
  bool some = false;
  for (size_t i = 0; i < r->count; i++) {
    some = some || r->workers[i]->log.path;
    log_file_reopen(&r->workers[i]->log);
  }
  if (!some)
    tool_error("run: SIGHUP opens logs again, of which there are none; gaijinctl reload has the "
               "plan read again");
}

static void on_signal(uv_signal_t *s, int number) {
  struct run *r = s->data;
  if (number == SIGCHLD)
    on_children(s->data);
  else if (number == SIGHUP && r->plan->stays)
    on_hangup(r);
  else
    on_stop_signal(s->data);
}

/* ---- The whole ---- */

static void begin_handles(struct run *r) {
  /* A reader of our output that went away is an error of writing, not our death. */
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < RUN_SIGNALS; i++) {
    uv_signal_init(&r->loop, &r->signals[i]);
    r->signals[i].data = r;
    uv_signal_start(&r->signals[i], on_signal, caught[i]);
  }
  uv_timer_init(&r->loop, &r->broker_timer);
  uv_timer_init(&r->loop, &r->end_timer);
  run_service_begin(r);
  r->broker_timer.data = r->end_timer.data = r;
}

/* False after error lines: then nothing is to start. */
static bool begin_workers(struct run *r) {
  bool good = true;
  struct run_plan *plan = r->plan;
  for (size_t i = 0; i < plan->count; i++) {
    size_t own = text_width(plan->workers[i].name, strlen(plan->workers[i].name));
    if (own > r->width) r->width = own;
  }
  for (size_t i = 0; i < plan->count; i++) good = worker_add(r, &plan->workers[i]) && good;
  plan->count = 0;
  return good;
}

static void close_handle(uv_handle_t *h, void *unused) {
  (void)unused;
  if (!uv_is_closing(h)) uv_close(h, NULL);
}

static void deinit(struct run *r) {
  run_service_end(r);
  while (r->count) worker_remove(r, r->count - 1);
  control_end(r->control);
  observer_end(r);
  /* The handles' end restores the default actions, and there is still a directory to be removed. */
  sigset_t late;
  sigemptyset(&late);
  for (int i = 0; i < RUN_SIGNALS; i++) sigaddset(&late, caught[i]);
  sigprocmask(SIG_BLOCK, &late, NULL);
  uv_walk(&r->loop, close_handle, NULL);
  /* A uv_stop that nobody has seen yet ends the first turn. */
  while (uv_loop_close(&r->loop) == UV_EBUSY) uv_run(&r->loop, UV_RUN_DEFAULT);
  free(r->workers);
}

int run(struct run_plan *plan) {
  struct run r = {.plan = plan, .changed = run_changed, .begin = run_begin, .line = on_line};
  uv_replace_allocator(malloc, memory_grow_or_end, calloc, free);
  int e = uv_loop_init(&r.loop);
  if (e) {
    tool_error("run: cannot make an event loop: %s", uv_strerror(e));
    return 1;
  }
  begin_handles(&r);
  printed_begin(&r);
  if (!begin_workers(&r) || (plan->broker && run_broker_start(&r) != 0))
    run_fail(&r);
  else
    observer_begin(&r);
  uv_run(&r.loop, UV_RUN_DEFAULT);
  deinit(&r);
  printed_end(&r);
  return r.status;
}
