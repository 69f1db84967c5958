/* SPDX-License-Identifier: MIT
 *
 * Foreign tokens (client-lib/holding.c): counts, pending, users, releases and claims.
 */
#include "tests/unit/fake_broker.h"

static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, B = {OTHER_HOST, 2, 12, GAIJIN_KIND_FUNCTION};

/* The next message is an unsub of exactly one PT with this count. */
static void expect_unsub(struct fake *f, const struct gaijin_pt *pt, uint64_t count) {
  struct gaijin_pt got;
  uint64_t n;
  ck_assert_int_eq(fake_next(f)->op, GAIJIN_OP_UNSUB);
  ck_assert_uint_eq(f->m.body_count, 2);
  struct reader r = fake_values(&f->m);
  ck_assert(fake_read_pt(&r, &got) && reader_uint(&r, &n));
  ck_assert(gaijin_pt_equal(&got, pt));
  ck_assert_uint_eq(n, count);
}

/* Receives a PT and becomes a user of it. */
static gaijin_holding *take(struct fake *f, const struct gaijin_pt *pt) {
  struct gaijin_value v;
  unsigned n = fake_give(f, pt);
  ck_assert(gaijin_body_next(f->told.answer[n].body, &v));
  ck_assert_int_eq(v.type, GAIJIN_FOREIGN);
  gaijin_hold(f->g, v.holding);
  gaijin_body_free(f->told.answer[n].body);
  return v.holding;
}

START_TEST(unsub_carries_what_was_received) {
  struct fake f;
  fake_open(&f);
  gaijin_holding *h = take(&f, &A);
  ck_assert_ptr_eq(take(&f, &A), h);
  ck_assert_ptr_eq(take(&f, &A), h);
  ck_assert_ptr_eq(gaijin_holding_find(f.g, &A), h);
  struct gaijin_pt held = gaijin_holding_pt(h);
  ck_assert(gaijin_pt_equal(&held, &A));
  for (int i = 0; i < 3; i++) {
    ck_assert_uint_eq(gaijin_releases(f.g), 0);
    gaijin_let_go(f.g, h);
  }
  ck_assert_uint_eq(gaijin_releases(f.g), 1);
  ck_assert_ptr_eq(gaijin_holding_find(f.g, &A), h);
  gaijin_flush(f.g, true);
  expect_unsub(&f, &A, 3);
  ck_assert_uint_eq(gaijin_holding_count(f.g), 0);
  ck_assert_ptr_null(gaijin_holding_find(f.g, &A));
  fake_close(&f);
}
END_TEST

START_TEST(releases_wait_for_other_output) {
  struct fake f;
  fake_open(&f);
  gaijin_let_go(f.g, take(&f, &A));
  gaijin_flush(f.g, false);
  ck_assert(fake_idle(&f));
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_READY), 0);
  gaijin_flush(f.g, false);
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_READY);
  expect_unsub(&f, &A, 1);
  fake_close(&f);
}
END_TEST

/* Taken back by the program, or by a PT that arrives: no unsub. */
START_TEST(a_queued_release_can_be_taken_back) {
  struct fake f;
  fake_open(&f);
  gaijin_holding *h = take(&f, &A);
  gaijin_let_go(f.g, h);
  gaijin_hold(f.g, h);
  ck_assert_uint_eq(gaijin_releases(f.g), 0);
  gaijin_flush(f.g, true);
  ck_assert(fake_idle(&f));
  gaijin_let_go(f.g, h);
  /* fake_ask flushes its request and with it the release: so the arrival comes by a request this time. */
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_S2T, 5, 1);
  pack_abort(&f.p);
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = 5, .peer = OTHER_HOST, .target = OP_NAME, .name = "shop", .name_size = 4};
  pack_begin(&f.p, &f.out, f.max_message, &m, 1);
  fake_put_pt(&f, &A);
  fake_deliver(&f);
  ck_assert_uint_eq(gaijin_releases(f.g), 0);
  gaijin_flush(f.g, true);
  ck_assert(fake_idle(&f));
  gaijin_body_free(f.told.body[0]);
  ck_assert_uint_eq(gaijin_releases(f.g), 1);
  gaijin_flush(f.g, true);
  expect_unsub(&f, &A, 2);
  fake_close(&f);
}
END_TEST

