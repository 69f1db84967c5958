/* SPDX-License-Identifier: MIT
 *
 * Op act: who may, what it answers, and that its lines are no part of others.
 */
#define _GNU_SOURCE /* memfd_create */
#include "proto/base.h"
#include "tests/unit/broker_policy.h"
#include "tests/unit/captured.h"

static void act(struct end *e, const char *what, const char *of) {
  pack_text(wire_ask(e, OP_act, NULL, NULL, 2), what);
  pack_text(&e->p, of);
  wire_send(&w, e);
}

static void open_all(const char *policy) {
  if (policy)
    open_with(policy);
  else
    wire_open(&w, NULL);
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &observer, "o", true);
}

START_TEST(a_process_is_named) {
  static const char *const words[] = {"stop", "kill"};
  open_all(NULL);
  for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
    act(&observer, words[i], "shop");
    wire_expect(&w, &observer, MESSAGE_REPLY, OP_act);
    ck_assert_uint_eq(wire_uint(&observer), shop.host);
    ck_assert_uint_eq(wire_uint(&observer), (uint64_t)wire_client(&w, &shop)->pid);
  }
  act(&observer, "stop", "nobody");
  wire_expect_error(&w, &observer, STATUS_dead);
  wire_quiet(&w, &shop); /* the broker itself does nothing to it */
}
END_TEST

START_TEST(the_level_of_the_log) {
  open_all(NULL);
  w.broker.log.level = LOG_WARN;
  act(&observer, "log-level", "error");
  wire_expect(&w, &observer, MESSAGE_REPLY, OP_act);
  const char *text;
  uint32_t size;
  ck_assert(reader_string(&observer.r, &text, &size) && size == 4 && memcmp(text, "warn", 4) == 0);
  ck_assert_int_eq(w.broker.log.level, LOG_ERROR);
  act(&observer, "log-level", "erro");
  expect_refused(&observer, STATUS_unsupported, "no log level 'erro'");
  act(&observer, "dance", "shop");
  expect_refused(&observer, STATUS_unsupported, "may ask for");
  ck_assert_int_eq(w.broker.log.level, LOG_ERROR);
}
END_TEST

START_TEST(only_operators_act) {
  open_all(NULL);
  act(&shop, "stop", "shop");
  expect_refused(&shop, STATUS_denied, "only operators");
  wire_client(&w, &observer)->sandboxed = true;
  act(&observer, "stop", "shop");
  expect_refused(&observer, STATUS_denied, "only operators");
  wire_client(&w, &observer)->sandboxed = false;
}
END_TEST

START_TEST(whom_the_policy_lets) {
  open_all(ALL_NAMES "[deny]\nwho = all\nmay = act\n");
  act(&observer, "log-level", "error");
  expect_refused(&observer, STATUS_denied, "policy does not let");
}
END_TEST

START_TEST(one_way_does_nothing) {
  open_all(NULL);
  enum log_level level = w.broker.log.level;
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_act, .id = ++observer.last_id,
                      .flags = MESSAGE_ONE_WAY};
  pack_begin(&observer.p, &observer.out, UINT32_MAX, &m, 2);
  pack_text(&observer.p, "log-level");
  pack_text(&observer.p, level == LOG_ERROR ? "warn" : "error");
  wire_send(&w, &observer);
  wire_quiet(&w, &observer);
  ck_assert_int_eq(w.broker.log.level, level);
}
END_TEST

/* Whoever has the log filled with what is refused to it hides no act. */
START_TEST(its_line_is_written_whatever_else_is) {
  struct captured log;
  captured_begin(&log, STDERR_FILENO);
  open_all(ALL_NAMES "[deny]\nwho = worker shop\nmay = inspect\n");
  w.broker.log.level = LOG_INFO;
  for (int i = 0; i < 30; i++) {
    pack_text(wire_ask(&shop, OP_inspect, NULL, NULL, 1), "clients");
    wire_send(&w, &shop);
    wire_expect_error(&w, &shop, STATUS_denied);
  }
  act(&observer, "kill", "shop");
  wire_expect(&w, &observer, MESSAGE_REPLY, OP_act);
  log_flush(&w.broker.log);
  const char *text = captured_end(&log);
  ck_assert_msg(strstr(text, "acts: kill shop"), "%s", text);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker act");
  TCase *c = tcase_create("act");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_process_is_named);
  tcase_add_test(c, the_level_of_the_log);
  tcase_add_test(c, only_operators_act);
  tcase_add_test(c, whom_the_policy_lets);
  tcase_add_test(c, one_way_does_nothing);
  tcase_add_test(c, its_line_is_written_whatever_else_is);
  return run_suite(s);
}
