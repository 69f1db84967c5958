/* SPDX-License-Identifier: MIT
 *
 * Files of settings: what is taken, what is told, and texts that nobody has written.
 */
#include "policy/settings_file.h"

#include <string.h>

#include "proto/base.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

static struct settings_file f;
static struct policy_errors errors;

static bool parse(const char *text, size_t size) {
  errors = (struct policy_errors){0};
  return settings_file_parse(&f, SETTINGS_BROKER, text, size, &errors);
}

static bool parse_text(const char *text) { return parse(text, strlen(text)); }

START_TEST(values_are_taken) {
  ck_assert(parse_text("socket = /a b;c\nload-min=5\nmax-message = 64k ; so much\n"));
  ck_assert_uint_eq(f.count, 3);
  ck_assert_str_eq(settings_text(&f.values, SETTING_socket), "/a b;c");
  ck_assert_uint_eq(settings_count(&f.values, SETTING_load_min), 5);
  ck_assert_uint_eq(settings_size(&f.values, SETTING_max_message), 64 << 10);
  ck_assert(!settings_given(&f.values, SETTING_max_held));
  ck_assert_uint_eq(f.lines[SETTING_max_message], 3);
  settings_file_deinit(&f);
  ck_assert(parse_text("") && f.count == 0);
  settings_file_deinit(&f);
  settings_file_deinit(&f);
}
END_TEST

/* In another program's file, what is given or not is true or false. */
START_TEST(flags_are_true_or_false) {
  static const char text[] = "once = true\nsandbox = false\nwait = 3\n", bad[] = "once = 1\n";
  errors = (struct policy_errors){0};
  ck_assert(settings_file_parse(&f, SETTINGS_WORKER, text, strlen(text), &errors));
  ck_assert(settings_flag(&f.values, SETTING_once) && !settings_flag(&f.values, SETTING_sandbox));
  settings_file_deinit(&f);
  ck_assert(!settings_file_parse(&f, SETTINGS_WORKER, bad, strlen(bad), &errors));
  ck_assert_str_eq(errors.list[0].text, "once takes true or false, not '1'");
  settings_file_deinit(&f);
}
END_TEST

/* What is typed counts more, wherever it stands in the file. */
START_TEST(flags_override) {
  struct settings typed;
  settings_init(&typed, SETTINGS_BROKER);
  settings_put_number(&typed, SETTING_load_min, 100); /* the default, but typed */
  ck_assert(parse_text("load-min = 5\nmax-waits = 6\n"));
  settings_add(&typed, &f.values);
  ck_assert_uint_eq(settings_count(&typed, SETTING_load_min), 100);
  ck_assert_uint_eq(settings_count(&typed, SETTING_max_waits), 6);
  ck_assert(settings_equal(&typed, &f.values, SETTING_max_waits));
  ck_assert(!settings_equal(&typed, &f.values, SETTING_load_min));
  ck_assert(settings_equal(&typed, &f.values, SETTING_socket));
  settings_put_text(&typed, SETTING_socket, "/x");
  ck_assert(!settings_equal(&typed, &f.values, SETTING_socket));
  settings_file_deinit(&f);
}
END_TEST

/* Pieces of good and bad lines in any order: a file is good when nothing is told, and what it
 * sets is within its bounds; no line is told of that the file does not have. */
START_TEST(any_text_is_read_or_told) {
  static const char *const pieces[] = {
      "load-min", "max-message", "socket", "policy", "mode", "help", "x", " = ", "=", ":", "5", "64K", "1e3", "-1",
      "true", "\n", "\n", "\n", "\r\n", " ", "\t", ";", "#", " ;", "[", "]", "\"", "\xff", "\xef\xbb\xbf", "/a/b",
      "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"};
  uint64_t r = random_seed("any_text_is_read_or_told");
  for (int i = 0; i < 20000; i++) {
    char text[4096];
    size_t size = 0;
    unsigned lines = 1;
    for (unsigned k = random_below(&r, 24); k > 0; k--) {
      const char *piece = pieces[random_below(&r, ARRAY_SIZE(pieces))];
      memcpy(text + size, piece, strlen(piece));
      size += strlen(piece);
      if (random_below(&r, 40) == 0) text[size++] = '\0';
    }
    for (size_t k = 0; k < size; k++) lines += text[k] == '\n';
    bool good = parse(text, size);
    ck_assert_int_eq(good, errors.count == 0);
    for (unsigned k = 0; k < errors.kept; k++) ck_assert(errors.list[k].line >= 1 && errors.list[k].line <= lines);
    const char *socket = settings_text(&f.values, SETTING_socket);
    if (socket) ck_assert_uint_le(strlen(socket), 107);
    ck_assert_uint_ge(settings_size(&f.values, SETTING_max_message), 4096);
    settings_file_deinit(&f);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("policy settings file");
  TCase *t = tcase_create("settings file");
  suite_add_tcase(s, t);
  tcase_add_test(t, values_are_taken);
  tcase_add_test(t, flags_are_true_or_false);
  tcase_add_test(t, flags_override);
  tcase_add_test(t, any_text_is_read_or_told);
  return run_suite(s);
}
