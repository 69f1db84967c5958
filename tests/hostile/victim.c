/* SPDX-License-Identifier: MIT
 *
 * The figures are written by the victim and read by the test, in memory that both map.
 */
#define _GNU_SOURCE
#include "tests/hostile/victim.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/clock.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/raw.h"

enum { CALLS_MOST = 100000, SPREADS = 3, LOST_MS = 120000 };

struct note {
  float took, broker, worker; /* milliseconds */
};

struct notes {
  atomic_uint n;
  struct note all[CALLS_MOST];
};

struct victim {
  const char *socket;
  pid_t pid;
  clockid_t broker, worker;
  atomic_uint wanted, entered; /* phase | number of the change << 8 */
  atomic_bool failed;          /* then `fault` is set */
  char fault[200];
  struct notes notes[VICTIM_PHASES];
};

/* ---- In its process ---- */

static double seconds_of(clockid_t clock) {
  struct timespec t = {0};
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(struct victim *v, const char *text) {
  snprintf(v->fault, sizeof v->fault, "%s", text);
  atomic_store(&v->failed, true);
  _exit(EXIT_FAILURE);
}

/* The answer is an error: its text. */
static void fail_with_answer(struct victim *v, struct raw *r) {
  char text[160];
  const char *bytes = "?";
  uint64_t status = 0;
  uint32_t size = 1;
  if (reader_uint(&r->r, &status)) reader_string(&r->r, &bytes, &size);
  snprintf(text, sizeof text, "a call was answered with error %llu: %.*s",
           (unsigned long long)status, (int)(size < 100 ? size : 100), bytes);
  fail(v, text);
}

/* What the broker may ask of anybody: `free`. It uses all that it holds. */
static bool is_asked(struct raw *r) {
  if (r->m.kind != MESSAGE_REQUEST || r->m.op != OP_free) return false;
  raw_begin(r, MESSAGE_REPLY, OP_free, r->m.id, 0);
  raw_end(r);
  return true;
}

static void await(struct victim *v, struct raw *r, enum op op) {
  do {
    int n = raw_next(r, LOST_MS);
    if (n < 0) fail(v, "the connection has ended");
    if (n == 0) fail(v, "no answer in two minutes");
  } while (r->m.kind == MESSAGE_NOTICE || is_asked(r));
  if (r->m.kind == MESSAGE_ERROR) fail_with_answer(v, r);
  if (r->m.kind != MESSAGE_REPLY || r->m.id != r->last_id || r->m.op != op)
    fail(v, "an answer to something else");
}

static void call(struct victim *v, struct raw *r, const struct pt *echo) {
  uint64_t number;
  struct pack *p = raw_ask(r, OP_call, NULL, echo, 0, 1);
  pack_uint(p, r->last_id);
  raw_end(r);
  await(v, r, OP_call);
  if (!reader_uint(&r->r, &number) || number != r->last_id) fail(v, "a wrong answer");
}

static void note(struct notes *n, struct note note) {
  unsigned i = atomic_load(&n->n);
  if (i == CALLS_MOST) return;
  n->all[i] = note;
  atomic_store(&n->n, i + 1);
}

static void call_for_ever(void *user) {
  struct victim *v = user;
  struct raw r;
  struct pt echo;
  if (!raw_join(&r, v->socket, "victim", false)) fail(v, "cannot connect");
  pack_text(raw_ask(&r, OP_s2t, "host", NULL, 0, 1), "echo");
  raw_end(&r);
  await(v, &r, OP_s2t);
  if (!reader_pt(&r.r, &echo)) fail(v, "there is no function 'echo'");
  for (;;) {
    unsigned phase = atomic_load(&v->wanted);
    atomic_store(&v->entered, phase);
    double began = clock_seconds(), broker = seconds_of(v->broker), worker = seconds_of(v->worker);
    call(v, &r, &echo);
    note(&v->notes[phase & 255],
         (struct note){.took = (float)((clock_seconds() - began) * 1e3),
                       .broker = (float)((seconds_of(v->broker) - broker) * 1e3),
                       .worker = (float)((seconds_of(v->worker) - worker) * 1e3)});
    if ((phase & 255) == VICTIM_UNNOTED) atomic_store(&v->notes[0].n, 0);
  }
}

/* ---- In the test's ---- */

struct victim *victim_start(const char *socket, pid_t broker, pid_t worker) {
  struct victim *v =
      mmap(NULL, sizeof *v, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (v == MAP_FAILED) return NULL;
  v->socket = socket;
  if (clock_getcpuclockid(broker, &v->broker) == 0 &&
      clock_getcpuclockid(worker, &v->worker) == 0) {
    v->pid = attack_fork(call_for_ever, v);
    if (v->pid > 0) return v;
  }
  munmap(v, sizeof *v);
  return NULL;
}

void victim_enter(struct victim *v, enum victim_phase phase) {
  atomic_store(&v->wanted, (unsigned)phase | (((atomic_load(&v->wanted) >> 8) + 1) << 8));
}

bool victim_has_entered(const struct victim *v) {
  return atomic_load(&v->entered) == atomic_load(&v->wanted);
}

unsigned victim_calls(const struct victim *v, enum victim_phase phase) {
  return atomic_load(&v->notes[phase].n);
}

const char *victim_fault(const struct victim *v) {
  return atomic_load(&v->failed) ? v->fault : NULL;
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static struct spread spread_of(float *all, unsigned n) {
  if (n == 0) return (struct spread){0};
  qsort(all, n, sizeof *all, compare);
  return (struct spread){.p50 = all[n / 2], .p99 = all[(uint64_t)n * 99 / 100], .most = all[n - 1]};
}

struct figures victim_figures(const struct victim *v, enum victim_phase phase) {
  const struct notes *notes = &v->notes[phase];
  struct figures f = {.calls = atomic_load(&notes->n)};
  float *column = malloc((f.calls + 1) * sizeof *column);
  if (!column) abort();
  for (unsigned i = 0; i < f.calls; i++) column[i] = notes->all[i].took;
  f.took = spread_of(column, f.calls);
  for (unsigned i = 0; i < f.calls; i++) column[i] = notes->all[i].broker;
  f.broker = spread_of(column, f.calls);
  for (unsigned i = 0; i < f.calls; i++) column[i] = notes->all[i].worker;
  f.worker = spread_of(column, f.calls);
  free(column);
  return f;
}

void victim_stop(struct victim *v) {
  if (!v) return;
  kill(v->pid, SIGKILL);
  while (waitpid(v->pid, NULL, 0) < 0 && errno == EINTR) continue;
  munmap(v, sizeof *v);
}
