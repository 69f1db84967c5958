/* SPDX-License-Identifier: MIT
 *
 * The phases of a case, each begun and ended by the test; the victim notes, this file waits and
 * judges.
 */
#define _GNU_SOURCE
#include "tests/hostile/case.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/base.h"
#include "proto/clock.h"
#include "proto/sanitizer.h"
#include "tests/hostile/raw.h"

/* The usual bounds. The broker has --max-memory and what it counts not; a worker what one message
 * may decode to, and as much garbage. In times, three turns of the broker are about 10 ms. Of lines 40 say who
 * came, 40 who ended, 10 what else there is. */
enum {
  BROKER_MB = 320,
  WORKER_MB = 640,
  BROKER_MS = 80,
  WORKER_MS = 80,
  LINES_AT_ONCE = 120,
  LINES_A_SECOND = 20
};

struct run {
  const struct hostile_case *c;
  const struct hostile_effort *e;
  struct bed *bed;
  char socket[108];
  struct child *broker, *worker;
  struct victim *victim;
  struct attackers attackers;
  int pipe_ends[2]; /* of a deaf log */
};

/* ---- What is attacked ---- */

/* A pipe that is full, and whose reader never reads. */
static void open_deaf_log(struct run *r, char *fifo, size_t n) {
  snprintf(fifo, n, "%s/log", bed_dir(r->bed));
  if (mkfifo(fifo, 0600) != 0) bed_fail(r->bed, "mkfifo: %s", strerror(errno));
  r->pipe_ends[0] = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  r->pipe_ends[1] = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (r->pipe_ends[0] < 0 || r->pipe_ends[1] < 0) bed_fail(r->bed, "%s: %s", fifo, strerror(errno));
  while (write(r->pipe_ends[1], "full\n", 5) > 0) continue;
}

static bool accepts(void *user) {
  struct run *r = user;
  struct raw raw;
  bool ok = raw_join(&raw, r->socket, NULL, true);
  raw_close(&raw);
  return ok;
}

static void start_broker(struct run *r) {
  char fifo[108], command[1024];
  snprintf(r->socket, sizeof r->socket, "%s", bed_socket(r->bed));
  r->broker = bed_broker(r->bed);
  if (!r->c->deaf_log) return;
  open_deaf_log(r, fifo, sizeof fifo);
  snprintf(r->socket, sizeof r->socket, "%s/deaf", bed_dir(r->bed));
  snprintf(command, sizeof command, "exec '%s' -s '%s' 2>'%s'",
           bed_program(r->bed, "gaijin-broker"), r->socket, fifo);
  r->broker =
      bed_spawn(r->bed, "deaf broker", (const char *const[]){"/bin/sh", "-c", command, NULL});
  bed_until(r->bed, accepts, r, "the broker accepts");
  unlink(fifo);
}

/* The worker's: that of the case's broker, or $GAIJIN_TEST_TRANSPORT, which the bed gives its
 * broker. */
static const char *transport_of(const struct hostile_case *c) {
  const char *const *flag = c->broker_flags, *given = getenv("GAIJIN_TEST_TRANSPORT");
  for (; flag && *flag; flag++)
    if (strcmp(*flag, "--transport") == 0) return flag[1];
  return given && *given ? given : "auto";
}

static void start_worker(struct run *r) {
  static const char code[] = "bakaGaijin.echo = function(x) return x end\n";
  char all[4096], program[512];
  struct raw raw;
  snprintf(all, sizeof all, "%s%s", code, r->c->host_code ? r->c->host_code : "");
  snprintf(program, sizeof program, "%s", bed_program(r->bed, "gaijin-worker"));
  r->worker =
      bed_spawn(r->bed, "host",
                (const char *const[]){program, "-s", r->socket, "-n", "host", "-e", all,
                                      "--transport", transport_of(r->c),
                                      r->c->allows_eval ? "--allow-eval" : NULL, NULL});
  if (!raw_join(&raw, r->socket, NULL, true)) bed_fail(r->bed, "cannot connect");
  struct pack *p = raw_ask(&raw, OP_watch, NULL, NULL, 0, 2);
  pack_text(p, "host");
  pack_text(p, "ready");
  raw_end(&raw);
  if (!raw_answer(&raw)) bed_fail(r->bed, "the worker does not become ready");
  raw_close(&raw);
}

