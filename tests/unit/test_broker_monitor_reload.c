/* SPDX-License-Identifier: MIT
 *
 * Who monitors does so as long as the policy in force lets him.
 */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/broker_policy.h"

#define LET ALL_NAMES "[allow]\nwho = all\nhosts = *\n"

/* Begins to monitor, and is told the first, empty notice. */
static void begin(void) {
  wire_ask(&observer, OP_monitor, NULL, NULL, 0);
  wire_send(&w, &observer);
  wire_expect(&w, &observer, MESSAGE_NOTICE, OP_seen);
}

START_TEST(a_policy_that_takes_the_right_away_ends_it) {
  open_with(LET);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_join_as(&w, &observer, "o", true);
  begin();
  reload(LET); /* it still may: the broker's own user, and no rule */
  wire_expect_nothing(&w, &observer);
  reload(LET "[deny]\nwho = all\nmay = monitor\n");
  expect_refused(&observer, STATUS_denied, "does not give it the right 'monitor'");
  ask_label("price"); /* nobody sees it */
  expect_forwarded(&shop, OP_s2t);
  wire_expect_nothing(&w, &observer);
}
END_TEST

START_TEST(one_that_is_refused_changes_nothing) {
  open_with(LET);
  wire_join_as(&w, &observer, "o", true);
  begin();
  reload(LET "[deny]\nmay = monitor\n");
  wire_expect_nothing(&w, &observer);
  ck_assert_uint_eq(w.broker.monitors.count, 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker monitor reload");
  TCase *c = tcase_create("reload");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_policy_that_takes_the_right_away_ends_it);
  tcase_add_test(c, one_that_is_refused_changes_nothing);
  return run_suite(s);
}
