/* SPDX-License-Identifier: MIT
 *
 * Help texts: complete, alike and narrow.
 */
#include "proto/settings/help.h"

#include <string.h>

#include "proto/base.h"
#include "proto/limits.h"
#include "tests/unit/run.h"

/* The first ones have a --help of their own; the last one's keys stand in a file. */
static const enum settings_program programs[] = {SETTINGS_BROKER, SETTINGS_WORKER, SETTINGS_CTL, SETTINGS_RUN};
enum { WITH_HELP = 3 };
static struct help h;

static void start(void) { memset(&h, 0, sizeof h); }

static void expect_lines(const char *what) {
  ck_assert_uint_eq(h.size, strlen(h.text));
  ck_assert_int_eq(h.text[h.size - 1], '\n');
  for (const char *line = h.text; *line; line += strcspn(line, "\n") + 1) {
    size_t n = strcspn(line, "\n");
    ck_assert_msg(n <= HELP_WIDTH, "%s: %zu columns: %.*s", what, n, (int)n, line);
    ck_assert_msg(n == 0 || line[n - 1] != ' ', "%s: blank at the end: %.*s", what, (int)n, line);
  }
}

START_TEST(help_is_narrow_and_complete) {
  for (size_t p = 0; p < WITH_HELP; p++) {
    const char *name = settings_program_name(programs[p]);
    start();
    help_program(&h, programs[p]);
    expect_lines(name);
    ck_assert_int_eq(strncmp(h.text, "usage: ", 7), 0);
    ck_assert_ptr_nonnull(strstr(h.text, name));
    ck_assert_ptr_nonnull(strstr(h.text, "\nexit status: 0 "));
    for (enum setting id = 0; id < SETTINGS; id++) {
      const struct setting_info *i = setting_info(id);
      char flag[64];
      snprintf(flag, sizeof flag, "--%s %s", i->key, i->argument ? i->argument : "");
      ck_assert_msg((strstr(h.text, flag) != NULL) == setting_belongs(id, programs[p], NULL),
                    "%s: %s", name, flag);
    }
  }
}
END_TEST

/* Bounds, unit and default stand behind the sentence of every flag with a value. */
START_TEST(values_are_described_alike) {
  for (enum setting id = 0; id < SETTINGS; id++) {
    const struct setting_info *i = setting_info(id);
    char bounds[128], standard[128], expected[512];
    size_t size = 0;
    if (i->type == SETTING_FLAG || i->programs == SETTINGS_CONNECT) continue;
    setting_bounds(id, bounds, sizeof bounds);
    setting_standard(id, standard, sizeof standard);
    if (i->type == SETTING_TEXT)
      snprintf(expected, sizeof expected, "%s (default: %s)", i->help, standard);
    else
      snprintf(expected, sizeof expected, "%s (%s; default: %s)", i->help, bounds, standard);
    start();
    for (size_t p = 0; p < ARRAY_SIZE(programs); p++)
      if (setting_belongs(id, programs[p], NULL)) help_flags(&h, programs[p], NULL);
    for (const char *c = h.text; *c; c++) { /* as if no line had been broken */
      if (*c == '\n') c += strspn(c + 1, " ");
      h.text[size++] = *c == '\n' ? ' ' : *c;
    }
    h.text[size] = '\0';
    ck_assert_msg(strstr(h.text, expected) != NULL, "%s", expected);
  }
}
END_TEST

START_TEST(flags_are_laid_out_alike) {
  start();
  help_flags(&h, SETTINGS_BROKER, NULL);
  static const char *const parts[] = {
      "\nflags:\n  -s, --socket PATH            the broker's socket (default: $GAIJIN_SOCKET,\n",
      "\n                               else $XDG_RUNTIME_DIR/gaijin.sock, else\n",
      "\n      --load-gain-tolerance X  how many times",
      "\n      --max-message SIZE       largest message (4K to 1G bytes; default: 16M)\n",
      "\n  -h, --help                   print this and leave\n",
  };
  for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
    ck_assert_msg(strstr(h.text, parts[i]) != NULL, "%s", parts[i]);
}
END_TEST

