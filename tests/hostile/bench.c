/* SPDX-License-Identifier: MIT
 *
 * make hostile-bench: usage hostile [SECONDS [CASE [SENT]]]. Each attack, one after the other, all
 * processes of one on one processor, the first of GAIJIN_BENCH_CPUS. First the victim is alone, then
 * beside as many busy loops as there are attackers, then it is attacked: the last two are compared.
 * SENT: so much is sent by the attackers, at least; 10,000,000 guesses take two minutes or more.
 * The status is 1 if the victim's p99 under an attack was more than three times that beside busy
 * loops, or a bound was broken.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "tests/hostile/case.h"
#include "tests/unit/run.h"

#define RATIO_MOST 3.0

static void on_failure(void *user, const char *text) {
  (void)user;
  fprintf(stderr, "hostile-bench: %s\n", text);
  exit(EXIT_FAILURE);
}

static void take_one_processor(void) {
  const char *text = getenv("GAIJIN_BENCH_CPUS");
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)(text ? atoi(text) : 0), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) perror("sched_setaffinity");
}

static bool run(const struct hostile_case *c, double seconds, uint64_t sent) {
  struct hostile_effort e = {
      .seconds = seconds, .calls = 300, .sent = sent, .beside = true, .on_failure = on_failure};
  struct outcome o;
  char text[256];
  hostile_run(c, &e, &o);
  double ratio = o.attacked.took.p99 / o.beside.took.p99;
  printf("%-16s %8.3f %8.3f %8.2f %8.2f %8.2f %6.2f %7.2f %7.2f %6.0f %6.0f %6.1f %9llu  %-5s  "
         "%s; before: %s\n",
         c->name, o.quiet.took.p50, o.quiet.took.p99, o.beside.took.p99, o.attacked.took.p50,
         o.attacked.took.p99, ratio, o.attacked.broker.p99, o.attacked.worker.p99, o.broker_mb,
         o.worker_mb, o.lines / o.seconds, (unsigned long long)o.sent,
         c->named ? (o.is_named ? "yes" : "NO") : "-", c->text, c->before);
  fflush(stdout);
  const char *fault = hostile_judge(c, &o, text, sizeof text);
  if (fault) printf("  %s\n", fault);
  if (ratio > RATIO_MOST)
    printf("  %s: p99 %.1f times that beside %u busy processes\n", c->name, ratio, c->attackers);
  return !fault && ratio <= RATIO_MOST;
}

int main(int argc, char **argv) {
  static const struct hostile_case *const tables[] = {
      hostile_on_turns, hostile_on_memory, hostile_on_log, hostile_on_worker, hostile_on_tokens,
      hostile_on_limits, hostile_on_observers, hostile_on_rings, hostile_on_names};
  double seconds = argc > 1 ? atof(argv[1]) : 3;
  uint64_t sent = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
  bool ok = true;
  if (argc > 4 || seconds <= 0) {
    fputs("usage: hostile [SECONDS [CASE [SENT]]]\n", stderr);
    return 2;
  }
  take_one_processor();
  puts("Calls of a victim, all on one processor. Times in ms; beside: among as many busy processes as "
       "attackers,\nwhich attack nobody; broker, worker: their processor time in 99 of 100 calls.\n");
  printf("%-16s %8s %8s %8s %8s %8s %6s %7s %7s %6s %6s %6s %9s  named\n", "attack", "quiet50",
         "quiet99", "beside99", "p50", "p99", "times", "broker", "worker", "MB", "MB", "log/s",
         "sent");
  for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
    for (const struct hostile_case *c = tables[i]; c->name; c++) {
      if (argc < 3 || strcmp(argv[2], c->name) == 0) ok = run(c, seconds, sent) && ok;
    }
  }
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
