/* SPDX-License-Identifier: MIT
 *
 * What happens to a worker's own process, and what its users wish. The one beside it is
 * successor.c's; here is where that becomes its own.
 */
#include "tools/run/worker/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base.h"
#include "proto/clock.h"
#include "tools/base/text.h"
#include "tools/run/core/log.h"
#include "tools/run/broker/observer.h"
#include "tools/run/worker/process.h"
#include "tools/run/core/stream.h"
#include "tools/run/worker/successor.h"

static void set_timer(struct worker *w);
static void adopt(struct worker *w, struct run_worker *plan);

/* ---- Its end ---- */

/* Says what follows from its end, behind how it ended. */
static void report(struct worker *w, bool failed) {
  const struct life *l = &w->life;
  const struct backoff_rule *rule = &w->plan->policy.rule;
  const char *how = w->last;
  if (l->state == LIFE_PAUSING)
    run_log_event(w, "%s; it is started again in %g s", how, l->pause_ms / 1e3);
  else if (l->given_up)
    run_log_event(w, "%s, %u times within %g s; it is not started again", how, rule->most + 1,
              rule->within);
  else if (l->state == LIFE_WAITING && w->plan->policy.restart != LIFE_NEVER)
    run_log_event(w, "%s; it is started again", how);
  else if (failed)
    run_log_event(w, "%s", how);
}

static void ended(struct worker *w, bool failed) {
  struct run *r = w->run;
  observer_forget(w);
  uv_timer_stop(&w->health);
  life_ended(&w->life, &w->plan->policy, failed, clock_seconds());
  if ((r->stopping || w->leaving) && !life_is_over(&w->life)) life_stop(&w->life, false);
  if (failed && (r->stopping || !r->plan->stays)) r->status = 1;
  report(w, failed);
  set_timer(w);
}

/* It ends by itself, and a successor has failed just now, which may have had the name: it is not
 * known yet whether it had (observer_ask_name). A worker of which nobody asked that has not ended
 * well: nothing is left of it. */
static bool lost_its_name(const struct worker *w) {
  return w->asked_name && w->life.state == LIFE_READY;
}

/* Whether its own process has ended; that of its successor may be the next. */
static bool reap_own(struct worker *w) {
  char how[sizeof w->last];
  bool failed;
  if (!run_process_reap(w->process, w->run, how, sizeof how, &failed)) return false;
  if (successor_inherit(w, how, failed)) {
    if (w->next) adopt(w, w->next);
    set_timer(w);
    return true;
  }
  if (!failed && lost_its_name(w)) {
    snprintf(how, sizeof how, "ended, and its successor has failed");
    failed = true;
  }
  memcpy(w->last, how, sizeof how);
  ended(w, failed);
  return true;
}

void worker_reap(struct worker *w) {
  bool some = false;
  while (reap_own(w)) some = true;
  if (successor_reap(w) || some) w->run->changed(w->run);
}

void worker_stop(struct worker *w, bool again) {
  bool was_stopping = w->life.state == LIFE_STOPPING;
  if (life_stop(&w->life, again)) child_stop(&w->process->child);
  successor_stop(w);
  if (!was_stopping) set_timer(w); /* who asks once more gives it no more time */
  w->run->changed(w->run);
}

bool worker_replace(struct worker *w, const char *why) {
  const char *fault = successor_fault(w, w->next ? w->next : w->plan);
  successor_drop(w);
  if (!fault && life_want(&w->life)) {
    if (w->life.beside == LIFE_FORMER) successor_stop(w); /* it makes room */
    run_log_event(w, "is replaced by a successor: %s", why);
    w->run->changed(w->run);
    return true;
  }
  run_log_event(w, "is ended and started again: %s%s%s", why, fault ? "; " : "",
                fault ? fault : "");
  worker_stop(w, true);
  return false;
}

void worker_kill(struct worker *w) {
  child_kill(&w->process->child);
  if (w->beside) child_kill(&w->beside->child);
}

/* ---- Times ---- */

static void on_time(uv_timer_t *t) {
  struct worker *w = t->data;
  const struct run_worker *plan = w->plan;
  switch (w->life.state) {
    case LIFE_STARTING:
      run_log_event(w, "does not serve after %g s and is killed", plan->start_limit);
      run_process_blame(w->process);
      break;
    case LIFE_STOPPING:
      run_log_event(w, "did not stop within %g s and is killed", plan->grace);
      child_kill(&w->process->child);
      break;
    case LIFE_PAUSING:
      life_resume(&w->life);
      w->run->changed(w->run);
      break;
    default: break;
  }
}

