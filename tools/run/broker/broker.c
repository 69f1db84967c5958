/* SPDX-License-Identifier: MIT
 *
 * It is always restarted by the same rule.
 */
#include "tools/run/broker/broker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "proto/clock.h"
#include "tools/base/text.h"

static const struct backoff_rule rule = {.most = 8, .within = 60, .first = 0.1, .longest = 2};

void run_broker_lost(struct run *r) {
  const char *what = r->plan->broker ? "; stopping all" : "; the workers wait for it to return";
  bool some = false;
  for (size_t i = 0; i < r->count; i++) some = some || life_runs(&r->workers[i]->life);
  if (r->broker_gone) return;
  r->broker_gone = true;
  tool_error("run: the broker at %s has gone%s", r->plan->socket, some ? what : "");
  if (r->plan->broker) run_fail(r);
}

int run_broker_start(struct run *r) {
  const struct run_plan *plan = r->plan;
  struct words argv = {0};
  words_add(&argv, plan->broker);
  words_add(&argv, "--log-level=warn");
  if (r->printed[1].is_journal) words_add(&argv, "--log-format=journal");
  words_add_all(&argv, &plan->broker_flags);
  words_add(&argv, "-s");
  words_add(&argv, plan->socket);
  argv.at = tool_resize(argv.at, argv.count + 1, sizeof *argv.at);
  argv.at[argv.count] = NULL;
  /* SIGTERM is enough for a broker, and lets it remove its socket. */
  struct child_options o = {.argv = argv.at,
                            .socket = plan->socket,
                            .directory = plan->directory,
                            .out = -1,
                            .err = -1,
                            .death_signal = SIGTERM};
  int e = child_start(&r->broker, &o);
  if (e) tool_error("run: cannot start %s: %s", plan->broker, strerror(e));
  words_deinit(&argv);
  return e;
}

static void on_broker_time(uv_timer_t *t) {
  struct run *r = t->data;
  if (run_broker_start(r) != 0)
    run_broker_lost(r);
  else
    r->changed(r);
}

static void start_again(struct run *r) {
  char how[80], when[32] = "";
  int ms = backoff_delay(&r->broker_backoff, &rule, clock_seconds());
  child_how(&r->broker, how, sizeof how);
  if (ms < 0) {
    tool_error("run: the broker %s, the %uth time within %g s; it is not started again", how,
               rule.most + 1, rule.within);
    run_broker_lost(r);
    return;
  }
  if (ms > 0) snprintf(when, sizeof when, " in %g s", ms / 1e3);
  tool_say(LOG_WARN, "run: the broker %s; it is started again%s", how, when);
  uv_timer_start(&r->broker_timer, on_broker_time, (uint64_t)ms, 0);
}

/* One that could not listen has said why. */
static void fail_at_begin(struct run *r) {
  int status = r->broker.wait_status;
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 0)
    tool_error("run: the broker ended before it listened");
  run_fail(r);
}

void run_broker_reap(struct run *r) {
  if (!child_reap(&r->broker)) return;
  bool failed = child_failed(&r->broker);
  if (!r->stopping && !r->begun)
    fail_at_begin(r);
  else if (!r->stopping && !r->ending && (failed || r->plan->stays))
    start_again(r);
  else if (!r->ending || failed)
    run_broker_lost(r);
}

static void on_end_time(uv_timer_t *t) {
  struct run *r = t->data;
  if (!r->broker.pid) return;
  tool_error("run: the broker did not stop within %d s and is killed", PLAN_GRACE_SECONDS);
  r->status = 1;
  child_kill(&r->broker);
}

void run_broker_end(struct run *r) {
  uv_timer_stop(&r->broker_timer);
  child_stop(&r->broker);
  uv_timer_start(&r->end_timer, on_end_time, PLAN_GRACE_SECONDS * 1000, 0);
}
