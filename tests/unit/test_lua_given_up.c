/* SPDX-License-Identifier: MIT
 *
 * Requests whose caller gave up (lua/serve/serve.c): each is answered exactly once all the same,
 * because the broker keeps its record until it hears of it.
 */
#include "lua/serve/begin.h"

#include "tests/unit/vm.h"

enum { REQUEST = 42 };

static struct vm v;

/* Opens a VM and asks for a call of a function of this body; the request has not been served yet. */
static void ask_for(const char *body, bool one_way) {
  char code[256];
  struct gaijin_pt ours;
  vm_connect(&v);
  vm_give(&v, "f", &(struct gaijin_pt){OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION});
  snprintf(code, sizeof code, "gaijin.post(f, function() %s end)", body);
  vm_do(&v, code);
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = REQUEST, .peer = OTHER_HOST,
                      .depth = 1, .flags = one_way ? MESSAGE_ONE_WAY : 0, .target = OP_PT,
                      .pt = gj_pt_wire(&ours)};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 0);
  fake_deliver(&v.f);
}

static void give_up(void) {
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_CANCEL, 0, 1);
  pack_uint(&v.f.p, REQUEST);
  fake_deliver(&v.f);
}

/* The request of this op, given up, must be answered `cancelled` and nothing else be sent. */
static void expect_given_up(enum gaijin_op op) {
  uint64_t status;
  vm_run(&v);
  const struct message *m = fake_next(&v.f);
  ck_assert_int_eq(m->kind, MESSAGE_ERROR);
  ck_assert_int_eq(m->op, (enum op)op);
  ck_assert_uint_eq(m->id, REQUEST);
  struct reader r = fake_values(m);
  ck_assert(reader_uint(&r, &status));
  ck_assert_uint_eq(status, GAIJIN_STATUS_CANCELLED);
  ck_assert(fake_idle(&v.f));
  ck_assert_uint_eq(v.w.sched.n_serving, 0);
  vm_close(&v);
}

START_TEST(given_up_while_it_waits) {
  ask_for("gaijin.sleep(1000)", false);
  vm_run(&v);
  ck_assert(fake_idle(&v.f));
  give_up();
  expect_given_up(GAIJIN_OP_CALL);
}
END_TEST

/* Results of a function that goes on all the same are for nobody. */
START_TEST(given_up_and_finished_all_the_same) {
  ask_for("pcall(gaijin.sleep, 1000) note 'over' return 'done'", false);
  vm_run(&v);
  give_up();
  vm_run(&v);
  ck_assert_str_eq(v.log, "over");
  expect_given_up(GAIJIN_OP_CALL);
}
END_TEST

START_TEST(given_up_before_it_began) {
  ask_for("note 'served'", false);
  give_up();
  vm_run(&v);
  ck_assert_str_eq(v.log, "");
  expect_given_up(GAIJIN_OP_CALL);
}
END_TEST

START_TEST(given_up_while_it_waits_for_a_label) {
  vm_connect(&v);
  vm_ask_label(&v, REQUEST, "never set");
  ck_assert_uint_eq(label_waits_count(&v.w), 1);
  give_up();
  vm_run(&v);
  ck_assert_uint_eq(label_waits_count(&v.w), 0);
  expect_given_up(GAIJIN_OP_S2T);
}
END_TEST

START_TEST(a_one_way_request_is_never_answered) {
  ask_for("note 'served' return 'done'", true);
  vm_run(&v);
  ck_assert_str_eq(v.log, "served");
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_serve");
  TCase *t = tcase_create("serve");
  tcase_add_test(t, given_up_while_it_waits);
  tcase_add_test(t, given_up_and_finished_all_the_same);
  tcase_add_test(t, given_up_before_it_began);
  tcase_add_test(t, given_up_while_it_waits_for_a_label);
  tcase_add_test(t, a_one_way_request_is_never_answered);
  suite_add_tcase(s, t);
  return run_suite(s);
}
