/* SPDX-License-Identifier: MIT
 *
 * The command line of gaijin-worker (lua/options.c).
 */
#define _GNU_SOURCE
#include "lua/options.h"

#include <string.h>

#include "lua/vm/worker.h"
#include "tests/unit/captured.h"

enum { ARGUMENTS = 24 };

static struct options o;
static char words[1024], error[256];
static char *argv[ARGUMENTS + 2];

/* Parses the words of the line, at blanks; '_' in a word is a blank. */
static enum options_outcome parse(const char *line) {
  int argc = 1;
  argv[0] = (char *)"gaijin-worker";
  ck_assert_uint_lt(strlen(line), sizeof words);
  strcpy(words, line);
  char *save = NULL;
  for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
    ck_assert_int_lt(argc, ARGUMENTS);
    argv[argc++] = w;
    for (char *c = w; (c = strchr(c, '_'));) *c = ' ';
  }
  argv[argc] = NULL;
  error[0] = '\0';
  return options_parse(&o, argc, argv, error, sizeof error);
}

static void expect_bad(const char *line, const char *text) {
  enum options_outcome outcome = parse(line);
  ck_assert_msg(outcome == OPTIONS_BAD, "%s: outcome %d", line, outcome);
  ck_assert_msg(strstr(error, text) != NULL, "expected \"%s\" in \"%s\"", text, error);
  ck_assert_ptr_null(strchr(error, '\n'));
  ck_assert_msg(strstr(error, "; see gaijin-worker --help") != NULL, "\"%s\"", error);
}

static const char *text(enum setting id) { return settings_text(&o.values, id); }
static double seconds(enum setting id) { return settings_seconds(&o.values, id); }
static unsigned count(enum setting id) { return settings_count(&o.values, id); }

START_TEST(defaults) {
  ck_assert_int_eq(parse("dir/shop.lua"), OPTIONS_RUN);
  ck_assert_str_eq(o.name, "shop");
  ck_assert_ptr_null(text(SETTING_socket));
  ck_assert_str_eq(o.script, "dir/shop.lua");
  ck_assert_ptr_null(text(SETTING_code));
  ck_assert_int_eq(o.script_index, 1);
  ck_assert(!settings_flag(&o.values, SETTING_once));
  ck_assert_double_eq(seconds(SETTING_wait), 5);
  ck_assert_double_eq(seconds(SETTING_grace), 5);
  ck_assert_double_eq(seconds(SETTING_call_timeout), 25);
  ck_assert_double_eq(seconds(SETTING_atc_time), 60);
  ck_assert_uint_eq(count(SETTING_collector_waits), 10);
  ck_assert_uint_eq(count(SETTING_max_depth), 1000);
  ck_assert_uint_eq(count(SETTING_max_fibers), 10000);
}
END_TEST

START_TEST(every_flag) {
  ck_assert_int_eq(parse("-n bank -s /a --once --wait 0 --grace 0.5 --call-timeout 0 --max-depth 7 "
                         "--max-fibers 8 --atc-time .25 --collector-waits 3 x.lua"),
                   OPTIONS_RUN);
  ck_assert_str_eq(o.name, "bank");
  ck_assert_str_eq(text(SETTING_socket), "/a");
  ck_assert_str_eq(o.script, "x.lua");
  ck_assert(settings_flag(&o.values, SETTING_once));
  ck_assert_double_eq(seconds(SETTING_wait), 0);
  ck_assert_double_eq(seconds(SETTING_grace), 0.5);
  ck_assert_double_eq(seconds(SETTING_call_timeout), 0);
  ck_assert_uint_eq(count(SETTING_max_depth), 7);
  ck_assert_uint_eq(count(SETTING_max_fibers), 8);
  ck_assert_double_eq(seconds(SETTING_atc_time), 0.25);
  ck_assert_uint_eq(count(SETTING_collector_waits), 3);
  ck_assert_int_eq(parse("--name=bank --socket=/a --wait=1e6 --max-depth=65000 --max-fibers=1e6 x"),
                   OPTIONS_RUN);
  ck_assert_str_eq(o.name, "bank");
  ck_assert_str_eq(text(SETTING_socket), "/a");
  ck_assert_double_eq(seconds(SETTING_wait), 1e6);
  ck_assert_uint_eq(count(SETTING_max_depth), CALL_DEPTH_MOST);
  ck_assert_uint_eq(count(SETTING_max_fibers), 1000000);
}
END_TEST

