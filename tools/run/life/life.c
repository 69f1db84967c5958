/* SPDX-License-Identifier: MIT
 *
 * The transitions, one function each.
 */
#include "tools/run/life/life.h"

#include <assert.h>
#include <stddef.h>

const char *life_name(enum life_state state) {
  static const char *const names[] = {
      [LIFE_WAITING] = "waiting",   [LIFE_STARTING] = "starting", [LIFE_READY] = "ready",
      [LIFE_STOPPING] = "stopping", [LIFE_PAUSING] = "pausing",   [LIFE_STOPPED] = "stopped",
      [LIFE_FINISHED] = "finished", [LIFE_FAILED] = "failed"};
  assert((size_t)state < sizeof names / sizeof names[0]);
  return names[state];
}

bool life_runs(const struct life *l) {
  return l->state == LIFE_STARTING || l->state == LIFE_READY || l->state == LIFE_STOPPING;
}

bool life_has_process(const struct life *l) { return life_runs(l) || l->beside != LIFE_ALONE; }

bool life_is_over(const struct life *l) {
  return l->state == LIFE_STOPPED || l->state == LIFE_FINISHED || l->state == LIFE_FAILED;
}

bool life_serves(const struct life *l) {
  return l->state == LIFE_READY || l->state == LIFE_FINISHED;
}

void life_started(struct life *l) {
  assert(l->state == LIFE_WAITING);
  l->state = LIFE_STARTING;
}

void life_ready(struct life *l) {
  assert(l->state == LIFE_STARTING);
  l->state = LIFE_READY;
}

void life_resume(struct life *l) {
  assert(l->state == LIFE_PAUSING);
  l->state = LIFE_WAITING;
}

void life_refuse(struct life *l) {
  assert(l->state == LIFE_WAITING);
  l->state = LIFE_FAILED;
}

/* By the policy, after an end that nobody asked for. */
static void start_again(struct life *l, const struct life_policy *policy, double now) {
  int ms = backoff_delay(&l->backoff, &policy->rule, now);
  l->given_up = ms < 0;
  l->state = ms < 0 ? LIFE_FAILED : ms > 0 ? LIFE_PAUSING : LIFE_WAITING;
  l->pause_ms = ms;
  if (ms >= 0) l->restarts++;
}

void life_ended(struct life *l, const struct life_policy *policy, bool failed, double now) {
  assert(life_runs(l) && l->beside != LIFE_SUCCESSOR);
  bool wanted = policy->restart == LIFE_ALWAYS || (policy->restart == LIFE_ON_FAILURE && failed);
  if (l->state == LIFE_STOPPING)
    l->state = l->again ? LIFE_WAITING : LIFE_STOPPED;
  else if (wanted)
    start_again(l, policy, now);
  else
    l->state = failed ? LIFE_FAILED : LIFE_FINISHED;
  l->again = l->wants = false;
}

/* Begins with a clean record. */
static void renew(struct life *l) {
  l->state = LIFE_WAITING;
  l->given_up = false;
  l->backoff = (struct backoff){0};
}

bool life_stop(struct life *l, bool again) {
  bool tell = l->state == LIFE_STARTING || l->state == LIFE_READY;
  l->wants = false;
  if (l->beside == LIFE_SUCCESSOR) l->beside = LIFE_FORMER;
  if (life_runs(l)) {
    l->state = LIFE_STOPPING;
    l->again = again;
  } else if (again) {
    renew(l);
  } else {
    l->state = LIFE_STOPPED;
  }
  return tell;
}

bool life_start(struct life *l) {
  if (l->state == LIFE_STOPPING) {
    bool before = l->again;
    l->again = true;
    return !before;
  }
  if (!life_is_over(l) && l->state != LIFE_PAUSING) return false;
  renew(l);
  return true;
}

/* ---- The process beside it ---- */

bool life_want(struct life *l) {
  l->wants = l->state == LIFE_READY;
  return l->wants;
}

bool life_may_succeed(const struct life *l) {
  return l->wants && l->state == LIFE_READY && l->beside == LIFE_ALONE;
}

bool life_is_passing(const struct life *l) { return l->wants || l->beside == LIFE_SUCCESSOR; }

void life_succeed(struct life *l) {
  assert(life_may_succeed(l));
  l->wants = false;
  l->beside = LIFE_SUCCESSOR;
}

void life_passed(struct life *l) {
  assert(l->state == LIFE_READY && l->beside == LIFE_SUCCESSOR);
  l->beside = LIFE_FORMER;
  l->passes++;
}

void life_beside_ended(struct life *l) {
  assert(l->beside != LIFE_ALONE);
  l->beside = LIFE_ALONE;
}

bool life_inherit(struct life *l) {
  if (l->beside != LIFE_SUCCESSOR) return false;
  assert(l->state == LIFE_READY);
  l->state = LIFE_STARTING;
  l->beside = LIFE_ALONE;
  l->passes++;
  return true;
}
