/* SPDX-License-Identifier: MIT
 *
 * Home tokens (client-lib/token.c): sent, pins and the forget event.
 */
#include "tests/unit/fake_broker.h"

START_TEST(ids_and_stamps_are_not_used_twice) {
  struct fake f;
  fake_open(&f);
  enum { MANY = 3000 };
  gaijin_token *t[MANY];
  uint64_t same = 0;
  for (int i = 0; i < MANY; i++) {
    t[i] = gaijin_token_new(f.g, GAIJIN_KIND_FUNCTION, &f);
    struct gaijin_pt pt = gaijin_token_pt(f.g, t[i]);
    ck_assert_uint_eq(pt.id, (uint64_t)i + 1);
    ck_assert_uint_eq(pt.host, FAKE_HOST);
    ck_assert_uint_eq(pt.kind, GAIJIN_KIND_FUNCTION);
    for (int k = 0; k < i; k++) same += gaijin_token_pt(f.g, t[k]).stamp == pt.stamp;
  }
  ck_assert_uint_eq(same, 0);
  ck_assert_uint_eq(gaijin_token_count(f.g), MANY);
  for (int i = 0; i < MANY; i++) gaijin_token_discard(f.g, t[i]);
  ck_assert_uint_eq(gaijin_token_count(f.g), 0);
  ck_assert_uint_eq(f.told.forgets, MANY);
  ck_assert_uint_eq(gaijin_token_pt(f.g, gaijin_token_new(f.g, GAIJIN_KIND_TABLE, NULL)).id, MANY + 1);
  fake_close(&f);
}
END_TEST

START_TEST(there_are_no_tokens_of_other_kinds) {
  struct fake f;
  fake_open(&f);
  ck_assert_ptr_null(gaijin_token_new(f.g, (enum gaijin_kind)0, NULL));
  ck_assert_ptr_null(gaijin_token_new(f.g, GAIJIN_KIND_COUNT, NULL));
  ck_assert_uint_eq(gaijin_token_count(f.g), 0);
  fake_close(&f);
}
END_TEST

START_TEST(discard_of_a_sent_token_does_nothing) {
  struct fake f;
  fake_open(&f);
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f);
  fake_take(&f, t);
  gaijin_token_discard(f.g, t);
  ck_assert_uint_eq(f.told.forgets, 0);
  fake_close(&f);
}
END_TEST

START_TEST(drop_of_all_forgets) {
  struct fake f;
  fake_open(&f);
  int tag;
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &tag);
  fake_take(&f, t);
  fake_take(&f, t);
  fake_take(&f, t);
  fake_drop(&f, 1, 2);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.forgets, 0); /* one is still under way */
  fake_drop(&f, 1, 1);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.forgets, 1);
  ck_assert_ptr_eq(f.told.forgotten[0], &tag);
  ck_assert_uint_eq(gaijin_token_count(f.g), 0);
  fake_close(&f);
}
END_TEST

START_TEST(one_message_may_carry_a_token_several_times) {
  struct fake f;
  fake_open(&f);
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f), *u = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f);
  gaijin_begin_reply(f.g, 9, GAIJIN_OP_CALL, 4);
  gaijin_put_token(f.g, t);
  gaijin_put_token(f.g, u);
  gaijin_put_token(f.g, t);
  gaijin_put_token(f.g, t);
  ck_assert_int_eq(gaijin_end_answer(f.g), 0);
  gaijin_flush(f.g, false);
  fake_drop(&f, 1, 3);
  fake_drop(&f, 2, 1);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.forgets, 2);
  fake_close(&f);
}
END_TEST

/* An end that fails, or an abort, has sent nothing: the token can be discarded. */
START_TEST(a_failed_message_sends_no_token) {
  struct fake f;
  fake_connect(&f, &fake_events, MAX_MESSAGE_LEAST);
  static char big[MAX_MESSAGE_LEAST];
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f), *u = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f);
  gaijin_begin_reply(f.g, 9, GAIJIN_OP_CALL, 2);
  gaijin_put_token(f.g, t);
  gaijin_put_string(f.g, big, sizeof big);
  ck_assert_int_eq(gaijin_end_answer(f.g), GAIJIN_STATUS_TOO_LARGE);
  gaijin_token_discard(f.g, t);
  ck_assert_uint_eq(f.told.forgets, 1);
  gaijin_begin_reply(f.g, 9, GAIJIN_OP_CALL, 1);
  gaijin_put_token(f.g, u);
  gaijin_token_discard(f.g, u); /* while it is in the message it may still be sent */
  ck_assert_uint_eq(f.told.forgets, 1);
  gaijin_abort(f.g);
  gaijin_token_discard(f.g, u);
  ck_assert_uint_eq(f.told.forgets, 2);
  ck_assert_uint_eq(gaijin_queued_bytes(f.g), 0);
  fake_close(&f);
}
END_TEST

