/* SPDX-License-Identifier: MIT
 *
 * From the question whether another program can take over until it is executed: what comes in between, and what is made of
 * its answer. This program's own execve and pthread_sigmask stand for the system's: nothing is executed.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>

#include "broker/upgrade/upgrade.h"
#include "tests/unit/broker_policy.h"

static unsigned executed, terms, terms_before_exec;
static bool ends_at_last_moment;
static char program[RUN_PATH + 512];
static char *words[] = {"gaijin-broker", NULL};

int execve(const char *file, char *const argv[], char *const envp[]) {
  (void)file, (void)argv, (void)envp;
  executed++;
  terms_before_exec = terms;
  errno = EACCES;
  return -1;
}

/* The set without SIGCHLD is the broker's own; libuv blocks all. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *before) {
  if (ends_at_last_moment && how == SIG_BLOCK && sigismember(set, SIGTERM) && !sigismember(set, SIGCHLD)) {
    ends_at_last_moment = false;
    kill(getpid(), SIGTERM);
  }
  return syscall(SYS_rt_sigprocmask, how, set, before, _NSIG / 8) < 0 ? errno : 0;
}

/* ---- A program, and the question to it ---- */

static void write_script(const char *text) {
  FILE *f = fopen(program, "w");
  ck_assert_ptr_nonnull(f);
  fprintf(f, "#!/bin/sh\n%s\n", text);
  ck_assert_int_eq(fclose(f), 0);
  ck_assert_int_eq(chmod(program, 0700), 0);
}

static void begin(const char *script) {
  if (*script) write_script(script);
  w.broker.call = (struct program_call){.path = program, .argv = words};
  wire_ask(&observer, OP_upgrade, NULL, NULL, 0);
  wire_send(&w, &observer);
  ck_assert_ptr_nonnull(w.broker.upgrade);
}

