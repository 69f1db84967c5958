/* SPDX-License-Identifier: MIT
 *
 * What is a twin's own (lua/walk/twin.c): its descriptors, limits, signals and pace; and how its end is told.
 */
#define _GNU_SOURCE
#include "lua/walk/twin.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/run.h"

static struct worker w;
static int fds[2];

/* What a twin tells of itself. */
struct told {
  int others;   /* descriptors beside the standard streams and the one it tells through */
  int nice, policy, oom_score;
  bool alarm_is_default, chld_is_default, alarm_is_blocked;
  unsigned alarm_in;
  struct rlimit cpu, core;
  bool has_hook, collects;
};

/* Without valgrind's, which are beyond the limit. */
static int count_others(int fd) {
  int n = 0;
  struct rlimit most;
  getrlimit(RLIMIT_NOFILE, &most);
  DIR *d = opendir("/proc/self/fd");
  if (!d) return -1;
  for (struct dirent *e; (e = readdir(d));) {
    int other = atoi(e->d_name);
    n += *e->d_name != '.' && other > STDERR_FILENO && other != fd && other != dirfd(d) && (rlim_t)other < most.rlim_cur;
  }
  closedir(d);
  return n;
}

static bool is_default(int number) {
  struct sigaction a;
  return sigaction(number, NULL, &a) == 0 && a.sa_handler == SIG_DFL;
}

static int read_oom_score(void) {
  int score = -1;
  FILE *f = fopen("/proc/self/oom_score_adj", "r");
  if (f && fscanf(f, "%d", &score) != 1) score = -1;
  if (f) fclose(f);
  return score;
}

/* Whether garbage goes by itself. */
static bool collects(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_newtable(L);
  lua_rawseti(L, -2, 1);
  for (int i = 0; i < 20000; i++) {
    lua_newtable(L);
    lua_pop(L, 1);
  }
  lua_rawgeti(L, -1, 1);
  return lua_isnil(L, -1);
}

static void tell(lua_State *L, struct worker *worker, void *user, int fd) {
  sigset_t blocked;
  struct told t = {.others = count_others(fd), .nice = getpriority(PRIO_PROCESS, 0), .policy = sched_getscheduler(0)};
  ck_assert(worker == &w && user == &fds);
  t.oom_score = read_oom_score();
  t.alarm_is_default = is_default(SIGALRM);
  t.chld_is_default = is_default(SIGCHLD);
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  t.alarm_is_blocked = sigismember(&blocked, SIGALRM);
  t.alarm_in = alarm(0);
  getrlimit(RLIMIT_CPU, &t.cpu);
  getrlimit(RLIMIT_CORE, &t.core);
  t.has_hook = lua_gethook(L) != NULL;
  t.collects = collects(L);
  twin_write(fd, &t, sizeof t);
}

static void hook(lua_State *L, lua_Debug *ar) {
  (void)L;
  (void)ar;
}
static void on_signal(int number) { (void)number; }

static void setup(void) {
  lua_State *L = luaL_newstate();
  ck_assert_ptr_nonnull(L);
  w = (struct worker){.name = "shop", .L = L};
}
static void teardown(void) { lua_close(w.L); }

static void await_end(pid_t pid, bool *good, double *took) {
  while (!twin_has_ended(pid, good, took)) sched_yield();
}

/* The place of its descriptor among the others: it must end up with that alone. */
static void open_pipe(int place) {
  int before = place >= 1 ? dup(STDERR_FILENO) : -1, second = place >= 2 ? dup(STDERR_FILENO) : -1;
  ck_assert_int_eq(pipe(fds), 0);
  if (place == 1) close(before);
  ck_assert(place < 2 || (before >= 0 && second >= 0));
  ck_assert_int_ge(dup(STDERR_FILENO), 0); /* and one behind it */
}

