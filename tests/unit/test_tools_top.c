/* SPDX-License-Identifier: MIT
 *
 * What gaijinctl top makes of what it reads, without a terminal (tools/top/model): differences of counters (counters.h), tables that
 * are moved about in (grid.h, scroll.h), the first of many objects (tokens.h), processes (process.h), widths.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/base.h"
#include "tests/unit/run.h"
#include "tools/top/model/counters.h"
#include "tools/top/model/number.h"
#include "tools/top/model/sample.h"
#include "tools/top/model/scroll.h"
#include "tools/top/model/tokens.h"
#include "tools/top/model/width.h"

/* ---- Counters ---- */

static void count(struct histogram *h, uint64_t us, unsigned times) {
  while (times--) histogram_add(h, histogram_bucket(us * 1000), us * 1000);
}

START_TEST(counters_that_begin_anew_have_counted_since) {
  ck_assert_uint_eq(counter_since(7, 5), 2);
  ck_assert_uint_eq(counter_since(5, 5), 0);
  ck_assert_uint_eq(counter_since(3, 5), 3);
  ck_assert_uint_eq(counter_since(UINT64_MAX, 0), UINT64_MAX);
}
END_TEST

START_TEST(seconds_are_those_since_the_counters_began) {
  struct counters_span s = {.began_before = 100, .began_now = 102, .passed = 2};
  ck_assert(!counters_began(&s));
  ck_assert_double_eq(counters_seconds(&s), 2);
  s.began_now = 101; /* whole seconds are told */
  ck_assert(!counters_began(&s));
  s = (struct counters_span){.began_before = 100, .began_now = 3, .passed = 10};
  ck_assert(counters_began(&s));
  ck_assert_double_eq(counters_seconds(&s), 3);
  s.began_now = 0;
  ck_assert_double_gt(counters_seconds(&s), 0);
}
END_TEST

START_TEST(percentiles_of_what_came_since) {
  struct histogram before = {0}, now, since;
  count(&before, 10, 1000);
  now = before;
  count(&now, 5000, 100);
  histogram_since(&since, &now, &before);
  ck_assert_uint_eq(histogram_count(&since), 100);
  ck_assert_double_gt(histogram_quantile(&since, 0.5), 3e6);
  ck_assert_double_lt(histogram_quantile(&now, 0.5), 1e5);
  histogram_since(&since, &now, &now);
  ck_assert_uint_eq(histogram_count(&since), 0);
  histogram_since(&since, &now, NULL);
  ck_assert_uint_eq(histogram_count(&since), 1100);
}
END_TEST

START_TEST(percentiles_when_counting_began_anew) {
  struct histogram before = {0}, now = {0}, since;
  count(&before, 10, 1000);
  count(&now, 5000, 10);
  histogram_since(&since, &now, &before);
  ck_assert_uint_eq(histogram_count(&since), 10);
  /* The sum is larger by now, but a bucket is not. */
  count(&now, 5000, 100000);
  histogram_since(&since, &now, &before);
  ck_assert_uint_eq(histogram_count(&since), 100010);
}
END_TEST

/* ---- Samples ---- */

static struct sample now, before;
static struct grid g;

static void start(void) { width_begin(); }
static void finish(void) {
  sample_deinit(&now);
  sample_deinit(&before);
  grid_deinit(&g);
}

static void add_worker(struct sample *s, const char *name, uint64_t host) {
  s->workers = realloc(s->workers, (s->n_workers + 1) * sizeof *s->workers);
  s->workers[s->n_workers++] = (struct worker){
      .name = tool_copy(name, strlen(name)), .host = host, .ready = true, .answering = true, .uptime = 60};
}
static void add_pair(struct sample *s, const char *asker, const char *host, uint64_t requests, uint64_t us) {
  struct stats *t = &s->stats;
  t->pairs = realloc(t->pairs, (t->n_pairs + 1) * sizeof *t->pairs);
  struct stats_pair *p = &t->pairs[t->n_pairs++];
  *p = (struct stats_pair){.asker = asker ? tool_copy(asker, strlen(asker)) : NULL,
                           .host = host ? tool_copy(host, strlen(host)) : NULL,
                           .requests = requests};
  count(&p->took, us, (unsigned)requests);
}
static void at(struct sample *s, double seconds, double counted) {
  s->at = seconds;
  s->stats.sums.seconds = counted;
  sample_sort(s);
}

static size_t place(const char *column) {
  for (size_t i = 0; i < g.n_columns; i++)
    if (strcmp(g.columns[i].name, column) == 0) return i;
  ck_abort_msg("no column %s", column);
}
static const char *cell(size_t row, const char *column) {
  return g.bytes.bytes + grid_cell(&g, row, place(column))->at;
}
static double number(size_t row, const char *column) { return grid_cell(&g, row, place(column))->number; }

