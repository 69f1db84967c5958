/* SPDX-License-Identifier: MIT
 *
 * The command line of gaijin-worker (lua/options.c).
 */
#define _GNU_SOURCE
#include "lua/options.h"

#include <getopt.h>
#include <string.h>

#include "proto/limits.h"
#include "tests/unit/captured.h"

enum { ARGUMENTS = 24 };

static struct options o;
static char words[1024];
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
    for (char *c = w; (c = strchr(c, '_')); ) *c = ' ';
  }
  argv[argc] = NULL;
  optind = 0; /* glibc's getopt starts anew */
  return options_parse(&o, argc, argv);
}

static void expect_bad(const char *line, const char *text) {
  struct captured err;
  captured_begin(&err, STDERR_FILENO);
  enum options_outcome outcome = parse(line);
  captured_end(&err);
  ck_assert_msg(outcome == OPTIONS_BAD, "%s: outcome %d", line, outcome);
  captured_one_line(err.text, text);
  ck_assert_msg(strncmp(err.text, "gaijin-worker: ", 15) == 0, "%s", err.text);
}

START_TEST(defaults) {
  ck_assert_int_eq(parse("dir/shop.lua"), OPTIONS_RUN);
  ck_assert_str_eq(o.name, "shop");
  ck_assert_ptr_null(o.socket);
  ck_assert_str_eq(o.script, "dir/shop.lua");
  ck_assert_ptr_null(o.code);
  ck_assert_int_eq(o.script_index, 1);
  ck_assert(!o.once);
  ck_assert_double_eq(o.wait, 5);
  ck_assert_double_eq(o.grace, 5);
  ck_assert_double_eq(o.call_timeout, 25);
  ck_assert_double_eq(o.atc_time, 60);
  ck_assert_uint_eq(o.collector_waits, 10);
  ck_assert_uint_eq(o.max_depth, CALL_DEPTH_DEFAULT);
  ck_assert_uint_eq(o.max_fibers, 10000);
}
END_TEST

START_TEST(every_flag) {
  ck_assert_int_eq(parse("-n bank -s /a --once --wait 0 --grace 0.5 --call-timeout 0 --max-depth 7 --max-fibers 8 --atc-time .25 --collector-waits 3 x.lua"), OPTIONS_RUN);
  ck_assert_str_eq(o.name, "bank");
  ck_assert_str_eq(o.socket, "/a");
  ck_assert_str_eq(o.script, "x.lua");
  ck_assert(o.once);
  ck_assert_double_eq(o.wait, 0);
  ck_assert_double_eq(o.grace, 0.5);
  ck_assert_double_eq(o.call_timeout, 0);
  ck_assert_uint_eq(o.max_depth, 7);
  ck_assert_uint_eq(o.max_fibers, 8);
  ck_assert_double_eq(o.atc_time, 0.25);
  ck_assert_uint_eq(o.collector_waits, 3);
  ck_assert_int_eq(parse("--name=bank --socket=/a --wait=1e6 --max-depth=65000 --max-fibers=1e6 x"), OPTIONS_RUN);
  ck_assert_str_eq(o.name, "bank");
  ck_assert_str_eq(o.socket, "/a");
  ck_assert_double_eq(o.wait, 1e6);
  ck_assert_uint_eq(o.max_depth, CALL_DEPTH_MOST);
  ck_assert_uint_eq(o.max_fibers, 1000000);
}
END_TEST

START_TEST(the_scripts_arguments_are_left_alone) {
  ck_assert_int_eq(parse("-n a x.lua -n b --once --frobnicate"), OPTIONS_RUN);
  ck_assert_str_eq(o.name, "a");
  ck_assert(!o.once);
  ck_assert_int_eq(o.script_index, 3);
  ck_assert_str_eq(argv[o.script_index + 1], "-n");
  ck_assert_int_eq(parse("-- -x.lua 1"), OPTIONS_RUN);
  ck_assert_str_eq(o.script, "-x.lua");
  ck_assert_str_eq(o.name, "-x");
  ck_assert_int_eq(o.script_index, 2);
}
END_TEST

