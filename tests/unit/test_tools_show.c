/* SPDX-License-Identifier: MIT
 *
 * Tables of gaijinctl: which rows, in which order, with what escaped (tools/table/show.h).
 */
#include "tools/table/show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base.h"
#include "tests/unit/run.h"
#include "tools/base/text.h"

static struct view view;

/* Reads the flags of `gaijinctl labels ARGUMENTS`. */
static bool read_view(const char *columns, const char *sort, const char *limit) {
  struct invocation in = {.command = COMMAND_labels};
  settings_init(&in.settings, SETTINGS_CTL);
  if (columns) ck_assert(settings_put_text(&in.settings, SETTING_columns, columns));
  if (sort) ck_assert(settings_put_text(&in.settings, SETTING_sort, sort));
  if (limit) ck_assert(settings_parse(&in.settings, SETTING_limit, limit));
  return view_read(&view, &in);
}

static void put(struct show *s, const char *worker, const char *label, double id) {
  show_text(s, worker);
  show_text(s, label);
  show_text(s, "table");
  if (id >= 0)
    show_number(s, id);
  else
    show_nil(s);
}

/* What it prints, to be freed. */
static char *printed(struct show *s) {
  char *text = calloc(1, 65536);
  FILE *f = tmpfile();
  fflush(stdout);
  int kept = dup(STDOUT_FILENO);
  dup2(fileno(f), STDOUT_FILENO);
  int status = show_print(s);
  dup2(kept, STDOUT_FILENO);
  close(kept);
  rewind(f);
  size_t n = fread(text, 1, 65535, f);
  text[n] = '\0';
  fclose(f);
  ck_assert_int_eq(status, EXIT_GOOD);
  return text;
}

static void expect(bool json, const char *expected) {
  view.json = json;
  struct show *s = show_new(&view);
  put(s, "w10", "b", 7);
  put(s, "w2", "c", -1);
  put(s, "w2", "a\x1b[31m", 10);
  char *text = printed(s);
  ck_assert_str_eq(text, expected);
  free(text);
  show_free(s);
}

START_TEST(rows_are_sorted_as_people_count) {
  ck_assert(read_view(NULL, NULL, NULL));
  expect(false,
         "worker  label      kind   id\n"
         "w2      a\\x1b[31m  table  10\n"
         "w2      c          table   -\n"
         "w10     b          table   7\n");
}
END_TEST

START_TEST(a_column_sorts_and_nothing_comes_last) {
  ck_assert(read_view("id,worker", "id", NULL));
  expect(false, "id  worker\n 7  w10\n10  w2\n -  w2\n");
  ck_assert(read_view("id", "-id", NULL));
  expect(false, "id\n10\n 7\n -\n");
  ck_assert(read_view("id", "-id", "1"));
  expect(false, "id\n10\n");
}
END_TEST

START_TEST(json_has_the_same_rows) {
  ck_assert(read_view("worker,label", "-id", "2"));
  expect(true, "[{\"worker\":\"w2\",\"label\":\"a\\u001b[31m\"},\n {\"worker\":\"w10\",\"label\":\"b\"}]\n");
  ck_assert(read_view(NULL, NULL, "1"));
  expect(true, "[{\"worker\":\"w2\",\"label\":\"a\\u001b[31m\",\"kind\":\"table\",\"id\":10}]\n");
}
END_TEST

/* The one line that is said when flags are wrong. */
static void refused(const char *columns, const char *sort, const char *line) {
  struct text said = {0};
  tool_error_to(&said);
  bool good = read_view(columns, sort, NULL);
  tool_error_to(NULL);
  ck_assert(!good);
  ck_assert_str_eq(said.bytes, line);
  text_deinit(&said);
}

START_TEST(columns_that_there_are_not_are_told) {
  refused("worker,lable", NULL, "gaijinctl: -o: there is no column 'lable' (did you mean label?); labels has worker, label, kind, id\n");
  refused(NULL, "-queued_bytes", "gaijinctl: --sort: there is no column 'queued_bytes'; labels has worker, label, kind, id\n");
  refused("worker,", NULL, "gaijinctl: -o: there is no column ''; labels has worker, label, kind, id\n");
}
END_TEST

START_TEST(columns_that_there_are_not_are_refused) {
  ck_assert(!read_view("worker,lable", NULL, NULL));
  ck_assert(!read_view("worker,", NULL, NULL));
  ck_assert(!read_view(NULL, "x", NULL) && !read_view(NULL, "-", NULL));
  ck_assert(read_view("worker,worker", NULL, NULL));
  ck_assert_uint_eq(view.n_picked, 1);
}
END_TEST

START_TEST(holes_are_filled_later) {
  ck_assert(read_view("label,id", NULL, NULL));
  struct show *s = show_new(&view);
  show_text(s, "w");
  size_t hole = show_hole(s);
  show_text(s, "table");
  show_mark(s, SHOW_DIM);
  show_uint(s, 1);
  show_fill(s, hole);
  show_list_begin(s);
  show_list_item(s, "a", 1, 1);
  show_list_item(s, "b", 1, 2);
  show_list_end(s);
  ck_assert(show_wants(s, "label") && !show_wants(s, "kind"));
  ck_assert_uint_eq(show_rows(s), 1);
  char *text = printed(s);
  ck_assert_str_eq(text, "label    id\na, b x2   1\n");
  free(text);
  show_free(s);
}
END_TEST

/* Every command's columns fit into what a view has room for, and what sorts them is one of them. */
START_TEST(every_table_can_be_shown) {
  for (enum command_id id = 0; id < COMMANDS; id++) {
    struct invocation in = {.command = id};
    size_t count;
    settings_init(&in.settings, SETTINGS_CTL);
    command_columns(id, &count);
    ck_assert_uint_le(count, VIEW_COLUMNS_MOST);
    if (count) ck_assert_msg(view_read(&view, &in), "%s", command_info(id)->name);
    ck_assert_msg(command_info(id)->what && command_info(id)->example && command_info(id)->usage,
                  "%s", command_info(id)->name);
    ck_assert_int_eq(command_find(command_info(id)->name), id);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools show");
  TCase *t = tcase_create("show");
  suite_add_tcase(suite, t);
  tcase_add_test(t, rows_are_sorted_as_people_count);
  tcase_add_test(t, a_column_sorts_and_nothing_comes_last);
  tcase_add_test(t, json_has_the_same_rows);
  tcase_add_test(t, columns_that_there_are_not_are_told);
  tcase_add_test(t, columns_that_there_are_not_are_refused);
  tcase_add_test(t, holes_are_filled_later);
  tcase_add_test(t, every_table_can_be_shown);
  return run_suite(suite);
}