START_TEST(a_value_not_yet_read_holds) {
  struct fake f;
  fake_open(&f);
  unsigned n = fake_give(&f, &A);
  gaijin_holding *h = gaijin_holding_find(f.g, &A);
  ck_assert_ptr_nonnull(h);
  gaijin_hold(f.g, h);
  gaijin_let_go(f.g, h);
  ck_assert_uint_eq(gaijin_releases(f.g), 0);
  gaijin_body_free(f.told.answer[n].body); /* never read */
  ck_assert_uint_eq(gaijin_releases(f.g), 1);
  fake_close(&f);
}
END_TEST

START_TEST(a_message_with_the_holding_goes_before_its_release) {
  struct fake f;
  fake_open(&f);
  gaijin_holding *h = take(&f, &A);
  gaijin_begin_reply(f.g, 3, GAIJIN_OP_GET, 1);
  gaijin_put_holding(f.g, h);
  gaijin_let_go(f.g, h);
  gaijin_flush(f.g, true); /* half a message does not leave, nor what must follow it */
  ck_assert(fake_idle(&f));
  ck_assert_int_eq(gaijin_end_answer(f.g), 0);
  gaijin_flush(f.g, false);
  ck_assert_int_eq(fake_next(&f)->kind, MESSAGE_REPLY);
  expect_unsub(&f, &A, 1);
  fake_close(&f);
}
END_TEST

static unsigned read_batches(struct fake *f, unsigned many, uint32_t most) {
  unsigned messages = 0, seen = 0;
  while (seen < many) {
    ck_assert_int_eq(fake_next(f)->op, GAIJIN_OP_UNSUB);
    ck_assert_uint_le(f->m.body_count, most * 2);
    ck_assert_uint_le(f->m.size - MESSAGE_PREFIX_BYTES, f->max_message);
    seen += f->m.body_count / 2;
    messages++;
  }
  ck_assert_uint_eq(seen, many);
  return messages;
}

static void release_many(uint32_t max_message, unsigned many, unsigned least_messages) {
  struct fake f;
  fake_connect(&f, &fake_events, max_message);
  for (unsigned i = 1; i <= many; i++) {
    struct gaijin_pt pt = fake_pt(OTHER_HOST, i);
    uint64_t id = fake_ask(&f, told_answer);
    f.told.answers = 0;
    fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 1);
    fake_put_pt(&f, &pt);
    fake_deliver(&f);
    gaijin_hold(f.g, gaijin_holding_find(f.g, &pt));
    gaijin_body_free(f.told.answer[0].body);
  }
  ck_assert_uint_eq(gaijin_holding_count(f.g), many);
  for (unsigned i = 1; i <= many; i++) {
    struct gaijin_pt pt = fake_pt(OTHER_HOST, i);
    gaijin_let_go(f.g, gaijin_holding_find(f.g, &pt));
  }
  gaijin_flush(f.g, true);
  ck_assert_uint_ge(read_batches(&f, many, 500), least_messages);
  ck_assert_uint_eq(gaijin_holding_count(f.g), 0);
  ck_assert(fake_idle(&f));
  fake_close(&f);
}

START_TEST(many_releases_go_in_batches_that_fit) {
  release_many(MAX_MESSAGE_DEFAULT, 1201, 3);
  release_many(MAX_MESSAGE_LEAST, 300, 3);
}
END_TEST

/* No room for the unsub now: the release waits for the next flush. */
START_TEST(releases_without_room_stay_queued) {
  struct fake f;
  fake_open(&f);
  gaijin_let_go(f.g, take(&f, &A));
  uint32_t max = f.g->out.max;
  buffer_deinit(&f.g->out);
  buffer_init(&f.g->out, 10);
  ck_assert_int_eq(gaijin_flush(f.g, true), 0);
  ck_assert_uint_eq(gaijin_releases(f.g), 1);
  ck_assert_ptr_nonnull(gaijin_holding_find(f.g, &A));
  ck_assert(fake_idle(&f));
  f.g->out.max = max;
  gaijin_flush(f.g, true);
  expect_unsub(&f, &A, 1);
  fake_close(&f);
}
END_TEST

/* ---- Claims ---- */

static uint64_t claim_for(struct fake *f, const struct gaijin_pt *pt, gaijin_answer_fn fn) {
  uint64_t id;
  struct gaijin_pt got;
  ck_assert_int_eq(gaijin_claim(f->g, pt, fn, f, &id), 0);
  gaijin_flush(f->g, false);
  ck_assert_int_eq(fake_next(f)->op, GAIJIN_OP_SUB);
  ck_assert_uint_eq(f->m.id, id);
  struct reader r = fake_values(&f->m);
  ck_assert(fake_read_pt(&r, &got) && gaijin_pt_equal(&got, pt));
  return id;
}