/* The time that its state may take, from now on; none for most. */
static void set_timer(struct worker *w) {
  double seconds = w->life.state == LIFE_STARTING   ? w->plan->start_limit
                   : w->life.state == LIFE_STOPPING ? w->plan->grace
                   : w->life.state == LIFE_PAUSING  ? w->life.pause_ms / 1e3
                                                    : 0;
  if (seconds > 0)
    uv_timer_start(&w->timer, on_time, (uint64_t)(seconds * 1000), 0);
  else
    uv_timer_stop(&w->timer);
}

/* ---- Health ---- */

static void on_health(uv_timer_t *t) { observer_ask_alive(t->data); }

/* From now on, as its plan says. */
static void watch_health(struct worker *w) {
  uint64_t ms = (uint64_t)(w->plan->health * 1000);
  uv_timer_stop(&w->health);
  if (ms) uv_timer_start(&w->health, on_health, ms, ms);
}

/* One of its name serves. That may be the process before this one, whose end the broker has not
 * seen yet, or one that somebody else has started. */
static void hear_ready(struct worker *w, uint64_t host, pid_t process) {
  bool is_own = process ? process == w->process->child.pid : host != w->host;
  if (w->life.state == LIFE_STARTING && !is_own) {
    successor_ask(w);
  } else if (w->life.state == LIFE_STARTING) {
    w->host = host;
    life_ready(&w->life);
    set_timer(w);
    watch_health(w);
  } else if (successor_hear(w, host, process)) {
    if (w->next) adopt(w, w->next);
    watch_health(w);
  }
}

void worker_hear(struct worker *w) {
  uint64_t ready = w->heard_ready;
  bool silent = w->heard_silent, nameless = w->heard_nameless, busy = w->heard_busy;
  w->heard_ready = 0;
  w->heard_silent = w->heard_nameless = w->heard_busy = false;
  if (ready) hear_ready(w, ready, w->heard_process);
  if (busy) successor_ask_later(w);
  if (silent && w->life.state == LIFE_READY) {
    run_log_event(w, "has not answered for %g s and is killed", w->plan->health_limit);
    run_process_blame(w->process);
  }
  if (nameless && w->life.state == LIFE_READY && w->life.beside == LIFE_ALONE) {
    run_log_event(w, "was succeeded by the process that ended; it is ended and started again");
    worker_stop(w, true);
  }
}

/* ---- Its beginning ---- */

/* NULL is a text of its own. */
static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* One that somebody has stopped is not wanted. */
static void on_script(void *user) {
  struct worker *w = user;
  enum life_state state = w->life.state;
  if (state == LIFE_STOPPED || state == LIFE_STOPPING || w->run->stopping) return;
  worker_replace(w, "its script has changed");
}

/* One that is watched already may have changed just now, which is not to be missed. */
static void watch_script(struct worker *w) {
  if (w->script && strcmp(w->script->script, w->plan->script) == 0) return;
  script_watch_end(w->script);
  w->script = NULL;
  if (w->run->plan->watch)
    w->script = script_watch_begin(&w->run->loop, w->plan->script, on_script, w);
}

/* From here on it is as this plan says. */
static void adopt(struct worker *w, struct run_worker *plan) {
  bool other_log = !same_text(w->plan->logs, plan->logs);
  plan_worker_deinit(w->plan);
  free(w->plan);
  w->plan = plan;
  w->next = NULL;
  watch_script(w);
  stream_turn(w, w->process);
  if (w->beside) stream_turn(w, w->beside);
  if (!other_log) return;
  log_file_close(&w->log);
  if (plan->logs) log_file_open(&w->log, plan->logs, plan->name);
}

void worker_start(struct worker *w) {
  if (w->next) adopt(w, w->next);
  life_started(&w->life);
  int e = run_process_start(w->process, w, w->plan, false);
  if (e) {
    snprintf(w->last, sizeof w->last, "cannot be started: %s", strerror(e));
    ended(w, true);
    return;
  }
  set_timer(w);
  observer_await_ready(w);
}

