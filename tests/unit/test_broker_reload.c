/* SPDX-License-Identifier: MIT
 *
 * A policy is read again: what counts meanwhile and afterwards, and which file may be read.
 */
#define _GNU_SOURCE /* memmem */
#include <malloc.h>
#include <time.h>

#include "tests/unit/broker_policy.h"
#include "tests/unit/scarce.h"
#include "tests/unit/slow_people.h"

START_TEST(a_reload_counts_from_the_next_request_on) {
  open_with(ALL_NAMES);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  ask_label("x");
  wire_expect_error(&w, &till, STATUS_denied);
  reload("[allow]\nwho = worker till\nhosts = shop\n");
  ask_label("x");
  expect_forwarded(&shop, OP_s2t);
  reload("[allow]\nwho = worker till\nhosts = shop\n[nonsense]\nwho = all\n");
  ck_assert(strstr(w.broker.permissions.refused, "policy:4: "));
  ask_label("y"); /* the old one stays */
  expect_forwarded(&shop, OP_s2t);
  pack_nil(wire_begin(&shop, MESSAGE_REPLY, OP_s2t, shop.m.id, 1));
  reload("");
  ck_assert_str_eq(w.broker.permissions.refused, "");
  wire_send(&w, &shop); /* the answer to what was allowed then */
  wire_past_peers(&w, &till);
  ck_assert_int_eq(till.m.kind, MESSAGE_REPLY);
  ask_label("z");
  wire_expect_error(&w, &till, STATUS_denied);
  wire_quiet(&w, &till); /* both keep their names */
  wire_quiet(&w, &shop);
  unlink(path);
  read_again();
  ck_assert(strstr(w.broker.permissions.refused, "cannot open it"));
}
END_TEST

/* Rules are noted with the number of their policy; nought stands for none. */
START_TEST(numbers_of_policies_begin_anew) {
  open_with(ALL_NAMES);
  w.broker.permissions.generation = UINT32_MAX;
  reload(ALL_NAMES "[allow]\nwho = worker till\nhosts = shop\n");
  ck_assert_uint_eq(w.broker.permissions.generation, 1);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  ask_label("x");
  expect_forwarded(&shop, OP_s2t);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_now_is_refused) {
  open_with(ALL_NAMES);
  scarce_from(0, true);
  scarce_begin();
  permissions_reload(&w.broker);
  scarce_end();
  if (!SCARCE_REPLACES) {
    while (w.broker.permissions.reread.beside) wire_turn(&w);
    return;
  }
  ck_assert_ptr_null(w.broker.permissions.reread.beside);
  ck_assert_str_eq(w.broker.permissions.refused, "cannot read it now: Cannot allocate memory");
  read_again();
  ck_assert_str_eq(w.broker.permissions.refused, "");
}
END_TEST

/* Pages of the process's address space. */
static long pages(void) {
  long n = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  ck_assert_ptr_nonnull(f);
  ck_assert_int_eq(fscanf(f, "%ld", &n), 1);
  fclose(f);
  return n;
}

/* Each takes a thread, whose stack is 8 MB of addresses by default and goes after the thread has ended:
 * some that end now are still there, and the C library keeps 40 MB of them for the next. An arena of
 * its allocator, 64 MB of addresses, would be made for a thread that meets another: not here. */
START_TEST(many_reloads_leave_nothing) {
  enum { TIMES = 50, STACK = 8 << 20 };
  mallopt(M_ARENA_MAX, 1);
  open_with(ALL_NAMES);
  for (int i = 0; i < 10; i++) read_again();
  long before = pages();
  for (int i = 0; i < TIMES; i++) read_again();
  ck_assert_int_lt(pages() - before, TIMES / 2 * STACK / sysconf(_SC_PAGESIZE));
}
END_TEST

/* ---- Directories that are slow ---- */

/* The look-up of a user may hang: everybody is judged by the policy in force meanwhile. */
START_TEST(nobody_waits_for_a_reload) {
  open_with(ALL_NAMES "[allow]\nwho = worker till\nhosts = shop\nlabels = before\n");
  w.broker.permissions.people = &slow;
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  begin_slow_reload();
  ask_label("before");
  expect_forwarded(&shop, OP_s2t);
  ask_label("after");
  wire_expect_error(&w, &till, STATUS_denied);
  write_policy(ALL_NAMES); /* it is read once more, and what was read first counts for a moment only */
  permissions_reload(&w.broker);
  permissions_reload(&w.broker);
  sem_post(&answered);
  while (w.broker.permissions.reread.beside) wire_turn(&w);
  ck_assert_uint_eq(w.broker.permissions.generation, 3);
  ask_label("before");
  wire_expect_error(&w, &till, STATUS_denied);
}
END_TEST

