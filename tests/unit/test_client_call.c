/* SPDX-License-Identifier: MIT
 *
 * Requests under way (client-lib/call.c): answers in any order, errors, cancelling,
 * loss in the order of start, and gaijin_await.
 */
#define _GNU_SOURCE
#include <time.h>

#include "tests/unit/fake_broker.h"

static void reply_number(struct fake *f, uint64_t id, double v) {
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 1);
  pack_number(&f->p, v);
  fake_end(f);
}

static void flush_fake(struct fake *f) {
  fake_bytes(f, f->out.bytes, f->out.size);
  f->out.size = 0;
}

START_TEST(answers_find_their_requests_in_any_order) {
  struct fake f;
  fake_open(&f);
  uint64_t id[20];
  for (int i = 0; i < 20; i++) id[i] = fake_ask(&f, told_answer);
  for (int i = 19; i >= 0; i--) reply_number(&f, id[i], i);
  flush_fake(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.answers, 20);
  for (int i = 0; i < 20; i++) {
    struct gaijin_value v;
    ck_assert(f.told.answer[i].ok);
    ck_assert(gaijin_body_next(f.told.answer[i].body, &v));
    ck_assert_double_eq(v.number, 19 - i);
    gaijin_body_free(f.told.answer[i].body);
  }
  reply_number(&f, id[0], 0); /* a second answer finds nobody */
  flush_fake(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.answers, 20);
  fake_close(&f);
}
END_TEST

START_TEST(a_raised_value_comes_with_its_traceback) {
  struct fake f;
  fake_open(&f);
  uint64_t id = fake_ask(&f, told_answer);
  struct gaijin_value v;
  fake_begin(&f, MESSAGE_ERROR, GAIJIN_OP_CALL, id, 3);
  pack_uint(&f.p, GAIJIN_STATUS_RAISED);
  pack_nil(&f.p);
  pack_text(&f.p, "stack traceback");
  fake_deliver(&f);
  ck_assert(!f.told.answer[0].ok);
  ck_assert_int_eq(f.told.answer[0].status, GAIJIN_STATUS_RAISED);
  gaijin_body *b = f.told.answer[0].body;
  ck_assert_uint_eq(gaijin_body_count(b), 2);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_NIL);
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_STRING);
  gaijin_body_free(b);
  fake_close(&f);
}
END_TEST

static void check_error(struct fake *f, enum gaijin_status status, const char *text) {
  unsigned n = f->told.answers;
  fake_deliver(f);
  ck_assert_uint_eq(f->told.answers, n + 1);
  ck_assert(!f->told.answer[n].ok);
  ck_assert_int_eq(f->told.answer[n].status, status);
  ck_assert_str_eq(f->told.text[n], text);
  ck_assert_ptr_null(f->told.answer[n].body);
}

START_TEST(system_errors_have_a_text) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_ERROR, GAIJIN_OP_CALL, fake_ask(&f, told_answer), 2);
  pack_uint(&f.p, GAIJIN_STATUS_DEAD);
  pack_text(&f.p, "Gaijin tried accessing dead resource. (bank)");
  check_error(&f, GAIJIN_STATUS_DEAD, "Gaijin tried accessing dead resource. (bank)");
  fake_begin(&f, MESSAGE_ERROR, GAIJIN_OP_CALL, fake_ask(&f, told_answer), 3);
  pack_uint(&f.p, GAIJIN_STATUS_BUSY);
  pack_text(&f.p, "full");
  fake_put_pt(&f, &(struct gaijin_pt){OTHER_HOST, 1, 1, GAIJIN_KIND_TABLE}); /* does not belong there: given back */
  check_error(&f, GAIJIN_STATUS_BUSY, "full");
  ck_assert_uint_eq(gaijin_releases(f.g), 1);
  fake_begin(&f, MESSAGE_ERROR, GAIJIN_OP_CALL, fake_ask(&f, told_answer), 2);
  pack_text(&f.p, "no status");
  pack_nil(&f.p);
  check_error(&f, GAIJIN_STATUS_PROTOCOL, "the error that came has no status");
  fake_begin(&f, MESSAGE_ERROR, GAIJIN_OP_CALL, fake_ask(&f, told_answer), 2);
  pack_uint(&f.p, 1000);
  pack_nil(&f.p);
  check_error(&f, GAIJIN_STATUS_PROTOCOL, "the error that came has no text");
  fake_close(&f);
}
END_TEST

START_TEST(cancel_tells_the_broker_and_discards) {
  struct fake f;
  fake_open(&f);
  uint64_t id = fake_ask(&f, told_answer), other = fake_ask(&f, told_answer), cancelled;
  gaijin_cancel(f.g, id);
  gaijin_cancel(f.g, id);
  gaijin_cancel(f.g, 9999);
  gaijin_flush(f.g, false);
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_CANCEL);
  struct reader r = fake_values(&f.m);
  ck_assert(reader_uint(&r, &cancelled));
  ck_assert_uint_eq(cancelled, id);
  ck_assert(fake_idle(&f));
  reply_number(&f, id, 1);
  reply_number(&f, other, 2);
  flush_fake(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.answers, 1);
  gaijin_body_free(f.told.answer[0].body);
  fake_close(&f);
}
END_TEST

