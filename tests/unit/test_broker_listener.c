/* SPDX-License-Identifier: MIT
 *
 * Who gets the socket's path.
 */
#define _GNU_SOURCE
#include "broker/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/run.h"

static char dir[RUN_PATH], path[100], lock_path[110], error[512];
static struct listener l, other;
static struct access who;

static int listen_at(struct listener *at, const char *where, const struct access *access, char *why, size_t n) {
  return listener_lock(at, where, access, why, n) < 0 || listener_listen(at, why, n) < 0 ? -1 : 0;
}

static void setup(void) {
  who = (struct access){0};
  ck_assert_ptr_nonnull(run_directory(dir));
  snprintf(path, sizeof path, "%s/s", dir);
  snprintf(lock_path, sizeof lock_path, "%s.lock", path);
}
/* A closed listener leaves nothing behind. */
static void teardown(void) { ck_assert_int_eq(rmdir(dir), 0); }

static void expect_refused(const char *text) {
  ck_assert_int_eq(listen_at(&other, path, &who, error, sizeof error), -1);
  ck_assert_msg(strstr(error, text) != NULL, "expected \"%s\" in \"%s\"", text, error);
  listener_close(&other);
}

static int dial(const char *to) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  memcpy(a.sun_path, to, strlen(to) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
  return fd;
}

