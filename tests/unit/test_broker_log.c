/* SPDX-License-Identifier: MIT
 *
 * The log never waits, and loses no line without saying so.
 */
#define _GNU_SOURCE
#include "broker/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/run.h"

enum { MANY = 5000 };
static struct log l;

/* A line of some hundred bytes with this number. */
static void say(int number) { log_line(&l, LOG_INFO, "line %d %0100d|", number, 0); }

/* All there is in `fd`, in at most n - 1 bytes; terminated. */
static size_t take(int fd, char *out, size_t n) {
  size_t got = 0;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  for (ssize_t r; got < n - 1 && (r = read(fd, out + got, n - 1 - got)) > 0;) got += (size_t)r;
  out[got] = '\0';
  return got;
}

/* Every line is whole: the numbers count up from `next`, "N lines lost" counts the missing. The next number. */
static int read_lines(char *text, int next) {
  for (char *line = text, *end; *line; line = end + 1) {
    int number, bytes;
    unsigned lost;
    ck_assert_ptr_nonnull(end = strchr(line, '\n'));
    *end = '\0';
    char *at = strstr(line, "line ");
    if (at && sscanf(at, "line %d %*d|%n", &number, &bytes) == 1) {
      ck_assert_int_eq(number, next++);
      ck_assert_int_eq(at[bytes], '\0');
      ck_assert_int_eq(end[-1], '|');
    } else {
      at = strstr(line, "gaijin-broker warn: ");
      ck_assert_msg(at && sscanf(at, "gaijin-broker warn: %u lines lost", &lost) == 1, "%s", line);
      next += (int)lost;
    }
  }
  return next;
}

/* Many lines into ends[1] with nobody at ends[0]; then all is read. */
static void flood(int ends[2]) {
  size_t n = 4 << 20;
  char *text = malloc(n);
  ck_assert_ptr_nonnull(text);
  int shared = fcntl(ends[1], F_GETFL), next = 0;
  ck_assert(log_open(&l, LOG_INFO, LOG_TEXT, ends[1]));
  for (int i = 0; i < MANY; i++) say(i);
  ck_assert_uint_gt(l.lost_ever, 0);
  ck_assert_uint_le(l.size, LOG_BUFFER_BYTES);
  ck_assert_int_eq(fcntl(ends[1], F_GETFL), shared);
  for (int i = 0; i < MANY; i++) {
    take(ends[0], text, n);
    next = read_lines(text, next);
    log_flush(&l);
    if (!log_waits(&l)) break;
  }
  take(ends[0], text, n);
  next = read_lines(text, next);
  say(next);
  take(ends[0], text, n);
  ck_assert_int_eq(read_lines(text, next), next + 1);
  ck_assert_int_eq(next, MANY);
  log_close(&l);
  close(ends[0]);
  close(ends[1]);
  free(text);
}

START_TEST(a_pipe_that_nobody_reads) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  flood(ends);
}
END_TEST

START_TEST(a_socket_that_nobody_reads) {
  int ends[2];
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  flood(ends);
}
END_TEST

/* False on a system without terminals. */
static bool terminal(int ends[2]) {
  ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
  if (ends[0] < 0) return false;
  ck_assert(grantpt(ends[0]) == 0 && unlockpt(ends[0]) == 0);
  ends[1] = open(ptsname(ends[0]), O_WRONLY | O_NOCTTY);
  ck_assert_int_ge(ends[1], 0);
  return true;
}

START_TEST(a_terminal_that_nobody_reads) {
  int ends[2];
  if (!terminal(ends)) return;
  ck_assert(log_open(&l, LOG_INFO, LOG_TEXT, ends[1]));
  ck_assert(l.own_fd);
  for (int i = 0; i < MANY; i++) say(i);
  ck_assert_uint_gt(l.lost_ever, 0);
  log_close(&l);
  close(ends[0]);
  close(ends[1]);
}
END_TEST

/* As where there is no /proc: the descriptor is the one that was given. A pipe, or a terminal. */
START_TEST(without_proc_no_write_waits) {
  int ends[2];
  char text[1 << 18];
  if (_i == 0)
    ck_assert_int_eq(pipe(ends), 0);
  else if (!terminal(ends))
    return;
  int mode = fcntl(ends[1], F_GETFL);
  ck_assert(log_open(&l, LOG_INFO, LOG_TEXT, ends[1]));
  close(l.fd);
  l.own_fd = false;
  l.fd = ends[1];
  l.way = LOG_BORROWED;
  for (int i = 0; i < MANY; i++) {
    errno = EINTR; /* as a signal left it: it says nothing of the pipe */
    say(i);
  }
  ck_assert_uint_gt(l.lost_ever, 0);
  ck_assert_int_eq(fcntl(ends[1], F_GETFL), mode);
  take(ends[0], text, sizeof text);
  if (_i == 0) ck_assert_int_gt(read_lines(text, 0), 100);
  log_close(&l);
  close(ends[0]);
  close(ends[1]);
}
END_TEST

