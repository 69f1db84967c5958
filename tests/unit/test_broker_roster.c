/* SPDX-License-Identifier: MIT
 *
 * The roster's file: what of an earlier broker's is believed, and what is thrown away.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "broker/base/process.h"
#include "broker/books/roster_file.h"
#include "tests/unit/held_child.h"
#include "tests/unit/run.h"

static char dir[RUN_PATH], base[80], path[90];
static struct log quiet;
static struct roster r;

static void open_it(void) {
  char error[256];
  ck_assert_msg(roster_open(&r, base, &quiet, error, sizeof error) == 0, "%s", error);
}

static void setup(void) {
  ck_assert_ptr_nonnull(run_directory(dir));
  snprintf(base, sizeof base, "%s/s", dir);
  snprintf(path, sizeof path, "%s.roster", base);
  ck_assert(log_open(&quiet, LOG_ERROR, LOG_TEXT, STDERR_FILENO));
  open_it();
}
static void teardown(void) {
  roster_remove(&r);
  log_close(&quiet);
  ck_assert_int_eq(rmdir(dir), 0);
}

static void check(void) {
  const char *fault = roster_check(&r);
  ck_assert_msg(!fault, "%s", fault);
}
/* As a broker that was killed, and the next. */
static void reopen(void) {
  roster_close(&r);
  open_it();
  ck_assert_ptr_nonnull(r.header);
  check();
}

static struct rostered me(uint64_t host, const char *name) {
  return (struct rostered){.host = host,
                           .start = process_start(getpid()),
                           .secret = {{(uint8_t)host, 2, 3}},
                           .pid = getpid(),
                           .uid = getuid(),
                           .name = name,
                           .name_size = (uint32_t)strlen(name)};
}
static uint32_t add(uint64_t host, const char *name) {
  struct rostered what = me(host, name);
  return roster_add(&r, &what);
}
/* The slot of a host; SLAB_NONE: there is none. */
static uint32_t find(uint64_t host) {
  for (uint32_t i = 0; i < r.slots; i++)
    if (roster_at(&r, i)->host == host) return i;
  return SLAB_NONE;
}
static void expect_thrown_away(void) {
  reopen();
  ck_assert_uint_eq(r.used, 0);
  ck_assert_uint_eq(r.generation, 1);
}

START_TEST(a_new_one_is_private_and_empty) {
  struct stat s;
  ck_assert_int_eq(stat(path, &s), 0);
  ck_assert_uint_eq(s.st_mode & 07777, 0600);
  ck_assert_uint_eq(r.generation, 1);
  ck_assert_uint_eq(r.used, 0);
  check();
}
END_TEST

START_TEST(what_is_written_is_there_for_the_next) {
  struct secret wanted = me(7, "shop").secret;
  uint32_t a = add(7, "shop"), b = add(8, "bank"), c = add(9, "till");
  roster_free(&r, b);
  roster_retire(&r, c);
  reopen();
  ck_assert_uint_eq(r.generation, 2);
  ck_assert_uint_eq(r.used, 2);
  const struct roster_slot *s = roster_at(&r, a);
  ck_assert_uint_eq(s->host, 7);
  ck_assert(secret_equal(&s->secret, &wanted));
  ck_assert_int_eq(s->pid, getpid());
  ck_assert_uint_eq(s->uid, getuid());
  ck_assert(s->name_size == 4 && memcmp(s->name, "shop", 4) == 0 && !s->retired);
  ck_assert(roster_at(&r, c)->retired);
  ck_assert_uint_eq(find(8), SLAB_NONE);
  reopen();
  ck_assert_uint_eq(r.generation, 3);
}
END_TEST

START_TEST(a_freed_slot_keeps_no_secret) {
  static const struct secret none;
  uint32_t a = add(7, "shop");
  roster_free(&r, a);
  ck_assert(secret_equal(&roster_at(&r, a)->secret, &none));
  ck_assert_uint_eq(add(8, "bank"), a);
}
END_TEST

START_TEST(it_grows) {
  uint32_t first = r.slots;
  for (uint64_t i = 1; i <= first * 4 + 1; i++) ck_assert_uint_ne(add(i, "w"), SLAB_NONE);
  ck_assert_uint_eq(r.slots, first * 8);
  check();
  for (uint32_t i = 0; i < first; i++) roster_free(&r, i);
  check();
  reopen();
  ck_assert_uint_eq(r.used, first * 3 + 1);
  ck_assert_uint_ne(find(first * 4 + 1), SLAB_NONE);
}
END_TEST

