/* SPDX-License-Identifier: MIT
 *
 * A stream of a worker's whose lines may be lost (tools/run/output/output.h): whatever has happened where they go, it is read on,
 * and what was lost is counted.
 */
#include "tools/run/output/output.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/run.h"

static FILE *to;
static int from, worker;
static unsigned seen;
static unsigned long lost;
static struct output o;

static void on_line(void *user, const char *line, size_t size) {
  (void)user, (void)line, (void)size;
  seen++;
}

/* As stderr is where there is a relay: not buffered, and a pipe that does not block. */
static void setup(void) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  for (int k = 0; k < 2; k++) ck_assert_int_eq(fcntl(ends[k], F_SETFL, O_NONBLOCK), 0);
  from = ends[0];
  to = fdopen(ends[1], "w");
  setvbuf(to, NULL, _IONBF, 0);
  seen = 0;
  lost = 0;
  o = (struct output){.fd = -1, .to = to, .level = "", .head = "", .mark = "", .lost = &lost, .seen = on_line};
  ck_assert_int_eq(output_open(&o, &worker), 0);
}
static void teardown(void) {
  fclose(to);
  close(from);
}
static void wrote(const char *text) {
  ck_assert_int_eq(write(worker, text, strlen(text)), (ssize_t)strlen(text));
}
/* Somebody else writes there until there is no room. */
static void fill(void) {
  static const char bytes[1 << 12];
  while (fwrite(bytes, 1, sizeof bytes, to) == sizeof bytes) continue;
  ck_assert(ferror(to));
}
/* What is there to be read, without what filled it. */
static const char *drain(void) {
  static char bytes[1 << 18];
  size_t all = 0, at = 0;
  ssize_t n;
  while ((n = read(from, bytes + all, sizeof bytes - 1 - all)) > 0) all += (size_t)n;
  bytes[all] = 0;
  while (at < all && !bytes[at]) at++;
  return bytes + at;
}

START_TEST(what_others_could_not_write_ends_nothing) {
  fill();
  wrote("the begin of a line");
  ck_assert_int_eq(output_read(&o, 1 << 16), OUTPUT_MORE);
  close(worker);
  ck_assert_int_eq(output_read(&o, 1 << 16), OUTPUT_CLOSED);
  ck_assert(output_close(&o));
  ck_assert_uint_eq(seen, 1);
}
END_TEST

START_TEST(what_others_could_not_write_is_not_counted) {
  fill();
  drain();
  wrote("one\n");
  ck_assert_int_eq(output_read(&o, 1 << 16), OUTPUT_MORE);
  ck_assert_str_eq(drain(), "one\n");
  ck_assert_uint_eq(lost, 0);
  fill();
  wrote("two\nthree\n");
  ck_assert_int_eq(output_read(&o, 1 << 16), OUTPUT_MORE);
  ck_assert_uint_eq(lost, 2);
  drain();
  wrote("four\n");
  ck_assert_int_eq(output_read(&o, 1 << 16), OUTPUT_MORE);
  ck_assert_str_eq(drain(), "\ngaijinctl: run: 2 lines were lost: nobody read them\nfour\n");
  close(worker);
  ck_assert(output_close(&o));
  ck_assert_uint_eq(seen, 4);
}
END_TEST

/* What ends at once writes no line before which the loss could be told. */
START_TEST(what_was_lost_at_the_end_is_told_by_others) {
  fill();
  wrote("one\ntwo");
  close(worker);
  ck_assert_int_eq(output_read(&o, 1 << 16), OUTPUT_CLOSED);
  ck_assert(output_close(&o));
  ck_assert_uint_eq(lost, 2);
  output_tell_lost(to, "<4>", &lost); /* there is no room */
  ck_assert_uint_eq(lost, 2);
  drain();
  output_tell_lost(to, "<4>", &lost);
  ck_assert_uint_eq(lost, 0);
  ck_assert_str_eq(drain(), "\n<4>gaijinctl: run: 2 lines were lost: nobody read them\n");
  output_tell_lost(to, "<4>", &lost);
  ck_assert_str_eq(drain(), "");
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools run output");
  TCase *t = tcase_create("output");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, what_others_could_not_write_ends_nothing);
  tcase_add_test(t, what_others_could_not_write_is_not_counted);
  tcase_add_test(t, what_was_lost_at_the_end_is_told_by_others);
  suite_add_tcase(s, t);
  return run_suite(s);
}