START_TEST(rates_are_of_the_interval) {
  add_worker(&before, "till", 2);
  add_worker(&before, "shop", 1);
  add_pair(&before, "till", "shop", 1000, 10);
  at(&before, 50, 1000);
  add_worker(&now, "shop", 1);
  add_worker(&now, "till", 2);
  add_pair(&now, "till", "shop", 1020, 10);
  add_pair(&now, "@", "shop", 500, 10); /* observers are no part of the system */
  add_pair(&now, NULL, NULL, 7, 10);
  at(&now, 52, 1002);
  sample_workers(&g, &now, &before);
  ck_assert_uint_eq(g.n_rows, 2);
  ck_assert_str_eq(cell(0, "worker"), "shop");
  ck_assert_double_eq(number(0, "req_s"), 10);
  ck_assert_double_eq(number(0, "asks_s"), 0);
  ck_assert_double_eq(number(1, "asks_s"), 10);
  ck_assert_str_eq(cell(1, "p99"), "-");
  ck_assert_str_ne(cell(0, "p99"), "-");
  ck_assert_str_eq(cell(0, "memory"), "-");
}
END_TEST

START_TEST(rates_after_a_restart_are_of_its_time) {
  add_worker(&before, "shop", 1);
  add_pair(&before, "till", "shop", 100000, 10);
  at(&before, 50, 1000);
  add_worker(&now, "shop", 1);
  add_pair(&now, "till", "shop", 30, 3000);
  at(&now, 60, 3);
  sample_workers(&g, &now, &before);
  ck_assert_double_eq(number(0, "req_s"), 10);
  ck_assert_double_gt(number(0, "p50"), 2000);
}
END_TEST

START_TEST(without_a_sample_before_no_rate_is_known) {
  add_worker(&now, "shop", 1);
  add_pair(&now, "till", "shop", 30, 3000);
  at(&now, 60, 1000);
  sample_workers(&g, &now, NULL);
  ck_assert_str_eq(cell(0, "req_s"), "-");
  ck_assert_str_eq(cell(0, "p99"), "-");
  sample_operations(&g, &now, NULL, true);
  ck_assert_str_eq(cell(0, "operation"), "till -> shop");
  ck_assert_str_ne(cell(0, "p99"), "-");
  sample_operations(&g, &now, NULL, false);
  ck_assert_str_eq(cell(0, "p99"), "-");
}
END_TEST

START_TEST(two_of_a_name_are_two) {
  add_worker(&now, "shop", 9);
  add_worker(&now, "shop", 3);
  at(&now, 60, 1000);
  ck_assert_uint_eq(sample_find(&now, "shop", 9)->host, 9);
  ck_assert_uint_eq(sample_find(&now, "shop", 0)->host, 3);
  ck_assert_ptr_null(sample_find(&now, "shop", 4));
  ck_assert_ptr_null(sample_find(&now, "shop1", 0));
}
END_TEST

/* ---- Tables ---- */

static const struct column columns[] = {{.name = "worker", .importance = 1, .flows = true}, {.name = "n", .importance = 2}};

static void put(const char *name, double n) {
  grid_row(&g, (struct grid_key){grid_hash(name), 0}, GRID_PLAIN);
  grid_text(&g, name, strlen(name));
  if (n < 0)
    grid_nil(&g);
  else
    grid_number(&g, n, number_count);
}
static void fill(void) {
  grid_begin(&g, columns, ARRAY_SIZE(columns));
  put("w10", 5);
  put("w2", -1);
  put("Shop", 7);
  put("w1", 5);
}
static void expect(const char *shown) {
  char text[256] = "";
  for (size_t i = 0; i < g.shown; i++)
    snprintf(text + strlen(text), 32, "%s ", g.bytes.bytes + grid_cell(&g, g.order[i], 0)->at);
  ck_assert_str_eq(text, shown);
}

START_TEST(rows_are_sorted_and_filtered) {
  fill();
  grid_arrange(&g, 0, false, NULL);
  expect("Shop w1 w2 w10 ");
  grid_arrange(&g, 1, true, "");
  expect("Shop w1 w10 w2 "); /* what has no value comes last, whichever way */
  grid_arrange(&g, 1, false, NULL);
  expect("w1 w10 Shop w2 ");
  grid_arrange(&g, 0, false, "SHO");
  expect("Shop ");
  grid_arrange(&g, 0, false, "5"); /* numbers are no text */
  expect("");
}
END_TEST