START_TEST(a_full_disk_leaves_a_worker_without_a_slot) {
  struct rlimit small = {(r.slots + 1) * ROSTER_RECORD, RLIM_INFINITY};
  signal(SIGXFSZ, SIG_IGN);
  for (uint64_t i = 1; i <= r.slots; i++) add(i, "w");
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  ck_assert_uint_eq(add(9999999, "late"), SLAB_NONE);
  ck_assert_int_eq(errno, EFBIG);
  check();
  roster_free(&r, 3);
  ck_assert_uint_eq(add(9999999, "late"), 3);
  check();
}
END_TEST

/* Killed before the last store: the slot is free, whatever is in it. */
START_TEST(a_torn_slot_is_free) {
  uint32_t a = add(7, "shop");
  struct roster_slot *s = roster_at(&r, a);
  s->host = 0;
  s->name_size = 200;
  reopen();
  ck_assert_uint_eq(r.used, 0);
  ck_assert_uint_eq(add(8, "bank"), 0);
}
END_TEST

START_TEST(damaged_slots_are_ignored_and_others_are_not) {
  uint32_t slots[6];
  for (uint32_t i = 0; i < 6; i++) slots[i] = add(10 + i, "shop");
  roster_at(&r, slots[0])->name_size = 0;
  roster_at(&r, slots[1])->name_size = NAME_MAX_BYTES + 1;
  roster_at(&r, slots[2])->name[1] = '@';
  roster_at(&r, slots[3])->retired = 2;
  roster_at(&r, slots[4])->host = 15; /* two of one host */
  reopen();
  ck_assert_uint_eq(r.used, 1);
  ck_assert_uint_ne(find(15), SLAB_NONE);
}
END_TEST

START_TEST(a_process_of_the_same_id_is_another) {
  uint32_t a = add(7, "shop");
  roster_at(&r, a)->start++;
  add(8, "bank");
  reopen();
  ck_assert_uint_eq(find(7), SLAB_NONE);
  ck_assert_uint_ne(find(8), SLAB_NONE);
}
END_TEST

START_TEST(who_has_ended_is_dead_zombies_too) {
  int held;
  pid_t child = held_child(&held);
  uint64_t start = process_start(child);
  ck_assert_uint_ne(start, 0);
  struct rostered what = me(7, "shop");
  what.pid = child;
  what.start = start;
  roster_add(&r, &what);
  reopen();
  ck_assert_uint_eq(r.used, 1);
  close(held);
  siginfo_t info;
  ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0); /* a zombie now */
  ck_assert(process_has_ended(child, start));
  reopen();
  ck_assert_uint_eq(r.used, 0);
  what.host = 8;
  roster_add(&r, &what);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
  reopen();
  ck_assert_uint_eq(r.used, 0);
}
END_TEST

START_TEST(processes_of_another_name_space_are_not_judged) {
  struct rostered what = me(7, "shop");
  what.pid = 0;
  what.start = 0;
  roster_add(&r, &what);
  what.host = 8;
  what.pid = getpid(); /* when it was started is not known */
  roster_add(&r, &what);
  reopen();
  ck_assert_uint_eq(r.used, 2);
}
END_TEST

/* The numbers mean nothing there. */
START_TEST(a_broker_in_another_name_space_judges_nobody) {
  uint32_t a = add(7, "shop");
  roster_at(&r, a)->start++;
  r.header->pid_space++;
  reopen();
  ck_assert_uint_eq(r.used, 1);
  ck_assert_int_eq(roster_at(&r, a)->pid, 0);
}
END_TEST

START_TEST(of_another_start_of_the_system) {
  add(7, "shop");
  r.header->boot[3] ^= 1;
  expect_thrown_away();
}
END_TEST

START_TEST(of_another_layout) {
  add(7, "shop");
  r.header->layout++;
  expect_thrown_away();
}
END_TEST

START_TEST(without_its_magic_or_generation) {
  add(7, "shop");
  r.header->magic[0] ^= 1;
  expect_thrown_away();
  add(7, "shop");
  r.header->generation = 0;
  expect_thrown_away();
  add(7, "shop");
  r.header->generation = GENERATION_MOST + 1;
  expect_thrown_away();
}
END_TEST

START_TEST(generations_begin_anew_at_their_end) {
  r.header->generation = GENERATION_MOST;
  reopen();
  ck_assert_uint_eq(r.generation, 1);
}
END_TEST

START_TEST(of_a_size_that_cannot_be) {
  static const off_t sizes[] = {0, 1, ROSTER_RECORD, 2 * ROSTER_RECORD + 1};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    add(7, "shop");
    roster_close(&r);
    ck_assert_int_eq(truncate(path, sizes[i]), 0);
    expect_thrown_away();
  }
}
END_TEST

START_TEST(missing) {
  add(7, "shop");
  ck_assert_int_eq(unlink(path), 0);
  expect_thrown_away();
}
END_TEST

