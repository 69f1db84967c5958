/* SPDX-License-Identifier: MIT
 *
 * A relay (tools/run/output/relay.h): what is written arrives, whoever does not read holds up nobody, and what cannot be written
 * is told.
 */
#include "tools/run/output/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/run.h"

static int to, from;

/* A descriptor that is written to, and a pipe behind it. */
static void setup(void) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  from = ends[0];
  to = ends[1];
}
static void teardown(void) {
  close(from);
  close(to);
}
static void expect_bytes(const char *bytes) {
  char read_back[64] = "";
  size_t n = strlen(bytes), got = 0;
  while (got < n) {
    ssize_t more = read(from, read_back + got, n - got);
    ck_assert_int_gt(more, 0);
    got += (size_t)more;
  }
  ck_assert_int_eq(memcmp(read_back, bytes, n), 0);
}
/* Byte i of what is written until there is no room. */
static uint8_t byte_at(size_t i) { return (uint8_t)(i % 251); }
static size_t fill(void) {
  static uint8_t bytes[1 << 16];
  size_t all = 0;
  ssize_t n = 1;
  for (; n > 0; all += n > 0 ? (size_t)n : 0) {
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = byte_at(all + i);
    n = write(to, bytes, sizeof bytes);
  }
  ck_assert_int_eq(errno, EAGAIN);
  return all;
}
static void expect_all(size_t all) {
  static uint8_t bytes[10000];
  ssize_t n;
  for (size_t got = 0; got < all; got += (size_t)n) {
    n = read(from, bytes, sizeof bytes);
    ck_assert_int_gt(n, 0);
    for (ssize_t i = 0; i < n; i++)
      if (bytes[i] != byte_at(got + (size_t)i)) ck_abort_msg("byte %zu is another", got + (size_t)i);
  }
}

START_TEST(what_is_written_arrives_in_order) {
  sigset_t before, after;
  sigprocmask(SIG_SETMASK, NULL, &before);
  struct relay *r = relay_begin(to);
  ck_assert_ptr_nonnull(r);
  sigprocmask(SIG_SETMASK, NULL, &after);
  ck_assert_int_eq(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
  ck_assert_int_eq(write(to, "1", 1), 1);
  expect_bytes("1");
  ck_assert_int_eq(write(to, "one ", 4), 4);
  ck_assert_int_eq(write(to, "two", 3), 3);
  expect_bytes("one two");
  ck_assert_int_eq(relay_fault(r), 0);
  ck_assert_int_eq(write(to, "last", 4), 4);
  relay_end(r);
  expect_bytes("last");
  ck_assert_int_eq(write(to, "direct", 6), 6); /* it is what it was */
  expect_bytes("direct");
}
END_TEST

START_TEST(none_is_fine) {
  ck_assert_int_eq(relay_fault(NULL), 0);
  relay_end(NULL);
  ck_assert_ptr_null(relay_begin(-1));
}
END_TEST

START_TEST(who_does_not_read_holds_up_nobody) {
  struct relay *r = relay_begin(to);
  ck_assert_ptr_nonnull(r);
  size_t all = fill();
  ck_assert_uint_ge(all, 1 << 16);
  expect_all(all); /* and loses nothing of what was taken */
  ck_assert_int_eq(relay_fault(r), 0);
  relay_end(r);
}
END_TEST

START_TEST(an_end_waits_for_a_while_only) {
  struct relay *r = relay_begin(to);
  ck_assert_ptr_nonnull(r);
  fill();
  relay_end(r); /* the limit of the test says that it comes back */
}
END_TEST

START_TEST(a_descriptor_that_does_not_block_is_waited_for) {
  ck_assert_int_eq(fcntl(to, F_SETFL, O_NONBLOCK), 0);
  struct relay *r = relay_begin(to);
  ck_assert_ptr_nonnull(r);
  expect_all(fill());
  ck_assert_int_eq(relay_fault(r), 0);
  relay_end(r);
}
END_TEST

static int await_fault(const struct relay *r) {
  while (!relay_fault(r)) poll(NULL, 0, 1);
  return relay_fault(r);
}

START_TEST(what_cannot_be_written_is_told) {
  int full = open("/dev/full", O_WRONLY);
  ck_assert_int_eq(dup2(full, to), to);
  struct relay *r = relay_begin(to);
  ck_assert_ptr_nonnull(r);
  ck_assert_int_eq(write(to, "lost", 4), 4);
  ck_assert_int_eq(await_fault(r), ENOSPC);
  relay_end(r);
  close(full);
}
END_TEST

START_TEST(a_reader_that_has_gone_is_told) {
  struct relay *r = relay_begin(to);
  ck_assert_ptr_nonnull(r);
  close(from);
  ck_assert_int_eq(write(to, "lost", 4), 4);
  ck_assert_int_eq(await_fault(r), EPIPE);
  relay_end(r);
  from = -1;
}
END_TEST

enum { LINE = 100 };
/* Lines of a letter until there is no room; how many. */
static unsigned fill_lines(int fd, char letter) {
  char line[LINE];
  unsigned n = 0;
  memset(line, letter, sizeof line);
  line[sizeof line - 1] = '\n';
  while (write(fd, line, sizeof line) == sizeof line) n++;
  return n;
}
static void expect_lines(FILE *f, char letter, unsigned n) {
  char line[LINE + 1], wanted[LINE + 1] = {0};
  memset(wanted, letter, LINE - 1);
  wanted[LINE - 1] = '\n';
  for (; n; n--) {
    ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
    ck_assert_str_eq(line, wanted);
  }
}

START_TEST(lines_to_the_same_place_stay_whole_and_in_order) {
  int other = dup(to);
  struct relay *r = relay_begin(to);
  ck_assert(relay_share(r, other));
  FILE *f = fdopen(from, "r");
  unsigned first = fill_lines(to, 'a');
  expect_lines(f, 'a', first / 2);
  unsigned second = fill_lines(other, 'b');
  ck_assert_uint_gt(second, 0);
  expect_lines(f, 'a', first - first / 2);
  expect_lines(f, 'b', second);
  relay_end(r);
  ck_assert_int_eq(write(other, "direct\n", 7), 7); /* it is what it was */
  char line[LINE];
  ck_assert_str_eq(fgets(line, sizeof line, f), "direct\n");
  close(other);
  fclose(f);
  from = -1;
}
END_TEST

START_TEST(what_goes_elsewhere_is_not_shared) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  struct relay *r = relay_begin(to);
  ck_assert(!relay_share(r, ends[1]));
  ck_assert(!relay_share(r, -1));
  ck_assert(!relay_share(NULL, to));
  relay_end(r);
  close(ends[0]);
  close(ends[1]);
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools run relay");
  TCase *t = tcase_create("relay");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, what_is_written_arrives_in_order);
  tcase_add_test(t, none_is_fine);
  tcase_add_test(t, who_does_not_read_holds_up_nobody);
  tcase_add_test(t, an_end_waits_for_a_while_only);
  tcase_add_test(t, a_descriptor_that_does_not_block_is_waited_for);
  tcase_add_test(t, what_cannot_be_written_is_told);
  tcase_add_test(t, a_reader_that_has_gone_is_told);
  tcase_add_test(t, lines_to_the_same_place_stay_whole_and_in_order);
  tcase_add_test(t, what_goes_elsewhere_is_not_shared);
  suite_add_tcase(s, t);
  return run_suite(s);
}