/* ---- Phases ---- */

static void watch_over(struct run *r) {
  const char *fault = victim_fault(r->victim);
  if (fault) bed_fail(r->bed, "the victim: %s", fault);
  if (child_ended(r->broker)) bed_fail(r->bed, "the broker has ended");
  if (child_ended(r->worker)) bed_fail(r->bed, "the worker has ended");
  nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* Whoever asks for millions has the time. */
static double limit_of(const struct run *r) {
  return clock_seconds() + 6 * bed_limit(r->bed) + (double)r->e->sent / 1000;
}

/* Whether what was said has this in it: also what gaijinctl says of it, as a name. */
static bool is_told(struct run *r, const char *text, bool by_ctl) {
  char *log = child_output(r->broker), *told = NULL;
  bool found = text && log && strstr(log, text);
  if (text && by_ctl && !r->c->deaf_log) {
    bed_ctl(r->bed, &told, (const char *const[]){"gc", text, NULL});
    found = found || (told && strstr(told, text));
  }
  free(log);
  free(told);
  return found;
}

/* Whether the attack, if there is one, is at its height, and has been noticed. */
static bool is_attacked(struct run *r, enum victim_phase phase) {
  if (!attackers_are_ready(&r->attackers)) return false;
  if (phase != VICTIM_ATTACKED) return true;
  return attackers_sent(&r->attackers) >= (r->e->sent ? r->e->sent : r->c->sent_least) &&
         (!r->c->named || is_told(r, r->c->named, false));
}

/* From then on until there are enough calls in this phase. */
static void stay_in(struct run *r, enum victim_phase phase) {
  double end = limit_of(r), enough = 0;
  while (enough == 0 || clock_seconds() < enough || victim_calls(r->victim, phase) < r->e->calls) {
    if (enough == 0 && is_attacked(r, phase)) enough = clock_seconds() + r->e->seconds;
    if (clock_seconds() > end)
      bed_fail(r->bed, "timeout: %u calls, %s", victim_calls(r->victim, phase),
               enough == 0 ? "the attack is not ready" : "the attack is on");
    watch_over(r);
  }
}

/* What was begun in it is waited for before anything changes. */
static void leave_phase(struct run *r) {
  double end = limit_of(r);
  victim_enter(r->victim, VICTIM_UNNOTED);
  while (!victim_has_entered(r->victim)) {
    if (clock_seconds() > end) bed_fail(r->bed, "timeout: a call has not ended");
    watch_over(r);
  }
}

static void start_attackers(struct run *r, attack_fn fn) {
  if (!attackers_start(&r->attackers, r->c->attackers, fn, r->socket, r->broker->pid))
    bed_fail(r->bed, "attackers: %s", strerror(errno));
}

static void without_attack(struct run *r) {
  victim_enter(r->victim, VICTIM_QUIET);
  stay_in(r, VICTIM_QUIET);
  leave_phase(r);
  start_attackers(r, attack_nobody);
  victim_enter(r->victim, VICTIM_BESIDE);
  stay_in(r, VICTIM_BESIDE);
  leave_phase(r);
  attackers_stop(&r->attackers);
}

static double count_lines(struct run *r) {
  double n = 0;
  char *text = child_output(r->broker);
  if (!text) bed_fail(r->bed, "no memory");
  for (const char *at = text; (at = strchr(at, '\n')); at++) n++;
  free(text);
  return n;
}

static void await_preparation(struct run *r) {
  double end = limit_of(r);
  while (!attackers_are_ready(&r->attackers)) {
    if (clock_seconds() > end) bed_fail(r->bed, "timeout: the attack is not ready");
    watch_over(r);
  }
  leave_phase(r);
}

static void under_attack(struct run *r, struct outcome *o) {
  if (r->c->prepares) {
    start_attackers(r, r->c->attack);
    await_preparation(r);
  }
  double began = clock_seconds(), lines = count_lines(r);
  victim_enter(r->victim, VICTIM_ATTACKED);
  if (!r->c->prepares) start_attackers(r, r->c->attack);
  stay_in(r, VICTIM_ATTACKED);
  leave_phase(r);
  o->seconds = clock_seconds() - began;
  o->lines = count_lines(r) - lines;
  o->sent = attackers_sent(&r->attackers);
  o->gained = attackers_gained(&r->attackers);
  o->begun = attackers_begun(&r->attackers);
  attackers_stop(&r->attackers);
}

/* ---- Afterwards ---- */

static double most_memory(struct run *r, pid_t pid) {
  char path[64], line[256];
  unsigned long kib = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *f = fopen(path, "re");
  if (!f) bed_fail(r->bed, "%s: %s", path, strerror(errno));
  while (fgets(line, sizeof line, f) && sscanf(line, "VmHWM: %lu", &kib) != 1) continue;
  fclose(f);
  return (double)kib / 1024;
}

static void end_in_order(struct run *r) {
  child_signal(r->worker, SIGTERM);
  bed_exit(r->bed, r->worker, 0);
  if (r->c->deaf_log) {
    child_signal(r->broker, SIGTERM);
    bed_exit(r->bed, r->broker, 0);
    close(r->pipe_ends[0]);
    close(r->pipe_ends[1]);
  }
  bed_close(r->bed);
}

void hostile_run(const struct hostile_case *c, const struct hostile_effort *e, struct outcome *o) {
  struct bed_options options = {
      .title = c->name, .broker_flags = c->broker_flags, .on_failure = e->on_failure};
  struct run r = {.c = c, .e = e};
  *o = (struct outcome){.sent = 0};
  r.bed = bed_open(&options);
  start_broker(&r);
  start_worker(&r);
  r.victim = victim_start(r.socket, r.broker->pid, r.worker->pid);
  if (!r.victim) bed_fail(r.bed, "no victim");
  if (e->beside) without_attack(&r);
  under_attack(&r, o);
  o->quiet = victim_figures(r.victim, VICTIM_QUIET);
  o->beside = victim_figures(r.victim, VICTIM_BESIDE);
  o->attacked = victim_figures(r.victim, VICTIM_ATTACKED);
  victim_stop(r.victim);
  o->broker_mb = most_memory(&r, r.broker->pid);
  o->worker_mb = most_memory(&r, r.worker->pid);
  o->is_named = is_told(&r, c->named, false);
  o->is_forged = is_told(&r, c->never_named, true);
  end_in_order(&r);
}

/* ---- Judging ---- */

/* AddressSanitizer keeps what has been freed for a while, and a map of all. */
static double memory_factor(void) { return WITH_ASAN ? 8 : 1; }

/* Programs that were built with more checks take more time. */
static double slower(void) {
  const char *text = getenv("GAIJIN_TEST_SLOWER");
  double factor = text ? atof(text) : 1;
  return factor > 1 ? factor : 1;
}

const char *hostile_judge(const struct hostile_case *c, const struct outcome *o, char *text,
                          size_t n) {
  const struct {
    double value, most;
    const char *what;
  } bounds[] = {
      {o->attacked.broker.p99, slower() * (c->broker_ms > 0 ? c->broker_ms : BROKER_MS),
       "ms of the broker's time in 99 of 100 calls"},
      {o->attacked.worker.p99, slower() * (c->worker_ms > 0 ? c->worker_ms : WORKER_MS),
       "ms of the worker's time in 99 of 100 calls"},
      {o->broker_mb, memory_factor() * (c->broker_mb > 0 ? c->broker_mb : BROKER_MB),
       "MB of the broker"},
      {o->worker_mb, memory_factor() * (c->worker_mb > 0 ? c->worker_mb : WORKER_MB),
       "MB of the worker"},
      {o->lines, LINES_AT_ONCE + LINES_A_SECOND * o->seconds, "lines in the log"},
  };
  for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
    if (bounds[i].value <= bounds[i].most) continue;
    snprintf(text, n, "%s: %.1f %s, more than %.1f", c->name, bounds[i].value, bounds[i].what,
             bounds[i].most);
    return text;
  }
  if (o->gained > 0) {
    snprintf(text, n, "%s: got what it must not, %llu times", c->name,
             (unsigned long long)o->gained);
  } else if (c->named && !o->is_named) {
    snprintf(text, n, "%s: the log does not tell of \"%s\"", c->name, c->named);
  } else if (o->is_forged) {
    snprintf(text, n, "%s: what a client wrote stands in a log as it is", c->name);
  } else {
    return NULL;
  }
  return text;
}
