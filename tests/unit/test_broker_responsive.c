/* SPDX-License-Identifier: MIT
 *
 * Which clients count as not responding: what is due, and since when. (That the rows of op inspect
 * say so is in test_broker_inspect.c.)
 */
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b;

static void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_close(&w);
}

/* As if so much time had passed since the client was last active. */
static void silent_for(const struct end *e, uint64_t ms) {
  wire_client(&w, e)->active_ms = uv_now(&w.loop) - ms;
}

START_TEST(a_request_that_may_take_for_ever_is_not_due) {
  struct pack *p = wire_ask(&b, OP_s2t, "a", NULL, 2);
  pack_text(p, "x");
  pack_bool(p, true);
  wire_send(&w, &b);
  silent_for(&a, 5000);
  ck_assert(client_is_responsive(wire_client(&w, &a)));
}
END_TEST

START_TEST(an_answer_that_was_given_up_is_due_still) {
  wire_ask(&b, OP_labels, "a", NULL, 0);
  wire_send(&w, &b);
  silent_for(&a, 5000);
  ck_assert(!client_is_responsive(wire_client(&w, &a)));
  pack_uint(wire_begin(&b, MESSAGE_NOTICE, OP_cancel, 0, 1), b.last_id);
  wire_send(&w, &b);
  ck_assert(!client_is_responsive(wire_client(&w, &a))); /* it has been told, and does not react: an operator wants to know */
  do
    ck_assert_int_eq(wire_next(&w, &a), 1);
  while (a.m.op != OP_labels);
  wire_begin(&a, MESSAGE_REPLY, OP_labels, a.m.id, 0);
  wire_send(&w, &a);
  ck_assert(client_is_responsive(wire_client(&w, &a)));
  silent_for(&a, 5000);
  ck_assert(client_is_responsive(wire_client(&w, &a)));
}
END_TEST

START_TEST(who_does_not_read_does_not_respond) {
  enum { PIECE = 32 << 10 };
  static const char bytes[PIECE];
  while (!(wire_client(&w, &a)->events & UV_WRITABLE)) { /* posts until its socket is full */
    struct message h = {.kind = MESSAGE_REQUEST,
                        .op = OP_s2t,
                        .id = 1,
                        .flags = MESSAGE_ONE_WAY,
                        .target = OP_NAME,
                        .name = "a",
                        .name_size = 1};
    pack_string(wire_begin_to(&b, &h, 1), bytes, PIECE);
    wire_send(&w, &b);
    wire_turn(&w);
  }
  ck_assert(client_is_responsive(wire_client(&w, &a)));
  silent_for(&a, 5000);
  ck_assert(!client_is_responsive(wire_client(&w, &a)));
  while (wire_next(&w, &a) == 1) continue;
  ck_assert(client_is_responsive(wire_client(&w, &a)));
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker responsive");
  TCase *t = tcase_create("responsive");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_request_that_may_take_for_ever_is_not_due);
  tcase_add_test(t, an_answer_that_was_given_up_is_due_still);
  tcase_add_test(t, who_does_not_read_does_not_respond);
  return run_suite(s);
}
