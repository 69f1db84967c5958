/* SPDX-License-Identifier: MIT
 *
 * The one reader of command lines.
 */
#include "proto/settings/arguments.h"

#include <string.h>

#include "proto/base.h"
#include "tests/unit/run.h"

enum { ARGUMENTS = 16 };

static struct settings s;
static struct arguments a;
static char words[512], error[512];
static char *argv[ARGUMENTS + 2];

/* Reads the words of the line, at blanks; '_' stands for an empty word. */
static enum arguments_outcome read_line(enum settings_program program, enum arguments_style style,
                                        const char *line) {
  int argc = 1;
  char *save = NULL;
  argv[0] = (char *)"program";
  ck_assert_uint_lt(strlen(line), sizeof words);
  strcpy(words, line);
  for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
    ck_assert_int_lt(argc, ARGUMENTS);
    if (strcmp(w, "_") == 0) *w = '\0';
    argv[argc++] = w;
  }
  argv[argc] = NULL;
  error[0] = '\0';
  settings_init(&s, program);
  return arguments_read(&s, style, argc, argv, &a, error, sizeof error);
}

static enum arguments_outcome worker(const char *line) {
  return read_line(SETTINGS_WORKER, ARGUMENTS_SCRIPT, line);
}
static enum arguments_outcome ctl(const char *line) {
  return read_line(SETTINGS_CTL, ARGUMENTS_ANYWHERE, line);
}

/* The words, joined with blanks. */
static const char *joined(void) {
  static char out[512];
  size_t n = 0;
  out[0] = '\0';
  for (int i = 0; i < a.count; i++)
    n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", i ? " " : "", a.words[i]);
  return out;
}

START_TEST(every_form_of_a_value) {
  static const char *const lines[] = {"-n x s", "-nx s", "--name x s", "--name=x s"};
  for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
    ck_assert_int_eq(worker(lines[i]), ARGUMENTS_RUN);
    ck_assert_str_eq(settings_text(&s, SETTING_name), "x");
    ck_assert_str_eq(joined(), "s");
  }
  ck_assert_int_eq(worker("--name=a=b --once --wait 7"), ARGUMENTS_RUN);
  ck_assert_str_eq(settings_text(&s, SETTING_name), "a=b");
  ck_assert(settings_flag(&s, SETTING_once));
  ck_assert_double_eq(settings_seconds(&s, SETTING_wait), 7);
  ck_assert_int_eq(a.count, 0);
  ck_assert_int_eq(worker("-n=x"), ARGUMENTS_RUN); /* a letter's value begins right behind it */
  ck_assert_str_eq(settings_text(&s, SETTING_name), "=x");
  ck_assert_int_eq(worker("-n --once"), ARGUMENTS_RUN);
  ck_assert_str_eq(settings_text(&s, SETTING_name), "--once");
  ck_assert(!settings_flag(&s, SETTING_once));
  ck_assert_int_eq(worker("--name -- s"), ARGUMENTS_RUN);
  ck_assert_str_eq(settings_text(&s, SETTING_name), "--");
}
END_TEST

START_TEST(the_last_one_counts) {
  ck_assert_int_eq(worker("-n a --name b --wait 1 --wait=2"), ARGUMENTS_RUN);
  ck_assert_str_eq(settings_text(&s, SETTING_name), "b");
  ck_assert_double_eq(settings_seconds(&s, SETTING_wait), 2);
}
END_TEST