START_TEST(commands_have_flags_of_their_own) {
  start();
  help_flags(&h, SETTINGS_CTL, "ping");
  expect_lines("ping");
  ck_assert_ptr_nonnull(
      strstr(h.text, "--json                   print JSON: one array of objects, or"));
  ck_assert_ptr_nonnull(strstr(h.text, "--socket"));
  ck_assert_ptr_null(strstr(h.text, "--host"));
  start();
  help_flags(&h, SETTINGS_CTL, NULL);
  ck_assert_ptr_nonnull(strstr(h.text, "; with: tables\n")); /* of --wide */
  ck_assert_ptr_nonnull(strstr(h.text, "--host NAME"));
  ck_assert_ptr_nonnull(strstr(h.text, "; with: tokens\n"));
}
END_TEST

START_TEST(lines_are_broken_at_blanks) {
  char text[256], expected[512];
  memset(text, 'a', sizeof text); /* 79 letters, a blank, letters: the first line has 79 */
  text[79] = ' ';
  text[100] = '\0';
  start();
  help_paragraph(&h, text);
  snprintf(expected, sizeof expected, "%.79s\n%.20s\n", text, text);
  ck_assert_str_eq(h.text, expected);
  text[77] = ' '; /* 77 letters, a word of one: both together have 79; so do 78 and one of 80 */
  text[79] = 'b';
  text[80] = ' ';
  start();
  help_paragraph(&h, text);
  snprintf(expected, sizeof expected, "%.80s\n%.19s\n", text, text);
  ck_assert_str_eq(h.text, expected);
  text[80] = 'b'; /* one more does not fit */
  text[81] = ' ';
  start();
  help_paragraph(&h, text);
  snprintf(expected, sizeof expected, "%.77s\nabb %.18s\n", text, text);
  ck_assert_str_eq(h.text, expected);
  start();
  help_paragraph(&h, "one\n\ntwo three");
  ck_assert_str_eq(h.text, "one\n\ntwo three\n");
}
END_TEST

START_TEST(items_have_two_columns) {
  start();
  help_item(&h, "  typed", "what it does");
  help_item(&h, "  345678901234567890123456789", "two blanks are left");
  help_item(&h, "  3456789012345678901234567890", "too wide");
  help_item(&h, "", "1234567890 1234567890 1234567890 1234567890 12345 1234567890");
  ck_assert_str_eq(
      h.text,
      "  typed                        what it does\n"
      "  345678901234567890123456789  two blanks are left\n"
      "  3456789012345678901234567890\n"
      "                               too wide\n"
      "                               1234567890 1234567890 1234567890 1234567890 12345\n"
      "                               1234567890\n");
}
END_TEST

START_TEST(versions_are_told_alike) {
  for (size_t p = 0; p < ARRAY_SIZE(programs); p++) {
    char expected[128];
    snprintf(expected, sizeof expected, "%s %s, wire versions %d to %d\n",
             settings_program_name(programs[p]), GAIJIN_VERSION, WIRE_VERSION_LEAST,
             WIRE_VERSION_MOST);
    start();
    help_version(&h, programs[p]);
    ck_assert_str_eq(h.text, expected);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("proto help");
  TCase *t = tcase_create("help");
  suite_add_tcase(suite, t);
  tcase_add_test(t, help_is_narrow_and_complete);
  tcase_add_test(t, values_are_described_alike);
  tcase_add_test(t, flags_are_laid_out_alike);
  tcase_add_test(t, commands_have_flags_of_their_own);
  tcase_add_test(t, lines_are_broken_at_blanks);
  tcase_add_test(t, items_have_two_columns);
  tcase_add_test(t, versions_are_told_alike);
  return run_suite(suite);
}