/* A drop that overtakes the reading of a value finds the token pinned. */
START_TEST(a_value_not_yet_read_pins) {
  struct fake f;
  fake_open(&f);
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f);
  struct gaijin_pt pt = gaijin_token_pt(f.g, t);
  fake_take(&f, t);
  unsigned n = fake_give(&f, &pt);
  fake_drop(&f, 1, 1);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.forgets, 0);
  struct gaijin_value v;
  ck_assert(gaijin_body_next(f.told.answer[n].body, &v));
  ck_assert_int_eq(v.type, GAIJIN_HOME);
  ck_assert_ptr_eq(v.token, t);
  ck_assert_uint_eq(f.told.forgets, 0);
  ck_assert(!gaijin_body_next(f.told.answer[n].body, &v));
  ck_assert_uint_eq(f.told.forgets, 1);
  gaijin_body_free(f.told.answer[n].body);
  fake_close(&f);
}
END_TEST

START_TEST(a_target_is_pinned_until_the_body_is_freed) {
  struct fake f;
  fake_open(&f);
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f);
  struct gaijin_pt pt = gaijin_token_pt(f.g, t);
  fake_take(&f, t);
  fake_begin_to(&f, GAIJIN_OP_LEN, 5, &pt, 0);
  fake_send(&f);
  fake_drop(&f, 1, 1);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.requests, 1);
  ck_assert_ptr_eq(f.told.request[0].target, t);
  ck_assert_uint_eq(f.told.forgets, 0);
  gaijin_body_free(f.told.body[0]);
  ck_assert_uint_eq(f.told.forgets, 1);
  fake_close(&f);
}
END_TEST

/* Sent again while it was pinned at zero: it lives on. */
START_TEST(a_pinned_token_may_be_sent_again) {
  struct fake f;
  fake_open(&f);
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f);
  struct gaijin_pt pt = gaijin_token_pt(f.g, t);
  fake_take(&f, t);
  unsigned n = fake_give(&f, &pt);
  fake_drop(&f, 1, 1);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  fake_take(&f, t);
  gaijin_body_free(f.told.answer[n].body);
  ck_assert_uint_eq(f.told.forgets, 0);
  fake_drop(&f, 1, 1);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.forgets, 1);
  fake_close(&f);
}
END_TEST

static void wrong_drop(uint64_t id, uint64_t seen) {
  struct fake f;
  fake_open(&f);
  fake_take(&f, gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f));
  fake_drop(&f, id, seen);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "'drop': it drops more than was sent"));
  fake_close(&f);
}

START_TEST(drops_of_more_than_was_sent_are_faults) {
  wrong_drop(1, 2);
  wrong_drop(2, 1);
}
END_TEST

START_TEST(a_weight_is_told_in_kib_and_when_it_has_doubled) {
  struct fake f;
  fake_open(&f);
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f);
  struct gaijin_pt pt = gaijin_token_pt(f.g, t);
  ck_assert_ptr_eq(gaijin_token_find(f.g, pt.id), t);
  ck_assert_ptr_null(gaijin_token_find(f.g, pt.id + 1));
  fake_take(&f, t);
  static const struct {
    uint64_t bytes, told; /* KiB; 0: nothing is */
  } steps[] = {{1023, 0}, {5 << 10, 5}, {9 << 10, 0}, {10 << 10, 10}, {0, 0}, {UINT64_MAX, UINT32_MAX}, {UINT64_MAX, 0}};
  uint64_t weight = 0, told;
  for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
    ck_assert_int_eq(gaijin_token_weigh(f.g, t, steps[i].bytes), 0);
    gaijin_flush(f.g, false);
    if (steps[i].told) {
      ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_WEIGH);
      struct reader r = fake_values(&f.m);
      struct gaijin_pt of;
      ck_assert(fake_read_pt(&r, &of) && gaijin_pt_equal(&of, &pt));
      ck_assert(reader_uint(&r, &told));
      ck_assert_uint_eq(told, steps[i].told);
      weight = told << 10;
    }
    ck_assert(fake_idle(&f));
    ck_assert_uint_eq(gaijin_token_weight(t), weight);
  }
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_token");
  TCase *c = tcase_create("token");
  tcase_add_test(c, ids_and_stamps_are_not_used_twice);
  tcase_add_test(c, there_are_no_tokens_of_other_kinds);
  tcase_add_test(c, discard_of_a_sent_token_does_nothing);
  tcase_add_test(c, drop_of_all_forgets);
  tcase_add_test(c, one_message_may_carry_a_token_several_times);
  tcase_add_test(c, a_failed_message_sends_no_token);
  tcase_add_test(c, a_value_not_yet_read_pins);
  tcase_add_test(c, a_target_is_pinned_until_the_body_is_freed);
  tcase_add_test(c, a_pinned_token_may_be_sent_again);
  tcase_add_test(c, drops_of_more_than_was_sent_are_faults);
  suite_add_tcase(s, c);
  tcase_add_test(c, a_weight_is_told_in_kib_and_when_it_has_doubled);
  return run_suite(s);
}