/* The broker ends while a directory does not answer, or before it has seen that it did. */
START_TEST(an_end_waits_for_no_reload) {
  for (int i = 0; i < 3; i++) {
    open_with(ALL_NAMES);
    w.broker.permissions.people = &slow;
    begin_slow_reload();
    if (i > 0) sem_post(&answered);
    if (i > 1) nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* either way it must be right */
    if (i < 2) {
      wire_close(&w);
      if (i == 0) sem_post(&answered);
    }
  }
}
END_TEST

START_TEST(a_look_up_that_fails_is_told_as_such) {
  open_with(ALL_NAMES);
  w.broker.permissions.people = &slow;
  reload("[allow]\nwho = group staff\nnames = *\n");
  ck_assert_msg(strstr(w.broker.permissions.refused, "policy:2: the look-up of group 'staff' failed: "), "%s",
                w.broker.permissions.refused);
}
END_TEST

/* Who can write to the file rules. */
START_TEST(a_file_that_others_may_change) {
  open_with(ALL_NAMES);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(chmod(path, i ? 0620 : 0602), 0);
    read_again();
    ck_assert(strstr(w.broker.permissions.refused, "others can change it"));
  }
  ck_assert_int_eq(chmod(path, 0644), 0);
  read_again();
  ck_assert_str_eq(w.broker.permissions.refused, "");
  unlink(path);
  ck_assert_int_eq(mkfifo(path, 0600), 0);
  read_again(); /* does not wait for a writer */
  ck_assert(strstr(w.broker.permissions.refused, "it is no file"));
}
END_TEST

/* Who can rename in its directory can replace it; a link's directory counts, and what it leads to. */
START_TEST(a_directory_that_others_may_change) {
  char link[RUN_PATH + 16];
  open_with(ALL_NAMES);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(chmod(place, i ? 0770 : 0707), 0);
    read_again();
    ck_assert_msg(strstr(w.broker.permissions.refused, "others can replace it: its directory has mode 07"), "%s",
                  w.broker.permissions.refused);
  }
  snprintf(link, sizeof link, "%s/link", w.dir);
  ck_assert_int_eq(symlink(path, link), 0);
  w.broker.permissions.path = link;
  read_again();
  ck_assert(strstr(w.broker.permissions.refused, "/link: others can replace it: "));
  ck_assert_int_eq(chmod(place, 0755), 0);
  ck_assert_int_eq(chmod(w.dir, 0777), 0);
  read_again();
  ck_assert(strstr(w.broker.permissions.refused, "/link: others can replace it: "));
  ck_assert_int_eq(chmod(w.dir, 01777), 0); /* there they rename only what is theirs */
  read_again();
  ck_assert_str_eq(w.broker.permissions.refused, "");
  unlink(link);
  w.broker.permissions.path = path;
  ck_assert_int_eq(chmod(place, 0700), 0);
  if (geteuid() == 0 && chown(place, 64001, 0) == 0) {
    read_again();
    ck_assert(strstr(w.broker.permissions.refused, "user 64001, who owns its directory, can replace it; use chown"));
  }
}
END_TEST

/* Whoever may send the signal fills no disk with it. */
START_TEST(many_hang_ups_are_few_lines) {
  wire_open(&w, NULL);
  w.broker.log.level = LOG_ERROR;
  for (int i = 0; i < 1000; i++) read_again();
  ck_assert_uint_ge(w.broker.log.thin.left_out, 900);
}
END_TEST

int main(void) {
  Suite *s = suite_create("reload");
  TCase *c = tcase_create("reload");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_reload_counts_from_the_next_request_on);
  tcase_add_test(c, numbers_of_policies_begin_anew);
  tcase_add_test(c, a_file_that_cannot_be_read_now_is_refused);
  tcase_add_test(c, many_reloads_leave_nothing);
  tcase_add_test(c, nobody_waits_for_a_reload);
  tcase_add_test(c, an_end_waits_for_no_reload);
  tcase_add_test(c, a_look_up_that_fails_is_told_as_such);
  tcase_add_test(c, a_file_that_others_may_change);
  tcase_add_test(c, a_directory_that_others_may_change);
  tcase_add_test(c, many_hang_ups_are_few_lines);
  suite_add_tcase(s, c);
  return run_suite(s);
}
