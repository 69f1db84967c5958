/* SPDX-License-Identifier: MIT
 *
 * Making messages (client-lib/write.c): what is refused, and that a refusal changes nothing.
 */
#include "client-lib/internal.h"
#include "tests/unit/fake_broker.h"

static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE};

/* Ends the open request with this status and text; nothing was queued. */
static void refused(struct fake *f, int status, const char *text) {
  size_t before = gaijin_queued_bytes(f->g);
  uint64_t id = 7;
  ck_assert_int_eq(gaijin_end_request(f->g, told_answer, f, &id), status);
  ck_assert_msg(strstr(gaijin_error(f->g), text), "%s", gaijin_error(f->g));
  ck_assert_uint_eq(gaijin_queued_bytes(f->g), before);
  ck_assert_uint_eq(id, 0);
  ck_assert_uint_eq(f->g->calls.count, 0);
}

START_TEST(every_field_of_a_request_arrives) {
  struct fake f;
  fake_open(&f);
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_FUNCTION, &f);
  struct gaijin_pt pt = gaijin_token_pt(f.g, t);
  uint64_t id;
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .depth = 300, .deadline_ms = 70000, .token = t}, 6);
  gaijin_put_nil(f.g);
  gaijin_put_bool(f.g, false);
  gaijin_put_number(f.g, 2.5);
  gaijin_put_string(f.g, "\xff\0", 2);
  gaijin_put_text(f.g, "text");
  gaijin_put_token(f.g, t);
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), 0);
  ck_assert(gaijin_wants_write(f.g));
  gaijin_flush(f.g, false);
  ck_assert(!gaijin_wants_write(f.g));
  const struct message *m = fake_next(&f);
  ck_assert_int_eq(m->kind, MESSAGE_REQUEST);
  ck_assert_int_eq(m->op, GAIJIN_OP_CALL);
  ck_assert_uint_eq(m->flags, 0);
  ck_assert_uint_eq(m->depth, 300);
  ck_assert_uint_eq(m->id, id);
  ck_assert_uint_eq(m->peer, 0);
  ck_assert_uint_eq(m->deadline_ms, 70000);
  ck_assert_int_eq(m->target, OP_PT);
  ck_assert(fake_same_pt(&m->pt, &pt));
  struct reader r = fake_values(m);
  struct value v;
  ck_assert(reader_next(&r, &v) && v.type == VALUE_NIL);
  ck_assert(reader_next(&r, &v) && v.type == VALUE_BOOL && !v.boolean);
  ck_assert(reader_next(&r, &v) && v.number == 2.5);
  ck_assert(reader_next(&r, &v) && v.size == 2 && memcmp(v.bytes, "\xff\0", 2) == 0);
  ck_assert(reader_next(&r, &v) && v.size == 4);
  ck_assert(reader_next(&r, &v) && v.type == VALUE_PT && fake_same_pt(&v.pt, &pt));
  fake_close(&f);
}
END_TEST

START_TEST(null_pointers_need_their_version) {
  struct fake f;
  struct reader r;
  struct value v;
  fake_open(&f);
  ck_assert(gaijin_has_null(f.g));
  gaijin_token *own = gaijin_token_new(f.g, GAIJIN_KIND_FUNCTION, &f);
  const struct gaijin_send send = {.op = GAIJIN_OP_CALL, .token = own, .one_way = true};
  gaijin_begin_request(f.g, &send, 1);
  gaijin_put_null(f.g);
  ck_assert_int_eq(gaijin_end_request(f.g, NULL, NULL, NULL), 0);
  gaijin_flush(f.g, false);
  r = fake_values(fake_next(&f));
  ck_assert(reader_next(&r, &v) && v.type == VALUE_NULL);
  f.g->version = WIRE_VERSION_NULL - 1;
  ck_assert(!gaijin_has_null(f.g));
  gaijin_begin_request(f.g, &send, 1);
  gaijin_put_null(f.g);
  refused(&f, GAIJIN_STATUS_UNSUPPORTED,
          "version 2 of the wire, which the broker (0.1-fake) speaks, has no null pointers");
  fake_close(&f);
}
END_TEST

/* No op is younger than version 1 yet, so 0 stands for a broker of an older version. */
START_TEST(no_op_of_a_later_version_than_agreed) {
  struct fake f;
  fake_open(&f);
  f.g->version = 0;
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .name = "bank"}, 0);
  refused(&f, GAIJIN_STATUS_UNSUPPORTED,
          "version 0 of the wire, which the broker (0.1-fake) speaks, does not have 'labels' (0 "
          "values); update the broker");
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_READY), GAIJIN_STATUS_UNSUPPORTED);
  gaijin_flush(f.g, false);
  ck_assert(fake_idle(&f));
  f.g->version = 1;
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_READY), 0);
  fake_close(&f);
}
END_TEST

