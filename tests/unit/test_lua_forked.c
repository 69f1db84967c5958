/* SPDX-License-Identifier: MIT
 *
 * The rest after a copy of the worker (lua/walk/forked.c) is for what that one took of a processor and for what it stopped the worker
 * for, not for what it waited, and there is none after a fork that failed. What these take is given by the test, whatever else the
 * machine does.
 */
#define _GNU_SOURCE
#include "lua/walk/forked.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/vm.h"

static struct vm v;
static bool fails;
static double thread_s; /* that this thread has taken of a processor */
static double fork_s;   /* that a fork takes of it, one that fails too */
static time_t copy_s;   /* that a copy takes */

/* In the place of the C library's. */
pid_t fork(void) {
  pid_t (*real)(void);
  *(void **)&real = dlsym(RTLD_NEXT, "fork");
  thread_s += fork_s;
  if (!fails) return real();
  errno = EAGAIN;
  return -1;
}

int clock_gettime(clockid_t clock, struct timespec *t) {
  if (clock != CLOCK_THREAD_CPUTIME_ID) return (int)syscall(SYS_clock_gettime, clock, t);
  t->tv_sec = (time_t)thread_s;
  t->tv_nsec = (long)((thread_s - (double)t->tv_sec) * 1e9);
  return 0;
}

pid_t wait4(pid_t pid, int *status, int options, struct rusage *used) {
  pid_t r = (pid_t)syscall(SYS_wait4, pid, status, options, used);
  if (r > 0 && used) *used = (struct rusage){.ru_utime.tv_sec = copy_s};
  return r;
}

static size_t look(lua_State *L, struct worker *w, void *user, char *result) {
  (void)L;
  (void)w;
  (void)user;
  *result = 'x';
  return 1;
}

enum { WAITED_SECONDS = 2 };

static size_t wait_long(lua_State *L, struct worker *w, void *user, char *result) {
  (void)L;
  (void)w;
  (void)user;
  nanosleep(&(struct timespec){.tv_sec = WAITED_SECONDS}, NULL);
  *result = 'x';
  return 1;
}

static forked_job job;

static int walk(lua_State *L) {
  forked_run(L, worker_of(L), "a walk", job, NULL);
  return 0;
}

/* What it raises is in the log. */
static void ask(forked_job done) {
  v.log[0] = '\0';
  job = done;
  struct fiber *f = vm_start_c(&v, walk);
  for (vm_run(&v); v.running; vm_run(&v)) {
    v.w.weights.ended++; /* the collector's round that it waits for */
    fiber_wake(f);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
}

/* The seconds that are to be rested for, as the one who asks is told; 0: it was begun. */
static double rest(void) {
  static const char before[] = " may begin in ";
  const char *at = strstr(v.log, before);
  ck_assert_msg(at || !v.log[0], "%s", v.log);
  return at ? strtod(at + sizeof before - 1, NULL) : 0;
}

static void setup(void) {
  vm_open(&v);
  v.expected_error = true;
}
static void teardown(void) {
  forked_deinit(&v.w);
  vm_close(&v);
}

START_TEST(no_rest_is_for_what_it_waited) {
  ask(wait_long);
  ck_assert_str_eq(v.log, "");
  ask(look);
  ck_assert_str_eq(v.log, "");
}
END_TEST

/* Four times as long, but no copy takes more than ten seconds. */
START_TEST(what_it_took_is_rested_for) {
  copy_s = _i ? 1000 : 9;
  ask(look);
  ck_assert_str_eq(v.log, "");
  ask(look);
  ck_assert_msg(rest() > (_i ? 36 : 0) && rest() <= (_i ? 40 : 36), "%s", v.log);
}
END_TEST

/* A hundred times as long, beyond a quarter of a second that is saved up, but no longer than five minutes. */
START_TEST(what_it_stopped_the_worker_for_is_rested_for) {
  static const double stops[] = {0.25, 0.65, 1000}, rests[] = {0, 40, 300};
  fork_s = stops[_i];
  ask(look);
  ck_assert_str_eq(v.log, "");
  ask(look);
  ck_assert_msg(rest() <= rests[_i] && (rests[_i] <= 0 || rest() > 0), "%s", v.log);
  ck_assert_msg(_i < 2 || rest() > 40, "%s", v.log);
}
END_TEST

START_TEST(no_rest_follows_a_fork_that_failed) {
  static const char failed[] = "gaijin: busy: a walk needs a fork: Resource temporarily unavailable";
  copy_s = 9;
  fork_s = 1;
  fails = true;
  for (int i = 0; i < 3; i++) {
    ask(look);
    ck_assert_str_eq(v.log, failed);
  }
  fails = false;
  fork_s = 0;
  ask(look);
  ck_assert_str_eq(v.log, "");
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_forked");
  TCase *c = tcase_create("forked");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, no_rest_is_for_what_it_waited);
  tcase_add_loop_test(c, what_it_took_is_rested_for, 0, 2);
  tcase_add_loop_test(c, what_it_stopped_the_worker_for_is_rested_for, 0, 3);
  tcase_add_test(c, no_rest_follows_a_fork_that_failed);
  suite_add_tcase(s, c);
  return run_suite(s);
}
