/* SPDX-License-Identifier: MIT
 *
 * make soak: usage soak MINUTES CSV SVG [SEED], or soak --report CSV SVG.
 *
 * The first runs so long, writes what it measures to CSV while it goes on, draws SVG, and judges:
 * one line for each figure, and last "N passed, N failed". The second judges and draws what an
 * earlier run has written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/clock.h"
#include "proto/sanitizer.h"
#include "tests/soak/draw.h"
#include "tests/soak/judge.h"
#include "tests/soak/soak.h"
#include "tests/unit/random.h"

enum { ROUNDS_LEAST = 6 };
#define ROUND_MOST 60.0
#define SAMPLE_MOST 5.0

/* Limits that honest traffic keeps and attackers meet. */
static const char *const limits[] = {
    "--max-message", "4M", "--max-memory", "64M", "--max-requests", "5000", "--max-waits", "2000",
    "--max-exported", "50000", "--max-connections", "500", "--message-time", "2", "--read-time",
    "2", "--load-min", "50"};

static void on_failure(void *user, const char *text) {
  upsets_clean_up(user);
  printf("FAIL %s\n0 passed, 1 failed\n", text);
  exit(EXIT_FAILURE);
}

static bool fail(const char *path) {
  fprintf(stderr, "soak: %s: %s\n", path, strerror(errno));
  return false;
}

/* ---- A run ---- */

/* Traffic for so many seconds, then a rest. */
static void run_round(struct soak *s, struct rows *r, FILE *csv, double began, double seconds) {
  double ends = clock_seconds() + seconds, every = seconds / 5;
  if (every > SAMPLE_MOST) every = SAMPLE_MOST;
  double due = clock_seconds() + every;
  free(residents_tell(s, "go"));
  upsets_begin(s);
  for (double now; (now = clock_seconds()) < ends;) {
    upsets_turn(s, now);
    if (now >= due) {
      sample_take(s, r, now - began, false);
      rows_write_last(r, csv);
      due = clock_seconds() + every;
    }
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  upsets_end(s);
  free(residents_tell(s, "rest"));
  free(residents_tell(s, "forget"));
  sample_take(s, r, clock_seconds() - began, true);
  rows_write_last(r, csv);
}

static void run(struct soak *s, struct rows *r, FILE *csv, double minutes) {
  double seconds = minutes * 60 / ROUNDS_LEAST;
  if (seconds > ROUND_MOST) seconds = ROUND_MOST;
  residents_start(s);
  double began = clock_seconds();
  for (int n = 0; n < ROUNDS_LEAST || clock_seconds() - began < minutes * 60 - 1; n++) {
    run_round(s, r, csv, began, seconds);
    printf("soak: %4.0f s, %u killed, %u left, %u attacks, %u reloads, %u looks\n",
           clock_seconds() - began, s->counts.killed, s->counts.left, s->counts.attacks,
           s->counts.reloads, s->counts.looks);
    fflush(stdout);
  }
  residents_stop(s);
  bed_close(s->bed);
  s->bed = NULL;
}

/* All that are started count their memory. */
static void preload(void) {
  char path[4096];
  const char *build = getenv("GAIJIN_BUILD");
  snprintf(path, sizeof path, "%s/tests/in_use.so", build ? build : GAIJIN_BUILD_DIR);
  if (!WITH_ASAN) setenv("LD_PRELOAD", path, 1);
}

static bool open_bed(struct soak *s) {
  const char *flags[ARRAY_SIZE(limits) + 3] = {"--policy", s->policy};
  struct bed_options options = {.title = "soak", .broker_flags = flags, .on_failure = on_failure,
                                .user = s};
  if (!upsets_prepare(s)) return false;
  memcpy(flags + 2, limits, sizeof limits);
  preload();
  s->bed = bed_open(&options);
  return true;
}

static bool soak(struct rows *r, const char *csv_path, double minutes, uint64_t seed) {
  struct soak s = {.random = seed};
  FILE *csv = fopen(csv_path, "we"); /* before the bed, which counts what is opened after it */
  if (!csv) return fail(csv_path);
  if (!open_bed(&s)) {
    fclose(csv);
    return fail(s.policy_dir);
  }
  sample_columns(r);
  rows_write_names(r, csv);
  run(&s, r, csv, minutes);
  upsets_clean_up(&s);
  fclose(csv);
  printf("soak: attackers sent %llu messages; %u looks were cut off\n", s.counts.sent,
         s.counts.looks_cut);
  if (s.counts.unexpected) printf("FAIL %u errors that no worker expected\n", s.counts.unexpected);
  return s.counts.unexpected == 0;
}

/* ---- The report ---- */

static int report(const struct rows *r, const char *svg, bool ran) {
  unsigned passed = ran, failed = !ran;
  if (WITH_ASAN) puts("soak: AddressSanitizer keeps what is freed: no figures are judged");
  if (!WITH_ASAN) judge_rows(r, stdout, &passed, &failed);
  if (!draw_rows(r, svg)) {
    fail(svg);
    failed++;
  }
  printf("%u passed, %u failed\n", passed, failed);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int report_again(const char *csv, const char *svg) {
  struct rows r;
  char text[256];
  const char *fault = rows_read(&r, csv, text, sizeof text);
  if (fault) fprintf(stderr, "soak: %s\n", fault);
  int status = fault ? EXIT_FAILURE : report(&r, svg, true);
  rows_deinit(&r);
  return status;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "--report") == 0) return report_again(argv[2], argv[3]);
  double minutes = argc > 1 ? strtod(argv[1], NULL) : 0;
  if (argc < 4 || argc > 5 || !(minutes > 0)) {
    fputs("usage: soak MINUTES CSV SVG [SEED]\n       soak --report CSV SVG\n", stderr);
    return 2;
  }
  uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : random_seed("soak") % 1000000;
  struct rows r = {.columns = 0};
  printf("soak: %g minutes, SEED=%llu\n", minutes, (unsigned long long)seed);
  fflush(stdout);
  bool ran = soak(&r, argv[2], minutes, seed);
  int status = report(&r, argv[3], ran);
  rows_deinit(&r);
  return status;
}
