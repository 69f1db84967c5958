/* SPDX-License-Identifier: MIT
 *
 * The form of lines: the time, which a clock that the test sets gives, and the longest names.
 */
#define _GNU_SOURCE /* syscall */
#include "proto/logline.h"

#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proto/limits.h"
#include "tests/unit/run.h"

static struct timespec now; /* of nanosecond 0: the system's */

/* The program's own, before the library's. */
int clock_gettime(clockid_t clock, struct timespec *t) {
  if (!now.tv_nsec) return (int)syscall(SYS_clock_gettime, clock, t);
  *t = now;
  return 0;
}

static const struct log_about nobody = {.uid = LOG_NO_UID};

/* As the library says, on every day of four hundred years, and at the edges of a day. */
START_TEST(the_time) {
  static const time_t of_day[] = {0, 86399, 43261};
  char head[LOG_HEAD_MOST], expected[40];
  for (time_t day = 0; day < 146097 + 400; day++) {
    struct tm utc;
    now = (struct timespec){day * 86400 + of_day[day % 3], 7000000};
    gmtime_r(&now.tv_sec, &utc);
    strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.007Z ", &utc);
    logline_head(head, LOG_TEXT, LOG_INFO, "p", &nobody);
    ck_assert_msg(strncmp(head, expected, strlen(expected)) == 0, "%s and not %s", head, expected);
  }
  now.tv_nsec = 0;
}
END_TEST

START_TEST(what_is_longest_fits) {
  char head[LOG_HEAD_MOST], tail[LOG_TAIL_MOST], name[NAME_MAX_BYTES + 2], why[4096];
  memset(name, '\x1b', sizeof name - 1);
  memset(why, '\x1b', sizeof why - 1);
  name[sizeof name - 1] = why[sizeof why - 1] = '\0';
  struct log_about about = {.worker = name, .id = UINT64_MAX, .pid = INT32_MAX, .uid = LOG_NO_UID - 1, .why = why};
  for (int form = LOG_TEXT; form <= LOG_JOURNAL; form++) {
    size_t n = logline_head(head, (enum log_format)form, LOG_DEBUG, "gaijin-broker", &about);
    ck_assert_uint_lt(n, LOG_HEAD_MOST);
    ck_assert_uint_eq(strlen(head), n);
    n = logline_tail(tail, (enum log_format)form, &about);
    ck_assert_uint_lt(n, LOG_TAIL_MOST);
    ck_assert_uint_eq(strlen(tail), n);
    ck_assert_str_eq(tail + n - (form == LOG_JSON ? 6 : 4), form == LOG_JSON ? "...\"}\n" : "...\n");
  }
  logline_head(head, LOG_JSON, LOG_DEBUG, "gaijin-broker", &about);
  ck_assert_ptr_nonnull(strstr(head, "\\u001b\",\"id\":\"ffffffffffffffff\",\"pid\":2147483647,\"uid\":4294967294,\"event\":\""));
}
END_TEST

START_TEST(an_observer_is_called_one) {
  char head[LOG_HEAD_MOST];
  struct log_about about = {.worker = "@vault", .uid = LOG_NO_UID};
  logline_head(head, LOG_JSON, LOG_INFO, "p", &about);
  ck_assert_ptr_nonnull(strstr(head, ",\"observer\":\"vault\",\"event\":\""));
}
END_TEST

/* Its levels are syslog's, which have other numbers. */
START_TEST(the_journal_is_told_the_level) {
  static const char *const heads[] = {"<3>error: ", "<4>warn: ", "<6>info: ", "<7>debug: "};
  char head[LOG_HEAD_MOST];
  struct log_about about = {.worker = "shop", .uid = LOG_NO_UID};
  for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
    ck_assert_uint_eq(logline_head(head, LOG_JOURNAL, (enum log_level)level, "p", &about), strlen(heads[level]));
    ck_assert_str_eq(head, heads[level]);
    ck_assert_uint_eq(logline_more(head, LOG_JOURNAL, (enum log_level)level), 3);
    ck_assert_mem_eq(head, heads[level], 3);
  }
  ck_assert_uint_eq(logline_more(head, LOG_TEXT, LOG_ERROR), 0);
  ck_assert_uint_eq(logline_more(head, LOG_JSON, LOG_ERROR), 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("logline");
  TCase *t = tcase_create("logline");
  tcase_add_test(t, the_time);
  tcase_add_test(t, what_is_longest_fits);
  tcase_add_test(t, an_observer_is_called_one);
  tcase_add_test(t, the_journal_is_told_the_level);
  suite_add_tcase(s, t);
  return run_suite(s);
}