START_TEST(one_way_has_no_answer) {
  struct fake f;
  fake_open(&f);
  uint64_t id = 5;
  gaijin_token *own = gaijin_token_new(f.g, GAIJIN_KIND_FUNCTION, &f);
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .token = own, .one_way = true}, 1);
  gaijin_put_text(f.g, "argument");
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), 0);
  ck_assert_uint_eq(id, 0);
  gaijin_flush(f.g, false);
  ck_assert_uint_eq(fake_next(&f)->flags, MESSAGE_ONE_WAY);
  ck_assert_uint_ne(f.m.id, 0);
  ck_assert_uint_eq(f.g->calls.count, 0);
  /* Only a refusal is told. */
  fake_begin(&f, MESSAGE_ERROR, GAIJIN_OP_CALL, f.m.id, 2);
  pack_uint(&f.p, GAIJIN_STATUS_DEAD);
  pack_text(&f.p, "nobody there");
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.refusals, 1);
  ck_assert_uint_eq(f.told.refused, GAIJIN_STATUS_DEAD);
  fake_close(&f);
  ck_assert_uint_eq(f.told.answers, 0);
}
END_TEST

START_TEST(wrong_requests_are_refused_here) {
  struct fake f;
  fake_open(&f);
  static char name[300];
  memset(name, 'n', sizeof name - 1);
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_GET}, 1);
  gaijin_put_nil(f.g);
  refused(&f, GAIJIN_STATUS_UNSUPPORTED, "'get' was given a wrong kind of target");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_GET, .name = "x"}, 1);
  refused(&f, GAIJIN_STATUS_UNSUPPORTED, "wrong kind of target");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_DROP}, 2);
  refused(&f, GAIJIN_STATUS_UNSUPPORTED, "'drop' is no request to send");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_FREE}, 0);
  refused(&f, GAIJIN_STATUS_UNSUPPORTED, "'free' is no request to send");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = (enum gaijin_op)200}, 0);
  refused(&f, GAIJIN_STATUS_UNSUPPORTED, "no request to send");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_WATCH}, 1);
  gaijin_put_text(f.g, "bank");
  refused(&f, GAIJIN_STATUS_PROTOCOL, "'watch' takes name, \"present\" or \"ready\"; 1 values were given");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .name = name}, 0);
  refused(&f, GAIJIN_STATUS_DEAD, "no worker has a name of 299");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_WATCH}, 2);
  gaijin_put_text(f.g, "bank");
  refused(&f, GAIJIN_STATUS_PROTOCOL, "'watch' was announced with 2 values but got 1");
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_PING), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_UNSUB), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_int_eq(gaijin_end_answer(f.g), GAIJIN_STATUS_PROTOCOL);
  ck_assert_uint_eq(fake_ask(&f, NULL), 2); /* no id was spent */
  fake_close(&f);
}
END_TEST

/* The broker would end the connection. */
START_TEST(arrays_that_cannot_be_are_refused_here) {
  struct fake f;
  fake_open(&f);
  struct gaijin_send send = {.op = GAIJIN_OP_S2T, .name = "x"};
  gaijin_begin_request(f.g, &send, 1);
  gaijin_put_nil(f.g);
  gaijin_put_array(f.g, 2); /* the values announced are there already */
  gaijin_put_nil(f.g);
  refused(&f, GAIJIN_STATUS_PROTOCOL, "'s2t' was announced with 1 values but got 3");
  gaijin_begin_request(f.g, &send, 1);
  gaijin_put_array(f.g, UINT32_MAX);
  refused(&f, GAIJIN_STATUS_PROTOCOL, "with 4294967296 values but got 1");
  for (uint32_t deep = BODY_DEPTH_MAX; deep >= BODY_DEPTH_MAX - 1; deep--) {
    gaijin_begin_request(f.g, &send, 2);
    for (int twice = 0; twice < 2; twice++)
      for (uint32_t i = 1; i <= deep; i++) gaijin_put_array(f.g, i < deep ? 1 : 0);
    if (deep == BODY_DEPTH_MAX)
      refused(&f, GAIJIN_STATUS_UNSUPPORTED,
              "arrays in 's2t' are nested more than 8 deep, the message itself included");
    else
      ck_assert_int_eq(gaijin_end_request(f.g, NULL, NULL, NULL), 0);
  }
  gaijin_flush(f.g, false);
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_S2T); /* and its body is walked */
  ck_assert(fake_idle(&f));
  fake_close(&f);
}
END_TEST

