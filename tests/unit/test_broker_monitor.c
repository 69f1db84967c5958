/* SPDX-License-Identifier: MIT
 *
 * Who monitors sees what is routed, what it chose of it, and no stamp (core/seen.c).
 */
#include "tests/unit/broker_eye.h"

START_TEST(a_request_and_its_answer) {
  monitor(NULL, NULL);
  ask("price");
  uint64_t asked = till.last_id;
  answer_text("cheap");
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  ck_assert(knows(&shop, "shop") && knows(&till, "till"));
  const struct row *q = &rows[0], *a = &rows[1];
  ck_assert(q->kind == MESSAGE_REQUEST && q->op == OP_s2t && q->id == asked && q->from == till.host && q->to == shop.host);
  ck_assert(q->took_ns == 0 && q->target == 0 && q->target_kind == 0 && q->count == 1 && q->n == 6);
  ck_assert_mem_eq(q->bytes, "\xa5price", 6);
  ck_assert(a->kind == MESSAGE_REPLY && a->op == OP_s2t && a->id == asked && a->from == shop.host && a->to == till.host);
  ck_assert(a->took_ns > 0 && a->time_us >= q->time_us && a->size > 0 && q->size > 0);
  ck_assert_mem_eq(a->bytes, "\xa5" "cheap", 6);
  ask("price");
  look(&eye);
  ck_assert_uint_eq(n_known, 0); /* each host once */
}
END_TEST

static bool has_bytes(const void *all, size_t n, uint64_t wanted) {
  uint8_t bytes[8];
  store_be64(bytes, wanted);
  for (size_t i = 0; i + 8 <= n; i++)
    if (memcmp((const uint8_t *)all + i, bytes, 8) == 0) return true;
  return false;
}

START_TEST(stamps_are_not_shown) {
  struct pt pt = wire_token(&shop, 7), own = wire_token(&till, 9);
  pt.stamp = 0x1122334455667788;
  own.stamp = 0x99aabbccddeeff00;
  monitor(NULL, NULL);
  wire_fetch(&w, &till, &shop, "shop", &pt);
  struct pack *p = wire_ask(&till, OP_call, NULL, &pt, 3);
  pack_pt(p, &pt);
  pack_array(p, 2);
  pack_pt(p, &own);
  pack_text(p, "x");
  pack_pt(p, &own);
  wire_send(&w, &till);
  n_rows = n_known = 0;
  bool has_tokens = false;
  w.broker.monitors.later.timer_cb(&w.broker.monitors.later);
  while (n_rows < 3) {
    wire_expect(&w, &eye, MESSAGE_NOTICE, OP_seen);
    ck_assert(!has_bytes(eye.m.bytes, eye.m.size, pt.stamp));
    ck_assert(!has_bytes(eye.m.bytes, eye.m.size, own.stamp));
    has_tokens = has_tokens || has_bytes(eye.m.bytes, eye.m.size, pt.host);
    read_seen(&eye);
  }
  ck_assert(has_tokens && n_rows == 3);
  ck_assert(rows[2].target == 7 && rows[2].target_kind == PT_TABLE && rows[2].count == 3);
}
END_TEST

START_TEST(long_values_are_cut) {
  static char text[5000];
  memset(text, 'x', sizeof text - 1);
  monitor(NULL, NULL);
  ask(text);
  answer_text("y");
  look(&eye);
  ck_assert_uint_eq(rows[0].n, SEEN_BYTES);
  ck_assert_uint_eq(rows[0].bytes[0], 0xda); /* the header says how long it is */
  ck_assert_uint_gt(rows[0].size, 5000);
}
END_TEST

START_TEST(errors_of_the_broker_itself) {
  monitor(NULL, NULL);
  pack_text(wire_ask(&till, OP_s2t, "nobody", NULL, 1), "x");
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_dead);
  look(&eye);
  ck_assert_uint_eq(n_rows, 1);
  ck_assert(rows[0].kind == MESSAGE_ERROR && rows[0].from == 0 && rows[0].to == till.host && rows[0].op == OP_s2t);
  ck_assert(rows[0].bytes[0] == STATUS_dead && rows[0].count == 2 && rows[0].id == till.last_id);
  ask("x");
  wire_leave(&shop); /* it dies with the request */
  for (int i = 0; i < 4; i++) wire_turn(&w);
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  ck_assert(rows[1].kind == MESSAGE_ERROR && rows[1].from == 0 && rows[1].id == till.last_id && rows[1].took_ns > 0);
}
END_TEST

START_TEST(an_answer_that_its_asker_is_refused) {
  struct pt forged = wire_token(&till, 9);
  monitor(NULL, NULL);
  ask("x");
  pack_pt(wire_begin(&shop, MESSAGE_REPLY, OP_s2t, shop.m.id, 1), &forged); /* till's, and never given to shop */
  wire_send(&w, &shop);
  wire_expect_error(&w, &till, STATUS_denied);
  look(&eye);
  ck_assert_uint_eq(n_rows, 3);
  ck_assert(rows[1].kind == MESSAGE_ERROR && rows[1].to == till.host && rows[1].from == 0);
  ck_assert(rows[2].kind == MESSAGE_REPLY && rows[2].to == 0 && rows[2].from == shop.host);
}
END_TEST

