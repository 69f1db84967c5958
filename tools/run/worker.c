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
  if (r->stopping && !life_is_over(&w->life)) life_stop(&w->life, false);
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
  if (life_stop(&w->life, again)) child_stop(&w->child);
  set_timer(w);
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

void worker_hear(struct worker *w) {
  bool ready = w->heard_ready, silent = w->heard_silent;
  w->heard_ready = w->heard_silent = false;
  if (ready && w->life.state == LIFE_STARTING) {
    uint64_t ms = (uint64_t)(w->plan->health * 1000);
    life_ready(&w->life);
    set_timer(w);
    if (ms) uv_timer_start(&w->health, on_health, ms, ms);
  }
  if (silent && w->life.state == LIFE_READY) {
    run_log_event(w, "has not answered for %g s and is killed", w->plan->health_limit);
    blame(w);
  }
}

/* ---- Its beginning ---- */

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

void worker_init(struct worker *w, struct run *r, size_t index) {
  const struct run_plan *plan = r->plan;
  size_t width = 0;
  for (size_t k = 0; k < plan->count; k++) {
    size_t own = text_width(plan->workers[k].name, strlen(plan->workers[k].name));
    if (own > width) width = own;
  }
  *w = (struct worker){.run = r, .plan = &plan->workers[index]};
  w->lines = tool_alloc(1, sizeof *w->lines);
  for (int k = 0; k < RUN_STREAMS; k++) {
    bool colours = terminal_look(k ? stderr : stdout).colours;
    w->heads[k] = output_head(w->plan->name, width, index, colours);
    w->streams[k].output.fd = -1;
  }
  uv_timer_init(&r->loop, &w->timer);
  uv_timer_init(&r->loop, &w->health);
  w->timer.data = w->health.data = w;
}

void worker_deinit(struct worker *w) {
  for (int k = 0; k < RUN_STREAMS; k++) {
    stream_read(&w->streams[k], 1 << 20);
    stream_close(&w->streams[k]);
    free(w->heads[k]);
  }
  line_ring_deinit(w->lines);
  free(w->lines);
}
