/* SPDX-License-Identifier: MIT
 *
 * Who connects beside a program (tools/ask/link.h): what it tells, that signals are not its, and why there is none.
 */
#define _GNU_SOURCE /* pthread_setattr_default_np */
#include "tools/ask/link.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/run.h"

static void wait_for_news(const struct link *l) {
  ck_assert_int_eq(poll(&(struct pollfd){.fd = link_fd(l), .events = POLLIN}, 1, -1), 1);
}

/* Of the thread with the least such set: the signals that it has blocked. `threads` is how many there are. */
static uint64_t least_blocked(unsigned *threads) {
  char path[300], line[200];
  uint64_t least = UINT64_MAX;
  const struct dirent *e;
  DIR *tasks = opendir("/proc/self/task");
  ck_assert(tasks);
  for (*threads = 0; (e = readdir(tasks));) {
    unsigned long long blocked;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", e->d_name);
    FILE *f = *e->d_name == '.' ? NULL : fopen(path, "r");
    if (!f) continue;
    while (fgets(line, sizeof line, f))
      if (sscanf(line, "SigBlk: %llx", &blocked) == 1 && blocked < least) least = blocked;
    fclose(f);
    ++*threads;
  }
  closedir(tasks);
  return least;
}

START_TEST(nobody_listens) {
  struct link *l = link_begin("/nowhere/gaijin.sock");
  char why[300];
  int status = 0;
  ck_assert(l);
  wait_for_news(l);
  ck_assert(!link_take(l, &status, why, sizeof why));
  ck_assert_int_eq(status, GAIJIN_STATUS_LOST);
  ck_assert(strstr(why, "no broker at /nowhere/gaijin.sock"));
  link_end(l);
}
END_TEST

/* A program that holds them back for its end must not be ended by one all the same. */
START_TEST(signals_are_not_its) {
  unsigned threads;
  sigset_t ours, before;
  struct link *l = link_begin("/nowhere/gaijin.sock");
  ck_assert(l);
  wait_for_news(l);
  sigemptyset(&ours);
  sigaddset(&ours, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ours, &before);
  ck_assert(least_blocked(&threads) & (1u << (SIGTERM - 1)));
  ck_assert_uint_ge(threads, 2);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  ck_assert(!sigismember(&before, SIGTERM));
  link_end(l);
}
END_TEST

START_TEST(no_thread) {
  pthread_attr_t a;
  size_t usual;
  pthread_getattr_default_np(&a);
  pthread_attr_getstacksize(&a, &usual);
  pthread_attr_setstacksize(&a, (size_t)1 << 46);
  ck_assert_int_eq(pthread_setattr_default_np(&a), 0);
  errno = 0;
  ck_assert(!link_begin("/nowhere/gaijin.sock"));
  ck_assert_int_eq(errno, EAGAIN);
  pthread_attr_setstacksize(&a, usual);
  pthread_setattr_default_np(&a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("link");
  TCase *t = tcase_create("link");
  tcase_add_test(t, nobody_listens);
  tcase_add_test(t, signals_are_not_its);
  tcase_add_test(t, no_thread);
  suite_add_tcase(s, t);
  return run_suite(s);
}
