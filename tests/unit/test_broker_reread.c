/* SPDX-License-Identifier: MIT
 *
 * What is read again beside the loop: one reading at a time, one more if asked meanwhile; and of one that takes long, what is told.
 */
#define _GNU_SOURCE /* memfd_create, memmem */
#include <poll.h>
#include <semaphore.h>

#include "broker/status.h"
#include "tests/unit/broker_policy.h"
#include "tests/unit/captured.h"
#include "tests/unit/slow_clock.h"
#include "tests/unit/slow_people.h"

/* ---- A reading that goes on when it is told to ---- */

static struct {
  uv_loop_t loop;
  struct reread reread;
  sem_t runs, may_end;
  bool no_task;
  unsigned begun, done, freed, slow, failed, ended;
} s;

static void *begin(void *user) {
  ck_assert_ptr_eq(user, &s);
  if (s.no_task) {
    errno = ENOMEM;
    return NULL;
  }
  s.begun++;
  return malloc(1);
}
static void run(void *task) {
  (void)task;
  sem_post(&s.runs);
  sem_wait(&s.may_end);
}
static void on_done(void *user, void *task) {
  ck_assert_ptr_eq(user, &s);
  ck_assert_ptr_nonnull(task);
  s.done++;
}
static void free_task(void *task) {
  free(task);
  __atomic_fetch_add(&s.freed, 1, __ATOMIC_SEQ_CST);
}
static void on_slow(void *user) {
  ck_assert_ptr_eq(user, &s);
  s.slow++;
}
static void on_failed(void *user, int why) {
  ck_assert_ptr_eq(user, &s);
  ck_assert_int_eq(why, ENOMEM);
  s.failed++;
}
static void on_ended(void *user) {
  ck_assert_ptr_eq(user, &s);
  ck_assert_ptr_null(s.reread.beside);
  s.ended++;
}

static bool ask(void) {
  static const struct reread_way way = {begin, run, on_done, on_slow, free_task, on_failed, on_ended};
  return reread_ask(&s.reread, &s.loop, &way, &s);
}

static void open_reread(void) {
  memset(&s, 0, sizeof s);
  sem_init(&s.runs, 0, 0);
  sem_init(&s.may_end, 0, 0);
  ck_assert_int_eq(uv_loop_init(&s.loop), 0);
}
/* Every task is freed, in the loop or in its thread. */
static void close_reread(void) {
  reread_stop(&s.reread);
  while (uv_run(&s.loop, UV_RUN_NOWAIT) || __atomic_load_n(&s.freed, __ATOMIC_SEQ_CST) < s.begun) sched_yield();
  ck_assert_int_eq(uv_loop_close(&s.loop), 0);
}
static void await_end(void) {
  while (s.reread.beside) uv_run(&s.loop, UV_RUN_NOWAIT);
}
/* Time passes, and the loop learns of it. */
static void wait_for(long seconds, void (*turn)(void)) {
  nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
  turn();
}
static void turn_loop(void) { uv_run(&s.loop, UV_RUN_NOWAIT); }

START_TEST(one_more_follows_for_all_who_ask_meanwhile) {
  open_reread();
  ck_assert(ask());
  sem_wait(&s.runs);
  for (int i = 0; i < 3; i++) ck_assert(!ask());
  ck_assert_uint_eq(s.begun, 1);
  sem_post(&s.may_end);
  while (s.begun < 2) turn_loop();
  ck_assert_uint_eq(s.done, 1);
  ck_assert_uint_eq(s.ended, 0);
  sem_post(&s.may_end);
  await_end();
  ck_assert_uint_eq(s.begun, 2);
  ck_assert_uint_eq(s.done, 2);
  ck_assert_uint_eq(s.ended, 1);
  ck_assert(ask()); /* a new one */
  sem_post(&s.may_end);
  await_end();
  ck_assert_uint_eq(s.ended, 2);
  ck_assert_uint_eq(s.slow, 0);
  close_reread();
}
END_TEST

START_TEST(one_that_cannot_begin_ends_at_once) {
  open_reread();
  s.no_task = true;
  ck_assert(ask());
  ck_assert_uint_eq(s.failed, 1);
  ck_assert_uint_eq(s.ended, 1);
  s.no_task = false;
  ck_assert(ask());
  ck_assert(!ask());
  s.no_task = true; /* nor can the one that was to follow */
  sem_post(&s.may_end);
  await_end();
  ck_assert_uint_eq(s.done, 1);
  ck_assert_uint_eq(s.failed, 2);
  ck_assert_uint_eq(s.ended, 2);
  close_reread();
}
END_TEST

