/* SPDX-License-Identifier: MIT
 *
 * Files of a worker's lines (tools/run/output/log_file.h), where there is no room for all of them, and where nobody reads.
 */
#include "tools/run/output/log_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/run.h"
#include "tools/base/text.h"

static char dir[] = "/tmp/gaijin-log-XXXXXX";
static struct log_file f;

static void setup(void) {
  strcpy(dir + strlen(dir) - 6, "XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(dir));
}
static void teardown(void) {
  char path[64];
  log_file_close(&f);
  snprintf(path, sizeof path, "%s/shop.log", dir);
  unlink(path);
  rmdir(dir);
}
static void write_line(const char *line) { log_file_write(&f, line, strlen(line)); }
static void expect_file(const char *text) {
  char read_back[256];
  int fd = open(f.path, O_RDONLY | O_NONBLOCK);
  ssize_t n = read(fd, read_back, sizeof read_back - 1);
  close(fd);
  ck_assert_int_ge(n, 0);
  read_back[n] = '\0';
  ck_assert_str_eq(read_back, text);
}
static void limit(rlim_t bytes) {
  struct rlimit r;
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &r), 0);
  r.rlim_cur = bytes;
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* The begin of a line is there, and the next one does not go on with it. */
START_TEST(a_torn_line_is_ended) {
  signal(SIGXFSZ, SIG_IGN);
  ck_assert(log_file_open(&f, dir, "shop"));
  write_line("one");
  limit(7);
  write_line("two and more");
  expect_file("one\ntwo");
  ck_assert_uint_eq(f.lost, 1);
  write_line("three");
  ck_assert_uint_eq(f.lost, 2);
  limit(RLIM_INFINITY);
  write_line("four");
  write_line("five");
  ck_assert_uint_eq(f.lost, 0);
  expect_file("one\ntwo\nfour\nfive\n");
}
END_TEST

START_TEST(a_new_file_begins_with_a_line) {
  signal(SIGXFSZ, SIG_IGN);
  ck_assert(log_file_open(&f, dir, "shop"));
  limit(3);
  write_line("one and more");
  limit(RLIM_INFINITY);
  ck_assert_int_eq(unlink(f.path), 0);
  log_file_reopen(&f);
  write_line("two");
  expect_file("two\n");
}
END_TEST

/* A named pipe: nobody is waited for, neither one who opens it nor one who reads. */
START_TEST(no_reader_is_waited_for) {
  char path[64], large[4096];
  snprintf(path, sizeof path, "%s/shop.log", dir);
  ck_assert_int_eq(mkfifo(path, 0600), 0);
  ck_assert(!log_file_open(&f, dir, "shop"));
  write_line("lost");
  ck_assert_uint_eq(f.lost, 1);
  int reader = open(path, O_RDONLY | O_NONBLOCK);
  log_file_reopen(&f);
  ck_assert_int_ge(f.fd, 0);
  memset(large, 'x', sizeof large);
  for (int i = 0; i < 100; i++) log_file_write(&f, large, sizeof large);
  ck_assert_uint_gt(f.lost, 1);
  close(reader);
}
END_TEST

/* Nobody writes there any more. */
START_TEST(what_was_lost_is_told_at_the_end) {
  struct text told = {0};
  char expected[128];
  signal(SIGXFSZ, SIG_IGN);
  ck_assert(log_file_open(&f, dir, "shop"));
  snprintf(expected, sizeof expected, "gaijinctl: run: 2 lines were lost of log %s\n", f.path);
  limit(3);
  tool_error_to(&told);
  write_line("one and more");
  write_line("two");
  told.size = 0;
  log_file_close(&f);
  tool_error_to(NULL);
  limit(RLIM_INFINITY);
  ck_assert_uint_eq(told.size, strlen(expected));
  ck_assert_str_eq(told.bytes, expected);
  text_deinit(&told);
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools run log file");
  TCase *t = tcase_create("log file");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_torn_line_is_ended);
  tcase_add_test(t, a_new_file_begins_with_a_line);
  tcase_add_test(t, no_reader_is_waited_for);
  tcase_add_test(t, what_was_lost_is_told_at_the_end);
  suite_add_tcase(s, t);
  return run_suite(s);
}
