/* SPDX-License-Identifier: MIT
 *
 * See judge.h. A column is judged by the first rule that has its name, or the last part of it.
 */
#include "tests/soak/judge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"

enum kind {
  FLAT,   /* rises by no more than is tolerated */
  SAME,   /* at rest: exactly what it was */
  NONE,   /* at rest: 0 */
  ALWAYS, /* never 0 */
};

/* What is tolerated of FLAT: so many per cent of the middle third, or so many units if that is
 * more; at rest, and in traffic, where a row shows what happened to be under way.
 *
 * What a process has of the system is as large as what it once needed in pieces; that is bounded by
 * limits, and says little of leaks. What is allocated and not freed says all: the broker's tables
 * may double once in the last third; a worker keeps two buffers of 256 KiB at most. */
static const struct rule {
  const char *what;
  enum kind kind;
  double percent, units, traffic_percent, traffic_units;
} rules[] = {
    {"rss_kib", FLAT, 25, 8192, 25, 8192},
    {"anon_kib", FLAT, 25, 8192, 25, 8192},
    {"broker.in_use_kib", FLAT, 0, 32, 25, 4096},
    {"in_use_kib", FLAT, 0, 640, 25, 1024},
    {"heap_kib", FLAT, 0, 48, 25, 256},
    {"memory_kib", FLAT, 0, 4, 25, 1024},
    {"descriptors", SAME, 0, 0, 0, 0},
    {"connections", SAME, 0, 0, 0, 0},
    {"names", SAME, 0, 0, 0, 0},
    {"fibers", SAME, 0, 0, 0, 0},
    {"requests", NONE, 0, 0, 0, 0},
    {"waits", NONE, 0, 0, 0, 0},
    {"tokens", NONE, 0, 0, 0, 0},
    {"loads", NONE, 0, 0, 0, 0},
    {"calls", ALWAYS, 0, 0, 0, 0},
};

struct judging {
  const struct rows *rows;
  FILE *out;
  unsigned passed, failed;
  double *some; /* room for a column */
};

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The cells of a column in the third `third` (0, 1, 2) of the run, sorted, in j->some. */
static size_t collect(struct judging *j, size_t column, unsigned third, bool rest) {
  const struct rows *r = j->rows;
  double all = rows_get(r, r->n - 1, COLUMN_TIME);
  size_t n = 0;
  for (size_t i = 0; i < r->n; i++) {
    double time = rows_get(r, i, COLUMN_TIME) * 3;
    if ((rows_get(r, i, COLUMN_REST) != 0) != rest) continue;
    if (time > third * all && time <= (third + 1) * all) j->some[n++] = rows_get(r, i, column);
  }
  qsort(j->some, n, sizeof *j->some, compare);
  return n;
}

/* What stands for a third. At rest the least: a heap gives back what was freed late and in large
 * pieces, so noise is above what is in use, never below. */
static double representative(const double *sorted, size_t n, bool rest) {
  if (n == 0) return 0;
  if (rest) return sorted[0];
  return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void count(struct judging *j, bool ok, size_t column, const char *text) {
  fprintf(j->out, "  %-4s  %-24s  %s\n", ok ? "ok" : "FAIL", j->rows->names[column], text);
  if (ok) {
    j->passed++;
  } else {
    j->failed++;
  }
}

static void judge_rise(struct judging *j, size_t column, bool rest, double percent, double units) {
  char text[160];
  size_t n = collect(j, column, 1, rest);
  double middle = representative(j->some, n, rest);
  size_t n_last = collect(j, column, 2, rest);
  double last = representative(j->some, n_last, rest);
  double most = middle * percent / 100 > units ? middle * percent / 100 : units;
  snprintf(text, sizeof text, "%-10s %10.0f, then %10.0f: %+.0f of at most %+.0f",
           rest ? "at rest" : "in traffic", middle, last, last - middle, most);
  if (!n || !n_last)
    snprintf(text, sizeof text, "too few rows %s", rest ? "at rest" : "in traffic");
  count(j, n && n_last && last - middle <= most, column, text);
}

/* From the middle third on. */
static void judge_exactly(struct judging *j, size_t column, bool none) {
  const struct rows *r = j->rows;
  char text[160];
  double least = 0, most = 0, all = r->n ? rows_get(r, r->n - 1, COLUMN_TIME) : 0;
  size_t n = 0;
  for (size_t i = 0; i < r->n; i++) {
    double cell = rows_get(r, i, column);
    if (rows_get(r, i, COLUMN_REST) == 0 || 3 * rows_get(r, i, COLUMN_TIME) <= all) continue;
    if (n == 0 || cell < least) least = cell;
    if (n++ == 0 || cell > most) most = cell;
  }
  snprintf(text, sizeof text, "at rest    %10.0f to %10.0f, must be %s", least, most,
           none ? "0" : "the same");
  if (!n) snprintf(text, sizeof text, "too few rows at rest");
  count(j, n > 0 && most == (none ? 0 : least), column, text);
}

static void judge_always(struct judging *j, size_t column) {
  const struct rows *r = j->rows;
  char text[160];
  double least = r->n ? rows_get(r, 0, column) : 0;
  for (size_t i = 0; i < r->n; i++)
    if (rows_get(r, i, column) < least) least = rows_get(r, i, column);
  snprintf(text, sizeof text, "at least   %10.0f, must not be 0", least);
  count(j, least > 0, column, text);
}

static const struct rule *rule_of(const char *name) {
  const char *dot = strchr(name, '.');
  for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
    if (strcmp(name, rules[i].what) == 0) return &rules[i];
    if (dot && strcmp(dot + 1, rules[i].what) == 0) return &rules[i];
  }
  return NULL;
}

static void judge_column(struct judging *j, size_t column) {
  const struct rule *rule = rule_of(j->rows->names[column]);
  if (!rule) return;
  switch (rule->kind) {
    case FLAT:
      judge_rise(j, column, true, rule->percent, rule->units);
      judge_rise(j, column, false, rule->traffic_percent, rule->traffic_units);
      break;
    case SAME: judge_exactly(j, column, false); break;
    case NONE: judge_exactly(j, column, true); break;
    case ALWAYS: judge_always(j, column); break;
  }
}

void judge_rows(const struct rows *r, FILE *out, unsigned *passed, unsigned *failed) {
  struct judging j = {.rows = r, .out = out};
  j.some = malloc((r->n + 1) * sizeof *j.some);
  if (!j.some) abort();
  if (r->n == 0) {
    fprintf(out, "  FAIL  there is not a single row\n");
    j.failed++;
  }
  for (size_t i = COLUMNS_FIXED; r->n > 0 && i < r->columns; i++) judge_column(&j, i);
  free(j.some);
  *passed += j.passed;
  *failed += j.failed;
}
