/* SPDX-License-Identifier: MIT
 *
 * Signals in a worker (lua/fiber/ending.c, connection.c): the first stops it, the second kills, and
 * others only interrupt.
 */
#define _GNU_SOURCE
#include "lua/fiber/connection.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/loop.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/unit/vm.h"

enum { POSTS = 64 };
static struct vm v;

static void open_loop(void) {
  vm_connect(&v);
  ck_assert_int_eq(loop_watch(&v.w), 0);
  ck_assert_int_eq(ending_watch_signals(&v.w, true), 0);
}

static int signal_self(lua_State *L) {
  kill(getpid(), (int)lua_tointeger(L, 1));
  return 0;
}

START_TEST(sigterm_and_sigint_stop) {
  open_loop();
  lua_register(v.w.L, "kill", signal_self);
  lua_pushinteger(v.w.L, _i == 0 ? SIGTERM : SIGINT);
  lua_setglobal(v.w.L, "sig");
  vm_start(&v, "kill(sig) gaijin.sleep(1000)");
  loop_run(&v.w);
  ck_assert(v.w.stopping);
  ck_assert_int_eq(v.w.exit_code, 0);
  vm_close(&v);
}
END_TEST

/* Whichever it is. */
START_TEST(the_second_signal_kills) {
  int first = _i & 1 ? SIGINT : SIGTERM, second = _i & 2 ? SIGINT : SIGTERM, status;
  open_loop();
  pid_t pid = fork();
  if (pid == 0) {
    vm_close(&v); /* the parent's; in a fork the first would kill */
    open_loop();
    raise(first);
    raise(second);
    _exit(0);
  }
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == second, "status %x", (unsigned)status);
  vm_close(&v);
}
END_TEST

static void own_handler(int sig) { (void)sig; }

static void set_handler(int sig, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  ck_assert_int_eq(sigaction(sig, &action, NULL), 0);
}
static bool has_handler(int sig, void (*handler)(int)) {
  struct sigaction now;
  ck_assert_int_eq(sigaction(sig, NULL, &now), 0);
  return now.sa_handler == handler;
}

START_TEST(handlers_are_put_back_at_the_end) {
  set_handler(SIGTERM, own_handler);
  set_handler(SIGINT, SIG_IGN);
  set_handler(SIGALRM, own_handler);
  open_loop();
  ck_assert(!has_handler(SIGTERM, own_handler) && !has_handler(SIGINT, SIG_IGN));
  ck_assert(!has_handler(SIGALRM, own_handler));
  if (_i == 1) set_handler(SIGTERM, SIG_IGN); /* the program's own, since */
  if (_i == 2) set_handler(SIGINT, own_handler);
  vm_close(&v);
  ck_assert(has_handler(SIGTERM, _i == 1 ? SIG_IGN : own_handler));
  ck_assert(has_handler(SIGINT, _i == 2 ? own_handler : SIG_IGN));
  ck_assert(has_handler(SIGALRM, own_handler));
}
END_TEST

/* In a fork, which a signal may kill: how it ended, when `n` signals came after its worker's end. */
static int status_after(int n, bool closed) {
  int status;
  pid_t pid = fork();
  if (pid == 0) {
    set_handler(SIGTERM, SIG_DFL);
    open_loop();
    ending_outlive_signals();
    if (closed) vm_close(&v);
    for (int i = 0; i < n; i++) raise(SIGTERM);
    _exit(7);
  }
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  return status;
}

/* Before and after all is closed. */
START_TEST(a_signal_after_the_end_takes_nothing_from_the_status) {
  int status = status_after(1, _i);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status %x", (unsigned)status);
  status = status_after(2, _i);
  ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "status %x", (unsigned)status);
}
END_TEST

static volatile sig_atomic_t interruptions;
static void on_interruption(int sig) {
  (void)sig;
  interruptions++;
}

static void *read_posts_after_signals(void *user) {
  while (interruptions < 5) poll(NULL, 0, 1);
  for (int n = 0; n < POSTS; n++) ck_assert_int_eq(fake_next(&v.f)->op, OP_call);
  return user;
}

START_TEST(signals_do_not_end_the_draining) {
  vm_connect(&v);
  vm_give(&v, "f", &(struct gaijin_pt){OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION});
  vm_do(&v, "local big = ('x'):rep(2^16) for i = 1, 64 do gaijin.post(f, big) end"); /* POSTS */
  ck_assert(gaijin_wants_write(v.w.g));
  set_handler(SIGALRM, on_interruption);
  sigset_t alarms; /* for this thread, which drains */
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  pthread_t reader;
  pthread_sigmask(SIG_BLOCK, &alarms, NULL);
  ck_assert_int_eq(pthread_create(&reader, NULL, read_posts_after_signals, NULL), 0);
  pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
  struct itimerval often = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000};
  ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
  connection_drain(&v.w);
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  ck_assert(!gaijin_wants_write(v.w.g));
  pthread_join(reader, NULL);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_signals");
  TCase *c = tcase_create("signals");
  tcase_add_loop_test(c, sigterm_and_sigint_stop, 0, 2);
  tcase_add_loop_test(c, the_second_signal_kills, 0, 4);
  tcase_add_loop_test(c, handlers_are_put_back_at_the_end, 0, 3);
  tcase_add_loop_test(c, a_signal_after_the_end_takes_nothing_from_the_status, 0, 2);
  tcase_add_test(c, signals_do_not_end_the_draining);
  suite_add_tcase(s, c);
  return run_suite(s);
}
