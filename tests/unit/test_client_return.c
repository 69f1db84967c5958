/* SPDX-License-Identifier: MIT
 *
 * A connection whose broker dies (client-lib/return.c, reset.c): going away, and what is done in that moment.
 */
#include "tests/unit/fake_return.h"

START_TEST(goes_away_and_comes_back) {
  struct returned r;
  return_open(&r);
  int first = gaijin_fd(r.f.g);
  return_cut(&r);
  ck_assert_str_eq(r.log, "d");
  ck_assert_int_ne(gaijin_fd(r.f.g), first);
  ck_assert_int_lt(fcntl(first, F_GETFD), 0);
  ck_assert_int_eq(r.old_fd_open, 1);
  ck_assert_str_eq(r.reason, "the broker closed it");
  int away = gaijin_fd(r.f.g);
  return_back(&r);
  ck_assert_str_eq(r.log, "dr");
  ck_assert_int_eq(r.old_fd_open, 2);
  ck_assert(gaijin_fd(r.f.g) == away || fcntl(away, F_GETFD) < 0 || r.fd != away);
  return_expect(&r, OP_back, 0);
  ck_assert_uint_eq(gaijin_generation(r.f.g), GENERATION + 1);
  fake_ask(&r.f, told_answer); /* it works */
  fake_close(&r.f);
}
END_TEST

START_TEST(without_the_option_it_is_lost_at_once) {
  struct returned r;
  return_open_with(&r, 0, false, MAX_MESSAGE_DEFAULT);
  return_kill(&r);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_LOST);
  ck_assert_str_eq(r.log, "");
  fake_close(&r.f);
}
END_TEST

START_TEST(an_observer_does_not_come_back) {
  struct returned r;
  return_open_with(&r, RETURN_MS, true, MAX_MESSAGE_DEFAULT);
  return_kill(&r);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  fake_close(&r.f);
}
END_TEST

START_TEST(after_bye_it_is_lost_with_the_broker_s_text) {
  struct returned r;
  return_open(&r);
  fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_BYE, 0, 1);
  pack_text(&r.f.p, "the broker was told to stop");
  fake_deliver(&r.f);
  return_kill(&r);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "the broker was told to stop"));
  ck_assert_str_eq(r.log, "");
  fake_close(&r.f);
}
END_TEST

START_TEST(after_a_parting_word_it_is_lost) {
  struct returned r;
  return_open(&r);
  fake_begin(&r.f, MESSAGE_ERROR, GAIJIN_OP_HELLO, 0, 2);
  pack_uint(&r.f.p, GAIJIN_STATUS_PROTOCOL);
  pack_text(&r.f.p, "you did wrong");
  fake_send(&r.f);
  return_kill(&r);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "you did wrong"));
  fake_close(&r.f);
}
END_TEST

/* What came before the end counts: an answer, a drop. Only then are the others lost. */
START_TEST(what_had_come_is_handled_first) {
  struct returned r;
  return_open(&r);
  int tag;
  return_sent_token(&r, &tag);
  uint64_t a = fake_ask(&r.f, on_answered), b = fake_ask(&r.f, on_answered), c = fake_ask(&r.f, on_answered);
  (void)a;
  (void)c;
  fake_begin(&r.f, MESSAGE_REPLY, GAIJIN_OP_PING, b, 0);
  fake_send(&r.f);
  fake_drop(&r.f, 1, 1);
  return_cut(&r);
  ck_assert_str_eq(r.log, "afdaa");
  ck_assert(r.f.told.answer[0].ok);
  gaijin_body_free(r.f.told.answer[0].body);
  ck_assert_int_eq(r.f.told.answer[1].status, GAIJIN_STATUS_LOST);
  ck_assert_int_eq(r.f.told.answer[2].status, GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(r.f.told.text[1], "whether it was done is not known"));
  ck_assert_uint_eq(gaijin_request_count(r.f.g), 0);
  fake_close(&r.f);
}
END_TEST

/* The kernel says ECONNRESET when the broker left bytes of ours unread. */
START_TEST(a_reset_is_an_end_like_any) {
  struct returned r;
  return_open(&r);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(r.f.g, on_answered, &r, NULL), 0);
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  return_cut(&r);
  ck_assert_str_eq(r.log, "da");
  return_back(&r);
  fake_close(&r.f);
}
END_TEST