START_TEST(a_message_is_ended_as_it_was_begun) {
  struct fake f;
  fake_open(&f);
  gaijin_begin_reply(f.g, 8, GAIJIN_OP_CALL, 0);
  refused(&f, GAIJIN_STATUS_PROTOCOL, "an answer to 'call' was ended as a request");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_answer(f.g), GAIJIN_STATUS_PROTOCOL);
  ck_assert_str_eq(gaijin_error(f.g), "the request 'ping' was ended as an answer");
  ck_assert_uint_eq(fake_ask(&f, NULL), 2);
  ck_assert(fake_idle(&f));
  fake_close(&f);
}
END_TEST

/* A message of exactly the limit goes, one byte more does not; the text names both sizes. */
START_TEST(the_limit_is_exact) {
  struct fake f;
  fake_connect(&f, &fake_events, MAX_MESSAGE_LEAST);
  static char bytes[MAX_MESSAGE_LEAST];
  memset(bytes, 'a', sizeof bytes);
  /* After the prefix: 34 bytes of envelope, 1 of target, 1 of array, 3 of string header. */
  size_t fits = MAX_MESSAGE_LEAST - 39;
  gaijin_begin_reply(f.g, 1, GAIJIN_OP_GET, 1);
  gaijin_put_string(f.g, bytes, fits);
  ck_assert_int_eq(gaijin_end_answer(f.g), 0);
  gaijin_begin_reply(f.g, 1, GAIJIN_OP_GET, 1);
  gaijin_put_string(f.g, bytes, fits + 1);
  ck_assert_int_eq(gaijin_end_answer(f.g), GAIJIN_STATUS_TOO_LARGE);
  ck_assert_str_eq(gaijin_error(f.g), "message of 4097 bytes is over the limit of 4096 bytes (raise it with the broker's --max-message)");
  gaijin_begin_reply(f.g, 1, GAIJIN_OP_GET, 1);
  gaijin_put_string(f.g, bytes, (size_t)5 << 30); /* never read */
  ck_assert_int_eq(gaijin_end_answer(f.g), GAIJIN_STATUS_TOO_LARGE);
  gaijin_flush(f.g, false);
  ck_assert_uint_eq(fake_next(&f)->size, MAX_MESSAGE_LEAST + MESSAGE_PREFIX_BYTES);
  ck_assert(fake_idle(&f));
  fake_close(&f);
}
END_TEST

/* A queue that is full is not a message that is too large. */
START_TEST(a_full_queue_is_busy) {
  struct fake f;
  fake_open(&f);
  static char bytes[1000];
  f.g->out.max = 1500;
  gaijin_begin_reply(f.g, 1, GAIJIN_OP_GET, 1);
  gaijin_put_string(f.g, bytes, sizeof bytes);
  ck_assert_int_eq(gaijin_end_answer(f.g), 0);
  size_t queued = gaijin_queued_bytes(f.g);
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
  gaijin_put_string(f.g, bytes, sizeof bytes);
  refused(&f, GAIJIN_STATUS_BUSY, "no room for more");
  ck_assert_uint_eq(gaijin_queued_bytes(f.g), queued);
  fake_close(&f);
}
END_TEST

/* A text's level travels in the depth of the error, between those whose version of the wire has it. */
START_TEST(the_level_of_what_is_raised_travels) {
  static const struct {
    uint32_t version;
    unsigned level, sent;
  } cases[] = {{WIRE_VERSION_LEVEL, 0, 0},
               {WIRE_VERSION_LEVEL, 2, 2},
               {WIRE_VERSION_LEVEL, UINT16_MAX + 1, UINT16_MAX},
               {WIRE_VERSION_LEVEL - 1, 2, 0}};
  struct fake f;
  fake_open(&f);
  for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
    f.g->version = cases[i].version;
    gaijin_begin_raise_level(f.g, 8, GAIJIN_OP_CALL, 1, cases[i].level);
    gaijin_put_text(f.g, "no");
    ck_assert_int_eq(gaijin_end_answer(f.g), 0);
    gaijin_flush(f.g, false);
    ck_assert_int_eq(fake_next(&f)->kind, MESSAGE_ERROR);
    ck_assert_uint_eq(f.m.depth, cases[i].sent);
    uint64_t id = fake_ask(&f, told_answer);
    struct message m = {.kind = MESSAGE_ERROR, .op = OP_ping, .id = id, .depth = 3, .target = OP_NONE};
    pack_begin(&f.p, &f.out, f.max_message, &m, 2);
    pack_uint(&f.p, GAIJIN_STATUS_RAISED);
    pack_text(&f.p, "no");
    fake_deliver(&f);
    bool has = cases[i].version >= WIRE_VERSION_LEVEL;
    ck_assert_uint_eq(f.told.answer[i].level, has ? 3 : 0);
    gaijin_body_free(f.told.answer[i].body);
  }
  fake_close(&f);
}
END_TEST

