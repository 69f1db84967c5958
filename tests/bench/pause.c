/* SPDX-License-Identifier: MIT
 *
 * How long an upgrade of the broker has a call wait: many workers are connected, each holds objects of its neighbour's, and
 * calls go from one client to another, one after the other. The longest call of each upgrade spans the pause.
 *
 * usage: pause BROKER-PROGRAM DIRECTORY WORKERS TOKENS UPGRADES
 * TOKENS: of each worker. Prints `pause WORKERS TOKENS UPGRADES CALL LEAST MEDIAN MOST USED P999`: a call without an upgrade
 * (median), the longest calls, the processor time of the broker for each upgrade, and what 99.9 % of the calls during the 3 s
 * around an upgrade took at most, all in milliseconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/clock.h"
#include "proto/hello.h"
#include "proto/limits.h"
#include "tests/hostile/raw.h"

enum { BATCH = 1000, EACH_MS = 3000, UPGRADES_MOST = 100 };

static struct raw *workers;
static uint32_t n_workers, n_tokens;
static char path[100];

static _Noreturn void die(const char *what) {
  fprintf(stderr, "pause: %s: %s\n", what, strerror(errno));
  exit(1);
}

static pid_t start(const char *program) {
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    execl(program, program, "-s", path, "--max-memory", "2G", "--max-exported", "4000000", "--max-held", "4000000",
          "--max-connections", "20000", "--max-names", "20000", "--load-min", "100000000", NULL);
    die(program);
  }
  return pid;
}

static void join(struct raw *r, const char *name) {
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .name = name, .name_size = (uint32_t)strlen(name)};
  struct hello_reply reply;
  while (!raw_connect(r, path)) usleep(1000);
  hello_put_request(raw_begin(r, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(0)), &h, 0);
  raw_end(r);
  r->last_id = 1;
  if (raw_next(r, 60000) != 1 || r->m.kind != MESSAGE_REPLY || hello_read_reply(&r->m, &reply)) die("hello");
  r->host = reply.host;
}

/* The next message that is no introduction. */
static void next(struct raw *r) {
  do
    if (raw_next(r, 60000) != 1) die("a connection has ended, or nothing comes");
  while (r->m.op == OP_peer);
}

/* `asker` asks `host` for a label, and is answered with so many tokens from `first` on. */
static void hand_over(struct raw *asker, struct raw *host, const char *name, uint64_t first, uint32_t n) {
  pack_text(raw_ask(asker, OP_s2t, name, NULL, 0, 1), "x");
  raw_end(asker);
  if (!raw_push(asker, 0)) die("asking");
  next(host);
  uint64_t id = host->m.id;
  raw_begin(host, MESSAGE_REPLY, OP_s2t, id, n);
  for (uint32_t i = 0; i < n; i++) {
    struct pt pt = raw_token(host, first + i);
    pack_pt(&host->p, &pt);
  }
  raw_end(host);
  while (host->out.size)
    if (!raw_push(host, 0)) die("answering");
  next(asker);
  if (asker->m.kind != MESSAGE_REPLY) die("no tokens came");
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
  if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) die("stat");
  return (double)(user + system) * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

/* Calls for a while after the signal, with little pauses: the longest of them, ms; *median of all, and what all but one of a
 * thousand took at most; adds what the broker has used of the processor meanwhile to *used. */
static double measure(struct raw *asker, struct raw *host, pid_t broker, double *median, double *most, double *used) {
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
  double p999 = took[n - 1 - n / 1000];
  if (p999 > *most) *most = p999;
  return longest;
}

int main(int argc, char **argv) {
  struct rlimit files;
  struct raw asker, host;
  double longest[UPGRADES_MOST], median = 0, p999 = 0, used = 0;
  if (argc != 6) {
    fputs("usage: pause BROKER-PROGRAM DIRECTORY WORKERS TOKENS UPGRADES\n", stderr);
    return 2;
  }
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  snprintf(path, sizeof path, "%s/pause", argv[2]);
  n_workers = (uint32_t)strtoul(argv[3], NULL, 10);
  n_tokens = (uint32_t)strtoul(argv[4], NULL, 10);
  unsigned upgrades = (unsigned)strtoul(argv[5], NULL, 10);
  workers = calloc(n_workers, sizeof *workers);
  if (!workers || !upgrades || upgrades > UPGRADES_MOST) die("memory");
  pid_t broker = start(argv[1]);
  fill();
  join(&asker, "asker");
  join(&host, "host");
  for (unsigned i = 0; i < upgrades; i++) longest[i] = measure(&asker, &host, broker, &median, &p999, &used);
  qsort(longest, upgrades, sizeof longest[0], by_size);
  printf("pause %u %u %u %.3f %.1f %.1f %.1f %.0f %.1f\n", n_workers, n_tokens, upgrades, median, longest[0], longest[upgrades / 2],
         longest[upgrades - 1], used / upgrades, p999);
  kill(broker, SIGTERM);
  waitpid(broker, NULL, 0);
  return 0;
}