/* It waits until the test has it answer. */
static const char waits[] = "while [ ! -e \"${0%/*}/go\" ]; do sleep 0.01; done\necho records";
static void answer_now(void) {
  char go[RUN_PATH + 8];
  snprintf(go, sizeof go, "%s/go", place);
  ck_assert_int_eq(close(open(go, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
}

/* It was begun: its end is that `part` is told. */
static void expect_outcome(unsigned times, const char *part) {
  while (w.broker.upgrade) wire_turn(&w); /* Check ends the test if it never ends */
  expect_refused(&observer, STATUS_unsupported, part);
  ck_assert_uint_eq(executed, times);
  executed = 0;
}

static void open_one(const char *policy) {
  if (policy)
    open_with(policy);
  else
    wire_open(&w, NULL);
  wire_join_as(&w, &observer, "ctl", true);
}

static void setup_program(void) {
  setup();
  snprintf(program, sizeof program, "%s/program", place);
}
static void teardown_program(void) {
  char go[RUN_PATH + 8];
  snprintf(go, sizeof go, "%s/go", place);
  unlink(program);
  unlink(go);
  teardown();
}

/* ---- Tests ---- */

static void on_term(uv_signal_t *handle, int number) {
  (void)handle, (void)number;
  terms++;
}

/* It is in libuv's pipe when further ones are held, and nobody would read that any more. */
START_TEST(a_signal_of_the_last_moment_is_handled_before_exec) {
  static uv_signal_t term; /* teardown lets it end */
  open_one(NULL);
  uv_signal_init(&w.loop, &term);
  uv_signal_start(&term, on_term, SIGTERM);
  ends_at_last_moment = true;
  begin("echo records");
  expect_outcome(1, "cannot execute");
  ck_assert(!ends_at_last_moment);
  ck_assert_uint_eq(terms_before_exec, 1);
  uv_close((uv_handle_t *)&term, NULL);
}
END_TEST

/* Of a version that the other program was not asked for. Until it is there, anybody may come and go. */
START_TEST(who_comes_meanwhile_is_looked_at) {
  open_one(NULL);
  begin(waits);
  wire_join(&w, &till, "till");
  wire_client(&w, &till)->version = 2;
  answer_now();
  expect_outcome(0, "speak another version of the wire");
  begin("echo records"); /* it is asked for both now */
  expect_outcome(1, "cannot execute");
  wire_client(&w, &till)->version = WIRE_VERSION_MOST;
  wire_join(&w, &shop, "shop");
  begin("echo records");
  expect_outcome(1, "cannot execute");
}
END_TEST

START_TEST(who_leaves_meanwhile_is_not_missed) {
  open_one(NULL);
  wire_join(&w, &till, "till");
  wire_client(&w, &till)->version = 2;
  begin(waits);
  wire_leave(&till);
  answer_now();
  expect_outcome(1, "cannot execute");
}
END_TEST

/* The other program has understood the one before. */
START_TEST(a_policy_that_is_replaced_meanwhile_is_looked_at) {
  open_one("[allow]\nwho = all\nmay = act\n");
  begin(waits);
  reload("[allow]\nwho = all\nmay = act, inspect\n");
  answer_now();
  expect_outcome(0, "the policy was replaced");
  begin("echo records");
  expect_outcome(1, "cannot execute");
}
END_TEST

/* The loader, a sanitizer or a script around the program may say a word first. */
START_TEST(other_lines_do_not_matter) {
  open_one(NULL);
  begin("echo 'ERROR: ld.so: object is ignored.' >&2; echo; echo records");
  expect_outcome(1, "cannot execute");
  begin("echo records; echo >&2");
  expect_outcome(1, "cannot execute");
  begin("printf records");
  expect_outcome(1, "cannot execute");
  begin("echo records; echo 'ends with a fault' >&2");
  expect_outcome(0, "cannot take over: ends with a fault");
  begin("echo records; exit 1");
  expect_outcome(0, "cannot take over: records");
  begin("echo no records");
  expect_outcome(0, "cannot take over: no records");
  begin("echo 'ERROR: ld.so' >&2; echo 'gaijin-broker: a reason' >&2; echo more; exit 1");
  expect_outcome(0, "cannot take over: a reason");
  begin("exit 1");
  expect_outcome(0, "cannot take over: it does not say why");
  begin("head -c 100000 /dev/zero | tr '\\0' '\\n'; echo records"); /* there is an end to it */
  expect_outcome(0, "cannot take over: it does not say why");
}
END_TEST

/* Of a long path the end is shown: all that is said is in one text of a limited size. */
START_TEST(a_long_path_leaves_room_for_the_reason) {
  char dir[RUN_PATH + 256], text[512];
  snprintf(dir, sizeof dir, "%s/%0250d", place, 1);
  ck_assert_int_eq(mkdir(dir, 0700), 0);
  snprintf(program, sizeof program, "%s/%0150d", dir, 2);
  open_one(NULL);
  begin("echo 'gaijin-broker: a reason' >&2; exit 1");
  expect_outcome(0, "002 cannot take over: a reason");
  snprintf(text, sizeof text, "echo 'gaijin-broker: %0190d' >&2; exit 1", 7);
  begin(text);
  expect_outcome(0, "0007");
  begin("kill -9 $$");
  expect_outcome(0, "002 was killed by signal 9 when it was asked whether it can");
  begin("echo records");
  expect_outcome(1, "002: Permission denied");
  unlink(program);
  wire_ask(&observer, OP_upgrade, NULL, NULL, 0);
  wire_send(&w, &observer);
  expect_refused(&observer, STATUS_unsupported, "002: no such file");
  rmdir(dir);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker upgrade exec");
  TCase *t = tcase_create("upgrade exec");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup_program, teardown_program);
  tcase_add_test(t, a_signal_of_the_last_moment_is_handled_before_exec);
  tcase_add_test(t, who_comes_meanwhile_is_looked_at);
  tcase_add_test(t, who_leaves_meanwhile_is_not_missed);
  tcase_add_test(t, a_policy_that_is_replaced_meanwhile_is_looked_at);
  tcase_add_test(t, other_lines_do_not_matter);
  tcase_add_test(t, a_long_path_leaves_room_for_the_reason);
  return run_suite(s);
}