/* A disk that is full: a line of which a part was written is completed when there is room. */
START_TEST(a_full_disk) {
  if (getenv("GAIJIN_TEST_UNDER")) return; /* valgrind keeps limits of its own */
  static char text[1 << 20];
  char path[RUN_PATH + 8], dir[RUN_PATH];
  struct rlimit limit, full;
  ck_assert_ptr_nonnull(run_directory(dir));
  snprintf(path, sizeof path, "%s/log", dir);
  int fd = open(path, O_RDWR | O_CREAT, 0600), next = 0;
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &limit);
  full = limit;
  full.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &full);
  ck_assert(log_open(&l, LOG_INFO, LOG_TEXT, fd));
  for (; next < MANY; next++) say(next);
  ck_assert_uint_gt(l.lost_ever, 0);
  ck_assert_int_eq(lseek(fd, 0, SEEK_END), 1000);
  setrlimit(RLIMIT_FSIZE, &limit);
  log_flush(&l);
  ck_assert(!log_waits(&l));
  say(next);
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  ck_assert_int_gt(n, 0);
  text[n] = '\0';
  ck_assert_int_eq(read_lines(text, 0), next + 1);
  log_close(&l);
  close(fd);
  unlink(path);
  rmdir(dir);
}
END_TEST

/* The reader has gone: no signal, no end of the program. */
START_TEST(a_pipe_without_a_reader) {
  int ends[2];
  signal(SIGPIPE, SIG_IGN);
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert(log_open(&l, LOG_INFO, LOG_TEXT, ends[1]));
  close(ends[0]);
  for (int i = 0; i < MANY; i++) say(i);
  ck_assert_uint_gt(l.lost_ever, 0);
  log_close(&l);
  close(ends[1]);
}
END_TEST

static const char *logged(const char *foreign) {
  static char text[LOG_LINE_MOST * 2];
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert(log_open(&l, LOG_INFO, LOG_TEXT, ends[1]));
  log_line(&l, LOG_INFO, "%s", foreign);
  take(ends[0], text, sizeof text);
  log_close(&l);
  close(ends[0]);
  close(ends[1]);
  return text;
}

START_TEST(no_text_makes_a_line_of_its_own) {
  const char *line = logged("a\n2026-01-01T00:00:00.000Z gaijin-broker info: forged\x1b[2J\xe2\x80\xae\xff");
  ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
  ck_assert_ptr_nonnull(strstr(line, " info: a\\x0a2026-"));
  ck_assert_ptr_nonnull(strstr(line, "forged\\x1b[2J\\u{202e}\\xff\n"));
}
END_TEST

START_TEST(a_long_text_is_cut_between_characters) {
  static char text[LOG_LINE_MOST * 2];
  for (size_t i = 0; i + 2 < sizeof text; i += 2) memcpy(text + i, "\xc3\xa5", 2);
  const char *line = logged(text);
  size_t n = strlen(line);
  ck_assert_uint_le(n, LOG_LINE_MOST);
  ck_assert_msg(n > 6 && memcmp(line + n - 6, "\xc3\xa5...\n", 6) == 0, "%s", line);
  memset(text, '\x1b', sizeof text - 1);
  line = logged(text);
  n = strlen(line);
  ck_assert_uint_le(n, LOG_LINE_MOST);
  ck_assert_msg(memcmp(line + n - 8, "\\x1b...\n", 8) == 0, "%s", line);
}
END_TEST

/* A peer that repeats itself; the rest is told at the end. */
START_TEST(repeated_lines_are_thinned) {
  int ends[2], lines = 0;
  static char text[1 << 16];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert(log_open(&l, LOG_INFO, LOG_TEXT, ends[1]));
  for (int i = 0; i < 100000; i++) log_peer(&l, LOG_DEBUG, CAUSE_HELLO, log_user(7), "hidden");
  ck_assert(!log_waits(&l));
  for (int i = 0; i < 100000; i++) log_peer(&l, LOG_WARN, CAUSE_HELLO, log_user(7), "again %d", i);
  ck_assert(log_waits(&l));
  ck_assert_uint_gt(l.thin.left_out, 90000);
  log_close(&l);
  take(ends[0], text, sizeof text);
  for (char *p = text; (p = strchr(p, '\n')); p++) lines++;
  ck_assert_int_ge(lines, 11);
  ck_assert_int_le(lines, 100);
  ck_assert_ptr_nonnull(strstr(text, "more lines about refused hellos (user 7) were left out\n"));
  close(ends[0]);
  close(ends[1]);
}
END_TEST