START_TEST(one_that_is_given_up_calls_nothing) {
  for (int has_ended = 0; has_ended < 2; has_ended++) {
    open_reread();
    ask();
    sem_wait(&s.runs);
    if (has_ended) sem_post(&s.may_end);
    reread_stop(&s.reread);
    wait_for(60, turn_loop);
    if (!has_ended) sem_post(&s.may_end);
    close_reread();
    ck_assert_uint_eq(s.done + s.slow + s.ended, 0);
  }
}
END_TEST

START_TEST(one_that_takes_long_is_told_of_once) {
  unsigned seconds;
  open_reread();
  ck_assert(!reread_lasts(&s.reread, &seconds));
  ask();
  sem_wait(&s.runs);
  wait_for(9, turn_loop);
  ck_assert_uint_eq(s.slow, 0);
  ck_assert(reread_lasts(&s.reread, &seconds));
  ck_assert_uint_eq(seconds, 9);
  for (int i = 0; i < 3; i++) wait_for(20, turn_loop);
  ck_assert_uint_eq(s.slow, 1);
  ask();
  sem_post(&s.may_end);
  while (s.begun < 2) turn_loop();
  wait_for(20, turn_loop);
  ck_assert_uint_eq(s.slow, 2); /* each of them */
  sem_post(&s.may_end);
  await_end();
  close_reread();
}
END_TEST

/* A process that was stopped finds the time over, and the reading, too: its timer comes first. */
START_TEST(one_that_has_ended_meanwhile_is_not_told_of) {
  open_reread();
  ask();
  sem_wait(&s.runs);
  turn_loop(); /* it waits for the thread from now on */
  sem_post(&s.may_end);
  struct pollfd wakes = {.fd = uv_backend_fd(&s.loop), .events = POLLIN};
  ck_assert_int_eq(poll(&wakes, 1, 60000), 1);
  wait_for(60, turn_loop);
  await_end();
  ck_assert_uint_eq(s.done, 1);
  ck_assert_uint_eq(s.slow, 0);
  close_reread();
}
END_TEST

/* ---- What a broker says of a directory that hangs ---- */

static void turn_broker(void) { wire_turn(&w); }

START_TEST(the_log_and_the_status_tell_of_it) {
  struct captured log;
  captured_begin(&log, STDERR_FILENO);
  open_with(ALL_NAMES);
  w.broker.permissions.people = &slow;
  begin_slow_reload();
  status_tell(&w.broker);
  wait_for(11, turn_broker);
  status_tell(&w.broker);
  permissions_reload(&w.broker);
  sem_post(&answered);
  sem_post(&answered);
  while (w.broker.permissions.reread.beside) wire_turn(&w);
  status_tell(&w.broker);
  log_flush(&w.broker.log);
  const char *text = captured_end(&log);
  ck_assert_msg(strstr(text, "/policy is being read, for 0 s so far\n"), "%s", text);
  const char *told = strstr(text, "/policy is still being read after 10 s: a look-up of a user or group may hang");
  ck_assert_msg(told, "%s", text);
  ck_assert_msg(!strstr(told + 20, "is still being read"), "%s", text);
  const char *status = strstr(told, "/policy is being read, for 11 s so far\n");
  ck_assert_msg(status, "%s", text);
  const char *again = strstr(status, "/policy is being read already; it is read once more after that\n");
  ck_assert_msg(again, "%s", text);
  ck_assert_msg(!strstr(status + 20, "is being read, for"), "%s", text);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("broker reread");
  TCase *c = tcase_create("reread"), *b = tcase_create("broker");
  suite_add_tcase(suite, c);
  tcase_add_test(c, one_more_follows_for_all_who_ask_meanwhile);
  tcase_add_test(c, one_that_cannot_begin_ends_at_once);
  tcase_add_test(c, one_that_is_given_up_calls_nothing);
  tcase_add_test(c, one_that_takes_long_is_told_of_once);
  tcase_add_test(c, one_that_has_ended_meanwhile_is_not_told_of);
  suite_add_tcase(suite, b);
  tcase_add_checked_fixture(b, setup, teardown);
  tcase_add_test(b, the_log_and_the_status_tell_of_it);
  return run_suite(suite);
}