/* Whether its process would be the same. */
static bool same_process(const struct run_worker *a, const struct run_worker *b) {
  return same_text(a->script, b->script) && same_text(a->directory, b->directory) &&
         same_text(a->logs, b->logs) && words_equal(&a->flags, &b->flags) &&
         words_equal(&a->arguments, &b->arguments) && words_equal(&a->env, &b->env);
}

/* The plan on the heap; a zeroed one is left. */
static struct run_worker *move(struct run_worker *plan) {
  struct run_worker *own = tool_alloc(1, sizeof *own);
  *own = *plan;
  *plan = (struct run_worker){0};
  return own;
}

static void drop_next(struct worker *w) {
  if (!w->next) return;
  plan_worker_deinit(w->next);
  free(w->next);
  w->next = NULL;
}

/* A successor is on its way, and would be the same process. */
static void change_successor(struct worker *w, struct run_worker *plan) {
  if (!w->next) {
    bool other_health = w->plan->health != plan->health;
    adopt(w, move(plan));
    if (other_health) watch_health(w);
    return;
  }
  drop_next(w);
  w->next = move(plan);
}

void worker_change(struct worker *w, struct run_worker *plan) {
  bool same = same_process(w->plan, plan), other_health = w->plan->health != plan->health;
  if (life_is_passing(&w->life) && same_process(w->next ? w->next : w->plan, plan)) {
    change_successor(w, plan);
    return;
  }
  successor_drop(w);
  w->life.wants = false;
  drop_next(w);
  if (same || !life_runs(&w->life)) {
    adopt(w, move(plan));
    if (other_health && w->life.state == LIFE_READY) watch_health(w);
    if (!same && (w->life.state == LIFE_FINISHED || w->life.state == LIFE_FAILED))
      life_start(&w->life);
    return;
  }
  w->next = move(plan);
  if (w->life.state == LIFE_STOPPING) return; /* whether it is started again was said already */
  worker_replace(w, "its part of the plan has changed");
}

/* ---- One more, one less ---- */

struct worker *worker_find(const struct run *r, const char *name) {
  for (size_t i = 0; i < r->count; i++)
    if (strcmp(r->workers[i]->plan->name, name) == 0) return r->workers[i];
  return NULL;
}

bool worker_add(struct run *r, struct run_worker *plan) {
  struct worker *w = tool_alloc(1, sizeof *w);
  *w = (struct worker){
      .run = r, .plan = move(plan), .process = run_process_new(), .log = {.fd = -1}};
  w->lines = tool_alloc(1, sizeof *w->lines);
  for (int k = 0; k < RUN_STREAMS; k++)
    w->heads[k] = output_head(w->plan->name, r->width, r->count, r->printed[k].colours);
  uv_timer_t *const timers[] = {&w->timer, &w->health, &w->beside_timer, &w->ask_timer};
  for (size_t k = 0; k < ARRAY_SIZE(timers); k++, w->handles++) {
    uv_timer_init(&r->loop, timers[k]);
    timers[k]->data = w;
  }
  r->workers = tool_grow(r->workers, r->count, &r->room, sizeof *r->workers);
  r->workers[r->count++] = w;
  watch_script(w);
  return !w->plan->logs || log_file_open(&w->log, w->plan->logs, w->plan->name);
}

static void on_closed(uv_handle_t *h) {
  struct worker *w = h->data;
  if (--w->handles == 0) free(w);
}

void worker_remove(struct run *r, size_t index) {
  struct worker *w = r->workers[index];
  observer_forget(w);
  run_process_free(w->process);
  if (w->beside) run_process_free(w->beside);
  for (int k = 0; k < RUN_STREAMS; k++) free(w->heads[k]);
  drop_next(w);
  script_watch_end(w->script);
  log_file_close(&w->log);
  line_ring_deinit(w->lines);
  free(w->lines);
  plan_worker_deinit(w->plan);
  free(w->plan);
  memmove(r->workers + index, r->workers + index + 1,
          (r->count - index - 1) * sizeof *r->workers);
  r->count--;
  uv_close((uv_handle_t *)&w->timer, on_closed);
  uv_close((uv_handle_t *)&w->health, on_closed);
  uv_close((uv_handle_t *)&w->beside_timer, on_closed);
  uv_close((uv_handle_t *)&w->ask_timer, on_closed);
}