/* Whatever names and causes are, a line is one object, and nothing in it is another member. */
START_TEST(a_line_of_json) {
  static char text[LOG_LINE_MOST * 4], cause[3000];
  int ends[2];
  memset(cause, '\x1b', sizeof cause - 1);
  const struct log_about about = {.worker = "a\",\"level\":\"x\xff\n", .id = 0xfedcba9876543210, .pid = 12,
                                  .uid = 7, .why = "he said \"no\"\x1b"};
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert(log_open(&l, LOG_INFO, LOG_JSON, ends[1]));
  log_peer(&l, LOG_WARN, CAUSE_LIMIT, about, "back\\slash\t\xe2\x80\xae%s", "\xf0\x9d\x85\xb3|");
  take(ends[0], text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, "Z\",\"level\":\"warn\",\"program\":\"gaijin-broker\","
                                     "\"worker\":\"a\\\",\\\"level\\\":\\\"x\\u00ff\\u000a\","
                                     "\"id\":\"fedcba9876543210\",\"pid\":12,\"uid\":7,"
                                     "\"event\":\"back\\\\slash\\u0009\\u202e\\ud834\\udd73|\","
                                     "\"cause\":\"he said \\\"no\\\"\\u001b\"}\n"));
  struct log_about long_one = about;
  long_one.why = cause;
  log_peer(&l, LOG_WARN, CAUSE_LIMIT, long_one, "%s", cause);
  size_t n = take(ends[0], text, sizeof text);
  ck_assert_uint_le(n, LOG_LINE_MOST);
  ck_assert_ptr_nonnull(strstr(text, "\\u001b...\",\"cause\":\"\\u001b"));
  ck_assert_str_eq(text + n - 12, "\\u001b...\"}\n");
  log_line(&l, LOG_INFO, "nobody's");
  take(ends[0], text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, "\"program\":\"gaijin-broker\",\"event\":\"nobody's\"}\n"));
  log_close(&l);
  close(ends[0]);
  close(ends[1]);
}
END_TEST

/* For people the cause stands behind the text. */
START_TEST(a_cause_follows_the_text) {
  char text[LOG_LINE_MOST];
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert(log_open(&l, LOG_INFO, LOG_TEXT, ends[1]));
  log_peer(&l, LOG_INFO, CAUSE_LIMIT, (struct log_about){.uid = 7, .worker = "w", .why = "it\nended"}, "gone");
  take(ends[0], text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, "Z gaijin-broker info: gone: it\\x0aended\n"));
  log_close(&l);
  close(ends[0]);
  close(ends[1]);
}
END_TEST

START_TEST(levels) {
  int ends[2];
  char text[1024];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert(log_open(&l, LOG_WARN, LOG_TEXT, ends[1]));
  log_line(&l, LOG_INFO, "quiet");
  ck_assert_uint_eq(take(ends[0], text, sizeof text), 0);
  log_told(&l, "asked %d", 1);
  take(ends[0], text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, "Z gaijin-broker info: asked 1\n"));
  log_close(&l);
  close(ends[0]);
  close(ends[1]);
}
END_TEST

int main(void) {
  Suite *s = suite_create("log");
  TCase *t = tcase_create("log");
  tcase_add_test(t, a_pipe_that_nobody_reads);
  tcase_add_test(t, a_socket_that_nobody_reads);
  tcase_add_test(t, a_terminal_that_nobody_reads);
  tcase_add_loop_test(t, without_proc_no_write_waits, 0, 2);
  tcase_add_test(t, a_full_disk);
  tcase_add_test(t, a_pipe_without_a_reader);
  tcase_add_test(t, no_text_makes_a_line_of_its_own);
  tcase_add_test(t, a_long_text_is_cut_between_characters);
  tcase_add_test(t, repeated_lines_are_thinned);
  tcase_add_test(t, a_line_of_json);
  tcase_add_test(t, a_cause_follows_the_text);
  tcase_add_test(t, levels);
  suite_add_tcase(s, t);
  return run_suite(s);
}
