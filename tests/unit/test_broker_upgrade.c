/* SPDX-License-Identifier: MIT
 *
 * Who may have the broker go on as another program, and which program can.
 */
#define _GNU_SOURCE /* memfd_create */
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "broker/books/refs_kept.h"
#include "broker/upgrade/stamp.h"
#include "broker/upgrade/state.h"
#include "proto/clock.h"
#include "tests/unit/broker_policy.h"
#include "tests/unit/captured.h"

/* Asks, and expects this refusal. `program` NULL: the broker's own. */
static void expect(struct end *e, const char *program, enum status status, const char *part) {
  struct pack *p = wire_ask(e, OP_upgrade, NULL, NULL, program ? 1 : 0);
  if (program) pack_text(p, program);
  wire_send(&w, e);
  expect_refused(e, status, part);
}

static const char own_file[] = "does not know its own file"; /* the test is no broker program: all else was right */

START_TEST(the_own_user_and_root_may) {
  wire_open(&w, NULL);
  wire_join_as(&w, &observer, "ctl", true);
  expect(&observer, NULL, STATUS_unsupported, own_file);
  char *words[] = {"gaijin-broker", NULL};
  w.broker.call = (struct program_call){.path = "/nowhere/itself", .argv = words};
  expect(&observer, "bin/gaijin-broker", STATUS_unsupported, "whole path");
  expect(&observer, "/nowhere/gaijin-broker", STATUS_unsupported, "cannot run /nowhere/gaijin-broker");
  expect(&observer, NULL, STATUS_unsupported, "cannot run /nowhere/itself");
}
END_TEST

START_TEST(others_may_not) {
  wire_open(&w, NULL);
  wire_join_as(&w, &observer, "ctl", true);
  wire_join(&w, &till, "till");
  wire_client(&w, &observer)->uid = wire_client(&w, &till)->uid = geteuid() + 1234;
  expect(&observer, NULL, STATUS_denied, "may not have the broker go on as a new one");
  expect(&observer, "/bin/true", STATUS_denied, "as another program");
  expect(&till, "/bin/true", STATUS_denied, "as another program");
}
END_TEST

/* Its user is the broker's own, and the kernel lets it execute nothing. */
START_TEST(who_is_sandboxed_may_not) {
  struct captured log;
  struct broker_config config = wire_config();
  config.policy = path;
  config.log_level = LOG_WARN;
  write_policy("[allow]\nwho = all\nnames = *\nmay = act\n");
  captured_begin(&log, STDERR_FILENO);
  wire_open(&w, &config);
  wire_join(&w, &till, "till");
  wire_join_as(&w, &observer, "ctl", true);
  wire_client(&w, &till)->sandboxed = wire_client(&w, &observer)->sandboxed = true;
  struct end *all[] = {&till, &observer};
  for (int i = 0; i < 2; i++) {
    expect(all[i], NULL, STATUS_denied, "you are sandboxed");
    expect(all[i], "/bin/true", STATUS_denied, "you are sandboxed");
    expect(all[i], "/nowhere/gaijin-broker", STATUS_denied, "you are sandboxed");
    ck_assert_ptr_null(w.broker.upgrade);
  }
  log_flush(&w.broker.log);
  ck_assert_ptr_nonnull(strstr(captured_end(&log), "till (user"));
}
END_TEST

/* A policy lets others have the broker's own file executed, and takes even that from its own user; a path it gives nobody. */
START_TEST(no_policy_gives_a_path_away) {
  open_with("[allow]\nwho = all\nmay = act\n");
  wire_join_as(&w, &observer, "ctl", true);
  wire_client(&w, &observer)->uid = geteuid() + 1234;
  expect(&observer, NULL, STATUS_unsupported, own_file);
  expect(&observer, "/bin/true", STATUS_denied, "as another program");
  wire_client(&w, &observer)->uid = geteuid();
  reload("[deny]\nwho = all\nmay = act\n");
  expect(&observer, NULL, STATUS_denied, "as a new one");
}
END_TEST

START_TEST(what_is_no_path_is_refused) {
  wire_open(&w, NULL);
  wire_join_as(&w, &observer, "ctl", true);
  pack_uint(wire_ask(&observer, OP_upgrade, NULL, NULL, 1), 7);
  wire_send(&w, &observer);
  expect_refused(&observer, STATUS_unsupported, "wants the path");
  pack_string(wire_ask(&observer, OP_upgrade, NULL, NULL, 1), "/a\0b", 4);
  wire_send(&w, &observer);
  expect_refused(&observer, STATUS_unsupported, "wants the path");
}
END_TEST

/* ---- Before exec ---- */

static bool is_term_held(void) {
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, NULL, &now);
  return sigismember(&now, SIGTERM);
}

/* However many parts the books have that are emptied before. The program says yes, and then is gone. */
START_TEST(signals_wait_for_one_turn) {
  char program[RUN_PATH + 16], *words[] = {"gaijin-broker", NULL};
  unsigned held = 0;
  struct pool_pieces *pieces = &w.broker.refs.tokens.pieces;
  wire_open(&w, NULL);
  wire_join_as(&w, &observer, "ctl", true);
  snprintf(program, sizeof program, "%s/program", place);
  FILE *f = fopen(program, "w");
  ck_assert_ptr_nonnull(f);
  fputs("#!/bin/sh\nrm -- \"$0\"; echo same\n", f);
  ck_assert_int_eq(fclose(f), 0);
  ck_assert_int_eq(chmod(program, 0700), 0);
  w.broker.call = (struct program_call){.path = program, .argv = words};
  ck_assert_ptr_nonnull(pool_pieces_take(pieces, 40 * POOL_WINDOW));
  ck_assert_uint_gt(refs_parts(&w.broker.refs), 40);
  wire_ask(&observer, OP_upgrade, NULL, NULL, 0);
  wire_send(&w, &observer);
  ck_assert_ptr_nonnull(w.broker.upgrade);
  for (double until = clock_seconds() + 60; w.broker.upgrade && clock_seconds() < until; held += is_term_held()) {
    uv_run(&w.loop, UV_RUN_NOWAIT);
    broker_end_turn(&w.broker);
  }
  expect_refused(&observer, STATUS_unsupported, "cannot execute");
  ck_assert_uint_eq(held, 1);
  ck_assert(!is_term_held());
  pool_pieces_give(pieces, 40 * POOL_WINDOW);
}
END_TEST