START_TEST(a_living_broker_keeps_its_path) {
  struct stat st;
  ck_assert_int_eq(listen_at(&l, path, &who, error, sizeof error), 0);
  ck_assert(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
  expect_refused("already running");
  int fd = dial(path), there = listener_accept(&l);
  ck_assert_int_ge(there, 0);
  ck_assert_int_eq(listener_accept(&l), -EAGAIN);
  close(fd);
  close(there);
  listener_close(&l);
}
END_TEST

START_TEST(a_dead_brokers_socket_is_replaced) {
  /* As after SIGKILL: socket and lock file are there, but nobody has them. */
  ck_assert_int_eq(listen_at(&l, path, &who, error, sizeof error), 0);
  close(l.fd);
  close(l.lock_fd);
  close(l.spare_fd);
  ck_assert_int_eq(listen_at(&other, path, &who, error, sizeof error), 0);
  close(dial(path));
  listener_close(&other);
}
END_TEST

START_TEST(a_listener_without_a_lock_is_left_alone) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  memcpy(a.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
  ck_assert_int_eq(listen(fd, 1), 0);
  expect_refused("another program is listening");
  close(dial(path));
  close(fd);
  unlink(path);
}
END_TEST

START_TEST(what_is_no_socket_is_never_removed) {
  int fd = open(path, O_CREAT | O_WRONLY, 0600);
  ck_assert_int_eq(write(fd, "keep", 4), 4);
  close(fd);
  expect_refused("is no socket");
  struct stat st;
  ck_assert(stat(path, &st) == 0 && st.st_size == 4);
  unlink(path);
}
END_TEST

START_TEST(a_path_taken_over_meanwhile_is_not_unlinked) {
  ck_assert_int_eq(listen_at(&l, path, &who, error, sizeof error), 0);
  unlink(path);
  close(open(path, O_CREAT | O_WRONLY, 0600));
  listener_close(&l);
  ck_assert_int_eq(unlink(path), 0);
}
END_TEST

static unsigned mode_of(const char *file) {
  struct stat st;
  ck_assert_int_eq(stat(file, &st), 0);
  return st.st_mode & 07777;
}

START_TEST(a_directory_is_made_where_that_is_asked) {
  char deep[110], made[100];
  snprintf(made, sizeof made, "%s/new", dir);
  snprintf(deep, sizeof deep, "%s/s", made);
  ck_assert_int_eq(listen_at(&l, deep, &who, error, sizeof error), -1);
  ck_assert_ptr_nonnull(strstr(error, "is no directory; make it"));
  who.make_directory = true;
  for (int group = 0; group < 2; group++) {
    who.has_group = group;
    who.group = getegid();
    mode_t old = umask(0777);
    ck_assert_msg(listen_at(&l, deep, &who, error, sizeof error) == 0, "%s", error);
    umask(old);
    ck_assert_uint_eq(mode_of(made), group ? 0750 : 0700);
    ck_assert_uint_eq(mode_of(deep), group ? 0660 : 0600);
    listener_close(&l);
    ck_assert_int_eq(rmdir(made), 0);
  }
}
END_TEST

START_TEST(the_mode_is_what_was_asked_for) {
  who.mode = 0666;
  for (mode_t mask = 0; mask < 0777; mask += 0111) {
    mode_t old = umask(mask);
    ck_assert_int_eq(listen_at(&l, path, &who, error, sizeof error), 0);
    umask(old);
    ck_assert_uint_eq(mode_of(path), 0666);
    listener_close(&l);
  }
}
END_TEST

/* What cannot be done to the socket's file leaves none behind. */
START_TEST(a_group_that_cannot_be_given) {
  pid_t pid = fork();
  int status;
  if (pid == 0) {
    if (chdir(dir) != 0 || (geteuid() == 0 && (chown(dir, 65534, 65534) != 0 || setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))) _exit(1);
    who.has_group = true; /* group 0 */
    if (listen_at(&l, "s", &who, error, sizeof error) != -1 || !strstr(error, "cannot listen on s: ")) _exit(2);
    _exit(access("s", F_OK) != 0 && access("s.lock", F_OK) != 0 ? 0 : 3);
  }
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

/* Who can write to the directory can put a socket of his own there. */
START_TEST(a_directory_of_others_is_refused) {
  static const struct {
    mode_t mode;
    bool group, other_group;
    const char *fault;
  } cases[] = {{0700, false, false, NULL},  {0755, false, false, NULL},       {01777, false, false, NULL},
               {01770, false, false, NULL}, {0777, false, false, "everybody"}, {0702, true, false, "everybody"},
               {0770, false, false, "its group"}, {0770, true, false, NULL},  {0770, true, true, "its group"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct stat st;
    ck_assert_int_eq(chmod(dir, cases[i].mode), 0);
    ck_assert_int_eq(stat(dir, &st), 0);
    who = (struct access){.has_group = cases[i].group, .group = st.st_gid + cases[i].other_group};
    int r = listen_at(&l, path, &who, error, sizeof error);
    ck_assert_msg((r == 0) == !cases[i].fault, "case %zu: %s", i, error);
    if (cases[i].fault) ck_assert_ptr_nonnull(strstr(error, cases[i].fault));
    listener_close(&l);
  }
}
END_TEST

/* Who owns a directory may rename what is in it, whatever its mode. */
START_TEST(the_directory_of_another_user_is_refused) {
  static const mode_t modes[] = {0755, 01777};
  if (geteuid() != 0) {
    printf("skipped: only root can give a directory away\n");
    return;
  }
  who = (struct access){0};
  for (size_t i = 0; i < 2; i++) {
    ck_assert_int_eq(chown(dir, 65534, 0), 0);
    ck_assert_int_eq(chmod(dir, modes[i]), 0);
    ck_assert_int_eq(listen_at(&l, path, &who, error, sizeof error), -1);
    ck_assert_msg(strncmp(error, "user 65534, who owns ", 21) == 0, "%s", error);
    listener_close(&l);
  }
}
END_TEST

START_TEST(a_long_path_is_refused) {
  char longest[200];
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  ck_assert_int_eq(listen_at(&l, longest, &who, error, sizeof error), -1);
  ck_assert_ptr_nonnull(strstr(error, "at most 107"));
}
END_TEST

START_TEST(without_descriptors_a_client_is_refused_at_once) {
  if (getenv("GAIJIN_TEST_UNDER")) return; /* valgrind keeps limits of its own */
  ck_assert_int_eq(listen_at(&l, path, &who, error, sizeof error), 0);
  int fd = dial(path);
  struct rlimit limit, none;
  getrlimit(RLIMIT_NOFILE, &limit);
  none = limit;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  /* Lowering the limit makes even the spare one's number too high; the client just waits then. */
  ck_assert_int_eq(listener_accept(&l), -EMFILE);
  setrlimit(RLIMIT_NOFILE, &limit);
  int there = listener_accept(&l);
  ck_assert_int_ge(there, 0);
  close(there);
  close(fd);
  listener_close(&l);
}
END_TEST

START_TEST(the_spare_descriptor_refuses_a_client) {
  if (getenv("GAIJIN_TEST_UNDER")) return; /* valgrind keeps limits of its own */
  ck_assert_int_eq(listen_at(&l, path, &who, error, sizeof error), 0);
  l.parting = "full";
  l.parting_size = 4;
  int fd = dial(path), taken[64], n = 0;
  struct rlimit limit, few;
  getrlimit(RLIMIT_NOFILE, &limit);
  few = limit;
  few.rlim_cur = 48;
  setrlimit(RLIMIT_NOFILE, &few);
  for (int d; n < 64 && (d = dup(fd)) >= 0;) taken[n++] = d;
  ck_assert_int_eq(listener_accept(&l), -EMFILE);
  while (n > 0) close(taken[--n]);
  setrlimit(RLIMIT_NOFILE, &limit);
  char text[8];
  ck_assert_int_eq(read(fd, text, sizeof text), 4);
  ck_assert_mem_eq(text, "full", 4);
  ck_assert_int_eq(read(fd, text, sizeof text), 0);
  ck_assert_int_ge(l.spare_fd, 0);
  close(fd);
  listener_close(&l);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker listener");
  TCase *t = tcase_create("listener");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_living_broker_keeps_its_path);
  tcase_add_test(t, a_dead_brokers_socket_is_replaced);
  tcase_add_test(t, a_listener_without_a_lock_is_left_alone);
  tcase_add_test(t, what_is_no_socket_is_never_removed);
  tcase_add_test(t, a_path_taken_over_meanwhile_is_not_unlinked);
  tcase_add_test(t, a_directory_is_made_where_that_is_asked);
  tcase_add_test(t, the_mode_is_what_was_asked_for);
  tcase_add_test(t, a_group_that_cannot_be_given);
  tcase_add_test(t, a_directory_of_others_is_refused);
  tcase_add_test(t, the_directory_of_another_user_is_refused);
  tcase_add_test(t, a_long_path_is_refused);
  tcase_add_test(t, without_descriptors_a_client_is_refused_at_once);
  tcase_add_test(t, the_spare_descriptor_refuses_a_client);
  return run_suite(s);
}