/* A finaliser may begin a message while another is being written. */
START_TEST(a_begin_inside_a_begin_is_refused) {
  struct fake f;
  fake_open(&f);
  uint64_t id;
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 2);
  gaijin_put_text(f.g, "label");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "other"}, 1);
  gaijin_put_text(f.g, "inner");
  gaijin_begin_raise(f.g, 4, GAIJIN_OP_GET, 1);
  gaijin_put_text(f.g, "innermost");
  ck_assert_int_eq(gaijin_end_answer(f.g), GAIJIN_STATUS_BUSY);
  gaijin_abort(f.g);
  ck_assert_int_eq(gaijin_answer_error(f.g, 4, GAIJIN_OP_GET, GAIJIN_STATUS_BUSY, "x"), GAIJIN_STATUS_BUSY);
  ck_assert_int_eq(gaijin_answer_free(f.g, 4, 0, 0), GAIJIN_STATUS_BUSY);
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_READY), GAIJIN_STATUS_BUSY);
  ck_assert_int_eq(gaijin_claim(f.g, &A, NULL, NULL, NULL), GAIJIN_STATUS_BUSY);
  gaijin_put_bool(f.g, true);
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), 0);
  gaijin_flush(f.g, false);
  const struct message *m = fake_next(&f);
  ck_assert_uint_eq(m->id, id);
  ck_assert_uint_eq(m->body_count, 2);
  ck_assert(fake_idle(&f));
  fake_close(&f);
}
END_TEST

START_TEST(raises_and_errors_have_their_shape) {
  struct fake f;
  fake_open(&f);
  static char text[9000];
  memset(text, 't', sizeof text - 1);
  uint64_t status;
  struct value v;
  gaijin_begin_raise(f.g, 8, GAIJIN_OP_CALL, 2);
  gaijin_put_nil(f.g);
  gaijin_put_text(f.g, "trace");
  ck_assert_int_eq(gaijin_end_answer(f.g), 0);
  ck_assert_int_eq(gaijin_answer_error(f.g, 9, GAIJIN_OP_CALL, GAIJIN_STATUS_TOO_LARGE, text), 0);
  gaijin_begin_raise(f.g, 8, GAIJIN_OP_CALL, 0);
  ck_assert_int_eq(gaijin_end_answer(f.g), GAIJIN_STATUS_PROTOCOL);
  gaijin_flush(f.g, false);
  ck_assert_int_eq(fake_next(&f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(f.m.id, 8);
  struct reader r = fake_values(&f.m);
  ck_assert(reader_uint(&r, &status) && status == GAIJIN_STATUS_RAISED);
  ck_assert(reader_next(&r, &v) && v.type == VALUE_NIL);
  ck_assert(reader_next(&r, &v) && v.type == VALUE_STRING);
  ck_assert_int_eq(fake_next(&f)->kind, MESSAGE_ERROR);
  ck_assert_uint_lt(f.m.size, MAX_MESSAGE_LEAST); /* fits wherever it goes */
  r = fake_values(&f.m);
  ck_assert(reader_uint(&r, &status) && status == GAIJIN_STATUS_TOO_LARGE);
  ck_assert(fake_idle(&f));
  fake_close(&f);
}
END_TEST

START_TEST(more_references_than_the_broker_takes_are_refused_before) {
  struct fake f;
  fake_open(&f);
  ck_assert_uint_eq(f.g->refs_most, UINT32_MAX); /* this broker tells no limit */
  f.g->refs_most = 3;
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_FUNCTION, &f);
  for (uint32_t n = 4; n >= 3; n--) {
    gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .token = t}, n);
    for (uint32_t i = 0; i < n; i++) gaijin_put_token(f.g, t);
    if (n > 3)
      refused(&f, GAIJIN_STATUS_TOO_LARGE, "message 'call' carries 4 objects, over the limit of 3");
    else
      ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &(uint64_t){0}), 0);
  }
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_write");
  TCase *c = tcase_create("write");
  tcase_add_test(c, every_field_of_a_request_arrives);
  tcase_add_test(c, null_pointers_need_their_version);
  tcase_add_test(c, no_op_of_a_later_version_than_agreed);
  tcase_add_test(c, one_way_has_no_answer);
  tcase_add_test(c, wrong_requests_are_refused_here);
  tcase_add_test(c, arrays_that_cannot_be_are_refused_here);
  tcase_add_test(c, a_message_is_ended_as_it_was_begun);
  tcase_add_test(c, the_limit_is_exact);
  tcase_add_test(c, a_full_queue_is_busy);
  tcase_add_test(c, a_begin_inside_a_begin_is_refused);
  tcase_add_test(c, raises_and_errors_have_their_shape);
  tcase_add_test(c, the_level_of_what_is_raised_travels);
  tcase_add_test(c, more_references_than_the_broker_takes_are_refused_before);
  suite_add_tcase(s, c);
  return run_suite(s);
}
