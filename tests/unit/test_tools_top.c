/* SPDX-License-Identifier: MIT
 *
 * What gaijinctl top makes of what it reads, without a terminal (tools/top/model): what two samples say (sample.h), tables
 * that are moved about in (grid.h, scroll.h), the first of many objects (tokens.h).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/base.h"
#include "tests/unit/run.h"
#include "tools/top/model/number.h"
#include "tools/top/model/sample.h"
#include "tools/top/model/scroll.h"
#include "tools/top/model/tokens.h"
#include "tools/top/model/width.h"

static void count(struct histogram *h, uint64_t us, unsigned times) {
  while (times--) histogram_add(h, histogram_bucket(us * 1000), us * 1000);
}

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

START_TEST(each_pair_is_compared_with_its_own) {
  static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    add_worker(&now, names[i], i + 1);
    add_pair(&before, names[i], "h", 100 * (i + 1), 10);
    add_pair(&now, names[i], "h", 100 * (i + 1) + 2 * i, 10);
  }
  add_pair(&before, NULL, NULL, 5, 10);
  add_pair(&now, NULL, NULL, 25, 10);
  at(&before, 50, 1000);
  at(&now, 52, 1002);
  sample_workers(&g, &now, &before);
  for (size_t i = 0; i < ARRAY_SIZE(names); i++) ck_assert_double_eq(number(i, "asks_s"), (double)i);
}
END_TEST

static void add_op(struct sample *s, const char *op, uint64_t requests, uint64_t us) {
  struct stats *t = &s->stats;
  t->ops = realloc(t->ops, (t->n_ops + 1) * sizeof *t->ops);
  struct stats_op *p = &t->ops[t->n_ops++];
  *p = (struct stats_op){.op = tool_copy(op, strlen(op)), .read = {requests, 0, requests}};
  count(&p->took, us, (unsigned)requests);
}

START_TEST(operations_are_compared_with_their_own) {
  add_op(&before, "call", 1000, 10);
  add_op(&before, "get", 10, 10);
  add_op(&now, "get", 30, 10); /* the same times in all */
  add_op(&now, "call", 1000, 10);
  count(&now.stats.ops[0].took, 5000, 1);
  at(&before, 50, 1000);
  at(&now, 52, 1002);
  sample_operations(&g, &now, &before, false);
  size_t get = strcmp(cell(0, "operation"), "get") == 0 ? 0 : 1, call = 1 - get;
  ck_assert_str_eq(cell(call, "operation"), "call");
  ck_assert_str_eq(cell(call, "p50"), "-");
  ck_assert_double_lt(number(get, "p50"), 100);
  ck_assert_double_lt(number(get, "p90"), 100);
  ck_assert_double_gt(number(get, "max"), 2000);
  ck_assert_double_gt(number(get, "p99"), 2000);
  sample_operations(&g, &now, &before, true);
  ck_assert_double_lt(number(call, "p50"), 100);
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

START_TEST(columns_that_have_room_are_shown) {
  struct layout l = {0};
  fill();
  put("a long name", 1234567);
  put("b", 99999);
  grid_arrange(&g, 1, true, NULL);
  expect("a long name b Shop w1 w10 w2 "); /* 1.2M is more than 99999 */
  grid_fit(&g, 1, 80, &l);
  ck_assert_uint_eq(l.count, 2);
  ck_assert_uint_eq(l.widths[0], 11);
  ck_assert_uint_eq(l.widths[1], 5);
  grid_fit(&g, 1, 12, &l);
  ck_assert_uint_eq(l.count, 1);
  grid_arrange(&g, 1, true, "w1");
  grid_fit(&g, 1, 80, &l); /* what is not shown needs no room; a head and its mark do */
  ck_assert_uint_eq(l.widths[0], 6);
  ck_assert_uint_eq(l.widths[1], 2);
}
END_TEST

START_TEST(moves_end_at_the_ends) {
  struct scroll s = {.at = 2};
  scroll_move(&s, 5, 2);
  ck_assert_uint_eq(s.at, 4);
  scroll_move(&s, 5, -3);
  ck_assert_uint_eq(s.at, 1);
  scroll_move(&s, 5, 1);
  ck_assert_uint_eq(s.at, 2);
  scroll_move(&s, 5, 3);
  ck_assert_uint_eq(s.at, 4);
  scroll_move(&s, 3, 0); /* there are fewer now */
  ck_assert_uint_eq(s.at, 2);
  grid_begin(&g, columns, ARRAY_SIZE(columns));
  grid_arrange(&g, 0, false, NULL);
  s.at = 0;
  scroll_note(&s, &g);
  ck_assert(!s.has_key); /* there is none to be followed */
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

START_TEST(objects_have_rows) {
  struct tokens t = {.by = TOKENS_ID};
  for (uint64_t id = 1; id <= 2; id++) {
    struct token one = token(id, 100);
    if (id == 2) {
      free(one.holders);
      one.holders = tool_copy("till-1\ntill-2", 13);
      one.labels = tool_copy("cash", 4);
      one.is_dead = true;
    }
    tokens_put(&t, &one);
  }
  tokens_end(&t);
  tokens_rows(&g, &t);
  ck_assert_uint_eq(g.n_rows, 2);
  ck_assert_str_eq(cell(0, "labels"), "-");
  ck_assert_str_eq(cell(0, "dead"), "no");
  ck_assert_str_eq(cell(1, "holders"), "till-1, till-2");
  ck_assert_str_eq(cell(1, "labels"), "cash");
  ck_assert_str_eq(cell(1, "dead"), "yes");
  ck_assert_double_eq(number(1, "holders"), 2);
  ck_assert(g.rows[0].look == GRID_PLAIN && g.rows[1].look == GRID_DIM);
  tokens_rows(&g, &t); /* not once more */
  ck_assert_uint_eq(g.n_rows, 2);
  tokens_deinit(&t);
}
END_TEST

static TCase *group(const char *name, const TTest *const *tests, size_t n) {
  TCase *c = tcase_create(name);
  tcase_add_checked_fixture(c, start, finish);
  for (size_t i = 0; i < n; i++) tcase_add_test(c, tests[i]);
  return c;
}

int main(void) {
  const TTest *const samples[] = {rates_are_of_the_interval, rates_after_a_restart_are_of_its_time,
                                  without_a_sample_before_no_rate_is_known, two_of_a_name_are_two,
                                  each_pair_is_compared_with_its_own, operations_are_compared_with_their_own};
  const TTest *const tables[] = {rows_are_sorted_and_filtered, names_of_strangers_are_made_safe, the_chosen_row_stays_chosen,
                                 the_chosen_line_is_on_the_screen, of_a_million_the_first_are_kept, objects_are_filtered_as_they_go_by,
                                 columns_that_have_room_are_shown, moves_end_at_the_ends, objects_have_rows};
  Suite *s = suite_create("top");
  suite_add_tcase(s, group("samples", samples, ARRAY_SIZE(samples)));
  suite_add_tcase(s, group("tables", tables, ARRAY_SIZE(tables)));
  return run_suite(s);
}