static uint64_t claim(struct fake *f, const struct gaijin_pt *pt) {
  return claim_for(f, pt, told_answer);
}

static void grant(struct fake *f, uint64_t id) {
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_SUB, id, 0);
}

static void deny(struct fake *f, uint64_t id) {
  fake_begin(f, MESSAGE_ERROR, GAIJIN_OP_SUB, id, 2);
  pack_uint(&f->p, GAIJIN_STATUS_DENIED);
  pack_text(&f->p, "wrong stamp");
}

START_TEST(a_claim_makes_a_user) {
  struct fake f;
  fake_open(&f);
  uint64_t id = claim(&f, &A);
  ck_assert_ptr_null(gaijin_holding_find(f.g, &A));
  grant(&f, id);
  fake_deliver(&f);
  ck_assert(f.told.answer[0].ok);
  gaijin_body_free(f.told.answer[0].body);
  gaijin_holding *h = gaijin_holding_find(f.g, &A);
  ck_assert_ptr_nonnull(h);
  ck_assert_uint_eq(gaijin_releases(f.g), 0);
  gaijin_let_go(f.g, h);
  gaijin_flush(f.g, true);
  expect_unsub(&f, &A, 1);
  fake_close(&f);
}
END_TEST

START_TEST(a_refused_claim_leaves_nothing) {
  struct fake f;
  fake_open(&f);
  uint64_t id = claim(&f, &A);
  deny(&f, id);
  fake_deliver(&f);
  ck_assert_int_eq(f.told.answer[0].status, GAIJIN_STATUS_DENIED);
  ck_assert_str_eq(f.told.text[0], "wrong stamp");
  ck_assert_uint_eq(gaijin_holding_count(f.g), 0);
  gaijin_flush(f.g, true);
  ck_assert(fake_idle(&f));
  fake_close(&f);
}
END_TEST

/* The broker counts a cancelled claim: its late answer must be released. */
START_TEST(a_cancelled_claim_is_released) {
  struct fake f;
  fake_open(&f);
  uint64_t id = claim(&f, &A);
  gaijin_cancel(f.g, id);
  grant(&f, id);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.answers, 0);
  gaijin_flush(f.g, true);
  expect_unsub(&f, &A, 1);
  fake_close(&f);
}
END_TEST

/* Without a call-back it is gaijin_await that makes the user; who gives up before that has none. */
START_TEST(a_claim_given_up_behind_its_answer_is_released) {
  struct fake f;
  struct gaijin_answer a;
  fake_open(&f);
  uint64_t id = claim_for(&f, &A, NULL), other = claim_for(&f, &B, NULL);
  grant(&f, id);
  fake_end(&f);
  grant(&f, other);
  fake_deliver(&f);
  ck_assert_uint_eq(gaijin_releases(f.g), 0);
  gaijin_cancel(f.g, id);
  gaijin_flush(f.g, true);
  expect_unsub(&f, &A, 1);
  ck_assert_int_eq(gaijin_await(f.g, other, 0, &a), 0);
  ck_assert(a.ok);
  gaijin_body_free(a.body);
  ck_assert_uint_eq(gaijin_releases(f.g), 0);
  gaijin_let_go(f.g, gaijin_holding_find(f.g, &B));
  gaijin_flush(f.g, true);
  expect_unsub(&f, &B, 1);
  fake_close(&f);
}
END_TEST

/* While a claim waits the token arrives, is used and let go: one holding, one release with both counts. */
START_TEST(a_claim_and_an_arrival_meet) {
  struct fake f;
  fake_open(&f);
  uint64_t id = claim(&f, &A);
  gaijin_let_go(f.g, take(&f, &A));
  ck_assert_uint_eq(gaijin_releases(f.g), 0);
  grant(&f, id);
  fake_deliver(&f);
  gaijin_body_free(f.told.answer[1].body);
  gaijin_let_go(f.g, gaijin_holding_find(f.g, &A));
  gaijin_flush(f.g, true);
  expect_unsub(&f, &A, 2);
  fake_close(&f);
}
END_TEST