START_TEST(code_instead_of_a_script) {
  ck_assert_int_eq(parse("-e return_1 a b"), OPTIONS_RUN);
  ck_assert_str_eq(o.code, "return 1");
  ck_assert_ptr_null(o.script);
  ck_assert_str_eq(o.name, "worker");
  ck_assert_str_eq(argv[o.script_index + 1], "a"); /* the first argument, wherever the code stood */
  ck_assert_int_eq(parse("-e return_1 --once -n x"), OPTIONS_RUN);
  ck_assert_str_eq(o.name, "x");
  ck_assert_ptr_null(argv[o.script_index + 1]);
  ck_assert_int_eq(parse("-ereturn_1 a"), OPTIONS_RUN);
  ck_assert_str_eq(o.code, "return 1");
  ck_assert_str_eq(argv[o.script_index + 1], "a");
}
END_TEST

START_TEST(names_of_scripts) {
  static const struct {
    const char *script, *name;
  } cases[] = {{"a", "a"}, {"./a.lua", "a"}, {"/x/y/z.w.lua", "z.w"}, {"a.luac", "a.luac"}, {"x.d/a", "a"}, {".lua", ".lua"}, {"x/.lua", ".lua"}};
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
  expect_bad(line, "must have 1 to 64 bytes; choose one with -n NAME");
  snprintf(line, sizeof line, "dir/%sn.lua", name);
  expect_bad(line, "must have 1 to 64 bytes; choose one with -n NAME");
  expect_bad("dir/", "the name ''");
  expect_bad("--name= x", "the name ''");
}
END_TEST

START_TEST(bad_values) {
  expect_bad("--wait x s.lua", "--wait takes a number from 0 to 1e+06, not 'x'");
  expect_bad("--wait 5s s.lua", "not '5s'");
  expect_bad("--wait -1 s.lua", "not '-1'");
  expect_bad("--wait nan s.lua", "not 'nan'");
  expect_bad("--wait= s.lua", "not ''");
  expect_bad("--grace inf s.lua", "--grace takes");
  expect_bad("--max-depth 0 s.lua", "--max-depth takes a number from 1 to 65000, not '0'");
  expect_bad("--max-depth 65001 s.lua", "not '65001'");
  expect_bad("--max-depth 1.5 s.lua", "--max-depth takes a whole number, not '1.5'");
  expect_bad("--max-fibers 0 s.lua", "--max-fibers takes");
  expect_bad("--max-fibers 1e7 s.lua", "--max-fibers takes");
  expect_bad("--atc-time 0 s.lua", "--atc-time takes a number from 0.001");
  expect_bad("--collector-waits 0 s.lua", "--collector-waits takes");
  expect_bad("--collector-waits 2.5 s.lua", "a whole number, not '2.5'");
}
END_TEST

START_TEST(bad_usage) {
  expect_bad("", "no script given; see gaijin-worker --help");
  expect_bad("--once", "no script given");
  expect_bad("--frobnicate s.lua", "option '--frobnicate' is not known; see gaijin-worker --help");
  expect_bad("-x s.lua", "option '-x' is not known");
  expect_bad("-xyz s.lua", "option '-x' is not known");
  expect_bad("-n", "option '-n' needs a value");
  expect_bad("--name", "option '--name' needs a value");
  expect_bad("-e", "option '-e' needs a value");
  expect_bad("--once=5 s.lua", "option '--once=5' takes no value");
  expect_bad("--max 5 s.lua", "option '--max' is not known");
}
END_TEST

START_TEST(help_and_version) {
  struct captured out;
  captured_begin(&out, STDOUT_FILENO);
  ck_assert_int_eq(parse("--help"), OPTIONS_DONE);
  captured_end(&out);
  static const char *const flags[] = {"-n, --name", "-s, --socket", "-e CODE", "--once", "--wait", "--grace", "--call-timeout", "--max-depth", "--max-fibers",
                                      "--atc-time", "--collector-waits", "--help", "--version"};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) ck_assert_msg(strstr(out.text, flags[i]), "no %s", flags[i]);
  captured_begin(&out, STDOUT_FILENO);
  ck_assert_int_eq(parse("-n x --version"), OPTIONS_DONE);
  captured_end(&out);
  ck_assert_str_eq(out.text, "gaijin-worker " GAIJIN_VERSION "\n");
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_options");
  TCase *c = tcase_create("options");
  tcase_add_test(c, defaults);
  tcase_add_test(c, every_flag);
  tcase_add_test(c, the_scripts_arguments_are_left_alone);
  tcase_add_test(c, code_instead_of_a_script);
  tcase_add_test(c, names_of_scripts);
  tcase_add_test(c, names_have_1_to_64_bytes);
  tcase_add_test(c, bad_values);
  tcase_add_test(c, bad_usage);
  tcase_add_test(c, help_and_version);
  suite_add_tcase(s, c);
  return run_suite(s);
}
