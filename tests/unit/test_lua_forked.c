/* SPDX-License-Identifier: MIT
 *
 * The rest after a copy of the worker (lua/walk/forked.c) is for what that one took of a processor, not for what it waited,
 * and there is none after a fork that failed.
 */
#define _GNU_SOURCE
#include "lua/walk/forked.h"

#include <dlfcn.h>
#include <errno.h>
#include <time.h>

#include "tests/unit/vm.h"

static struct vm v;
static bool fails;

/* In the place of the C library's. */
pid_t fork(void) {
  pid_t (*real)(void);
  *(void **)&real = dlsym(RTLD_NEXT, "fork");
  if (!fails) return real();
  errno = EAGAIN;
  return -1;
}

/* Takes a fifth of a second of a processor. */
static size_t compute(lua_State *L, struct worker *w, void *user, char *result) {
  (void)L;
  (void)w;
  (void)user;
  while (clock() < CLOCKS_PER_SEC / 5) continue;
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

START_TEST(no_rest_is_for_what_it_waited) {
  vm_open(&v);
  v.expected_error = true;
  ask(wait_long);
  ck_assert_str_eq(v.log, "");
  ask(compute);
  ck_assert_msg(rest() < 2 * WAITED_SECONDS, "%s", v.log); /* four times as long, if that had counted */
  forked_deinit(&v.w);
  vm_close(&v);
}
END_TEST

START_TEST(no_rest_follows_a_fork_that_failed) {
  static const char failed[] = "gaijin: busy: a walk needs a fork: Resource temporarily unavailable";
  vm_open(&v);
  v.expected_error = true;
  ask(compute);
  ck_assert_str_eq(v.log, "");
  fails = true;
  ask(compute);
  ck_assert(rest() > 0);
  while (strstr(v.log, " was a moment ago: ")) ask(compute);
  ck_assert_str_eq(v.log, failed);
  ask(compute);
  ck_assert_str_eq(v.log, failed);
  fails = false;
  forked_deinit(&v.w);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_forked");
  TCase *c = tcase_create("forked");
  tcase_add_test(c, no_rest_is_for_what_it_waited);
  tcase_add_test(c, no_rest_follows_a_fork_that_failed);
  suite_add_tcase(s, c);
  return run_suite(s);
}