START_TEST(names_of_strangers_are_made_safe) {
  grid_begin(&g, columns, ARRAY_SIZE(columns));
  put("a\33[31m\nb\xff", 1);
  ck_assert_str_eq(g.bytes.bytes, "a\\x1b[31m\\x0ab\\xff");
}
END_TEST

START_TEST(the_chosen_row_stays_chosen) {
  struct scroll s = {0};
  fill();
  grid_arrange(&g, 0, false, NULL);
  scroll_follow(&s, &g);
  ck_assert_uint_eq(s.at, 0);
  grid_arrange(&g, 0, true, NULL); /* nothing was chosen by a key */
  scroll_follow(&s, &g);
  ck_assert_uint_eq(s.at, 0);
  scroll_move(&s, g.shown, 1);
  scroll_note(&s, &g); /* w2 */
  grid_arrange(&g, 1, false, NULL);
  scroll_follow(&s, &g);
  ck_assert_uint_eq(s.at, 3);
  grid_begin(&g, columns, ARRAY_SIZE(columns));
  put("w1", 5);
  grid_arrange(&g, 0, false, NULL);
  scroll_follow(&s, &g); /* it has gone: the last in its place */
  ck_assert_uint_eq(s.at, 0);
  ck_assert_uint_eq(s.key.a, grid_hash("w1"));
  grid_begin(&g, columns, ARRAY_SIZE(columns));
  grid_arrange(&g, 0, false, NULL);
  scroll_follow(&s, &g);
  ck_assert_ptr_null(scroll_row(&s, &g));
}
END_TEST

START_TEST(the_chosen_line_is_on_the_screen) {
  struct scroll s = {0};
  for (unsigned step = 0, random = 1; step < 20000; step++) {
    random = random * 1103515245 + 12345;
    size_t count_of = (random >> 8) % 50, height = (random >> 16) % 12;
    scroll_move(&s, count_of, (long)(random >> 4) % 120 - 60);
    scroll_show(&s, count_of, height);
    if (height == 0) height = 1;
    ck_assert_uint_le(s.at, count_of ? count_of - 1 : 0);
    ck_assert(s.at >= s.top && s.at < s.top + height);
    ck_assert(s.top == 0 || s.top + height <= count_of);
  }
  scroll_move(&s, 50, INT32_MAX);
  ck_assert_uint_eq(s.at, 49);
  scroll_move(&s, 50, INT32_MIN);
  ck_assert_uint_eq(s.at, 0);
}
END_TEST

/* ---- Objects ---- */

static struct token token(uint64_t id, double age) {
  struct token one = {.host = tool_copy("shop", 4), .id = id, .kind = "table", .age = age, .n_holders = id % 7};
  one.holders = tool_copy(id % 2 ? "till-1" : "till-2", 6);
  return one;
}

START_TEST(of_a_million_the_first_are_kept) {
  enum { MANY = 200003, STEP = 77777 }; /* MANY is a prime: each id once */
  for (int way = 0; way < 2; way++) {
    struct tokens t = {.by = TOKENS_AGE, .downwards = way == 1};
    for (uint64_t i = 1; i < MANY; i++) {
      uint64_t id = i * STEP % MANY;
      struct token one = token(id, (double)id);
      tokens_put(&t, &one);
      if (i % 50000 == 0) tokens_end(&t); /* looked at meanwhile */
    }
    tokens_end(&t);
    ck_assert_uint_eq(t.seen, MANY - 1);
    ck_assert_uint_eq(t.count, TOKENS_KEPT);
    for (uint64_t i = 0; i < TOKENS_KEPT; i++) ck_assert_uint_eq(t.kept[i].id, way ? MANY - 1 - i : i + 1);
    tokens_deinit(&t);
  }
}
END_TEST

START_TEST(objects_are_filtered_as_they_go_by) {
  static const struct {
    const char *filter;
    uint64_t fit;
  } cases[] = {{"", 100}, {"till-1", 50}, {"SHOP:7", 11}, {"table", 100}, {"function", 0}};
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    struct tokens t = {.by = TOKENS_ID, .filter = cases[i].filter};
    for (uint64_t id = 1; id <= 100; id++) {
      struct token one = token(id, 1);
      tokens_put(&t, &one);
    }
    tokens_end(&t);
    ck_assert_uint_eq(t.fit, cases[i].fit);
    ck_assert_uint_eq(t.count, cases[i].fit);
    tokens_deinit(&t);
  }
}
END_TEST

/* ---- The rest ---- */

