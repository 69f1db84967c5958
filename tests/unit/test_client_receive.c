/* SPDX-License-Identifier: MIT
 *
 * What arrives (client-lib/receive.c): requests, free, cancel, and faults of the broker.
 */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/fake_broker.h"

static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE};

static void begin_named(struct fake *f, enum gaijin_op op, uint16_t flags, uint32_t count) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = (enum op)op, .id = 42, .peer = OTHER_HOST, .depth = 7, .flags = flags, .deadline_ms = 1500,
                      .target = OP_NAME, .name = "shop", .name_size = 4};
  pack_begin(&f->p, &f->out, f->max_message, &m, count);
}

/* The next message is an error answer to request 42 with this status and a text that contains `text`. */
static void expect_error(struct fake *f, enum gaijin_status status, const char *text) {
  uint64_t got;
  const char *bytes;
  uint32_t size;
  ck_assert_int_eq(gaijin_flush(f->g, false), 0);
  ck_assert_int_eq(fake_next(f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(f->m.id, 42);
  struct reader r = fake_values(&f->m);
  ck_assert(reader_uint(&r, &got) && reader_string(&r, &bytes, &size));
  ck_assert_uint_eq(got, status);
  ck_assert_msg(memmem(bytes, size, text, strlen(text)), "%.*s", (int)size, bytes);
}

START_TEST(a_request_is_handed_over_whole) {
  struct fake f;
  fake_open(&f);
  begin_named(&f, GAIJIN_OP_S2T, MESSAGE_ONE_WAY, 1);
  pack_text(&f.p, "label");
  fake_deliver(&f);
  const struct gaijin_request *r = &f.told.request[0];
  ck_assert_uint_eq(f.told.requests, 1);
  ck_assert_uint_eq(r->id, 42);
  ck_assert_int_eq(r->op, GAIJIN_OP_S2T);
  ck_assert_uint_eq(r->depth, 7);
  ck_assert(r->one_way);
  ck_assert_uint_eq(r->caller, OTHER_HOST);
  ck_assert_uint_eq(r->deadline_ms, 1500);
  ck_assert_ptr_null(r->target);
  ck_assert_uint_eq(gaijin_body_count(f.told.body[0]), 1);
  gaijin_body_free(f.told.body[0]);
  fake_close(&f);
}
END_TEST

/* Whether the program serves or not, and whatever it thinks of it. */
START_TEST(alive_is_answered_by_the_library) {
  struct fake f;
  for (int serves = 0; serves < 2; serves++) {
    fake_connect(&f, serves ? &fake_events : NULL, MAX_MESSAGE_DEFAULT);
    begin_named(&f, GAIJIN_OP_ALIVE, 0, 0);
    fake_deliver(&f);
    ck_assert_uint_eq(f.told.requests, 0);
    ck_assert_int_eq(gaijin_flush(f.g, false), 0);
    ck_assert_int_eq(fake_next(&f)->kind, MESSAGE_REPLY);
    ck_assert_int_eq(f.m.op, GAIJIN_OP_ALIVE);
    ck_assert_uint_eq(f.m.id, 42);
    ck_assert_uint_eq(f.m.body_count, 0);
    begin_named(&f, GAIJIN_OP_ALIVE, MESSAGE_ONE_WAY, 0);
    fake_deliver(&f);
    gaijin_flush(f.g, false);
    ck_assert(fake_idle(&f));
    fake_close(&f);
  }
}
END_TEST

START_TEST(a_target_that_is_gone_is_answered_stale) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt gone = fake_pt(FAKE_HOST, 17);
  fake_begin_to(&f, GAIJIN_OP_GET, 42, &gone, 1);
  fake_put_pt(&f, &A);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.requests, 0);
  ck_assert_uint_eq(gaijin_releases(f.g), 1); /* its values are given back */
  expect_error(&f, GAIJIN_STATUS_STALE, "token 17 (table) of worker shop");
  /* Nobody waits for an answer to a one-way request. */
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_len, .id = 43, .flags = MESSAGE_ONE_WAY, .target = OP_PT, .pt = gj_pt_wire(&gone)};
  pack_begin(&f.p, &f.out, f.max_message, &m, 0);
  fake_deliver(&f);
  gaijin_flush(f.g, false);
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_UNSUB);
  ck_assert(fake_idle(&f));
  fake_close(&f);
}
END_TEST

START_TEST(without_events_requests_are_unsupported_and_free_is_answered) {
  struct fake f;
  fake_connect(&f, NULL, MAX_MESSAGE_DEFAULT);
  begin_named(&f, GAIJIN_OP_S2T, 0, 1);
  fake_put_pt(&f, &A);
  fake_deliver(&f);
  expect_error(&f, GAIJIN_STATUS_UNSUPPORTED, "serves no requests");
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_UNSUB);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 9, 0);
  fake_end(&f);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_CANCEL, 0, 1);
  pack_uint(&f.p, 42);
  fake_end(&f);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&f.p, OTHER_HOST);
  fake_deliver(&f);
  gaijin_flush(f.g, false);
  ck_assert_int_eq(fake_next(&f)->kind, MESSAGE_REPLY);
  ck_assert_int_eq(f.m.op, GAIJIN_OP_FREE);
  ck_assert_uint_eq(f.m.id, 9);
  ck_assert_uint_eq(f.m.body_count, 0);
  fake_close(&f);
}
END_TEST

