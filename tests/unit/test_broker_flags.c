/* SPDX-License-Identifier: MIT
 *
 * The command line of gaijin-broker.
 */
#define _GNU_SOURCE
#include "broker/flags.h"

#include <string.h>

#include "proto/base.h"
#include "proto/settings/settings.h"
#include "tests/unit/captured.h"

static struct flags f;
static char error[256];

/* Parses up to four arguments. */
static enum flags_outcome parse(const char *one, const char *two, const char *three,
                                const char *four) {
  char *argv[] = {(char *)"gaijin-broker", (char *)one,  (char *)two,
                  (char *)three,           (char *)four, NULL};
  int argc = 1;
  while (argv[argc]) argc++;
  memset(&f, 0x55, sizeof f);
  error[0] = '\0';
  return flags_parse(&f, argc, argv, error, sizeof error);
}

START_TEST(defaults) {
  unsetenv("GAIJIN_SOCKET");
  unsetenv("XDG_RUNTIME_DIR");
  ck_assert_int_eq(parse(NULL, NULL, NULL, NULL), FLAGS_RUN);
  ck_assert_str_eq(f.config.socket, "/run/gaijin/gaijin.sock");
  ck_assert(f.config.access.make_directory && f.config.access.n_uids == 0 && f.config.access.n_gids == 0);
  ck_assert_uint_eq(f.config.load_min, 100);
  ck_assert_double_eq(f.config.load_gain, 1.4);
  ck_assert_uint_eq(f.config.max_message, 16 << 20);
  ck_assert_int_eq(f.config.log_level, LOG_INFO);
  setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  parse(NULL, NULL, NULL, NULL);
  ck_assert_str_eq(f.config.socket, "/run/user/7/gaijin.sock");
  ck_assert(!f.config.access.make_directory);
  setenv("GAIJIN_SOCKET", "/x", 1);
  parse(NULL, NULL, NULL, NULL);
  ck_assert_str_eq(f.config.socket, "/x");
  parse("-s", "/y", NULL, NULL);
  ck_assert_str_eq(f.config.socket, "/y");
}
END_TEST

START_TEST(flags_are_read) {
  ck_assert_int_eq(parse("-s", "/a", "--load-min=5", "--max-message=64k"), FLAGS_RUN);
  ck_assert_str_eq(f.config.socket, "/a");
  ck_assert_uint_eq(f.config.load_min, 5);
  ck_assert_uint_eq(f.config.max_message, 64 << 10);
  ck_assert_int_eq(parse("--load-gain-tolerance", "2.5", "--log-level", "debug"), FLAGS_RUN);
  ck_assert_double_eq(f.config.load_gain, 2.5);
  ck_assert_int_eq(f.config.log_level, LOG_DEBUG);
  ck_assert_int_eq(parse("--rings-idle", "0.0005", NULL, NULL), FLAGS_RUN);
  ck_assert_uint_eq(f.config.rings_idle_ms, 1); /* 0 would be never */
  parse("--rings-idle", "0", NULL, NULL);
  ck_assert_uint_eq(f.config.rings_idle_ms, 0);
}
END_TEST

START_TEST(limits_are_read) {
  const struct account_limits *l = &f.config.most;
  parse(NULL, NULL, NULL, NULL);
  static const uint64_t most[ACCOUNT_KINDS] = {64 << 20, 100000, 10000, 1000000, 2000000, 4000, 4000};
  for (int i = 0; i < ACCOUNT_KINDS; i++) ck_assert_uint_eq(l->most[i], most[i]);
  ck_assert_uint_eq(l->memory, 256 << 20);
  ck_assert_uint_eq(l->users, 16);
  ck_assert_uint_eq(f.config.limits.message_ms, 30000);
  ck_assert_uint_eq(f.config.limits.read_ms, 60000);
  parse("--max-memory=2M", "--max-queued=1M", "--max-requests=1", "--max-waits=2");
  ck_assert_uint_eq(l->memory, 2 << 20);
  ck_assert_uint_eq(l->most[ACCOUNT_BYTES], 1 << 20);
  ck_assert_uint_eq(l->most[ACCOUNT_REQUESTS], 1);
  ck_assert_uint_eq(l->most[ACCOUNT_WAITS], 2);
  parse("--max-exported=3", "--max-held=4", "--max-names=5", "--max-connections=6");
  ck_assert_uint_eq(l->most[ACCOUNT_EXPORTED], 3);
  ck_assert_uint_eq(l->most[ACCOUNT_HELD], 4);
  ck_assert_uint_eq(l->most[ACCOUNT_NAMES], 5);
  ck_assert_uint_eq(l->most[ACCOUNT_CONNECTIONS], 6);
  parse("--user-factor=7", "--message-time=0.5", "--read-time=0", NULL);
  ck_assert_uint_eq(l->users, 7);
  ck_assert_uint_eq(f.config.limits.message_ms, 500);
  ck_assert_uint_eq(f.config.limits.read_ms, 0);
  ck_assert_int_eq(parse("--user-factor=0", NULL, NULL, NULL), FLAGS_BAD);
}
END_TEST

