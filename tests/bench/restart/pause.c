/* SPDX-License-Identifier: MIT
 *
 * How long an upgrade of the broker has a call wait: many workers are connected, each holds objects of its neighbour's, and
 * calls go from one client to another, one after the other. The longest call of each upgrade spans the pause.
 *
 * usage: pause BROKER-PROGRAM DIRECTORY WORKERS TOKENS UPGRADES
 * TOKENS: of each worker. Prints `pause WORKERS TOKENS UPGRADES CALL LEAST MEDIAN MOST USED P50 P999`: a call without an upgrade
 * (median), the longest calls, the processor time of the broker for each upgrade; and, of as many upgrades during which each worker
 * calls another once a second, what half and 99.9 % of all calls in the 3 s took at most, all in milliseconds. These calls are
 * begun when they are due, however long those before take, and count from then on: so the pause hits as many as it should.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/clock.h"
#include "proto/hello.h"
#include "proto/limits.h"
#include "tests/bench/restart/crowd.h"

enum { BATCH = 1000, EACH_MS = 3000, UPGRADES_MOST = 100 };
enum { CALL_MS = 1000 }; /* each worker calls so often */

static struct raw *workers;
static uint32_t n_workers, n_tokens;
static char path[CROWD_PATH];

static const char *const flags[] = {"--max-memory", "2G", "--max-exported", "4000000", "--max-held", "4000000",
                                    "--max-connections", "20000", "--max-names", "20000", "--load-min", "100000000", NULL};

static void join(struct raw *r, const char *name) {
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .name = name, .name_size = (uint32_t)strlen(name)};
  struct hello_reply reply;
  crowd_connect(r, path);
  hello_put_request(raw_begin(r, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(0)), &h, 0);
  raw_end(r);
  r->last_id = 1;
  if (raw_next(r, 60000) != 1 || r->m.kind != MESSAGE_REPLY || hello_read_reply(&r->m, &reply)) measure_die("hello");
  r->host = reply.host;
}

/* The next message that is no introduction. */
static void next(struct raw *r) {
  do
    if (raw_next(r, 60000) != 1) measure_die("a connection has ended, or nothing comes");
  while (r->m.op == OP_peer);
}

/* `asker` asks `host` for a label, and is answered with so many tokens from `first` on. */
static void hand_over(struct raw *asker, struct raw *host, const char *name, uint64_t first, uint32_t n) {
  pack_text(raw_ask(asker, OP_s2t, name, NULL, 0, 1), "x");
  raw_end(asker);
  if (!raw_push(asker, 0)) measure_die("asking");
  next(host);
  uint64_t id = host->m.id;
  raw_begin(host, MESSAGE_REPLY, OP_s2t, id, n);
  for (uint32_t i = 0; i < n; i++) {
    struct pt pt = raw_token(host, first + i);
    pack_pt(&host->p, &pt);
  }
  raw_end(host);
  while (host->out.size)
    if (!raw_push(host, 0)) measure_die("answering");
  next(asker);
  if (asker->m.kind != MESSAGE_REPLY) measure_die("no tokens came");
}

static void fill(void) {
  char name[32];
  for (uint32_t i = 0; i < n_workers; i++) {
    snprintf(name, sizeof name, "w%u", i);
    join(&workers[i], name);
  }
  for (uint32_t i = 0; i < n_workers; i++) {
    snprintf(name, sizeof name, "w%u", i);
    for (uint32_t t = 0; t < n_tokens; t += BATCH)
      hand_over(&workers[(i + 1) % n_workers], &workers[i], name, t + 1, n_tokens - t < BATCH ? n_tokens - t : BATCH);
  }
}

static int by_size(const void *l, const void *r) {
  double a = *(const double *)l, b = *(const double *)r;
  return (a > b) - (a < b);
}

/* Processor time that a process has used, ms; it goes on over exec. */
static double processor_ms(pid_t pid) {
  char name[40], text[1024];
  unsigned long user = 0, system = 0;
  snprintf(name, sizeof name, "/proc/%ld/stat", (long)pid);
  FILE *f = fopen(name, "r");
  size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
  if (f) fclose(f);
  text[n] = 0;
  const char *at = strrchr(text, ')');
  if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) measure_die("stat");
  return (double)(user + system) * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

/* Calls for a while after the signal, with little pauses: the longest of them, ms; *median of all; adds what the broker has used
 * of the processor meanwhile to *used. */
static double measure(struct raw *asker, struct raw *host, pid_t broker, double *median, double *used) {
  static double took[2000000];
  size_t n = 0;
  double begin = clock_seconds(), longest = 0;
  *used -= processor_ms(broker);
  kill(broker, SIGUSR2);
  for (double now = begin; now - begin < EACH_MS / 1e3 && n < sizeof took / sizeof took[0]; now = clock_seconds()) {
    hand_over(asker, host, "host", 1, 1);
    took[n] = (clock_seconds() - now) * 1e3;
    if (took[n] > longest) longest = took[n];
    n++;
    usleep(1000);
  }
  *used += processor_ms(broker);
  qsort(took, n, sizeof took[0], by_size);
  *median = took[n / 2];
  return longest;
}

