/* SPDX-License-Identifier: MIT
 *
 * Received values (client-lib/values.c): types, nesting, what is given back when.
 */
#include <math.h>

#include "tests/unit/fake_broker.h"

static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, B = {OTHER_HOST, 2, 12, GAIJIN_KIND_FUNCTION};

static gaijin_body *last_body(struct fake *f) { return f->told.answer[f->told.answers - 1].body; }

static void begin_values(struct fake *f, uint32_t count) {
  uint64_t id = fake_ask(f, told_answer);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, id, count);
}

START_TEST(every_type_is_read) {
  struct fake f;
  fake_open(&f);
  begin_values(&f, 8);
  pack_nil(&f.p);
  pack_bool(&f.p, true);
  pack_number(&f.p, -1.5);
  pack_uint(&f.p, UINT64_MAX);
  pack_string(&f.p, "a\0b", 3);
  fake_put_pt(&f, &A);
  pack_number(&f.p, -7);
  pack_null(&f.p);
  fake_deliver(&f);
  gaijin_body *b = last_body(&f);
  struct gaijin_value v;
  ck_assert_uint_eq(gaijin_body_count(b), 8);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_NIL);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_BOOL && v.boolean);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_NUMBER && v.number == -1.5 && !v.is_uint);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_NUMBER && v.is_uint && v.integer == UINT64_MAX);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_STRING && v.size == 3 && memcmp(v.bytes, "a\0b", 3) == 0);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_FOREIGN && v.holding == gaijin_holding_find(f.g, &A));
  ck_assert_uint_eq(gaijin_body_count(b), 2);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_NUMBER && v.number == -7 && !v.is_uint);
  ck_assert(gaijin_body_peek(b, &v) && v.type == GAIJIN_NULL);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_NULL);
  ck_assert_uint_eq(gaijin_body_count(b), 0);
  ck_assert(!gaijin_body_next(b, &v));
  ck_assert(!gaijin_body_next(b, &v));
  gaijin_body_free(b);
  fake_close(&f);
}
END_TEST

enum { LARGE = 600000, PIECE = 32 << 10 };

/* In pieces that the socket has room for. */
static void deliver_large(struct fake *f) {
  fake_end(f);
  for (uint32_t at = 0; at < f->out.size; at += PIECE) {
    fake_bytes(f, f->out.bytes + at, f->out.size - at < PIECE ? f->out.size - at : PIECE);
    ck_assert_int_eq(gaijin_dispatch(f->g), 0);
  }
  f->out.size = 0;
}

/* It has the memory that the message was read into, and the next ones are read into another. */
START_TEST(a_large_one_is_not_copied) {
  struct fake f;
  struct gaijin_value v;
  char *text = malloc(LARGE + 1);
  ck_assert_ptr_nonnull(text);
  for (uint32_t i = 0; i < LARGE; i++) text[i] = (char)('a' + i % 23);
  text[LARGE] = 0;
  fake_open(&f);
  begin_values(&f, 2);
  pack_string(&f.p, text, LARGE);
  fake_put_pt(&f, &A);
  deliver_large(&f);
  gaijin_body *large = last_body(&f);
  ck_assert_ptr_nonnull(large->taken);
  ck_assert_uint_lt(f.g->in.in.capacity, LARGE / 2);
  ck_assert_ptr_null(gj_check(f.g));
  ck_assert_uint_gt(gaijin_body_size(large), LARGE);
  begin_values(&f, 1);
  pack_uint(&f.p, 5);
  fake_deliver(&f);
  gaijin_body *small = last_body(&f);
  ck_assert_ptr_null(small->taken);
  ck_assert(gaijin_body_next(small, &v) && v.integer == 5);
  gaijin_body_free(small);
  ck_assert(gaijin_body_next(large, &v) && v.type == GAIJIN_STRING && v.size == LARGE);
  ck_assert_int_eq(memcmp(v.bytes, text, LARGE), 0);
  ck_assert(gaijin_body_next(large, &v) && v.type == GAIJIN_FOREIGN);
  gaijin_body_free(large);
  ck_assert_uint_eq(gaijin_releases(f.g), 1);
  /* An error's text is ended behind it. */
  fake_begin(&f, MESSAGE_ERROR, GAIJIN_OP_PING, fake_ask(&f, told_answer), 2);
  pack_uint(&f.p, GAIJIN_STATUS_BUSY);
  pack_text(&f.p, text);
  deliver_large(&f);
  ck_assert_int_eq(f.told.answer[f.told.answers - 1].status, GAIJIN_STATUS_BUSY);
  fake_close(&f);
  free(text);
}
END_TEST

