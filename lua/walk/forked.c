/* SPDX-License-Identifier: MIT
 *
 * The parent looks every few milliseconds whether the copy has ended: nothing has to be watched,
 * and a sandboxed worker, which may not signal others, needs nothing more. The asker's fiber looks
 * while it waits; after it has given up, a timer does.
 */
#define _GNU_SOURCE
#include "lua/walk/forked.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lua/fiber/fiber.h"
#include "lua/fiber/timer.h"
#include "lua/fiber/wait.h"
#include "lua/vm/luajit.h"
#include "lua/walk/twin.h"

enum { PROBES = 4, PAGE = 4096 };
/* The rest after a copy, in what it took of a processor: what it waited, where others want one,
 * cost the worker nothing. What it has stopped the worker for is paid from what is saved up, a
 * hundredth of the time; what is overdrawn is rested for. Seconds. */
enum { REST_TAKEN = 4, REST_STOPPED = 100, REST_MOST = 300 };
static const double saved_most = 0.25;
static const double look_least = 0.002, look_most = 0.05;
/* So long the collector is waited for. */
static const double round_most = 5;

struct forked {
  pid_t pid; /* 0: none runs */
  int fd;    /* of the file it writes into */
  bool is_waited; /* a fiber waits for it, or for the collector before it */
  struct timer *timer; /* looks when that has given up; NULL: it waits, or memory was short: then
                        * the next that asks looks */
  double began, took; /* when it began; the processor's seconds of one that has ended */
  double free_at;     /* when the next may begin */
  double saved, saved_at; /* what copies may stop the worker for, and when that was so */
  /* What it stops the worker for: the fork, and faults since: a page is copied when it is written.
   * What one takes depends on the machine, from 1 us to 70, and is measured with some. */
  double fork_s, fault_s;
  long faults_before;
  unsigned char probes[PROBES * PAGE];
};

/* ---- What it costs ---- */

static long count_faults(void) {
  struct rusage r = {0};
  getrusage(RUSAGE_THREAD, &r);
  return r.ru_minflt;
}

static void touch_probes(struct forked *c, unsigned char value) {
  for (volatile unsigned char *p = c->probes; p < c->probes + sizeof c->probes; p += PAGE)
    *p = value;
}

/* Behind a fork that began at `before` of the thread's time. */
static void measure_fork(struct forked *c, double before) {
  double forked = twin_own_seconds();
  touch_probes(c, 2);
  c->fork_s = forked - before;
  c->fault_s = (twin_own_seconds() - forked) / PROBES;
  c->faults_before = count_faults();
}

/* Seconds for which the worker was stopped by a copy that has ended. */
static double stopped_seconds(const struct forked *c) {
  return c->fork_s + c->fault_s * (double)(count_faults() - c->faults_before);
}

/* ---- In the copy ---- */

struct copied {
  forked_job job;
  void *user;
};

static void run_job(lua_State *L, struct worker *w, void *user, int fd) {
  const struct copied *c = user;
  char *result = malloc(FORKED_BYTES_MOST);
  if (!result) _exit(1);
  size_t size = c->job(L, w, c->user, result);
  assert(size <= FORKED_BYTES_MOST);
  twin_write(fd, result, size);
  _exit(0);
}

/* ---- In the worker ---- */

/* Whether the copy has ended; *good: with a result. */
static bool has_ended(struct forked *c, bool *good) {
  double took = 0;
  if (!twin_has_ended(c->pid, good, &took)) return false;
  c->took = took < 0 ? clock_seconds() - c->began : took;
  return true;
}

/* Pays for a copy that has ended; for how long it has to be rested. */
static double pay(struct forked *c, double now) {
  double stopped = stopped_seconds(c);
  c->saved = fmin(c->saved + (now - c->saved_at) / REST_STOPPED, saved_most) - stopped;
  c->saved_at = now;
  return c->saved < 0 ? -c->saved * REST_STOPPED : 0;
}

/* Its end may be noticed late, long after it: no copy takes more than FORKED_SECONDS. */
static void forget(struct forked *c) {
  double now = clock_seconds();
  if (c->timer) timer_stop(c->timer);
  c->timer = NULL;
  close(c->fd);
  c->pid = 0;
  double rest = REST_TAKEN * fmin(c->took, FORKED_SECONDS);
  c->free_at = now + fmin(fmax(rest, pay(c, now)), REST_MOST);
}

static void look_again(struct timer *t) {
  struct forked *c = timer_user(t);
  bool good;
  assert(c->pid && !c->is_waited && c->timer == t);
  if (has_ended(c, &good)) {
    forget(c);
    return;
  }
  timer_stop(t);
  c->timer = timer_start(timer_worker(t), look_most, look_again, c);
}