/* It is refused before anybody sees that its id is one that is open. */
START_TEST(a_refusal_is_not_of_the_open_request_of_its_id) {
  begin(&eye, "label");
  pack_text(&eye.p, "price");
  begun(&eye);
  ask("price");
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = till.last_id, .target = OP_NAME, .name = "nobody", .name_size = 6};
  pack_text(wire_begin_to(&till, &h, 1), "x");
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_dead);
  look(&eye);
  ck_assert_uint_eq(n_rows, 1);
  ck_assert(rows[0].kind == MESSAGE_REQUEST);
}
END_TEST

START_TEST(one_way_requests) {
  monitor(NULL, NULL);
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = 77, .target = OP_NAME, .flags = MESSAGE_ONE_WAY,
                      .name = "shop", .name_size = 4};
  pack_text(wire_begin_to(&till, &h, 1), "x");
  wire_send(&w, &till);
  look(&eye);
  ck_assert(n_rows == 1 && rows[0].kind == SEEN_POST);
}
END_TEST

START_TEST(of_a_worker) {
  struct end bank = {0};
  wire_join(&w, &bank, "bank");
  monitor("worker", "till");
  ask("x");
  answer_text("y");
  pack_text(wire_ask(&bank, OP_s2t, "shop", NULL, 1), "x");
  wire_send(&w, &bank);
  wire_past_peers(&w, &shop);
  pack_text(wire_begin(&shop, MESSAGE_REPLY, OP_s2t, shop.m.id, 1), "y");
  wire_send(&w, &shop);
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  ck_assert(rows[0].from == till.host && rows[1].to == till.host);
  wire_leave(&bank);
}
END_TEST

START_TEST(of_an_op_or_label) {
  struct end other = {0};
  wire_join_as(&w, &other, "other", true);
  begin(&other, "label");
  pack_text(&other.p, "tax");
  begun(&other);
  monitor("op", "get");
  ask("price");
  answer_text("y");
  look(&eye);
  ck_assert_uint_eq(n_rows, 0);
  ask("tax");
  answer_text("y");
  look(&other);
  ck_assert_uint_eq(n_rows, 2); /* the answer belongs to the request */
  wire_leave(&other);
}
END_TEST

static void monitor_token(const char *worker, uint64_t id) {
  struct pack *p = begin(&eye, "token");
  pack_array(p, 2);
  pack_text(p, worker);
  pack_uint(p, id);
  begun(&eye);
}

START_TEST(of_a_token) {
  struct pt seven = wire_token(&shop, 7), eight = wire_token(&shop, 8);
  monitor_token("shop", 7);
  wire_fetch(&w, &till, &shop, "shop", &seven); /* its answer carries the token */
  wire_fetch(&w, &till, &shop, "shop", &eight);
  look(&eye);
  ck_assert_uint_eq(n_rows, 1);
  ck_assert(rows[0].kind == MESSAGE_REPLY);
  for (int i = 0; i < 2; i++) {
    wire_ask(&till, OP_len, NULL, i ? &eight : &seven, 0);
    wire_send(&w, &till);
    wire_past_peers(&w, &shop);
    pack_uint(wire_begin(&shop, MESSAGE_REPLY, OP_len, shop.m.id, 1), 3);
    wire_send(&w, &shop);
    wire_expect(&w, &till, MESSAGE_REPLY, OP_len);
  }
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  ck_assert(rows[0].target == 7 && rows[1].target == 7 && rows[1].kind == MESSAGE_REPLY);
}
END_TEST

/* Who comes in the place of one that saw the request has not seen it. */
START_TEST(of_what_another_saw) {
  monitor(NULL, NULL);
  ask("x");
  look(&eye);
  ck_assert_uint_eq(n_rows, 1);
  pack_uint(wire_begin(&eye, MESSAGE_NOTICE, OP_cancel, 0, 1), eye.last_id);
  wire_send(&w, &eye);
  monitor("worker", "nobody");
  ck_assert_uint_eq(w.broker.monitors.count, 1);
  if (_i == 0)
    answer_text("y");
  else
    wire_leave(&shop); /* the broker answers */
  for (int i = 0; i < 4; i++) wire_turn(&w);
  look(&eye);
  ck_assert_uint_eq(n_rows, 0);
}
END_TEST

START_TEST(slower_than) {
  begin(&eye, "slower_us");
  pack_uint(&eye.p, 1000000);
  begun(&eye);
  ask("x");
  answer_text("y");
  ask("x");
  struct calls *calls = &w.broker.calls;
  calls_at(calls, slab_next(&calls->all, 0))->begun_ns -= 1000000000;
  answer_text("slow");
  look(&eye);
  ck_assert_uint_eq(n_rows, 1);
  ck_assert(rows[0].kind == MESSAGE_REPLY && rows[0].took_ns >= 1000000000);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker monitor");
  TCase *c = tcase_create("monitor");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_request_and_its_answer);
  tcase_add_test(c, stamps_are_not_shown);
  tcase_add_test(c, long_values_are_cut);
  tcase_add_test(c, errors_of_the_broker_itself);
  tcase_add_test(c, an_answer_that_its_asker_is_refused);
  tcase_add_test(c, a_refusal_is_not_of_the_open_request_of_its_id);
  tcase_add_test(c, one_way_requests);
  tcase_add_test(c, of_a_worker);
  tcase_add_test(c, of_an_op_or_label);
  tcase_add_test(c, of_a_token);
  tcase_add_loop_test(c, of_what_another_saw, 0, 2);
  tcase_add_test(c, slower_than);
  return run_suite(s);
}
