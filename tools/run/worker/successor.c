/* SPDX-License-Identifier: MIT
 *
 * That the name has passed over is learned by asking the broker, again and again, which host serves
 * under it, and whose process that is: somebody else may start successors of this name, too. The
 * two processes may be faster than that: the one before may end at once, which is the pass, too;
 * and a successor may have had the name and failed before it was seen, which a question by the name
 * shows (observer_ask_name).
 */
#include "tools/run/worker/successor.h"

#include <assert.h>
#include <string.h>

#include "tools/run/core/log.h"
#include "tools/run/broker/observer.h"
#include "tools/run/worker/process.h"
#include "tools/run/core/stream.h"

enum { ASK_MS = 25, LATER_MS = 1000 };

/* ---- Whether there can be one ---- */

static bool is_sandboxed(const struct run_worker *plan) {
  return words_have(&plan->flags, "--sandbox");
}

const char *successor_fault(const struct worker *w, const struct run_worker *plan) {
  if (plan->stops_first) return "its plan has replace = stop";
  if (!is_sandboxed(w->plan) && is_sandboxed(plan))
    return "a sandboxed worker may not succeed one that is not";
  return NULL;
}

/* ---- Times ---- */

static void set_limit(struct worker *w, double seconds, uv_timer_cb cb) {
  if (seconds > 0)
    uv_timer_start(&w->beside_timer, cb, (uint64_t)(seconds * 1000), 0);
  else
    uv_timer_stop(&w->beside_timer);
}

static void on_start_limit(uv_timer_t *t) {
  struct worker *w = t->data;
  run_log_event(w, "has a successor (process %ld) that does not serve in time and is killed",
                (long)w->beside->child.pid);
  run_process_blame(w->beside);
}

static void on_end_limit(uv_timer_t *t) {
  struct worker *w = t->data;
  run_log_event(w, "has a process %ld beside it that did not end in time and is killed",
                (long)w->beside->child.pid);
  child_kill(&w->beside->child);
}

static void on_ask(uv_timer_t *t) {
  struct worker *w = t->data;
  if (w->life.beside == LIFE_SUCCESSOR || w->life.state == LIFE_STARTING)
    observer_await_ready(w);
  else
    uv_timer_stop(t);
}

void successor_ask(struct worker *w) { uv_timer_start(&w->ask_timer, on_ask, ASK_MS, ASK_MS); }
void successor_ask_later(struct worker *w) {
  uv_timer_start(&w->ask_timer, on_ask, LATER_MS, LATER_MS);
}

/* ---- Its life ---- */

void successor_start(struct worker *w) {
  const struct run_worker *plan = w->next ? w->next : w->plan;
  struct process *p = run_process_new();
  life_succeed(&w->life);
  int e = run_process_start(p, w, plan, true);
  if (e) {
    snprintf(w->last_beside, sizeof w->last_beside, "cannot be started: %s", strerror(e));
    run_log_event(w, "goes on as it was: its successor %s", w->last_beside);
    life_beside_ended(&w->life);
    run_process_free(p);
    return;
  }
  w->beside = p;
  set_limit(w, plan->start_limit, on_start_limit);
  successor_ask(w);
}

void successor_drop(struct worker *w) {
  if (w->life.beside == LIFE_SUCCESSOR) run_process_blame(w->beside);
}

void successor_stop(struct worker *w) {
  assert(w->life.beside != LIFE_SUCCESSOR);
  if (!w->beside || w->beside->child.termed) return;
  child_stop(&w->beside->child);
  set_limit(w, w->plan->grace, on_end_limit);
}

bool successor_hear(struct worker *w, uint64_t host, pid_t process) {
  if (w->life.beside != LIFE_SUCCESSOR) return false;
  if (process ? process != w->beside->child.pid : host == w->host) return false;
  struct process *former = w->process;
  double limit = w->plan->linger + w->plan->grace;
  w->process = w->beside;
  w->beside = former;
  w->host = host;
  life_passed(&w->life);
  observer_forget(w);
  uv_timer_stop(&w->ask_timer);
  set_limit(w, limit, on_end_limit);
  run_log_event(w, "has been succeeded: process %ld serves, and %ld ends",
                (long)w->process->child.pid, (long)former->child.pid);
  return true;
}

bool successor_inherit(struct worker *w, const char *how, bool failed) {
  if (!life_inherit(&w->life)) return false;
  struct process *former = w->process;
  w->process = w->beside;
  w->beside = NULL;
  run_process_free(former);
  observer_forget(w);
  uv_timer_stop(&w->beside_timer);
  if (failed) snprintf(w->last, sizeof w->last, "%s", how);
  run_log_event(w, "%s; its successor (process %ld) takes its place", how,
                (long)w->process->child.pid);
  successor_ask(w);
  return true;
}

/* Says it, unless there will be another one. */
static void report(struct worker *w, enum life_beside was, bool failed) {
  if (was == LIFE_FORMER && failed)
    run_log_event(w, "was succeeded; the process before %s", w->last_beside);
  else if (was == LIFE_SUCCESSOR && !w->life.wants)
    run_log_event(w, "goes on as it was: its successor %s", w->last_beside);
}

bool successor_reap(struct worker *w) {
  bool failed;
  if (!w->beside ||
      !run_process_reap(w->beside, w->run, w->last_beside, sizeof w->last_beside, &failed))
    return false;
  enum life_beside was = w->life.beside;
  life_beside_ended(&w->life);
  run_process_free(w->beside);
  w->beside = NULL;
  uv_timer_stop(&w->beside_timer);
  report(w, was, failed);
  if (was == LIFE_SUCCESSOR) observer_ask_name(w);
  return true;
}
