/* SPDX-License-Identifier: MIT
 *
 * The command line.
 */
#include "broker/flags.h"

#include <string.h>

#include "tests/unit/run.h"

static struct flags o;
static char error[256];

/* Parses up to five arguments. */
static enum flags_outcome parse(const char *one, const char *two, const char *three, const char *four) {
  char *argv[] = {(char *)"gaijin-broker", (char *)one, (char *)two, (char *)three, (char *)four, NULL};
  int argc = 1;
  while (argv[argc]) argc++;
  error[0] = '\0';
  return flags_parse(&o, argc, argv, error, sizeof error);
}

START_TEST(defaults) {
  unsetenv("GAIJIN_SOCKET");
  unsetenv("XDG_RUNTIME_DIR");
  ck_assert_int_eq(parse(NULL, NULL, NULL, NULL), FLAGS_RUN);
  ck_assert_str_eq(o.socket, "/run/gaijin/gaijin.sock");
  ck_assert_uint_eq(o.load_min, 100);
  ck_assert_double_eq(o.load_gain, 1.4);
  ck_assert_uint_eq(o.max_message, 16 << 20);
  ck_assert_int_eq(o.log_level, LOG_INFO);
  setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  parse(NULL, NULL, NULL, NULL);
  ck_assert_str_eq(o.socket, "/run/user/7/gaijin.sock");
  setenv("GAIJIN_SOCKET", "/x", 1);
  parse(NULL, NULL, NULL, NULL);
  ck_assert_str_eq(o.socket, "/x");
}
END_TEST

START_TEST(flags_are_read) {
  ck_assert_int_eq(parse("-s", "/a", "--load-min=5", "--max-message=64k"), FLAGS_RUN);
  ck_assert_str_eq(o.socket, "/a");
  ck_assert_uint_eq(o.load_min, 5);
  ck_assert_uint_eq(o.max_message, 64 << 10);
  ck_assert_int_eq(parse("--load-gain-tolerance", "2.5", "--log-level", "debug"), FLAGS_RUN);
  ck_assert_double_eq(o.load_gain, 2.5);
  ck_assert_int_eq(o.log_level, LOG_DEBUG);
}
END_TEST

static void expect_bad(const char *flag, const char *value, const char *text) {
  ck_assert_int_eq(parse(flag, value, NULL, NULL), FLAGS_BAD);
  ck_assert_msg(strstr(error, text) != NULL, "expected \"%s\" in \"%s\"", text, error);
}

START_TEST(bad_usage_is_told) {
  expect_bad("--frobnicate", NULL, "unknown flag --frobnicate");
  expect_bad("-x", NULL, "unknown flag -x");
  expect_bad("--socket", NULL, "--socket needs a value");
  expect_bad("extra", NULL, "unexpected argument extra");
  expect_bad("--socket", "", "--socket: \"\" should be a path");
  expect_bad("--load-min", "-1", "--load-min");
  expect_bad("--load-min", "ten", "--load-min");
  expect_bad("--load-gain-tolerance", "0.5", "--load-gain-tolerance");
  expect_bad("--load-gain-tolerance", "nan", "--load-gain-tolerance");
  expect_bad("--log-level", "loud", "--log-level");
  expect_bad("--max-message", "4095", "--max-message");
  expect_bad("--max-message", "2G", "--max-message");
}
END_TEST

START_TEST(sizes) {
  uint32_t n;
  ck_assert(flags_parse_size("4096", &n) == 0 && n == 4096);
  ck_assert(flags_parse_size("4K", &n) == 0 && n == 4096);
  ck_assert(flags_parse_size("3m", &n) == 0 && n == 3u << 20);
  ck_assert(flags_parse_size("1G", &n) == 0 && n == 1u << 30);
  static const char *const bad[] = {"", "K", "-4K", "4KB", "4T", "0", "18446744073709551617", "18446744073709551615G", " 4K"};
  for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) ck_assert_int_eq(flags_parse_size(bad[i], &n), -1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker flags");
  TCase *t = tcase_create("flags");
  suite_add_tcase(s, t);
  tcase_add_test(t, defaults);
  tcase_add_test(t, flags_are_read);
  tcase_add_test(t, bad_usage_is_told);
  tcase_add_test(t, sizes);
  return run_suite(s);
}