/* What is queued is thrown away, not sent to the next broker. */
START_TEST(the_out_queue_is_not_kept) {
  struct returned r;
  return_open(&r);
  int tag;
  gaijin_token *t = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &tag);
  for (int i = 0; i < 3; i++) {
    gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
    gaijin_put_token(r.f.g, t);
    ck_assert_int_eq(gaijin_end_request(r.f.g, on_answered, &r, NULL), 0);
  }
  return_cut(&r);
  ck_assert_uint_eq(gaijin_queued_bytes(r.f.g), 0);
  ck_assert_uint_eq(t->sent, 1);
  return_back(&r);
  struct reader in = return_expect(&r, OP_announce, 1);
  struct gaijin_pt pt, own = gaijin_token_pt(r.f.g, t);
  ck_assert(fake_read_pt(&in, &pt) && gaijin_pt_equal(&pt, &own));
  return_expect(&r, OP_back, 0);
  ck_assert(fake_idle(&r.f));
  fake_drop(&r.f, 1, 1);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  ck_assert_uint_eq(r.f.told.forgets, 1);
  fake_close(&r.f);
}
END_TEST

START_TEST(nothing_can_be_sent_while_away) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  gaijin_holding *h = return_hold(&r, &pt);
  gaijin_token *t = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r);
  return_cut(&r);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), GAIJIN_STATUS_LOST);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
  gaijin_put_token(r.f.g, t);
  ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "tries to come back"));
  ck_assert_uint_eq(t->sent, 0);
  ck_assert_int_eq(gaijin_claim(r.f.g, &pt, told_answer, &r.f, NULL), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_answer_error(r.f.g, 5, GAIJIN_OP_CALL, GAIJIN_STATUS_BUSY, ""), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  ck_assert(!gaijin_wants_write(r.f.g));
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_UNCONFIRMED);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0); /* nothing has condemned it */
  gaijin_token_discard(r.f.g, t);
  return_back(&r);
  return_expect(&r, OP_claim, 1);
  fake_close(&r.f);
}
END_TEST

/* A token that was never sent is the program's to discard: nothing is owed of it. */
START_TEST(a_token_that_nobody_has_is_not_announced) {
  struct returned r;
  return_open(&r);
  gaijin_token *t = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r);
  return_cut(&r);
  ck_assert_uint_eq(t->sent, 0);
  return_back(&r);
  return_expect(&r, OP_back, 0);
  gaijin_token_discard(r.f.g, t);
  ck_assert_uint_eq(r.f.told.forgets, 1);
  fake_close(&r.f);
}
END_TEST

START_TEST(answers_of_the_old_connection_are_dropped) {
  struct returned r;
  return_open(&r);
  gaijin_token *t = return_sent_token(&r, &r), *fresh = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, NULL);
  struct gaijin_pt pt = gaijin_token_pt(r.f.g, t);
  fake_begin_to(&r.f, GAIJIN_OP_CALL, 41, &pt, 0);
  fake_deliver(&r.f);
  uint64_t old = r.f.told.request[0].id;
  ck_assert(gaijin_answerable(r.f.g, old));
  return_renew(&r);
  return_expect(&r, OP_announce, 1);
  return_expect(&r, OP_back, 0);
  ck_assert(!gaijin_answerable(r.f.g, old));
  gaijin_begin_reply(r.f.g, old, GAIJIN_OP_CALL, 2);
  gaijin_put_token(r.f.g, t);
  gaijin_put_token(r.f.g, fresh);
  ck_assert_int_eq(gaijin_end_answer(r.f.g), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_answer_error(r.f.g, old, GAIJIN_OP_CALL, GAIJIN_STATUS_BUSY, "x"), GAIJIN_STATUS_LOST);
  ck_assert_uint_eq(t->sent, 1);
  ck_assert_uint_eq(fresh->sent, 0);
  gaijin_body_free(r.f.told.body[0]);
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  ck_assert(fake_idle(&r.f)); /* neither an answer nor a report of what was taken */
  uint64_t wire = (uint64_t)(GENERATION + 1) << CALL_ID_BITS;
  fake_begin_to(&r.f, GAIJIN_OP_CALL, wire + 1, &pt, 0);
  fake_deliver(&r.f);
  gaijin_body_free(r.f.told.body[1]);
  gaijin_begin_reply(r.f.g, r.f.told.request[1].id, GAIJIN_OP_CALL, 0);
  ck_assert_int_eq(gaijin_end_answer(r.f.g), 0);
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  return_expect(&r, OP_call, 0);
  ck_assert_uint_eq(r.f.m.id, wire + 1);
  fake_close(&r.f);
}
END_TEST

