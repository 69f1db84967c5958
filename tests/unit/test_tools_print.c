/* SPDX-License-Identifier: MIT
 *
 * Tables on a terminal: what is cut, marked and left out, and what stands behind them (tools/table/print.c).
 */
#define _GNU_SOURCE /* captured.h */
#include <string.h>

#include "tests/unit/captured.h"
#include "tools/base/text.h"
#include "tools/table/show.h"

static struct view view;
static struct show *s;
static struct captured c;

/* `gaijinctl labels` on a terminal of so many columns and lines. */
static void start(size_t width, size_t height) {
  struct invocation in = {.command = COMMAND_labels};
  settings_init(&in.settings, SETTINGS_CTL);
  text_begin();
  ck_assert(view_read(&view, &in));
  view.terminal = (struct terminal){.is_one = true, .width = width, .height = height};
  s = show_new(&view);
}
static void finish(void) { show_free(s); }

static void put(const char *worker, const char *label, uint64_t id) {
  show_text(s, worker);
  show_text(s, label);
  show_text(s, "table");
  show_uint(s, id);
}
static void expect(const char *text) {
  captured_begin(&c, STDOUT_FILENO);
  int status = show_print(s);
  ck_assert_str_eq(captured_end(&c), text);
  ck_assert_int_eq(status, EXIT_GOOD);
}

START_TEST(what_fits) {
  start(24, 24);
  put("shop", "price", 7);
  put("till", "open", 12);
  expect("worker  label  kind   id\n"
         "shop    price  table   7\n"
         "till    open   table  12\n");
}
END_TEST

START_TEST(rows_are_marked) {
  start(80, 24);
  view.terminal.colours = true;
  put("shop", "price", 7);
  put("till", "open", 12);
  show_mark(s, SHOW_DIM);
  put("ware", "out", 3);
  show_mark(s, SHOW_BAD);
  expect("\33[1mworker  label  kind   id\33[0m\n"
         "shop    price  table   7\n"
         "\33[2mtill    open   table  12\33[0m\n"
         "\33[31mware    out    table   3\33[0m\n");
}
END_TEST

#define DOTS "\342\200\246" /* one character */

/* What is behind the rows, which takes 19 columns and the label's. */
#define CUT "texts are cut; --wide shows them\nwhole.\n"

START_TEST(a_text_is_cut) {
  start(32, 24);
  put("shop", "a label of more than that", 7);
  put("till", "13 characters", 12);
  put("ware", "14 characters!", 3);
  expect("worker  label          kind   id\n"
         "shop    a label of m" DOTS "  table   7\n"
         "till    13 characters  table  12\n"
         "ware    14 character" DOTS "  table   3\n" CUT);
}
END_TEST

/* A wide one that has no room but for its half leaves a column. */
START_TEST(wide_characters_are_cut) {
  start(32, 24);
  put("shop", "\346\274\242\346\274\242\346\274\242\346\274\242\346\274\242\346\274\242\346\274\242", 7);
  put("till", "a\346\274\242\346\274\242\346\274\242\346\274\242\346\274\242\346\274\242\346\274\242", 12);
  expect("worker  label          kind   id\n"
         "shop    \346\274\242\346\274\242\346\274\242\346\274\242\346\274\242\346\274\242" DOTS "  table   7\n"
         "till    a\346\274\242\346\274\242\346\274\242\346\274\242\346\274\242" DOTS "   table  12\n" CUT);
}
END_TEST

START_TEST(columns_are_left_out) {
  start(14, 24);
  view.terminal.colours = true;
  put("shop", "price", 7);
  expect("\33[1mworker  label\33[0m\n"
         "shop    price\n"
         "\33[2mno room for\nkind, id;\n--wide shows\nall, -o\nCOLUMN,...\nsome.\n\33[0m");
}
END_TEST

START_TEST(wide_shows_all) {
  start(14, 24);
  view.wide = true;
  put("shop", "price", 7);
  expect("worker  label  kind   id\n"
         "shop    price  table   7\n");
}
END_TEST