START_TEST(others_may_not_have_a_hand_in_it) {
  char other[100];
  snprintf(other, sizeof other, "%s.other", base);
  add(7, "shop");
  ck_assert_int_eq(chmod(path, 0620), 0);
  expect_thrown_away();
  add(7, "shop");
  ck_assert_int_eq(link(path, other), 0);
  expect_thrown_away();
  ck_assert_int_eq(unlink(other), 0);
  add(7, "shop");
  ck_assert_int_eq(rename(path, other), 0);
  ck_assert_int_eq(symlink(other, path), 0);
  expect_thrown_away();
  struct stat s;
  ck_assert(lstat(path, &s) == 0 && S_ISREG(s.st_mode));
  ck_assert_int_eq(unlink(other), 0);
  ck_assert_int_eq(unlink(path), 0);
  ck_assert_int_eq(mkfifo(path, 0600), 0);
  expect_thrown_away();
  if (geteuid() != 0) return;
  add(7, "shop");
  ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
  expect_thrown_away();
}
END_TEST

/* What cannot be replaced is left alone, and the broker goes on without one. */
START_TEST(without_a_file_nobody_has_a_slot) {
  roster_remove(&r);
  ck_assert_int_eq(mkdir(path, 0700), 0);
  open_it();
  ck_assert_ptr_null(r.header);
  ck_assert_uint_eq(r.generation, 1);
  ck_assert_uint_eq(add(7, "shop"), SLAB_NONE);
  check();
  roster_remove(&r);
  ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

/* Who cannot read it now must not take the way back from all. */
START_TEST(one_that_cannot_be_read_now_stays) {
  char error[256];
  struct rlimit all, none;
  add(7, "shop");
  roster_close(&r);
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
  none = all;
  none.rlim_cur = 0;
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  ck_assert_int_eq(roster_open(&r, base, &quiet, error, sizeof error), -1);
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
  ck_assert_ptr_nonnull(strstr(error, "s.roster, by which workers come back: Too many open files"));
  open_it();
  ck_assert_uint_eq(r.used, 1);
}
END_TEST

/* A broker killed at any moment of filling slots leaves whole ones and free ones. */
START_TEST(killed_in_the_midst_of_writing) {
  uint32_t found = 0;
  struct rostered what = me(7, "shop"); /* this process, which lives */
  roster_close(&r);
  for (int round = 0; round < 20; round++) {
    int ready[2];
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
      open_it();
      for (uint64_t i = 1;; i++) {
        what.host = i;
        what.secret.bytes[0] = (uint8_t)i;
        what.name = i % 2 ? "shop" : "a-much-longer-name-of-a-worker";
        what.name_size = (uint32_t)strlen(what.name);
        uint32_t slot = roster_add(&r, &what);
        if (i == 5 && write(ready[1], "", 1) != 1) _exit(1);
        if (i % 3 || r.used > 500) roster_free(&r, slot);
      }
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    usleep((useconds_t)(rand() % 2000)); /* any moment will do */
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    open_it();
    check();
    for (uint32_t i = 0; i < r.slots; i++) {
      const struct roster_slot *s = roster_at(&r, i);
      if (!s->host) continue;
      found++;
      ck_assert_uint_eq(s->name_size, s->host % 2 ? 4 : 30);
      ck_assert_uint_eq(s->secret.bytes[0], (uint8_t)s->host);
    }
    roster_remove(&r);
  }
  ck_assert_uint_gt(found, 20);
  open_it();
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker roster");
  TCase *t = tcase_create("roster");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_new_one_is_private_and_empty);
  tcase_add_test(t, what_is_written_is_there_for_the_next);
  tcase_add_test(t, a_freed_slot_keeps_no_secret);
  tcase_add_test(t, it_grows);
  tcase_add_test(t, a_full_disk_leaves_a_worker_without_a_slot);
  tcase_add_test(t, a_torn_slot_is_free);
  tcase_add_test(t, damaged_slots_are_ignored_and_others_are_not);
  tcase_add_test(t, a_process_of_the_same_id_is_another);
  tcase_add_test(t, who_has_ended_is_dead_zombies_too);
  tcase_add_test(t, processes_of_another_name_space_are_not_judged);
  tcase_add_test(t, a_broker_in_another_name_space_judges_nobody);
  tcase_add_test(t, of_another_start_of_the_system);
  tcase_add_test(t, of_another_layout);
  tcase_add_test(t, without_its_magic_or_generation);
  tcase_add_test(t, generations_begin_anew_at_their_end);
  tcase_add_test(t, of_a_size_that_cannot_be);
  tcase_add_test(t, missing);
  tcase_add_test(t, others_may_not_have_a_hand_in_it);
  tcase_add_test(t, without_a_file_nobody_has_a_slot);
  tcase_add_test(t, one_that_cannot_be_read_now_stays);
  tcase_add_test(t, killed_in_the_midst_of_writing);
  return run_suite(s);
}