/* A broker that lost its roster counts its generations anew: ids are met twice on the wire, never by the program. */
START_TEST(ids_of_a_generation_that_was_before_are_other_requests) {
  struct returned r;
  return_open(&r);
  gaijin_token *t = return_sent_token(&r, &r);
  struct gaijin_pt pt = gaijin_token_pt(r.f.g, t);
  uint64_t wire = ((uint64_t)GENERATION << CALL_ID_BITS) + 5;
  fake_begin_to(&r.f, GAIJIN_OP_CALL, wire, &pt, 0);
  fake_deliver(&r.f);
  return_cut(&r);
  return_back_in(&r, GENERATION);
  fake_begin_to(&r.f, GAIJIN_OP_CALL, wire, &pt, 0);
  fake_deliver(&r.f);
  ck_assert_uint_ne(r.f.told.request[0].id, r.f.told.request[1].id);
  fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_CANCEL, 0, 1);
  pack_uint(&r.f.p, wire);
  fake_deliver(&r.f);
  ck_assert_uint_eq(r.f.told.cancelled[0], r.f.told.request[1].id);
  for (int i = 0; i < 2; i++) gaijin_body_free(r.f.told.body[i]);
  return_expect(&r, OP_announce, 1);
  return_expect(&r, OP_back, 0);
  gaijin_begin_reply(r.f.g, r.f.told.request[1].id, GAIJIN_OP_CALL, 0);
  ck_assert_int_eq(gaijin_end_answer(r.f.g), 0);
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  return_expect(&r, OP_call, 0);
  ck_assert_uint_eq(r.f.m.id, wire);
  fake_close(&r.f);
}
END_TEST

START_TEST(ready_and_retired_are_said_again) {
  struct returned r;
  return_open(&r);
  ck_assert_int_eq(gaijin_notice(r.f.g, GAIJIN_OP_READY), 0);
  return_renew(&r);
  return_expect(&r, OP_back, 0);
  return_expect(&r, OP_ready, 0);
  ck_assert(fake_idle(&r.f));
  return_cut(&r);
  ck_assert_int_eq(gaijin_notice(r.f.g, GAIJIN_OP_RETIRE), 0); /* kept until there is somebody to tell */
  return_back(&r);
  return_expect(&r, OP_back, 0);
  return_expect(&r, OP_retire, 0); /* and not `ready`: who waits for it would ask it */
  ck_assert(fake_idle(&r.f));
  fake_close(&r.f);
}
END_TEST

START_TEST(windows_are_empty_again) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  gaijin_holding *h = return_hold(&r, &pt);
  for (int i = 0; i < 100; i++) {
    gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = h, .one_way = true}, 0);
    ck_assert_int_eq(gaijin_end_request(r.f.g, NULL, NULL, NULL), 0);
  }
  ck_assert_uint_eq(gaijin_post_room(r.f.g, OTHER_HOST), 0);
  return_cut(&r);
  ck_assert_str_eq(r.log, "do");
  ck_assert_uint_eq(r.f.told.room, OTHER_HOST);
  return_back(&r);
  ck_assert_uint_eq(gaijin_post_room(r.f.g, OTHER_HOST), SIZE_MAX);
  ck_assert_int_eq(gaijin_await_room(r.f.g, OTHER_HOST, 0, 10), 0);
  fake_close(&r.f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_return");
  TCase *away = tcase_create("away"), *requests = tcase_create("requests");
  tcase_add_test(away, goes_away_and_comes_back);
  tcase_add_test(away, without_the_option_it_is_lost_at_once);
  tcase_add_test(away, an_observer_does_not_come_back);
  tcase_add_test(away, after_bye_it_is_lost_with_the_broker_s_text);
  tcase_add_test(away, after_a_parting_word_it_is_lost);
  tcase_add_test(away, what_had_come_is_handled_first);
  tcase_add_test(away, a_reset_is_an_end_like_any);
  tcase_add_test(away, the_out_queue_is_not_kept);
  tcase_add_test(away, nothing_can_be_sent_while_away);
  tcase_add_test(away, a_token_that_nobody_has_is_not_announced);
  tcase_add_test(requests, answers_of_the_old_connection_are_dropped);
  tcase_add_test(requests, ids_of_a_generation_that_was_before_are_other_requests);
  tcase_add_test(requests, ready_and_retired_are_said_again);
  tcase_add_test(requests, windows_are_empty_again);
  suite_add_tcase(s, away);
  suite_add_tcase(s, requests);
  return run_suite(s);
}