/* A request that the broker never answers. */
static uint64_t ask_limited(struct fake *f, uint32_t deadline_ms, gaijin_answer_fn fn, void *user) {
  uint64_t id = 0;
  gaijin_begin_request(f->g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "A", .depth = 1, .deadline_ms = deadline_ms}, 1);
  gaijin_put_text(f->g, "label");
  ck_assert_int_eq(gaijin_end_request(f->g, fn, user, &id), 0);
  gaijin_flush(f->g, false);
  ck_assert_int_eq(fake_next(f)->op, GAIJIN_OP_S2T);
  return id;
}

static void wait_until_due(void) { nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL); }

START_TEST(a_broker_that_hangs_is_not_waited_for) {
  struct fake f;
  fake_open(&f);
  uint64_t late = ask_limited(&f, 1, told_answer, &f), cancelled;
  ask_limited(&f, 3600000, told_answer, &f); /* has time */
  ask_limited(&f, 0, told_answer, &f);       /* has no limit */
  uint64_t awaited = ask_limited(&f, 1, NULL, NULL);
  wait_until_due();
  gaijin_expire(f.g, 3600);
  ck_assert_uint_eq(f.told.answers, 0);
  gaijin_expire(f.g, 0);
  ck_assert_uint_eq(f.told.answers, 1);
  ck_assert_int_eq(f.told.answer[0].status, GAIJIN_STATUS_TIMEOUT);
  gaijin_expire(f.g, 0);
  ck_assert_uint_eq(f.told.answers, 1);
  gaijin_flush(f.g, false);
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_CANCEL);
  struct reader r = fake_values(&f.m);
  ck_assert(reader_uint(&r, &cancelled));
  ck_assert_uint_eq(cancelled, late);
  ck_assert(fake_idle(&f));
  gaijin_cancel(f.g, awaited);
  fake_close(&f);
}
END_TEST

struct pair {
  gaijin *g;
  uint64_t other;
  unsigned answers;
};

static void cancel_other(void *user, const struct gaijin_answer *answer) {
  struct pair *p = user;
  ck_assert_int_eq(answer->status, GAIJIN_STATUS_TIMEOUT);
  ck_assert_ptr_nonnull(strstr(answer->text, "got no answer in 0.001 s, nor does the broker say anything"));
  p->answers++;
  gaijin_cancel(p->g, p->other);
}

START_TEST(a_call_back_may_cancel_what_is_due_too) {
  struct fake f;
  fake_open(&f);
  struct pair p = {.g = f.g};
  ask_limited(&f, 1, cancel_other, &p);
  p.other = ask_limited(&f, 1, cancel_other, &p);
  wait_until_due();
  gaijin_expire(f.g, 0);
  ck_assert_uint_eq(p.answers, 1);
  fake_close(&f);
}
END_TEST

struct order {
  struct fake *f;
  unsigned n;
  int refused;
};

static void note_order(void *user, const struct gaijin_answer *answer) {
  struct order *o = user;
  ck_assert_int_eq(answer->status, GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(answer->text, "'ping'"));
  ck_assert_ptr_nonnull(strstr(answer->text, "whether it was done is not known"));
  o->n++;
  /* A call-back may try to go on: it is told at once. */
  gaijin_begin_request(o->f->g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  o->refused += gaijin_end_request(o->f->g, note_order, o, NULL) == GAIJIN_STATUS_LOST;
}

START_TEST(loss_answers_every_open_call) {
  struct fake f;
  fake_open(&f);
  struct order o = {&f, 0, 0};
  for (int i = 0; i < 10; i++) {
    gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
    ck_assert_int_eq(gaijin_end_request(f.g, note_order, &o, NULL), 0);
  }
  close(f.fd);
  f.fd = -1;
  gaijin_flush(f.g, true); /* fails: not yet the end */
  ck_assert_uint_eq(o.n, 0);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_uint_eq(o.n, 10);
  ck_assert_int_eq(o.refused, 10);
  ck_assert_int_eq(gaijin_flush(f.g, true), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert(!gaijin_wants_write(f.g));
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_READY), GAIJIN_STATUS_LOST);
  fake_close(&f);
}
END_TEST

/* The order of loss is the order of start, whatever was answered in between. */
START_TEST(loss_comes_in_the_order_of_start) {
  struct fake f;
  fake_open(&f);
  struct fake other = f; /* only its `told` is used */
  uint64_t id[3];
  for (int i = 0; i < 3; i++) {
    gaijin_begin_request(f.g, &(struct gaijin_send){.op = i == 0 ? GAIJIN_OP_S2T : i == 1 ? GAIJIN_OP_PING : GAIJIN_OP_LABELS, .name = i == 1 ? NULL : "bank"}, i == 0);
    if (i == 0) gaijin_put_text(f.g, "x");
    ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &other, &id[i]), 0);
  }
  gaijin_flush(f.g, false);
  reply_number(&f, id[1], 1);
  flush_fake(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  gaijin_close(f.g);
  f.g = NULL;
  ck_assert_uint_eq(other.told.answers, 3);
  gaijin_body *b = other.told.answer[0].body;
  ck_assert(other.told.answer[0].ok);
  ck_assert_ptr_nonnull(b);
  ck_assert_ptr_nonnull(strstr(other.told.text[1], "'s2t'"));
  ck_assert_ptr_nonnull(strstr(other.told.text[2], "'labels'"));
  fake_close(&f);
  free(b); /* it has no PTs: nothing to give back to the closed connection */
}
END_TEST