START_TEST(free_is_answered_after_the_releases) {
  struct fake f;
  fake_open(&f);
  unsigned n = fake_give(&f, &A);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 9, 0);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.frees, 1);
  ck_assert_uint_eq(f.told.free_id[0], 9);
  gaijin_body_free(f.told.answer[n].body);
  ck_assert_int_eq(gaijin_answer_free(f.g, 9, 97, 12), 0);
  gaijin_flush(f.g, false);
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_UNSUB);
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_FREE);
  ck_assert_int_eq(f.m.kind, MESSAGE_REPLY);
  struct reader r = fake_values(&f.m);
  uint64_t budget, put_off;
  ck_assert(reader_uint(&r, &budget) && reader_uint(&r, &put_off));
  ck_assert_uint_eq(budget, 97);
  ck_assert_uint_eq(put_off, 12);
  fake_close(&f);
}
END_TEST

START_TEST(cancel_is_told) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_CANCEL, 0, 1);
  pack_uint(&f.p, 42);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.cancels, 1);
  ck_assert_uint_eq(f.told.cancelled[0], 42);
  fake_close(&f);
}
END_TEST

/* ---- Faults ---- */

/* Sends what is in f->out, which must end the connection with a text. */
static void expect_fault(struct fake *f, const char *text) {
  fake_bytes(f, f->out.bytes, f->out.size);
  ck_assert_int_eq(gaijin_dispatch(f->g), GAIJIN_STATUS_LOST);
  ck_assert_msg(strstr(gaijin_error(f->g), text), "%s", gaijin_error(f->g));
  fake_close(f);
}

START_TEST(ops_that_are_not_for_clients_are_faults) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_PING, 1, 0);
  fake_end(&f);
  expect_fault(&f, "'ping': it is not for clients");
  fake_open(&f);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_READY, 0, 0);
  fake_end(&f);
  expect_fault(&f, "'ready': it is not for clients");
}
END_TEST

START_TEST(a_request_for_another_host_is_a_fault) {
  struct fake f;
  fake_open(&f);
  fake_begin_to(&f, GAIJIN_OP_LEN, 1, &A, 0);
  fake_end(&f);
  expect_fault(&f, "its target lives elsewhere");
}
END_TEST

static void bad_notice(enum gaijin_op op, const char *text, uint32_t count) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_NOTICE, op, 0, count);
  for (uint32_t i = 0; i < count; i++) pack_text(&f.p, "no number");
  fake_end(&f);
  expect_fault(&f, text);
}

START_TEST(notices_with_wrong_values_are_faults) {
  bad_notice(GAIJIN_OP_DROP, "a value is no number", 2);
  bad_notice(GAIJIN_OP_DEAD, "the host is no number", 1);
  bad_notice(GAIJIN_OP_CANCEL, "the request is no number", 1);
  bad_notice(GAIJIN_OP_PEER, "not a host and its name", 2);
  struct fake f;
  fake_open(&f);
  fake_take(&f, gaijin_token_new(f.g, GAIJIN_KIND_TABLE, NULL));
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_DROP, 0, 3);
  pack_uint(&f.p, 1);
  pack_uint(&f.p, 1);
  pack_uint(&f.p, 1);
  fake_end(&f);
  expect_fault(&f, "a token without its number");
}
END_TEST

/* A program must learn what it did wrong. */
START_TEST(the_parting_word_of_the_broker_is_the_reason) {
  struct fake f;
  fake_open(&f);
  uint64_t id = fake_ask(&f, told_answer);
  fake_begin(&f, MESSAGE_ERROR, GAIJIN_OP_HELLO, 0, 2);
  pack_uint(&f.p, GAIJIN_STATUS_PROTOCOL);
  pack_text(&f.p, "you broke the protocol: 's2t': bytes after the body");
  fake_send(&f);
  close(f.fd);
  f.fd = -1;
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_str_eq(gaijin_error(f.g), "the connection to the broker ended: you broke the protocol: "
                                      "'s2t': bytes after the body");
  ck_assert_uint_eq(f.told.answers, 1);
  ck_assert_int_eq(f.told.answer[0].status, GAIJIN_STATUS_LOST);
  (void)id;
  fake_close(&f);
}
END_TEST

START_TEST(a_minimal_header_is_a_fault) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 9, 0);
  fake_end(&f);
  f.out.bytes[6] = 0x01; /* kind as a fixint */
  expect_fault(&f, "widest form");
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_receive");
  TCase *c = tcase_create("receive");
  tcase_add_test(c, the_parting_word_of_the_broker_is_the_reason);
  tcase_add_test(c, a_request_is_handed_over_whole);
  tcase_add_test(c, alive_is_answered_by_the_library);
  tcase_add_test(c, a_target_that_is_gone_is_answered_stale);
  tcase_add_test(c, without_events_requests_are_unsupported_and_free_is_answered);
  tcase_add_test(c, free_is_answered_after_the_releases);
  tcase_add_test(c, cancel_is_told);
  tcase_add_test(c, ops_that_are_not_for_clients_are_faults);
  tcase_add_test(c, a_request_for_another_host_is_a_fault);
  tcase_add_test(c, notices_with_wrong_values_are_faults);
  tcase_add_test(c, a_minimal_header_is_a_fault);
  suite_add_tcase(s, c);
  return run_suite(s);
}