/* Whichever of two guesses is right, and in whatever order they are answered, it is found by its PT. */
START_TEST(claims_with_two_stamps_are_granted_by_their_own) {
  bool first_is_right = _i & 1, first_is_late = _i & 2;
  struct fake f;
  fake_open(&f);
  struct gaijin_pt wrong = A;
  wrong.stamp++;
  uint64_t first = claim(&f, first_is_right ? &A : &wrong);
  uint64_t second = claim(&f, first_is_right ? &wrong : &A);
  for (int i = 0; i < 2; i++) {
    bool is_first = first_is_late ? i == 1 : i == 0;
    (is_first == first_is_right ? grant : deny)(&f, is_first ? first : second);
    fake_deliver(&f);
  }
  ck_assert_uint_eq(f.told.answers, 2);
  ck_assert(f.told.answer[0].ok != f.told.answer[1].ok);
  gaijin_body_free(f.told.answer[f.told.answer[0].ok ? 0 : 1].body);
  ck_assert_ptr_null(gaijin_holding_find(f.g, &wrong));
  gaijin_holding *h = gaijin_holding_find(f.g, &A);
  ck_assert_ptr_nonnull(h);
  gaijin_let_go(f.g, h);
  gaijin_flush(f.g, true);
  expect_unsub(&f, &A, 1);
  fake_close(&f);
}
END_TEST

START_TEST(two_stamps_granted_for_one_token_are_a_fault) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt other = A;
  other.stamp++;
  uint64_t first = claim(&f, &A), second = claim(&f, &other);
  grant(&f, first);
  fake_deliver(&f);
  grant(&f, second);
  fake_send(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "it granted one token with two stamps"));
  gaijin_body_free(f.told.answer[0].body);
  fake_close(&f);
}
END_TEST

/* The grant itself may carry the token with another stamp. */
START_TEST(a_grant_that_brings_another_stamp_is_a_fault) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt other = A;
  other.stamp++;
  uint64_t id = claim(&f, &A);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_SUB, id, 1);
  fake_put_pt(&f, &other);
  fake_send(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "two stamps"));
  fake_close(&f);
}
END_TEST

START_TEST(claims_that_cannot_be_right_are_not_sent) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt own = fake_pt(FAKE_HOST, 1), guess = A, none = B;
  guess.stamp++;
  gaijin_holding *h = take(&f, &A);
  ck_assert_int_eq(gaijin_claim(f.g, &own, told_answer, &f, NULL), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_int_eq(gaijin_claim(f.g, &guess, told_answer, &f, NULL), GAIJIN_STATUS_DENIED);
  for (int i = 0; i < 4; i++) {
    none = B;
    if (i == 0) none.kind = 0;
    if (i == 1) none.kind = GAIJIN_KIND_COUNT;
    if (i == 2) none.host = 0;
    if (i == 3) none.id = 0;
    ck_assert_int_eq(gaijin_claim(f.g, &none, told_answer, &f, NULL), GAIJIN_STATUS_UNSUPPORTED);
    ck_assert_str_eq(gaijin_error(f.g), "what was to be claimed is no token");
  }
  ck_assert_uint_eq(gaijin_queued_bytes(f.g), 0);
  ck_assert_uint_eq(gaijin_holding_count(f.g), 1);
  gaijin_let_go(f.g, h);
  fake_close(&f);
}
END_TEST

START_TEST(two_stamps_for_one_token_are_a_fault) {
  struct fake f;
  fake_open(&f);
  take(&f, &A);
  take(&f, &B);
  struct gaijin_pt other = A;
  other.stamp++;
  uint64_t id = fake_ask(&f, told_answer);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 1);
  fake_put_pt(&f, &other);
  fake_send(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "two stamps"));
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_holding");
  TCase *c = tcase_create("holding");
  tcase_add_test(c, unsub_carries_what_was_received);
  tcase_add_test(c, releases_wait_for_other_output);
  tcase_add_test(c, a_queued_release_can_be_taken_back);
  tcase_add_test(c, a_value_not_yet_read_holds);
  tcase_add_test(c, a_message_with_the_holding_goes_before_its_release);
  tcase_add_test(c, many_releases_go_in_batches_that_fit);
  tcase_add_test(c, releases_without_room_stay_queued);
  tcase_add_test(c, a_claim_makes_a_user);
  tcase_add_test(c, a_refused_claim_leaves_nothing);
  tcase_add_test(c, a_cancelled_claim_is_released);
  tcase_add_test(c, a_claim_given_up_behind_its_answer_is_released);
  tcase_add_test(c, a_claim_and_an_arrival_meet);
  tcase_add_loop_test(c, claims_with_two_stamps_are_granted_by_their_own, 0, 4);
  tcase_add_test(c, two_stamps_granted_for_one_token_are_a_fault);
  tcase_add_test(c, a_grant_that_brings_another_stamp_is_a_fault);
  tcase_add_test(c, claims_that_cannot_be_right_are_not_sent);
  tcase_add_test(c, two_stamps_for_one_token_are_a_fault);
  suite_add_tcase(s, c);
  return run_suite(s);
}