/* ---- Stamps ---- */

static const char *judge_for(bool has_policy, const char *stamp, const char *policy, const char *part) {
  char text[400] = "";
  int fd = memfd_create("policy", MFD_CLOEXEC);
  ck_assert_int_eq(write(fd, policy, strlen(policy)), (int)strlen(policy));
  lseek(fd, 0, SEEK_SET);
  const char *answer = stamp_judge(stamp, fd, &(struct stamp_settings){has_policy, 1 << 20}, text, sizeof text);
  close(fd);
  ck_assert_msg(strstr(text, part), "%s: %s", stamp, text);
  return answer;
}

static const char *judge(const char *stamp, const char *policy, const char *part) {
  return judge_for(*policy != '\0', stamp, policy, part);
}

START_TEST(a_stamp_says_what_is_needed) {
  char stamp[STAMP_BYTES], wanted[STAMP_BYTES];
  wire_open(&w, NULL);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_client(&w, &till)->version = 2;
  wire_connect(&w, &other); /* has said nothing, and speaks nothing yet */
  wire_turn(&w);
  stamp_write(&w.broker, stamp);
  snprintf(wanted, sizeof wanted, "%d:2-%d:%016" PRIx64 ":%u", STATE_FORMAT, WIRE_VERSION_MOST, refs_layout(),
           w.broker.connections.max_message);
  ck_assert_str_eq(stamp, wanted);
  ck_assert_str_eq(judge(stamp, "", ""), "same");
  ck_assert_str_eq(judge(stamp, "[allow]\nwho = all\nnames = *\n", ""), "same");
  /* A policy does not come or go on the way. */
  ck_assert(!judge_for(false, stamp, "[allow]\nwho = all\nnames = *\n",
                       "its settings name no policy, and the broker that runs has one; restart it"));
  ck_assert(!judge_for(true, stamp, "", "its settings name a policy, and the broker that runs has none"));
  ck_assert_str_eq(judge_for(true, stamp, "\n", ""), "same"); /* an empty one */
  /* Of another layout, or in no file: one by one. */
  snprintf(wanted, sizeof wanted, "%d:2-%d:%016" PRIx64, STATE_FORMAT, WIRE_VERSION_MOST, refs_layout() + 1);
  ck_assert_str_eq(judge(wanted, "", ""), "records");
  pool_close(&w.broker.pool);
  stamp_write(&w.broker, stamp);
  snprintf(wanted, sizeof wanted, "%d:2-%d::%u", STATE_FORMAT, WIRE_VERSION_MOST,
           w.broker.connections.max_message);
  ck_assert_str_eq(stamp, wanted);
  ck_assert_str_eq(judge(stamp, "", ""), "records");
  ck_assert(!judge(stamp, "[allow]\nwho = all\nknows = *\n", "the policy in force, line 3"));
  /* Clients were told what they may send. */
  snprintf(wanted, sizeof wanted, "%d:2-2::%d", STATE_FORMAT, (1 << 20) + 1);
  ck_assert(!judge(wanted, "", "its settings have 1048576 bytes as max-message, and clients were told 1048577"));
  snprintf(wanted, sizeof wanted, "%d:2-2:%016" PRIx64 ":%d", STATE_FORMAT, refs_layout(), 1 << 20);
  ck_assert_str_eq(judge(wanted, "", ""), "same");
  snprintf(wanted, sizeof wanted, "%d:2-2:%016" PRIx64, STATE_FORMAT, refs_layout()); /* earlier releases */
  ck_assert_str_eq(judge(wanted, "", ""), "same");
  snprintf(wanted, sizeof wanted, "%d:2-%d", STATE_FORMAT, WIRE_VERSION_MOST + 1);
  ck_assert(!judge(wanted, "", "connected clients speak"));
  snprintf(wanted, sizeof wanted, "%d:%d-%d", STATE_FORMAT, WIRE_VERSION_LEAST - 1, WIRE_VERSION_MOST);
  ck_assert(!judge(wanted, "", "connected clients speak"));
  snprintf(wanted, sizeof wanted, "%d:2-2", STATE_FORMAT + 1);
  ck_assert(!judge(wanted, "", "form"));
  ck_assert(!judge("", "", "form"));
  ck_assert(!judge("nonsense", "", "form"));
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker upgrade");
  TCase *t = tcase_create("upgrade");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, the_own_user_and_root_may);
  tcase_add_test(t, others_may_not);
  tcase_add_test(t, who_is_sandboxed_may_not);
  tcase_add_test(t, no_policy_gives_a_path_away);
  tcase_add_test(t, what_is_no_path_is_refused);
  tcase_add_test(t, signals_wait_for_one_turn);
  tcase_add_test(t, a_stamp_says_what_is_needed);
  return run_suite(s);
}
