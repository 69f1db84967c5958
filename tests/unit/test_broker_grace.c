/* SPDX-License-Identifier: MIT
 *
 * The grace period, and who loses its way back in it and after it.
 */
#include "tests/unit/broker_comeback_two.h"

/* A broker that was stopped, or its machine, has waited for nobody: what came is heard first. */
START_TEST(a_broker_that_was_paused) {
  worker_return(&w, &shop);
  struct grace *g = &w.broker.grace;
  g->left_ms = 5000;
  g->ticked_ms = 0; /* since the machine was started: longer than any grace */
  uv_timer_start(&g->timer, g->timer.timer_cb, 0, 0);
  wire_turn(&w);
  ck_assert(g->is_on && g->left_ms >= 4000);
}
END_TEST

/* Whoever is told `dead` of one is told after its slot was freed, whenever its end is processed. */
START_TEST(the_slot_goes_before_anybody_is_told) {
  worker_return(&w, &shop);
  worker_return(&w, &till);
  if (_i) {
    worker_announce(&w, &shop, &ware, 1);
    worker_back(&w, &shop);
    worker_back(&w, &till);
    wire_settle(&w);
  }
  struct client *c = wire_client(&w, &shop.end);
  client_condemn(c, "a test");
  ck_assert_uint_eq(w.broker.roster.used, 1);
  ck_assert_ptr_null(broker_check(&w.broker));
}
END_TEST

START_TEST(one_that_leaves_does_not_come_back) {
  worker_return(&w, &shop);
  wire_begin(&shop.end, MESSAGE_NOTICE, OP_leave, 0, 0);
  wire_send(&w, &shop.end);
  ck_assert_uint_eq(w.broker.roster.used, 1);
  if (_i) worker_back(&w, &shop);
  wire_lapse(&w);
}
END_TEST

/* What it held before, it may hold again, whoever paid for it then. */
START_TEST(claims_know_no_limit_of_holdings) {
  struct broker_config c = wire_config();
  struct pt pts[4] = {ware, ware, ware, ware};
  for (uint32_t i = 0; i < 4; i++) pts[i].id = i + 1;
  c.most.most[ACCOUNT_HELD] = 2;
  wire_kill(&w);
  wire_again(&w, &c);
  worker_return(&w, &till);
  worker_claim(&w, &till, pts, 4);
  worker_return(&w, &shop);
  worker_announce(&w, &shop, pts, 4);
  worker_back(&w, &shop);
  worker_expect_claimed(&w, &till, 2, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker grace");
  TCase *t = tcase_create("grace");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_broker_that_was_paused);
  tcase_add_loop_test(t, the_slot_goes_before_anybody_is_told, 0, 2);
  tcase_add_loop_test(t, one_that_leaves_does_not_come_back, 0, 2);
  tcase_add_test(t, claims_know_no_limit_of_holdings);
  return run_suite(s);
}
