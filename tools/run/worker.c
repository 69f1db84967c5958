/* SPDX-License-Identifier: MIT
 *
 * How a process ended is learned from SIGCHLD only, and what it wrote is printed before that is
 * reported.
 */
#include "tools/run/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/clock.h"
#include "tools/base/terminal.h"
#include "tools/base/text.h"
#include "tools/run/log.h"
#include "tools/run/observer.h"
#include "tools/run/stream.h"

static void set_timer(struct worker *w);

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

void worker_reap(struct worker *w) {
  if (!child_reap(&w->child)) return;
  bool failed = child_failed(&w->child) || w->blamed;
  child_how(&w->child, w->last, sizeof w->last);
  /* What a dead process wrote is in the pipe, and no pipe of an ordinary user holds more than
   * this. One that its own children keep open ends with this worker all the same. */
  for (int k = 0; k < RUN_STREAMS; k++) stream_read(&w->streams[k], 1 << 20);
  if (w->run->plan->stays)
    for (int k = 0; k < RUN_STREAMS; k++) stream_close(&w->streams[k]);
  ended(w, failed);
  w->run->changed(w->run);
}

void worker_stop(struct worker *w, bool again) {
  bool was_stopping = w->life.state == LIFE_STOPPING;
  if (life_stop(&w->life, again)) child_stop(&w->child);
  if (!was_stopping) set_timer(w); /* who asks once more gives it no more time */
  w->run->changed(w->run);
}

void worker_kill(struct worker *w) { child_kill(&w->child); }

/* It runs, and does what it must not. */
static void blame(struct worker *w) {
  w->blamed = true;
  child_kill(&w->child);
}

/* ---- Times ---- */

static void on_time(uv_timer_t *t) {
  struct worker *w = t->data;
  const struct run_worker *plan = w->plan;
  switch (w->life.state) {
    case LIFE_STARTING:
      run_log_event(w, "does not serve after %g s and is killed", plan->start_limit);
      blame(w);
      break;
    case LIFE_STOPPING:
      run_log_event(w, "did not stop within %g s and is killed", plan->grace);
      child_kill(&w->child);
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

void worker_hear(struct worker *w) {
  bool ready = w->heard_ready, silent = w->heard_silent;
  w->heard_ready = w->heard_silent = false;
  if (ready && w->life.state == LIFE_STARTING) {
    life_ready(&w->life);
    set_timer(w);
    watch_health(w);
  }
  if (silent && w->life.state == LIFE_READY) {
    run_log_event(w, "has not answered for %g s and is killed", w->plan->health_limit);
    blame(w);
  }
}

/* ---- Its beginning ---- */

/* NULL is a text of its own. */
static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Its command line: what is ours comes last and counts. */
static void command_line(const struct worker *w, struct words *argv) {
  const struct run_plan *plan = w->run->plan;
  words_add(argv, plan->worker);
  /* A worker gives up its calls under way before we give up on the worker. */
  words_add(argv, "--grace=3");
  words_add_all(argv, &w->plan->flags);
  words_add(argv, "-n");
  words_add(argv, w->plan->name);
  words_add(argv, "-s");
  words_add(argv, plan->socket);
  words_add(argv, "--");
  words_add(argv, w->plan->script);
  words_add_all(argv, &w->plan->arguments);
}

/* The list with a NULL behind its last word. */
static char **ended_list(struct words *w) {
  w->at = tool_resize(w->at, w->count + 1, sizeof *w->at);
  w->room = w->count + 1;
  w->at[w->count] = NULL;
  return w->at;
}

/* One that somebody has stopped is not wanted. */
static void on_script(void *user) {
  struct worker *w = user;
  enum life_state state = w->life.state;
  if (state == LIFE_STOPPED || state == LIFE_STOPPING || w->run->stopping) return;
  run_log_event(w, "is started again: its script has changed");
  worker_stop(w, true);
}

static void watch_script(struct worker *w) {
  script_watch_end(w->script);
  w->script = NULL;
  if (w->run->plan->watch)
    w->script = script_watch_begin(&w->run->loop, w->plan->script, on_script, w);
}

/* From here on it is as this plan says. */
static void adopt(struct worker *w, struct run_worker *plan) {
  bool other_log = !same_text(w->plan->logs, plan->logs);
  script_watch_end(w->script);
  w->script = NULL;
  plan_worker_deinit(w->plan);
  free(w->plan);
  w->plan = plan;
  w->next = NULL;
  watch_script(w);
  if (!other_log) return;
  log_file_close(&w->log);
  if (plan->logs) log_file_open(&w->log, plan->logs, plan->name);
}

static int start_process(struct worker *w) {
  struct words argv = {0}, env = {0};
  int ends[RUN_STREAMS] = {-1, -1};
  int e = 0;
  for (int k = 0; k < RUN_STREAMS && e == 0; k++)
    e = stream_open(w, k, &ends[k]);
  command_line(w, &argv);
  words_add_all(&env, &w->plan->env);
  struct child_options o = {.argv = ended_list(&argv),
                            .env = ended_list(&env),
                            .directory = w->plan->directory,
                            .socket = w->run->plan->socket,
                            .out = ends[0],
                            .err = ends[1],
                            .death_signal = SIGKILL};
  if (e == 0) e = child_start(&w->child, &o);
  for (int k = 0; k < RUN_STREAMS; k++)
    if (ends[k] >= 0) close(ends[k]);
  words_deinit(&argv);
  words_deinit(&env);
  return e;
}

void worker_start(struct worker *w) {
  if (w->next) adopt(w, w->next);
  life_started(&w->life);
  w->blamed = false;
  w->started = clock_seconds();
  int e = start_process(w);
  if (e) {
    snprintf(w->last, sizeof w->last, "cannot be started: %s", strerror(e));
    for (int k = 0; k < RUN_STREAMS; k++) stream_close(&w->streams[k]);
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

void worker_change(struct worker *w, struct run_worker *plan) {
  bool same = same_process(w->plan, plan), other_health = w->plan->health != plan->health;
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
  run_log_event(w, "has changed, and is ended and started again");
  worker_stop(w, true);
}

/* ---- One more, one less ---- */

struct worker *worker_find(const struct run *r, const char *name) {
  for (size_t i = 0; i < r->count; i++)
    if (strcmp(r->workers[i]->plan->name, name) == 0) return r->workers[i];
  return NULL;
}

bool worker_add(struct run *r, struct run_worker *plan) {
  struct worker *w = tool_alloc(1, sizeof *w);
  *w = (struct worker){.run = r, .plan = move(plan), .handles = 2, .log = {.fd = -1}};
  w->lines = tool_alloc(1, sizeof *w->lines);
  for (int k = 0; k < RUN_STREAMS; k++) {
    bool colours = terminal_look(k ? stderr : stdout).colours;
    w->heads[k] = output_head(w->plan->name, r->width, r->count, colours);
    w->streams[k].output.fd = -1;
  }
  uv_timer_init(&r->loop, &w->timer);
  uv_timer_init(&r->loop, &w->health);
  w->timer.data = w->health.data = w;
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
  for (int k = 0; k < RUN_STREAMS; k++) {
    stream_read(&w->streams[k], 1 << 20);
    stream_close(&w->streams[k]);
    free(w->heads[k]);
  }
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
}