START_TEST(the_scripts_arguments_are_left_alone) {
  ck_assert_int_eq(parse("-n a x.lua -n b --once --frobnicate"), OPTIONS_RUN);
  ck_assert_str_eq(o.name, "a");
  ck_assert(!settings_flag(&o.values, SETTING_once));
  ck_assert_int_eq(o.script_index, 3);
  ck_assert_str_eq(argv[o.script_index + 1], "-n");
  ck_assert_int_eq(parse("-- -x.lua 1"), OPTIONS_RUN);
  ck_assert_str_eq(o.script, "-x.lua");
  ck_assert_str_eq(o.name, "-x");
  ck_assert_int_eq(o.script_index, 2);
}
END_TEST

/* Who wants a sandbox gets it or is told: behind the script the flag would be the script's own. */
START_TEST(a_sandbox_behind_the_script_is_refused) {
  expect_bad("x.lua --sandbox", "--sandbox stands behind the script, where flags are the script's own; "
                                "put it before, or put -- before the script");
  expect_bad("--once x.lua a --sandbox", "--sandbox stands");
  expect_bad("x.lua --memory-limit 1M", "--memory-limit stands");
  expect_bad("x.lua --cpu-limit=2", "--cpu-limit=2 stands");
  expect_bad("--sandbox x.lua --cpu-limit=2", "--cpu-limit=2 stands");
  expect_bad("-e return_1 --once a --sandbox", "--sandbox stands");
  ck_assert_int_eq(parse("--sandbox x.lua"), OPTIONS_RUN);
  ck_assert(settings_flag(&o.values, SETTING_sandbox));
  ck_assert_int_eq(parse("-- x.lua --sandbox"), OPTIONS_RUN);
  ck_assert(!settings_flag(&o.values, SETTING_sandbox));
  ck_assert_str_eq(argv[o.script_index + 1], "--sandbox");
  ck_assert_int_eq(parse("x.lua --sandboxes sandbox -sandbox --grace 1"), OPTIONS_RUN);
}
END_TEST

START_TEST(code_instead_of_a_script) {
  ck_assert_int_eq(parse("-e return_1 a b"), OPTIONS_RUN);
  ck_assert_str_eq(text(SETTING_code), "return 1");
  ck_assert_ptr_null(o.script);
  ck_assert_str_eq(o.name, "worker");
  ck_assert_str_eq(argv[o.script_index + 1], "a"); /* the first argument, wherever the code stood */
  ck_assert_int_eq(parse("-e return_1 --once -n x"), OPTIONS_RUN);
  ck_assert_str_eq(o.name, "x");
  ck_assert_ptr_null(argv[o.script_index + 1]);
  ck_assert_int_eq(parse("-ereturn_1 a"), OPTIONS_RUN);
  ck_assert_str_eq(text(SETTING_code), "return 1");
  ck_assert_str_eq(argv[o.script_index + 1], "a");
}
END_TEST