START_TEST(it_has_what_is_its_own) {
  static const enum twin_pace paces[] = {TWIN_HURRIES, TWIN_BEHIND, TWIN_LAST};
  enum twin_pace pace = paces[_i % 3];
  struct told t;
  bool good = false;
  double took = -2;
  sigset_t all;
  open_pipe(_i / 3);
  int nice_before = getpriority(PRIO_PROCESS, 0), policy = sched_getscheduler(0);
  lua_sethook(w.L, hook, LUA_MASKCALL, 0);
  signal(SIGALRM, on_signal);
  signal(SIGCHLD, SIG_IGN);
  signal(SIGCHLD, on_signal);
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  pid_t pid = twin_start(w.L, &w, fds[1], pace, tell, &fds);
  ck_assert_int_gt(pid, 0);
  close(fds[1]);
  ck_assert_int_eq(read(fds[0], &t, sizeof t), sizeof t);
  await_end(pid, &good, &took);
  ck_assert(good && took >= 0);
  ck_assert_int_eq(t.others, 0);
  ck_assert_int_eq(t.nice, pace == TWIN_HURRIES || nice_before > (int)pace ? nice_before : (int)pace);
  ck_assert_int_eq(t.policy, pace == TWIN_LAST ? SCHED_BATCH : policy);
  ck_assert_int_eq(t.oom_score, 1000);
  ck_assert(t.alarm_is_default && t.chld_is_default && !t.alarm_is_blocked);
  ck_assert_msg(t.alarm_in > 0 && t.alarm_in <= TWIN_SECONDS, "%u", t.alarm_in);
  ck_assert_uint_eq(t.cpu.rlim_cur, TWIN_SECONDS);
  ck_assert_uint_eq(t.cpu.rlim_max, TWIN_SECONDS);
  ck_assert_uint_eq(t.core.rlim_cur, 0);
  ck_assert(!t.has_hook && !t.collects);
  ck_assert(lua_gethook(w.L) == hook); /* here nothing has changed */
  ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), nice_before);
}
END_TEST

static void raise_error(lua_State *L, struct worker *worker, void *user, int fd) {
  (void)worker;
  (void)user;
  (void)fd;
  lua_pushliteral(L, "no");
  lua_error(L);
}
static void exit_badly(lua_State *L, struct worker *worker, void *user, int fd) {
  (void)L;
  (void)worker;
  (void)user;
  (void)fd;
  _exit(3);
}
/* Nobody reads it. */
static void write_to_nobody(lua_State *L, struct worker *worker, void *user, int fd) {
  (void)L;
  (void)worker;
  (void)user;
  signal(SIGPIPE, SIG_IGN);
  twin_write(fd, "x", 1);
  _exit(0);
}

START_TEST(a_bad_end_is_told) {
  static const twin_job jobs[] = {raise_error, exit_badly, write_to_nobody};
  bool good = true;
  double took;
  ck_assert_int_eq(pipe(fds), 0);
  close(fds[0]);
  await_end(twin_start(w.L, &w, fds[1], TWIN_HURRIES, jobs[_i], NULL), &good, &took);
  ck_assert(!good);
}
END_TEST

static void wait_for_ever(lua_State *L, struct worker *worker, void *user, int fd) {
  (void)L;
  (void)worker;
  (void)user;
  twin_write(fd, "x", 1);
  for (;;) pause();
}

START_TEST(it_can_be_ended) {
  char byte;
  bool good;
  double took;
  ck_assert_int_eq(pipe(fds), 0);
  pid_t pid = twin_start(w.L, &w, fds[1], TWIN_HURRIES, wait_for_ever, NULL);
  ck_assert_int_eq(read(fds[0], &byte, 1), 1);
  ck_assert(!twin_has_ended(pid, &good, &took));
  ck_assert(twin_end(pid));
  ck_assert_int_eq(kill(pid, 0), -1);
  ck_assert(twin_has_ended(pid, &good, &took)); /* by somebody else's wait: a result may be there */
  ck_assert(good && took < 0);
  ck_assert(twin_reap(pid) <= 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_twin");
  TCase *c = tcase_create("twin");
  tcase_set_timeout(c, 60);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_loop_test(c, it_has_what_is_its_own, 0, 9);
  tcase_add_loop_test(c, a_bad_end_is_told, 0, 3);
  tcase_add_test(c, it_can_be_ended);
  suite_add_tcase(s, c);
  return run_suite(s);
}
