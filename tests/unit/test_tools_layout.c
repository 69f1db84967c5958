/* SPDX-License-Identifier: MIT
 *
 * What of a table a terminal shows (tools/table/layout.h).
 */
#include "tools/table/layout.h"

#include <string.h>

#include "proto/base.h"
#include "tests/unit/run.h"

static const struct column columns[] = {
    {.name = "worker", .importance = 1, .flows = true},
    {.name = "id", .importance = 3},
    {.name = "pid", .importance = 2},
    {.name = "uid", .importance = 3},
    {.name = "labels", .importance = 2, .flows = true},
};
enum { N = ARRAY_SIZE(columns) };

static struct view view;
static struct layout l;

/* A terminal of so many characters in a line; 0: none. */
static void fit(size_t width, const size_t *widths) {
  view.terminal = (struct terminal){.is_one = width > 0, .width = width, .height = 24};
  layout_fit(&l, &view, widths);
}

static void start(void) {
  view = (struct view){.columns = columns, .count = N, .n_picked = N};
  for (size_t i = 0; i < N; i++) view.picked[i] = &columns[i];
}

static void expect(const char *shown, const char *left_out) {
  char text[2][256] = {"", ""};
  for (size_t i = 0; i < l.count; i++)
    snprintf(text[0] + strlen(text[0]), 64, "%s:%zu ", l.columns[i]->name, l.widths[i]);
  for (size_t i = 0; i < l.n_left_out; i++)
    snprintf(text[1] + strlen(text[1]), 64, "%s ", l.left_out[i]->name);
  ck_assert_str_eq(text[0], shown);
  ck_assert_str_eq(text[1], left_out);
}

static const size_t small[N] = {6, 4, 5, 3, 6};
static const size_t large[N] = {20, 16, 5, 3, 100};

START_TEST(what_fits_is_shown_whole) {
  start();
  fit(32, small); /* 24 and four gaps of two */
  expect("worker:6 id:4 pid:5 uid:3 labels:6 ", "");
  ck_assert(!l.cut);
}
END_TEST

START_TEST(the_least_important_is_left_out_first) {
  start();
  fit(31, small);
  expect("worker:6 id:4 pid:5 labels:6 ", "uid ");
  fit(24, small);
  expect("worker:6 pid:5 labels:6 ", "id uid ");
  fit(16, small);
  expect("worker:6 pid:5 ", "labels id uid ");
  fit(1, small);
  expect("worker:6 ", "pid labels id uid ");
}
END_TEST

START_TEST(texts_are_cut_before_columns_are_left_out) {
  start();
  fit(80, large);
  expect("worker:20 id:16 pid:5 uid:3 labels:28 ", "");
  ck_assert(l.cut);
  fit(56, large); /* 12, 16, 5, 3, 12 and the gaps */
  expect("worker:12 id:16 pid:5 uid:3 labels:12 ", "");
  fit(55, large);
  expect("worker:14 id:16 pid:5 labels:14 ", "uid ");
}
END_TEST

START_TEST(everything_is_shown_elsewhere) {
  start();
  fit(0, large);
  expect("worker:20 id:16 pid:5 uid:3 labels:100 ", "");
  ck_assert(!l.cut);
  view.wide = true;
  fit(40, large);
  expect("worker:20 id:16 pid:5 uid:3 labels:100 ", "");
}
END_TEST

START_TEST(what_was_picked_stays) {
  start();
  view.picked[0] = &columns[1];
  view.picked[1] = &columns[4];
  view.n_picked = 2;
  view.chosen = true;
  fit(20, large);
  expect("id:16 labels:12 ", "");
  fit(40, large);
  expect("id:16 labels:22 ", "");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools layout");
  TCase *t = tcase_create("layout");
  suite_add_tcase(suite, t);
  tcase_add_test(t, what_fits_is_shown_whole);
  tcase_add_test(t, the_least_important_is_left_out_first);
  tcase_add_test(t, texts_are_cut_before_columns_are_left_out);
  tcase_add_test(t, everything_is_shown_elsewhere);
  tcase_add_test(t, what_was_picked_stays);
  return run_suite(suite);
}
