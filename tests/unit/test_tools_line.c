/* SPDX-License-Identifier: MIT
 *
 * Lines of gaijinctl's repl.
 */
#include "tests/unit/run.h"
#include "tools/touch/line.h"

static struct line l;

static void is(const char *text, const char *current, enum line_kind kind, const char *worker, size_t keys, uint32_t values) {
  struct scan s = scan_of(text);
  ck_assert_msg(line_parse(&s, current, &l), "%s: column %zu: %s", text, scan_column(&s), s.fault);
  ck_assert_msg(l.kind == kind, "%s: kind %d", text, (int)l.kind);
  if (worker) ck_assert_str_eq(l.path.worker, worker);
  ck_assert_uint_eq(l.path.count, keys);
  ck_assert_uint_eq(l.count, values);
  for (size_t i = 0; i < keys; i++) ck_assert_uint_le(l.path.ends[i], strlen(l.text));
  line_deinit(&l);
}
static void bad(const char *text, const char *current, size_t column, const char *fault, bool unfinished) {
  struct scan s = scan_of(text);
  ck_assert_msg(!line_parse(&s, current, &l), "%s is a line", text);
  ck_assert_msg(strcmp(s.fault, fault) == 0 && scan_column(&s) == column && s.unfinished == unfinished, "%s: column %zu: %s",
                text, scan_column(&s), s.fault);
  line_deinit(&l);
}

START_TEST(kinds) {
  is("", NULL, LINE_EMPTY, NULL, 0, 0);
  is("  \n", "shop", LINE_EMPTY, NULL, 0, 0);
  is("shop", NULL, LINE_PAIRS, "shop", 0, 0);
  is("shop.x", NULL, LINE_GET, "shop", 1, 0);
  is("  shop:3[1].y ", NULL, LINE_GET, "shop", 2, 0);
  is("shop.x = {1, 2}", NULL, LINE_SET, "shop", 1, 1);
  is("shop.f()", NULL, LINE_CALL, "shop", 1, 0);
  is("shop.f(1, nil, {x = ')'})", NULL, LINE_CALL, "shop", 1, 3);
  is("#shop.x", NULL, LINE_LEN, "shop", 1, 0);
  is("pairs shop.x", NULL, LINE_PAIRS, "shop", 1, 0);
  is("pairs shop", NULL, LINE_PAIRS, "shop", 0, 0);
  is("pairs.x", NULL, LINE_GET, "pairs", 1, 0);
  is("!return 1 -- {", NULL, LINE_EVAL, NULL, 0, 0);
  is("use till", "shop", LINE_USE, "till", 0, 0);
  is("use \"a.b\"", NULL, LINE_USE, "a.b", 0, 0);
  is("use", "shop", LINE_USE, NULL, 0, 0);
  is("help", NULL, LINE_HELP, NULL, 0, 0);
  is("quit", NULL, LINE_QUIT, NULL, 0, 0);
  is("exit ", "shop", LINE_QUIT, NULL, 0, 0);
}
END_TEST

/* With a worker in use a word at the begin is a label of it. */
START_TEST(a_worker_in_use) {
  is("price(1)", "shop", LINE_CALL, "shop", 1, 1);
  is("config.name = 1", "shop", LINE_SET, "shop", 2, 1);
  is(".config", "shop", LINE_GET, "shop", 1, 0);
  is("[7]", "shop", LINE_GET, "shop", 1, 0);
  is(":12", "shop", LINE_GET, "shop", 0, 0);
  is("till:12.x", "shop", LINE_GET, "till", 1, 0);
  is("\"till\".x", "shop", LINE_GET, "till", 1, 0);
  is("#list", "shop", LINE_LEN, "shop", 1, 0);
}
END_TEST

START_TEST(faults) {
  bad(".x", NULL, 1, "a path begins with the name of a worker", false);
  bad("shop.f(1", NULL, 9, "')' is missing", true);
  bad("shop.f(1,", NULL, 10, "a value is missing", true);
  bad("shop.f(1 2)", NULL, 10, "',' or ')' is missing", false);
  bad("shop.f() x", NULL, 10, "something stands behind the end", false);
  bad("shop.x = ", NULL, 10, "a value is missing", true);
  bad("shop.x y", NULL, 8, "a path goes on with .key, [key], (values) or = value", false);
  bad("use shop.x", NULL, 5, "use takes a worker's name", false);
  bad("quit now", NULL, 6, "something stands behind the end", false);
  bad("a@b.x", NULL, 1, "a worker's name has no '@' and no '/': they are reserved for naming machines", false);
}
END_TEST

START_TEST(values_are_bounded) {
  char text[400] = "shop.f(1";
  for (int i = 1; i < LINE_VALUES; i++) strcat(text, ",1");
  strcat(text, ")");
  is(text, NULL, LINE_CALL, "shop", 1, LINE_VALUES);
  text[strlen(text) - 1] = '\0';
  strcat(text, ",1)");
  bad(text, NULL, strlen(text) - 1, "more than 64 values", false);
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools line");
  TCase *t = tcase_create("line");
  suite_add_tcase(s, t);
  tcase_add_test(t, kinds);
  tcase_add_test(t, a_worker_in_use);
  tcase_add_test(t, faults);
  tcase_add_test(t, values_are_bounded);
  return run_suite(s);
}
