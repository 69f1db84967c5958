/* SPDX-License-Identifier: MIT
 *
 * What /proc tells of a process whose first thread has ended, and that the others may go on.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "broker/base/process.h"
#include "tests/unit/run.h"

static void *outlive(void *unused) {
  pause();
  return unused;
}

/* Its first thread is a zombie, and it works on. */
START_TEST(a_process_lives_as_long_as_a_thread_of_it) {
  siginfo_t info;
  pid_t child = fork();
  if (child == 0) {
    pthread_t t;
    pthread_create(&t, NULL, outlive, NULL);
    pthread_exit(NULL);
  }
  char path_of[40], text[256] = "";
  snprintf(path_of, sizeof path_of, "/proc/%d/stat", child);
  for (int i = 0; i < 10000 && !strstr(text, ") Z"); i++) {
    int fd = open(path_of, O_RDONLY);
    ck_assert_int_gt(read(fd, text, sizeof text - 1), 0);
    close(fd);
    usleep(1000);
  }
  ck_assert_ptr_nonnull(strstr(text, ") Z"));
  uint64_t start = process_start(child);
  ck_assert(!process_has_ended(child, start));
  ck_assert_int_eq(process_end(child, start, geteuid(), -1).how, PROCESS_LIVES);
  /* With one descriptor its threads can be listed and not read. */
  struct rlimit all, few;
  int next = open("/dev/null", O_RDONLY);
  close(next);
  getrlimit(RLIMIT_NOFILE, &all);
  few = (struct rlimit){(rlim_t)next + 1, all.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
  struct process_end unknown = process_end(child, start, geteuid(), -1);
  setrlimit(RLIMIT_NOFILE, &all);
  ck_assert_int_eq(unknown.how, PROCESS_LIVES);
  kill(child, SIGKILL);
  ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  ck_assert(process_has_ended(child, start));
  struct process_end end = process_end(child, start, geteuid(), -1);
  ck_assert_int_eq(end.how, PROCESS_KILLED);
  ck_assert_int_eq(end.status, SIGKILL);
  waitpid(child, NULL, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker process");
  TCase *t = tcase_create("process");
  suite_add_tcase(s, t);
  tcase_add_test(t, a_process_lives_as_long_as_a_thread_of_it);
  return run_suite(s);
}