/* ---- All at once ---- */

/* The calls of one upgrade: call `c` is worker `c % n_workers`'s, and due that part of the time after the begin. */
struct round {
  double begin, *took; /* seconds; ms by call */
  uint32_t calls, begun, ended;
  uint64_t *before; /* the last request of each worker before */
};

static double due(const struct round *r, uint32_t call) { return r->begin + call * (CALL_MS / 1e3 / n_workers); }

/* A request is answered with one token, an answer noted. */
static void handle(struct round *r, uint32_t worker) {
  struct raw *w = &workers[worker];
  if (w->m.op != OP_s2t) return;
  if (w->m.kind == MESSAGE_REQUEST) {
    struct pt pt = raw_token(w, 1);
    pack_pt(raw_begin(w, MESSAGE_REPLY, OP_s2t, w->m.id, 1), &pt);
    raw_end(w);
  } else {
    uint64_t call = (w->m.id - r->before[worker] - 1) * n_workers + worker;
    if (w->m.kind != MESSAGE_REPLY || call >= r->calls) measure_die("another answer");
    r->took[call] = (clock_seconds() - due(r, (uint32_t)call)) * 1e3;
    r->ended++;
  }
}

static void call_all(struct round *r, pid_t broker) {
  struct pollfd *p = calloc(n_workers, sizeof *p);
  char name[32];
  r->before = calloc(n_workers, sizeof *r->before);
  if (!p || !r->before) measure_die("memory");
  for (uint32_t i = 0; i < n_workers; i++) {
    r->before[i] = workers[i].last_id;
    p[i] = (struct pollfd){.fd = workers[i].fd, .events = POLLIN};
  }
  r->begin = clock_seconds();
  kill(broker, SIGUSR2);
  while (r->ended < r->calls) {
    for (; r->begun < r->calls && due(r, r->begun) <= clock_seconds(); r->begun++) {
      struct raw *w = &workers[r->begun % n_workers];
      snprintf(name, sizeof name, "w%u", (r->begun + n_workers - 1) % n_workers);
      pack_text(raw_ask(w, OP_s2t, name, NULL, 0, 1), "x");
      raw_end(w);
      if (!raw_push(w, 0)) measure_die("asking");
    }
    if (poll(p, n_workers, 1) < 0) measure_die("poll");
    for (uint32_t i = 0; i < n_workers; i++) {
      int more = p[i].revents != 0;
      while (more && (more = raw_next(&workers[i], 0)) == 1) handle(r, i);
      if (more < 0 || !raw_push(&workers[i], 0)) measure_die("a connection has ended");
    }
  }
  free(r->before);
  free(p);
}

/* Half of all calls, and 99.9 %, took at most this, ms. */
static void measure_all(pid_t broker, unsigned upgrades, double *p50, double *p999) {
  uint32_t calls = EACH_MS / CALL_MS * n_workers;
  size_t n = (size_t)calls * upgrades;
  double *took = calloc(n, sizeof *took);
  if (!took) measure_die("memory");
  for (unsigned i = 0; i < upgrades; i++) {
    struct round r = {.took = took + (size_t)i * calls, .calls = calls};
    call_all(&r, broker);
  }
  qsort(took, n, sizeof *took, by_size);
  *p50 = took[n / 2];
  *p999 = took[n - 1 - n / 1000];
  free(took);
}

int main(int argc, char **argv) {
  struct raw asker, host;
  double longest[UPGRADES_MOST], median = 0, p50, p999, used = 0;
  if (argc != 6) {
    fputs("usage: pause BROKER-PROGRAM DIRECTORY WORKERS TOKENS UPGRADES\n", stderr);
    return 2;
  }
  snprintf(path, sizeof path, "%s/pause", argv[2]);
  n_workers = crowd_workers(argv[3]);
  n_tokens = crowd_tokens(argv[4]);
  unsigned upgrades = (unsigned)measure_number(argv[5], "UPGRADES", 1, UPGRADES_MOST);
  workers = calloc(n_workers, sizeof *workers);
  if (!workers) measure_die("memory");
  pid_t broker = crowd_start(argv[1], path, flags);
  fill();
  join(&asker, "asker");
  join(&host, "host");
  for (unsigned i = 0; i < upgrades; i++) longest[i] = measure(&asker, &host, broker, &median, &used);
  measure_all(broker, upgrades, &p50, &p999);
  qsort(longest, upgrades, sizeof longest[0], by_size);
  printf("pause %u %u %u %.3f %.1f %.1f %.1f %.0f %.1f %.1f\n", n_workers, n_tokens, upgrades, median, longest[0], longest[upgrades / 2],
         longest[upgrades - 1], used / upgrades, p50, p999);
  kill(broker, SIGTERM);
  waitpid(broker, NULL, 0);
  return 0;
}
