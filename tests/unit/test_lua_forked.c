/* SPDX-License-Identifier: MIT
 *
 * The rest after a copy of the worker (lua/walk/forked.c) is for what that one took, and after a fork that failed for nothing.
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

static int walk(lua_State *L) {
  forked_run(L, worker_of(L), "a walk", compute, NULL);
  return 0;
}

/* What it raises is in the log. */
static void ask(void) {
  v.log[0] = '\0';
  struct fiber *f = vm_start_c(&v, walk);
  for (vm_run(&v); v.running; vm_run(&v)) {
    v.w.weights.ended++; /* the collector's round that it waits for */
    fiber_wake(f);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
}

START_TEST(no_rest_follows_a_fork_that_failed) {
  static const char failed[] = "gaijin: busy: a walk needs a fork: Resource temporarily unavailable";
  vm_open(&v);
  v.expected_error = true;
  ask();
  ck_assert_str_eq(v.log, "");
  fails = true;
  ask();
  ck_assert_msg(strstr(v.log, " was a moment ago: "), "%s", v.log);
  while (strstr(v.log, " was a moment ago: ")) ask();
  ck_assert_str_eq(v.log, failed);
  ask();
  ck_assert_str_eq(v.log, failed);
  fails = false;
  forked_deinit(&v.w);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_forked");
  TCase *c = tcase_create("forked");
  tcase_add_test(c, no_rest_follows_a_fork_that_failed);
  suite_add_tcase(s, c);
  return run_suite(s);
}