START_TEST(processes_are_read_whatever_their_names) {
  struct process p;
  ck_assert(process_parse("7 (a) R b) S 1 2 3 4 5 6 7 8 9 10 200 100 0 0 20 0 1 0 555 4096 3 99", &p));
  ck_assert_uint_eq(p.begun, 555);
  ck_assert_uint_eq(p.memory, 3 * (uint64_t)sysconf(_SC_PAGESIZE));
  ck_assert_double_eq_tol(p.cpu, 300.0 / (double)sysconf(_SC_CLK_TCK), 1e-9);
  ck_assert(!process_parse("7 (a) S 1 2", &p));
  ck_assert(!process_parse("", &p));
  ck_assert(!p.is_known);
}
END_TEST

START_TEST(another_process_is_not_the_workers) {
  uint64_t pid = (uint64_t)getpid(), uid = (uint64_t)geteuid();
  struct process p = process_read(pid, uid, 0);
  ck_assert(p.is_known && p.memory > 0);
  ck_assert(!process_read(pid, uid + 1, 0).is_known || uid == 0); /* root's files may be of one that hides */
  ck_assert(!process_read(pid, uid, 1e9).is_known); /* it is younger than that */
  ck_assert(!process_read(0, uid, 0).is_known);
  struct process later = p;
  later.cpu += 1;
  ck_assert_double_eq_tol(process_load(&later, &p, 2), 0.5, 1e-9);
  later.begun++;
  ck_assert_double_lt(process_load(&later, &p, 2), 0);
}
END_TEST

static void expect_number(void (*write)(struct text *t, double v), double v, const char *text) {
  struct text t = {0};
  write(&t, v);
  ck_assert_str_eq(t.bytes, text);
  text_deinit(&t);
}

START_TEST(numbers_are_short) {
  expect_number(number_count, 0, "0");
  expect_number(number_count, 99999, "99999");
  expect_number(number_count, 1234567, "1.2M");
  expect_number(number_count, 999999, "1.0M");
  expect_number(number_rate, 0.25, "0.2");
  expect_number(number_rate, 0, "0");
  expect_number(number_rate, 12.6, "13");
  expect_number(number_bytes, 1023, "1023");
  expect_number(number_bytes, 1536, "1.5K");
  expect_number(number_bytes, 268435456, "256M");
  expect_number(number_us, 458.7, "459us");
  expect_number(number_us, 3400000, "3.4s");
  expect_number(number_age, 119, "119s");
  expect_number(number_age, 864000, "10d");
  expect_number(number_part, 0.4, "40%");
}
END_TEST

START_TEST(widths_are_those_of_terminals) {
  ck_assert_uint_eq(width_of("abc", 3), 3);
  ck_assert_uint_eq(width_of("\xe6\x97\xa5\xe6\x9c\xac", 6), 4); /* two of East Asia */
  ck_assert_uint_eq(width_of("e\xcc\x81", 3), 1);                  /* e and an accent that joins it */
  ck_assert_uint_eq(width_fit("\xe6\x97\xa5\xe6\x9c\xac", 6, 3), 3);
  ck_assert_uint_eq(width_fit("e\xcc\x81x", 4, 1), 3);
  ck_assert_uint_eq(width_fit("abc", 3, 0), 0);
}
END_TEST

static TCase *group(const char *name, const TTest *const *tests, size_t n) {
  TCase *c = tcase_create(name);
  tcase_add_checked_fixture(c, start, finish);
  for (size_t i = 0; i < n; i++) tcase_add_test(c, tests[i]);
  return c;
}

int main(void) {
  const TTest *const counters[] = {counters_that_begin_anew_have_counted_since, seconds_are_those_since_the_counters_began,
                                   percentiles_of_what_came_since, percentiles_when_counting_began_anew};
  const TTest *const samples[] = {rates_are_of_the_interval, rates_after_a_restart_are_of_its_time,
                                  without_a_sample_before_no_rate_is_known, two_of_a_name_are_two};
  const TTest *const tables[] = {rows_are_sorted_and_filtered, names_of_strangers_are_made_safe, the_chosen_row_stays_chosen,
                                 the_chosen_line_is_on_the_screen, of_a_million_the_first_are_kept, objects_are_filtered_as_they_go_by};
  const TTest *const rest[] = {processes_are_read_whatever_their_names, another_process_is_not_the_workers, numbers_are_short,
                               widths_are_those_of_terminals};
  Suite *s = suite_create("top");
  suite_add_tcase(s, group("counters", counters, ARRAY_SIZE(counters)));
  suite_add_tcase(s, group("samples", samples, ARRAY_SIZE(samples)));
  suite_add_tcase(s, group("tables", tables, ARRAY_SIZE(tables)));
  suite_add_tcase(s, group("rest", rest, ARRAY_SIZE(rest)));
  return run_suite(s);
}