static void fill(unsigned rows) {
  for (unsigned i = 1; i <= rows; i++) put("shop", "price", i);
}

START_TEST(a_limit_is_told) {
  start(80, 24);
  view.limit = 2;
  fill(3);
  expect("worker  label  kind   id\n"
         "shop    price  table   1\n"
         "shop    price  table   2\n"
         "2 of 3 rows, as --limit says.\n");
}
END_TEST

/* With the head, a line on top, and one for the cursor. */
START_TEST(a_page_has_no_more_rows_than_fit) {
  start(80, 6);
  view.page = true;
  fill(3);
  expect("worker  label  kind   id\n"
         "shop    price  table   1\n"
         "shop    price  table   2\n"
         "shop    price  table   3\n");
  view.terminal.height = 5;
  expect("worker  label  kind   id\n"
         "shop    price  table   1\n"
         "1 of 3 rows, as many as fit here.\n");
  view.terminal.height = 1; /* one in any case */
  expect("worker  label  kind   id\n"
         "shop    price  table   1\n"
         "1 of 3 rows, as many as fit here.\n");
  view.page = false;
  expect("worker  label  kind   id\n"
         "shop    price  table   1\n"
         "shop    price  table   2\n"
         "shop    price  table   3\n");
}
END_TEST

/* That there are more rows may take a line of its own, which is counted too. */
START_TEST(what_is_said_takes_lines_of_a_page) {
  start(20, 9);
  view.page = true;
  fill(4);
  expect("worker  label  kind\n"
         "shop    price  table\n"
         "1 of 4 rows, as many\n"
         "as fit here. no room\n"
         "for id; --wide shows\n"
         "all, -o COLUMN,...\n"
         "some.\n");
}
END_TEST

START_TEST(one_row_as_lines) {
  start(18, 24);
  view.upright = true;
  view.terminal.colours = true;
  put("a worker's name", "price", 7);
  expect("\33[1mworker  \33[0ma worker'" DOTS "\n"
         "\33[1mlabel   \33[0mprice\n"
         "\33[1mkind    \33[0mtable\n"
         "\33[1mid      \33[0m7\n");
  view.terminal.colours = false;
  view.wide = true;
  expect("worker  a worker's name\n"
         "label   price\n"
         "kind    table\n"
         "id      7\n");
  view.wide = false;
  view.terminal.width = 8; /* no room for anything */
  expect("worker  a worker's name\n"
         "label   price\n"
         "kind    table\n"
         "id      7\n");
  view.terminal.width = 80;
  fill(1);
  expect("worker           label  kind   id\n"
         "a worker's name  price  table   7\n"
         "shop             price  table   1\n");
}
END_TEST

/* As wide as the widest name, wherever that stands. */
START_TEST(names_before_values) {
  start(80, 24);
  view.upright = true;
  const struct column *first = view.picked[0];
  view.picked[0] = view.picked[3];
  view.picked[3] = first;
  put("shop", "price", 7);
  expect("id      7\n"
         "label   price\n"
         "kind    table\n"
         "worker  shop\n");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools print");
  TCase *t = tcase_create("print");
  suite_add_tcase(suite, t);
  tcase_add_checked_fixture(t, NULL, finish);
  tcase_add_test(t, what_fits);
  tcase_add_test(t, rows_are_marked);
  tcase_add_test(t, a_text_is_cut);
  tcase_add_test(t, wide_characters_are_cut);
  tcase_add_test(t, columns_are_left_out);
  tcase_add_test(t, wide_shows_all);
  tcase_add_test(t, a_limit_is_told);
  tcase_add_test(t, a_page_has_no_more_rows_than_fit);
  tcase_add_test(t, what_is_said_takes_lines_of_a_page);
  tcase_add_test(t, one_row_as_lines);
  tcase_add_test(t, names_before_values);
  return run_suite(suite);
}