START_TEST(a_script_ends_the_flags) {
  ck_assert_int_eq(worker("--once s -n x --bad -- y"), ARGUMENTS_RUN);
  ck_assert_str_eq(joined(), "s -n x --bad -- y");
  ck_assert_ptr_eq(a.words, argv + 2);
  ck_assert_ptr_null(settings_text(&s, SETTING_name));
  ck_assert_int_eq(worker("-- -s x"), ARGUMENTS_RUN);
  ck_assert_str_eq(joined(), "-s x");
  ck_assert_int_eq(worker("-- --"), ARGUMENTS_RUN);
  ck_assert_str_eq(joined(), "--");
  ck_assert_int_eq(worker("- --once"), ARGUMENTS_RUN);
  ck_assert_str_eq(joined(), "- --once");
  ck_assert_int_eq(worker(""), ARGUMENTS_RUN);
  ck_assert_int_eq(a.count, 0);
  ck_assert_int_eq(worker("--once"), ARGUMENTS_RUN);
  ck_assert_int_eq(a.count, 0);
  ck_assert_int_eq(worker("--"), ARGUMENTS_RUN);
  ck_assert_int_eq(a.count, 0);
}
END_TEST

START_TEST(flags_stand_anywhere) {
  ck_assert_int_eq(ctl("a --json b -s /x c --host=h"), ARGUMENTS_RUN);
  ck_assert_str_eq(joined(), "a b c");
  ck_assert_ptr_eq(a.words, argv + 1);
  ck_assert(settings_flag(&s, SETTING_json));
  ck_assert_str_eq(settings_text(&s, SETTING_socket), "/x");
  ck_assert_str_eq(settings_text(&s, SETTING_host), "h");
  ck_assert_int_eq(ctl("a - -- --json -- b"), ARGUMENTS_RUN);
  ck_assert_str_eq(joined(), "a - --json -- b");
  ck_assert(!settings_flag(&s, SETTING_json));
  ck_assert_int_eq(ctl("a -5 -.5e3 --json -0"), ARGUMENTS_RUN); /* numbers are words */
  ck_assert_str_eq(joined(), "a -5 -.5e3 -0");
  ck_assert(settings_flag(&s, SETTING_json));
  ck_assert_int_eq(ctl("_"), ARGUMENTS_RUN); /* an empty word is a word */
  ck_assert_int_eq(a.count, 1);
}
END_TEST

START_TEST(help_and_version_end_the_reading) {
  ck_assert_int_eq(ctl("a b -h c --bad"), ARGUMENTS_HELP);
  ck_assert_str_eq(joined(), "a b");
  ck_assert_int_eq(ctl("--help --version"), ARGUMENTS_HELP);
  ck_assert_int_eq(ctl("--version --help"), ARGUMENTS_VERSION);
  ck_assert_int_eq(ctl("--bad --help"), ARGUMENTS_BAD);
  ck_assert_int_eq(ctl("-- --help"), ARGUMENTS_RUN);
  ck_assert_int_eq(worker("--once -h"), ARGUMENTS_HELP);
  ck_assert_int_eq(worker("s -h"), ARGUMENTS_RUN);
  ck_assert_int_eq(read_line(SETTINGS_BROKER, ARGUMENTS_ANYWHERE, "-h"), ARGUMENTS_HELP);
}
END_TEST

static void expect_bad(const char *line, const char *text) {
  ck_assert_msg(worker(line) == ARGUMENTS_BAD, "%s", line);
  ck_assert_str_eq(error, text);
}

START_TEST(bad_flags_are_told) {
  expect_bad("--frobnicate s", "unknown flag '--frobnicate'; see gaijin-worker --help");
  expect_bad("--frobnicate=5 s", "unknown flag '--frobnicate'; see gaijin-worker --help");
  expect_bad("-x s", "unknown flag '-x'; see gaijin-worker --help");
  expect_bad("-xyz s", "unknown flag '-x'; see gaijin-worker --help");
  expect_bad("--grce 1 s",
             "unknown flag '--grce' (did you mean --grace?); see gaijin-worker --help");
  expect_bad("---once s",
             "unknown flag '---once' (did you mean --once?); see gaijin-worker --help");
  expect_bad("--=x s", "unknown flag '--'; see gaijin-worker --help");
  expect_bad("--load-min 1 s",
             "unknown flag '--load-min'; see gaijin-worker --help"); /* the broker's */
  expect_bad("--signals s",
             "unknown flag '--signals'; see gaijin-worker --help"); /* gaijin.connect's */
  expect_bad("-n", "-n needs a value; see gaijin-worker --help");
  expect_bad("--once --name", "--name needs a value; see gaijin-worker --help");
  expect_bad("--once=5 s", "--once takes no value; see gaijin-worker --help");
  expect_bad("--once= s", "--once takes no value; see gaijin-worker --help");
  expect_bad("--help=x", "--help takes no value; see gaijin-worker --help");
  expect_bad("-hx", "-h takes no value; see gaijin-worker --help");
  ck_assert_int_eq(ctl("--jsn"), ARGUMENTS_BAD);
  ck_assert_str_eq(error, "unknown flag '--jsn' (did you mean --json?); see gaijinctl --help");
}
END_TEST

