/* SPDX-License-Identifier: MIT
 *
 * stress [--seed N] [--steps N] [--workers N] [--load-min N] [--max-message BYTES] [--no-kill] [--kills N] [--cycles] [--stock] [--shrink SECONDS] [--script worker.lua]
 *
 * Drives real workers with random steps and compares them with the true graph of references. The seed also
 * chooses the broker's limits, unless they are given, and how often workers die and all is compared. With --kills the broker is killed and started again in
 * one of N batches (outage.h); a seed gives the same steps only until then. With --stock two workers are lua5.1 and luajit. Ends with "1 passed, 0 failed", or with what differs and
 * the steps that show it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/limits.h"
#include "tests/stress/shrink.h"
#include "tests/unit/random.h"

/* Steps shown when no shorter list failed. */
enum { TAIL = 300 };

struct arguments {
  struct settings settings;
  double shrink_seconds;
  bool bad;
};

static const struct option flags[] = {
    {"seed", required_argument, NULL, 's'},        {"steps", required_argument, NULL, 'n'},  {"workers", required_argument, NULL, 'w'},
    {"load-min", required_argument, NULL, 'l'},    {"no-kill", no_argument, NULL, 'k'},      {"kills", required_argument, NULL, 'o'},
    {"shrink", required_argument, NULL, 'h'},      {"cycles", no_argument, NULL, 'c'},     {"stock", no_argument, NULL, 't'},
    {"max-message", required_argument, NULL, 'm'}, {"script", required_argument, NULL, 'f'}, {0},
};

static void parse(struct arguments *a, int argc, char **argv) {
  struct settings *s = &a->settings;
  bool seeded = false, no_kill = false;
  *a = (struct arguments){.settings = {.steps = 100000, .workers = 6, .script = "tests/stress/worker.lua"}, .shrink_seconds = 60};
  unsigned load_min = 0, max_message = 0;
  for (int flag; (flag = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
    switch (flag) {
      case 's': s->seed = strtoull(optarg, NULL, 10), seeded = true; break;
      case 'n': s->steps = (uint32_t)strtoul(optarg, NULL, 10); break;
      case 'w': s->workers = (unsigned)strtoul(optarg, NULL, 10); break;
      case 'l': load_min = (unsigned)strtoul(optarg, NULL, 10); break;
      case 'm': max_message = (unsigned)strtoul(optarg, NULL, 10); break;
      case 'c': s->cycles = true; break;
      case 't': s->stock = true; break;
      case 'k': no_kill = true; break;
      case 'o': s->outage_every = (unsigned)strtoul(optarg, NULL, 10); break;
      case 'h': a->shrink_seconds = strtod(optarg, NULL); break;
      case 'f': s->script = optarg; break;
      default: a->bad = true;
    }
  }
  if (optind < argc || s->workers < 3 || s->workers > WORKERS_MOST) a->bad = true;
  if (!seeded) s->seed = random_seed("stress") % 1000000;
  static const unsigned loads[] = {5, 20, 100};
  uint64_t choice = mix64(s->seed + 1);
  s->load_min = load_min ? load_min : loads[choice % 3];
  s->max_message = max_message ? max_message : (choice >> 8) % 3 == 0 ? MAX_MESSAGE_LEAST : MAX_MESSAGE_DEFAULT;
  s->batch_steps = (choice >> 16) % 3 == 0 ? 30 : 150;
  s->audit_every = (choice >> 24) % 3 == 0 ? 4 : 25;
  s->kill_every = no_kill ? 0 : (choice >> 32) % 3 == 0 ? 8 : 40;
}

static void report_failure(const struct arguments *a, const struct steps *made, const struct outcome *o) {
  const struct settings *s = &a->settings;
  printf("stress: seed %llu, step %u: %s\n", (unsigned long long)s->seed, o->done, o->text);
  printf("stress: looking for the shortest tail that shows it, at most %.0f s\n", a->shrink_seconds);
  if (s->outage_every)
    printf("stress: the broker was killed: where that meets the steps is up to chance, so the same ones may well not show it again\n");
  bool reproduced;
  size_t from = shrink(s, made, a->shrink_seconds, &reproduced), shown = from;
  if (reproduced) {
    printf("stress: these %zu steps by themselves showed it\n", made->count - from);
  } else {
    shown = made->count > TAIL ? made->count - TAIL : 0;
    printf("stress: it did not show again without its beginning; the last steps were\n");
  }
  run_print(s, made, from, shown, o->can_post, stdout);
  printf("stress: again with: make stress SEED=%llu STEPS=%u", (unsigned long long)s->seed, s->steps);
  if (s->outage_every || s->cycles || s->stock)
    printf(" FLAGS=\"--kills %u%s%s\"", s->outage_every, s->cycles ? " --cycles" : "", s->stock ? " --stock" : "");
  printf("\n");
}

int main(int argc, char **argv) {
  struct arguments a;
  parse(&a, argc, argv);
  if (a.bad) {
    fprintf(stderr, "usage: stress [--seed N] [--steps N] [--workers 3..8] [--load-min N] [--max-message BYTES] [--no-kill]\n"
                    "              [--kills BATCHES] [--cycles] [--stock] [--shrink SECONDS] [--script PATH]\n");
    return 2;
  }
  const struct settings *s = &a.settings;
  struct steps made = {.count = 0};
  struct outcome outcome;
  printf("stress: seed %llu, %u steps, %u workers, --load-min %u, --max-message %u, up to %u steps at once, a death in %u such batches\n",
         (unsigned long long)s->seed, s->steps, s->workers, s->load_min, s->max_message, s->batch_steps, s->kill_every);
  fflush(stdout);
  run_seed(s, &made, &outcome, isatty(STDERR_FILENO) ? stderr : NULL);
  if (outcome.failed) {
    report_failure(&a, &made, &outcome);
  } else {
    printf("stress: %u steps in %.1f s (%.0f per second), %u audits, %u workers killed, the broker %u times%s\n", outcome.done, outcome.seconds,
           outcome.done / outcome.seconds, outcome.audits, outcome.kills, outcome.broker_kills, outcome.can_post ? "" : ", without gaijin.post");
    if (outcome.is_cut_short) printf("stress: it ended there: %s\n", outcome.text);
  }
  free(made.list);
  printf("%d passed, %d failed\n", !outcome.failed, outcome.failed);
  return outcome.failed ? 1 : 0;
}