START_TEST(who_may_connect) {
  ck_assert_int_eq(parse("--mode", "660", "--group=0", NULL), FLAGS_RUN);
  ck_assert(f.config.access.mode == 0660 && f.config.access.has_group && f.config.access.group == 0);
  ck_assert_int_eq(parse("--allow-uid", "root,7", "--allow-gid", "root,8,9"), FLAGS_RUN);
  ck_assert_uint_eq(f.config.access.n_uids, 2);
  ck_assert(f.config.access.uids[0] == 0 && f.config.access.uids[1] == 7);
  ck_assert_uint_eq(f.config.access.n_gids, 3);
  ck_assert_uint_eq(access_mode(&f.config.access), 0600);
  static const char *const bad[][2] = {
      {"--mode", "400"}, {"--mode", "0777"}, {"--mode", "8"}, {"--mode", "600x"}, {"--group", "nobody-has-this"},
      {"--allow-uid", "1,,2"}, {"--allow-uid", "nobody-has-this"}, {"--allow-uid", "-1"}, {"--allow-uid", "4294967295"},
      {"--allow-gid", "1,"}};
  for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
    ck_assert_msg(parse(bad[i][0], bad[i][1], NULL, NULL) == FLAGS_BAD, "%s %s", bad[i][0], bad[i][1]);
    ck_assert_ptr_nonnull(strstr(error, bad[i][0]));
  }
  char many[300] = "1";
  for (int i = 0; i < ACCESS_MOST; i++) strcat(many, ",1");
  ck_assert_int_eq(parse("--allow-uid", many, NULL, NULL), FLAGS_BAD);
}
END_TEST

/* The words are in the order of enum log_level. */
START_TEST(log_levels) {
  static const struct {
    const char *word;
    enum log_level level;
  } cases[] = {{"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    ck_assert_int_eq(parse("--log-level", cases[i].word, NULL, NULL), FLAGS_RUN);
    ck_assert_int_eq(f.config.log_level, cases[i].level);
  }
  ck_assert_double_eq(setting_info(SETTING_log_level)->most, LOG_DEBUG);
}
END_TEST

static void expect_bad(const char *flag, const char *value, const char *text) {
  ck_assert_int_eq(parse(flag, value, NULL, NULL), FLAGS_BAD);
  ck_assert_msg(strstr(error, text) != NULL, "expected \"%s\" in \"%s\"", text, error);
  ck_assert_msg(strstr(error, "; see gaijin-broker --help") != NULL, "\"%s\"", error);
}

START_TEST(bad_usage_is_told) {
  expect_bad("--frobnicate", NULL, "unknown flag '--frobnicate'");
  expect_bad("-x", NULL, "unknown flag '-x'");
  expect_bad("--socket", NULL, "--socket needs a value");
  expect_bad("extra", NULL, "unexpected argument 'extra'");
  expect_bad("--", "--load-min=5", "unexpected argument '--load-min=5'");
  expect_bad("--socket", "", "--socket takes a text of 1 to 107 bytes, not ''");
  expect_bad("--load-min", "-1", "--load-min takes a whole number from 0 to 4294967295, not '-1'");
  expect_bad("--load-min", "ten", "--load-min takes");
  expect_bad("--load-min", "4294967296", "--load-min takes");
  expect_bad("--load-gain-tolerance", "0.5", "--load-gain-tolerance takes a number from 1 to");
  expect_bad("--load-gain-tolerance", "nan", "--load-gain-tolerance takes");
  expect_bad("--log-level", "loud", "--log-level takes error, warn, info or debug, not 'loud'");
  expect_bad("--max-message", "4095", "--max-message takes a size from 4K to 1G, not '4095'");
  expect_bad("--max-message", "2G", "--max-message takes");
}
END_TEST

START_TEST(help_and_version_are_shown) {
  struct captured out;
  static const char *const flags[] = {"-h", "--help"};
  for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
    captured_begin(&out, STDOUT_FILENO);
    ck_assert_int_eq(parse("--load-min=5", flags[i], NULL, NULL), FLAGS_SHOWN);
    captured_end(&out);
    ck_assert_int_eq(strncmp(out.text, "usage: gaijin-broker [FLAG...]\n", 31), 0);
    ck_assert_ptr_nonnull(strstr(out.text, "--max-message SIZE"));
  }
  captured_begin(&out, STDOUT_FILENO);
  ck_assert_int_eq(parse("--version", NULL, NULL, NULL), FLAGS_SHOWN);
  captured_end(&out);
  captured_one_line(out.text, "gaijin-broker ");
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker flags");
  TCase *t = tcase_create("flags");
  suite_add_tcase(s, t);
  tcase_add_test(t, defaults);
  tcase_add_test(t, flags_are_read);
  tcase_add_test(t, limits_are_read);
  tcase_add_test(t, bad_usage_is_told);
  tcase_add_test(t, who_may_connect);
  tcase_add_test(t, log_levels);
  tcase_add_test(t, help_and_version_are_shown);
  return run_suite(s);
}