START_TEST(a_look_reads_nothing) {
  struct fake f;
  fake_open(&f);
  begin_values(&f, 3);
  pack_string(&f.p, "key", 3);
  fake_put_pt(&f, &A);
  pack_array(&f.p, 0);
  fake_deliver(&f);
  gaijin_body *b = last_body(&f);
  struct gaijin_value v;
  for (int i = 0; i < 2; i++) ck_assert(gaijin_body_peek(b, &v) && v.type == GAIJIN_STRING && v.size == 3);
  ck_assert_uint_eq(gaijin_body_count(b), 3);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_STRING);
  ck_assert(!gaijin_body_peek(b, &v)); /* a reference is not shown: nobody would hold it */
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_FOREIGN);
  ck_assert(!gaijin_body_peek(b, &v));
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_ARRAY);
  ck_assert(!gaijin_body_peek(b, &v));
  gaijin_body_free(b);
  fake_close(&f);
}
END_TEST

START_TEST(a_look_ahead_sees_all_there_is) {
  static const enum gaijin_type types[] = {GAIJIN_ARRAY, GAIJIN_FOREIGN, GAIJIN_NUMBER,
                                           GAIJIN_STRING};
  struct fake f;
  struct gaijin_value v;
  fake_open(&f);
  begin_values(&f, 3);
  pack_bool(&f.p, true);
  pack_array(&f.p, 2);
  fake_put_pt(&f, &A);
  pack_uint(&f.p, 1000);
  pack_string(&f.p, "key", 3);
  fake_deliver(&f);
  gaijin_body *b = last_body(&f);
  ck_assert_uint_gt(gaijin_body_size(b), 8);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_BOOL);
  size_t at = 0;
  for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
    ck_assert(gaijin_body_look(b, &at, &v) && v.type == types[i]);
    ck_assert(!v.holding && !v.token);
  }
  ck_assert(!gaijin_body_look(b, &at, &v) && v.type == GAIJIN_STRING);
  for (size_t i = 0; i < ARRAY_SIZE(types); i++) /* nothing has been read */
    ck_assert(gaijin_body_next(b, &v) && v.type == types[i]);
  gaijin_body_free(b);
  fake_close(&f);
}
END_TEST

START_TEST(a_look_goes_on_behind_an_array) {
  struct fake f;
  fake_open(&f);
  begin_values(&f, 3);
  pack_array(&f.p, 1);
  pack_array(&f.p, 1);
  pack_uint(&f.p, 1);
  pack_uint(&f.p, 2);
  pack_array(&f.p, 0);
  fake_deliver(&f);
  gaijin_body *b = last_body(&f);
  struct gaijin_value v;
  for (int i = 0; i < 3; i++) ck_assert(gaijin_body_next(b, &v));
  ck_assert(gaijin_body_peek(b, &v) && v.number == 2);
  ck_assert(gaijin_body_next(b, &v) && v.number == 2);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_ARRAY);
  ck_assert(!gaijin_body_peek(b, &v));
  gaijin_body_free(b);
  fake_close(&f);
}
END_TEST

START_TEST(arrays_are_stepped_through_flat) {
  struct fake f;
  fake_open(&f);
  begin_values(&f, 3);
  pack_array(&f.p, 3);
  pack_uint(&f.p, 1);
  pack_array(&f.p, 0);
  pack_array(&f.p, 1);
  fake_put_pt(&f, &A);
  pack_uint(&f.p, 2);
  pack_array(&f.p, 0);
  fake_deliver(&f);
  gaijin_body *b = last_body(&f);
  struct gaijin_value v;
  static const struct { enum gaijin_type type; uint32_t count, left; } expected[] = {
      {GAIJIN_ARRAY, 3, 2}, {GAIJIN_NUMBER, 0, 2}, {GAIJIN_ARRAY, 0, 2}, {GAIJIN_ARRAY, 1, 2},
      {GAIJIN_FOREIGN, 0, 2}, {GAIJIN_NUMBER, 0, 1}, {GAIJIN_ARRAY, 0, 0}};
  for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
    ck_assert(gaijin_body_next(b, &v));
    ck_assert_int_eq(v.type, expected[i].type);
    ck_assert_uint_eq(v.count, expected[i].count);
    ck_assert_uint_eq(gaijin_body_count(b), expected[i].left);
  }
  ck_assert(!gaijin_body_next(b, &v));
  ck_assert_uint_eq(gaijin_releases(f.g), 1);
  gaijin_body_free(b);
  fake_close(&f);
}
END_TEST