START_TEST(names_of_scripts) {
  static const struct {
    const char *script, *name;
  } cases[] = {{"a", "a"},     {"./a.lua", "a"}, {"/x/y/z.w.lua", "z.w"}, {"a.luac", "a.luac"},
               {"x.d/a", "a"}, {".lua", ".lua"}, {"x/.lua", ".lua"}, {"a@home/b@home.lua", "b_home"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ck_assert_int_eq(parse(cases[i].script), OPTIONS_RUN);
    ck_assert_str_eq(o.name, cases[i].name);
  }
}
END_TEST

START_TEST(names_have_1_to_64_bytes) {
  char line[256], name[NAME_MAX_BYTES + 2];
  memset(name, 'n', sizeof name);
  name[NAME_MAX_BYTES] = '\0';
  snprintf(line, sizeof line, "-n %s x", name);
  ck_assert_int_eq(parse(line), OPTIONS_RUN);
  ck_assert_str_eq(o.name, name);
  snprintf(line, sizeof line, "dir/%s.lua", name);
  ck_assert_int_eq(parse(line), OPTIONS_RUN);
  ck_assert_str_eq(o.name, name);
  snprintf(line, sizeof line, "-n %sn x", name);
  expect_bad(line, "-n takes a text of 1 to 64 bytes, not 'nnn");
  snprintf(line, sizeof line, "dir/%sn.lua", name);
  expect_bad(line, "a worker's name has 1 to 64 bytes, 'dir/nnn");
  expect_bad("dir/",
             "a worker's name has 1 to 64 bytes, 'dir/' gives none; choose one with -n NAME");
  expect_bad("-n a@b x", "a worker's name has no '@' and no '/': they are reserved for naming machines; choose another one than 'a@b'");
  expect_bad("--name= x", "--name takes a text of 1 to 64 bytes, not ''");
}
END_TEST

START_TEST(bad_values) {
  expect_bad("--wait x s.lua", "--wait takes a number from 0 to 1000000, not 'x'");
  expect_bad("--wait 5s s.lua", "not '5s'");
  expect_bad("--wait -1 s.lua", "not '-1'");
  expect_bad("--wait nan s.lua", "not 'nan'");
  expect_bad("--wait= s.lua", "not ''");
  expect_bad("--grace inf s.lua", "--grace takes");
  expect_bad("--max-depth 0 s.lua", "--max-depth takes a whole number from 1 to 65000, not '0'");
  expect_bad("--max-depth 65001 s.lua", "not '65001'");
  expect_bad("--max-depth 1.5 s.lua",
             "--max-depth takes a whole number from 1 to 65000, not '1.5'");
  expect_bad("--max-fibers 0 s.lua", "--max-fibers takes");
  expect_bad("--max-fibers 1e7 s.lua", "--max-fibers takes");
  expect_bad("--atc-time 0 s.lua", "--atc-time takes a number from 0.001");
  expect_bad("--collector-waits 0 s.lua", "--collector-waits takes");
  expect_bad("--collector-waits 2.5 s.lua", "a whole number from 1 to 1000000, not '2.5'");
}
END_TEST

START_TEST(bad_usage) {
  expect_bad("", "no script given; see gaijin-worker --help");
  expect_bad("--once", "no script given");
  expect_bad("--frobnicate s.lua", "unknown flag '--frobnicate'; see gaijin-worker --help");
  expect_bad("-x s.lua", "unknown flag '-x'");
  expect_bad("-xyz s.lua", "unknown flag '-x'");
  expect_bad("-n", "-n needs a value");
  expect_bad("--name", "--name needs a value");
  expect_bad("-e", "-e needs a value");
  expect_bad("--once=5 s.lua", "--once takes no value");
  expect_bad("--max 5 s.lua", "unknown flag '--max'");
}
END_TEST

START_TEST(help_and_version) {
  struct captured out;
  captured_begin(&out, STDOUT_FILENO);
  ck_assert_int_eq(parse("--help"), OPTIONS_SHOWN);
  captured_end(&out);
  static const char *const flags[] = {
      "-n, --name",        "-s, --socket",   "-e, --code",  "--once",       "--wait",
      "--grace",           "--call-timeout", "--max-depth", "--max-fibers", "--atc-time",
      "--collector-waits", "-h, --help",     "--version"};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
    ck_assert_msg(strstr(out.text, flags[i]), "no %s", flags[i]);
  captured_begin(&out, STDOUT_FILENO);
  ck_assert_int_eq(parse("-n x --version"), OPTIONS_SHOWN);
  captured_end(&out);
  char expected[64];
  snprintf(expected, sizeof expected, "gaijin-worker %s, wire versions %d to %d\n", GAIJIN_VERSION,
           WIRE_VERSION_LEAST, WIRE_VERSION_MOST);
  ck_assert_str_eq(out.text, expected);
}
END_TEST

/* What the settings set in a worker, from a command line and from gaijin.connect's table. */
START_TEST(a_worker_is_configured) {
  static struct worker w;
  struct settings connect;
  ck_assert_int_eq(parse("--grace 1 --call-timeout 2 --max-depth 3 --max-fibers 4 --atc-time 5 "
                         "--collector-waits 6 --max-decoded 7M x"),
                   OPTIONS_RUN);
  options_configure(&o.values, &w);
  ck_assert_double_eq(w.grace, 1);
  ck_assert_double_eq(w.call_timeout, 2);
  ck_assert_uint_eq(w.max_depth, 3);
  ck_assert_uint_eq(w.sched.max_fibers, 4);
  ck_assert_double_eq(w.atc_time, 5);
  ck_assert_uint_eq(w.collector_waits, 6);
  ck_assert_uint_eq(w.max_decoded, 7 << 20);
  settings_init(&connect, SETTINGS_CONNECT);
  options_configure(&connect, &w);
  ck_assert_double_eq(w.grace, 5);
  ck_assert_double_eq(w.call_timeout, 25);
  ck_assert_uint_eq(w.max_depth, 1000);
  ck_assert_uint_eq(w.sched.max_fibers, 10000);
  ck_assert_double_eq(w.atc_time, 60);
  ck_assert_uint_eq(w.collector_waits, 10);
  ck_assert_uint_eq(w.max_decoded, 256 << 20);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_options");
  TCase *c = tcase_create("options");
  tcase_add_test(c, defaults);
  tcase_add_test(c, every_flag);
  tcase_add_test(c, the_scripts_arguments_are_left_alone);
  tcase_add_test(c, a_sandbox_behind_the_script_is_refused);
  tcase_add_test(c, code_instead_of_a_script);
  tcase_add_test(c, names_of_scripts);
  tcase_add_test(c, names_have_1_to_64_bytes);
  tcase_add_test(c, bad_values);
  tcase_add_test(c, bad_usage);
  tcase_add_test(c, help_and_version);
  tcase_add_test(c, a_worker_is_configured);
  suite_add_tcase(s, c);
  return run_suite(s);
}