static struct forked *need_free(lua_State *L, struct worker *w, const char *what) {
  bool good;
  struct forked *c = w->forked;
  if (!c && (c = w->forked = calloc(1, sizeof *c))) c->saved = saved_most;
  if (!c) {
    worker_raise(L, GAIJIN_STATUS_BUSY, "no memory for %s", what);
    return NULL;
  }
  if (c->pid && !c->is_waited && has_ended(c, &good)) forget(c);
  double rest = c->free_at - clock_seconds();
  if (c->pid || c->is_waited)
    worker_raise(L, GAIJIN_STATUS_BUSY, "%s of %s is under way; try again later", what, w->name);
  if (rest > 0)
    worker_raise(L, GAIJIN_STATUS_BUSY,
                 "%s of %s was a moment ago: so that it costs the worker little, the next may "
                 "begin in %.1f s", what, w->name, rest);
  return c;
}

/* Has the collector's round under way brought to its end, in slices (lua/serve/weight.c), and waits
 * for that: so it marks nothing while the copy is there. One that a script has stopped, as far as
 * can be seen, marks nothing anyway. */
static void await_round(lua_State *L, struct worker *w, struct forked *c, const char *what) {
  uint64_t before = w->weights.ended;
  double end = clock_seconds() + round_most;
  if (luajit_is_stopped(w)) return;
  if (!w->weights.rounds) w->weights.rounds = 1;
  timer_wake_loop(w);
  while (w->weights.ended == before && clock_seconds() < end) {
    enum wait_outcome outcome = wait_park(L, w, clock_seconds() + look_least);
    if (outcome == WAIT_OVER || outcome == WAIT_WOKEN) continue;
    c->is_waited = false;
    wait_raise(L, w, outcome, what);
  }
}

static void begin(lua_State *L, struct worker *w, struct forked *c, const char *what,
                  struct copied *job) {
  c->fd = memfd_create("gaijin-walk", MFD_CLOEXEC);
  c->is_waited = false;
  if (c->fd < 0)
    worker_raise(L, GAIJIN_STATUS_BUSY, "%s needs a file in memory: %s", what, strerror(errno));
  touch_probes(c, 1);
  double before = twin_own_seconds();
  c->pid = twin_start(L, w, c->fd, TWIN_LAST, run_job, job);
  int error = errno;
  if (c->pid > 0) {
    measure_fork(c, before);
    return;
  }
  close(c->fd); /* it has cost next to nothing: no rest */
  c->pid = 0;
  worker_raise(L, GAIJIN_STATUS_BUSY, "%s needs a fork: %s", what, strerror(error));
}

/* The fiber's way out of the wait, when it is cancelled or its time is over, leaves the copy. */
static void await(lua_State *L, struct worker *w, struct forked *c, const char *what, bool *good) {
  double pause = look_least;
  c->is_waited = true;
  while (!has_ended(c, good)) {
    enum wait_outcome outcome = wait_park(L, w, clock_seconds() + pause);
    if (outcome != WAIT_OVER && outcome != WAIT_WOKEN) {
      c->is_waited = false;
      c->timer = timer_start(w, look_most, look_again, c);
      wait_raise(L, w, outcome, what);
    }
    if (pause < look_most) pause *= 2;
  }
  c->is_waited = false;
}

void forked_run(lua_State *L, struct worker *w, const char *what, forked_job job, void *user) {
  bool good = false;
  wait_check(L, w, what);
  struct forked *c = need_free(L, w, what);
  char *result = lua_newuserdata(L, FORKED_BYTES_MOST);
  c->began = clock_seconds();
  c->is_waited = true;
  await_round(L, w, c, what);
  begin(L, w, c, what, &(struct copied){.job = job, .user = user});
  await(L, w, c, what, &good);
  /* pread is not among a sandboxed worker's calls. */
  ssize_t n = good && lseek(c->fd, 0, SEEK_SET) == 0 ? read(c->fd, result, FORKED_BYTES_MOST) : -1;
  forget(c);
  if (n <= 0)
    worker_raise(L, GAIJIN_STATUS_BUSY,
                 "%s of %s has not come to its end within %d s, because the machine has no time "
                 "left for what runs when nothing else does, or memory was too short",
                 what, w->name,
                 FORKED_SECONDS);
  lua_pushlstring(L, result, (size_t)n);
  lua_replace(L, -2);
}

/* Nobody looks any more: the copy is ended here, for a stock interpreter goes on and would keep a
 * zombie. */
static void end_copy(struct forked *c) {
  close(c->fd);
  twin_end(c->pid);
}

void forked_deinit(struct worker *w) {
  if (w->forked && w->forked->pid) end_copy(w->forked);
  free(w->forked);
  w->forked = NULL;
}