/* A holding is safe until the next step, then it is given back; the rest when the body is freed. */
START_TEST(values_are_given_back_one_by_one) {
  struct fake f;
  fake_open(&f);
  begin_values(&f, 5);
  fake_put_pt(&f, &A);
  fake_put_pt(&f, &B);
  pack_text(&f.p, "x");
  fake_put_pt(&f, &B);
  fake_put_pt(&f, &A);
  fake_deliver(&f);
  gaijin_body *b = last_body(&f);
  struct gaijin_value v;
  ck_assert(gaijin_body_next(b, &v));
  ck_assert(gaijin_body_next(b, &v));
  struct gaijin_pt held = gaijin_holding_pt(v.holding);
  ck_assert(gaijin_pt_equal(&held, &B));
  ck_assert_uint_eq(gaijin_releases(f.g), 0);
  gaijin_body_free(b);
  ck_assert_uint_eq(gaijin_releases(f.g), 2);
  ck_assert_uint_eq(gaijin_holding_count(f.g), 2);
  fake_close(&f);
}
END_TEST

static void stale_value(struct fake *f, const struct gaijin_pt *pt) {
  unsigned n = fake_give(f, pt);
  struct gaijin_value v;
  ck_assert(gaijin_body_next(f->told.answer[n].body, &v));
  ck_assert_int_eq(v.type, GAIJIN_STALE);
  ck_assert(!gaijin_body_next(f->told.answer[n].body, &v));
  gaijin_body_free(f->told.answer[n].body);
}

START_TEST(home_pts_that_are_not_kept_are_stale) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt unknown = fake_pt(FAKE_HOST, 77), stamp = gaijin_token_pt(f.g, gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f)), kind = stamp;
  stamp.stamp++;
  kind.kind = GAIJIN_KIND_THREAD;
  stale_value(&f, &unknown);
  stale_value(&f, &stamp);
  stale_value(&f, &kind);
  ck_assert_uint_eq(gaijin_holding_count(f.g), 0);
  ck_assert_uint_eq(gaijin_token_count(f.g), 1);
  fake_close(&f);
}
END_TEST

/* Answers nobody waits for give back what they carry. */
START_TEST(a_late_answer_gives_back) {
  struct fake f;
  fake_open(&f);
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &f);
  struct gaijin_pt home = gaijin_token_pt(f.g, t);
  uint64_t id = fake_ask(&f, told_answer);
  gaijin_cancel(f.g, id);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 3);
  fake_put_pt(&f, &A);
  fake_put_pt(&f, &home);
  fake_put_pt(&f, &A);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.answers, 0);
  ck_assert_uint_eq(gaijin_releases(f.g), 1);
  ck_assert_uint_eq(f.told.forgets, 1); /* it had never been sent, only pinned */
  fake_close(&f);
}
END_TEST

START_TEST(a_bad_body_ends_the_connection) {
  struct fake f;
  fake_open(&f);
  begin_values(&f, 2);
  fake_put_pt(&f, &A);
  fake_end(&f); /* one value fewer than announced */
  fake_bytes(&f, f.out.bytes, f.out.size);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "body is cut short"));
  ck_assert_uint_eq(f.told.answers, 1);
  ck_assert_int_eq(f.told.answer[0].status, GAIJIN_STATUS_LOST);
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_values");
  TCase *c = tcase_create("values");
  tcase_add_test(c, every_type_is_read);
  tcase_add_test(c, a_look_ahead_sees_all_there_is);
  tcase_add_test(c, a_look_goes_on_behind_an_array);
  tcase_add_test(c, arrays_are_stepped_through_flat);
  tcase_add_test(c, values_are_given_back_one_by_one);
  tcase_add_test(c, home_pts_that_are_not_kept_are_stale);
  tcase_add_test(c, a_late_answer_gives_back);
  tcase_add_test(c, a_large_one_is_not_copied);
  tcase_add_test(c, a_look_reads_nothing);
  tcase_add_test(c, a_bad_body_ends_the_connection);
  suite_add_tcase(s, c);
  return run_suite(s);
}
