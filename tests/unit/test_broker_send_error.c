/* SPDX-License-Identifier: MIT
 *
 * A socket that the system cannot send to, for want of memory: its connection ends, and the log says
 * why. (One whose peer has ended is no news.) This program's own send stands for the system's.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b;
static int failing_fd = -1, failing_errno;

ssize_t send(int fd, const void *bytes, size_t n, int flags) {
  if (fd != failing_fd) return syscall(SYS_sendto, fd, bytes, n, flags, NULL, 0);
  errno = failing_errno;
  return -1;
}

/* b pings while nothing can be sent to it; what the log says then goes to `text`. */
static void fail_with(int error, char *text, size_t n) {
  char path[] = "/tmp/gaijin-log-XXXXXX";
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  unlink(path);
  wire_open(&w, NULL);
  log_close(&w.broker.log);
  ck_assert(log_open(&w.broker.log, LOG_WARN, LOG_TEXT, fd));
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  failing_fd = wire_client(&w, &b)->fd;
  failing_errno = error;
  wire_begin(&b, MESSAGE_REQUEST, OP_ping, ++b.last_id, 0);
  wire_send(&w, &b);
  wire_expect_end(&w, &b);
  failing_fd = -1;
  wire_quiet(&w, &a);
  ssize_t size = pread(fd, text, n - 1, 0);
  ck_assert_int_ge(size, 0);
  text[size] = '\0';
  close(fd);
  wire_leave(&a);
  wire_leave(&b);
  wire_close(&w);
}

START_TEST(a_lack_of_memory_is_told) {
  char text[1024];
  fail_with(ENOBUFS, text, sizeof text);
  ck_assert_msg(strstr(text, "cannot write to b (process "), "%s", text);
  ck_assert_msg(strstr(text, strerror(ENOBUFS)), "%s", text);
}
END_TEST

START_TEST(an_end_is_no_news) {
  char text[1024];
  fail_with(EPIPE, text, sizeof text);
  ck_assert_str_eq(text, "");
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker send error");
  TCase *t = tcase_create("send error");
  suite_add_tcase(s, t);
  tcase_add_test(t, a_lack_of_memory_is_told);
  tcase_add_test(t, an_end_is_no_news);
  return run_suite(s);
}