/* ---- gaijin_await ---- */

START_TEST(await_gives_the_answer_whenever_it_came) {
  struct fake f;
  fake_open(&f);
  struct gaijin_answer a;
  struct gaijin_value v;
  uint64_t first = fake_ask(&f, NULL), second = fake_ask(&f, NULL);
  fake_begin(&f, MESSAGE_ERROR, GAIJIN_OP_PING, second, 2);
  pack_uint(&f.p, GAIJIN_STATUS_DENIED);
  pack_text(&f.p, "no");
  fake_end(&f);
  reply_number(&f, first, 4);
  flush_fake(&f);
  ck_assert_int_eq(gaijin_await(f.g, first, 5, &a), 0);
  ck_assert(a.ok && gaijin_body_next(a.body, &v));
  ck_assert_double_eq(v.number, 4);
  gaijin_body_free(a.body);
  ck_assert_int_eq(gaijin_await(f.g, second, 0, &a), 0);
  ck_assert_int_eq(a.status, GAIJIN_STATUS_DENIED);
  ck_assert_str_eq(a.text, "no");
  ck_assert_int_eq(gaijin_await(f.g, second, 0, &a), GAIJIN_STATUS_UNSUPPORTED); /* taken already */
  fake_close(&f);
}
END_TEST

START_TEST(await_gives_up_and_cancels) {
  struct fake f;
  fake_open(&f);
  struct gaijin_answer a;
  uint64_t id = fake_ask(&f, NULL);
  ck_assert_int_eq(gaijin_await(f.g, id, 0.01, &a), GAIJIN_STATUS_TIMEOUT);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "0.01 s"));
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_CANCEL);
  fake_close(&f);
}
END_TEST

START_TEST(await_tells_of_the_loss) {
  struct fake f;
  fake_open(&f);
  struct gaijin_answer a;
  uint64_t id = fake_ask(&f, NULL), kept = fake_ask(&f, NULL), never = fake_ask(&f, NULL);
  reply_number(&f, kept, 4);
  flush_fake(&f);
  close(f.fd);
  f.fd = -1;
  ck_assert_int_eq(gaijin_await(f.g, id, 5, &a), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "the broker closed it"));
  ck_assert_int_eq(gaijin_await(f.g, kept, 5, &a), 0); /* had arrived before */
  ck_assert(a.ok);
  gaijin_body_free(a.body);
  (void)never; /* freed by close */
  fake_close(&f);
}
END_TEST

/* Whatever else has gone wrong since. */
START_TEST(the_reason_of_the_loss_is_told_again) {
  struct fake f;
  fake_open(&f);
  struct gaijin_answer a;
  uint64_t id = fake_ask(&f, NULL), other = fake_ask(&f, NULL);
  close(f.fd);
  f.fd = -1;
  ck_assert_int_eq(gaijin_await(f.g, id, 5, &a), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_await(f.g, 4711, 5, &a), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_str_eq(gaijin_error(f.g), "no request 4711 to await");
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_GET}, 1);
  gaijin_put_nil(f.g);
  ck_assert_int_eq(gaijin_end_request(f.g, NULL, NULL, &id), GAIJIN_STATUS_LOST);
  ck_assert_str_eq(gaijin_error(f.g), "the connection to the broker ended: the broker closed it");
  gaijin_await(f.g, 4711, 5, &a);
  ck_assert_int_eq(gaijin_await(f.g, other, 5, &a), GAIJIN_STATUS_LOST);
  ck_assert_str_eq(a.text, "the connection to the broker ended: the broker closed it");
  gaijin_await(f.g, 4711, 5, &a);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_str_eq(gaijin_error(f.g), "the connection to the broker ended: the broker closed it");
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_call");
  TCase *c = tcase_create("call");
  tcase_add_test(c, answers_find_their_requests_in_any_order);
  tcase_add_test(c, a_raised_value_comes_with_its_traceback);
  tcase_add_test(c, system_errors_have_a_text);
  tcase_add_test(c, cancel_tells_the_broker_and_discards);
  tcase_add_test(c, a_broker_that_hangs_is_not_waited_for);
  tcase_add_test(c, a_call_back_may_cancel_what_is_due_too);
  tcase_add_test(c, loss_answers_every_open_call);
  tcase_add_test(c, loss_comes_in_the_order_of_start);
  tcase_add_test(c, await_gives_the_answer_whenever_it_came);
  tcase_add_test(c, await_gives_up_and_cancels);
  tcase_add_test(c, await_tells_of_the_loss);
  tcase_add_test(c, the_reason_of_the_loss_is_told_again);
  suite_add_tcase(s, c);
  return run_suite(s);
}