START_TEST(no_abbreviations) {
  expect_bad("--onc s", "unknown flag '--onc' (did you mean --once?); see gaijin-worker --help");
  expect_bad("--max 5 s",
             "unknown flag '--max' (did you mean --max-depth?); see gaijin-worker --help");
  expect_bad(
      "--call-timeou 5 s",
      "unknown flag '--call-timeou' (did you mean --call-timeout?); see gaijin-worker --help");
}
END_TEST

START_TEST(bad_values_are_told) {
  expect_bad("--wait x s",
             "--wait takes a number from 0 to 1000000, not 'x'; see gaijin-worker --help");
  expect_bad("--wait= s",
             "--wait takes a number from 0 to 1000000, not ''; see gaijin-worker --help");
  expect_bad("-n _ s", "-n takes a text of 1 to 64 bytes, not ''; see gaijin-worker --help");
  expect_bad("--max-depth=0 s",
             "--max-depth takes a whole number from 1 to 65000, not '0'; see gaijin-worker --help");
  ck_assert_int_eq(read_line(SETTINGS_BROKER, ARGUMENTS_ANYWHERE, "--max-message 2G --log-level x"),
                   ARGUMENTS_BAD);
  ck_assert_str_eq(error,
                   "--max-message takes a size from 4K to 1G, not '2G'; see gaijin-broker --help");
  ck_assert_int_eq(read_line(SETTINGS_BROKER, ARGUMENTS_ANYWHERE, "--log-level x"), ARGUMENTS_BAD);
  ck_assert_str_eq(
      error, "--log-level takes error, warn, info or debug, not 'x'; see gaijin-broker --help");
}
END_TEST

/* Whatever was typed: one line with its end. */
START_TEST(errors_are_one_whole_line) {
  char line[400];
  expect_bad(
      "--a\nb\x7f"
      "c\x1f s",
      "unknown flag '--a\\x0ab\\x7fc\\x1f'; see gaijin-worker --help");
  memset(line, 'w', sizeof line);
  memcpy(line, "--", 2);
  line[sizeof line - 1] = '\0';
  ck_assert_int_eq(worker(line), ARGUMENTS_BAD);
  ck_assert_msg(strstr(error, "'; see gaijin-worker --help") != NULL, "%s", error);
  memcpy(line, "--wait=", 7);
  ck_assert_int_eq(worker(line), ARGUMENTS_BAD);
  ck_assert_msg(strstr(error, "'; see gaijin-worker --help") != NULL, "%s", error);
  char small[8];
  ck_assert_int_eq(arguments_wrong(&s, small, sizeof small, "%s is wrong", "this"), ARGUMENTS_BAD);
  ck_assert_str_eq(small, "this is");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("proto arguments");
  TCase *t = tcase_create("arguments");
  suite_add_tcase(suite, t);
  tcase_add_test(t, every_form_of_a_value);
  tcase_add_test(t, the_last_one_counts);
  tcase_add_test(t, a_script_ends_the_flags);
  tcase_add_test(t, flags_stand_anywhere);
  tcase_add_test(t, help_and_version_end_the_reading);
  tcase_add_test(t, bad_flags_are_told);
  tcase_add_test(t, no_abbreviations);
  tcase_add_test(t, bad_values_are_told);
  tcase_add_test(t, errors_are_one_whole_line);
  return run_suite(suite);
}
