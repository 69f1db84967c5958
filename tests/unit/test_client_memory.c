/* SPDX-License-Identifier: MIT
 *
 * Shortage of memory in client-lib/: each story is told again and again while its first, second, third ...
 * allocation fails, until one telling needs no more. It must end well or with a clear error, never crash, and
 * a refused message must have changed nothing.
 */
#define _GNU_SOURCE /* syscall */
#include "tests/unit/fake_broker.h"
#include "tests/unit/scarce.h"

static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE};
static const struct gaijin_pt B = {OTHER_HOST, 2, 22, GAIJIN_KIND_TABLE};

/* Tells a story with a growing number of allocations that work. */
static void tell(void (*story)(struct fake *f)) {
  for (long n = 0; n < 1000; n++) {
    struct fake f;
    fake_open(&f);
    scarce_from(n, true);
    story(&f);
    bool enough = scarce.failed == 0;
    fake_close(&f);
    if (!enough) continue;
    ck_assert(n > 0 || !SCARCE_REPLACES); /* some did fail */
    return;
  }
  ck_abort_msg("1,000 allocations were not enough");
}

static void send_much(struct fake *f) {
  static char bytes[3000];
  size_t before = gaijin_queued_bytes(f->g);
  uint64_t id = 0;
  scarce_begin();
  gaijin_token *t = gaijin_token_new(f->g, GAIJIN_KIND_TABLE, f);
  gaijin_begin_request(f->g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 2);
  gaijin_put_string(f->g, bytes, sizeof bytes);
  if (t)
    gaijin_put_token(f->g, t);
  else
    gaijin_put_nil(f->g);
  int status = gaijin_end_request(f->g, told_answer, f, &id);
  scarce_end();
  ck_assert(status == 0 || status == GAIJIN_STATUS_BUSY);
  if (status == 0) return;
  ck_assert_uint_eq(id, 0);
  ck_assert_uint_eq(gaijin_queued_bytes(f->g), before);
  if (t) gaijin_token_discard(f->g, t);
  ck_assert_uint_eq(f->told.forgets, t ? 1 : 0);
}

/* Reads all there is while memory is short; then there is memory again, and what could not be received comes. */
static void receive_in_shortage(struct fake *f) {
  struct pollfd p = {.fd = gaijin_fd(f->g), .events = POLLIN};
  int status = 0;
  scarce_begin();
  while (!status && !f->told.starved && poll(&p, 1, 0) == 1) status = gaijin_dispatch(f->g);
  scarce_end();
  ck_assert_int_eq(status, 0);
  ck_assert_int_eq(gaijin_dispatch(f->g), 0);
  ck_assert(!f->g->starved);
}

/* A new worker and a reply with a large string and a PT of its: handed over, or `busy`. Its call is answered once, and the PT
 * counted once. */
static void receive_much(struct fake *f) {
  static char bytes[100000];
  uint64_t id = fake_ask(f, told_answer);
  fake_begin(f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&f->p, OTHER_HOST);
  pack_text(&f->p, "bank");
  fake_end(f);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 4);
  pack_string(&f->p, bytes, sizeof bytes);
  fake_put_pt(f, &A);
  fake_put_pt(f, &B);
  fake_put_pt(f, &A);
  fake_send(f);
  receive_in_shortage(f);
  ck_assert_uint_eq(f->told.answers, 1);
  ck_assert_str_eq(gaijin_host_name(f->g, OTHER_HOST), "bank");
  const struct gaijin_answer *a = &f->told.answer[0];
  ck_assert(a->ok || a->status == GAIJIN_STATUS_BUSY);
  gaijin_body_free(a->body);
  ck_assert_uint_eq(gaijin_releases(f->g), 2);
  ck_assert_uint_eq(gj_holding_lookup(f->g, A.host, A.id)->count, 2);
  ck_assert_uint_eq(gj_holding_lookup(f->g, B.host, B.id)->count, 1);
}

/* What was held before, and is about to be released, is after a shortage as it was. */
static void receive_again(struct fake *f) {
  uint64_t first = fake_ask(f, told_answer), second = fake_ask(f, told_answer);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, first, 1);
  fake_put_pt(f, &A);
  fake_deliver(f);
  gaijin_body_free(f->told.answer[0].body);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, second, 2);
  fake_put_pt(f, &A);
  fake_put_pt(f, &B);
  fake_send(f);
  receive_in_shortage(f);
  ck_assert_uint_eq(f->told.answers, 2);
  gaijin_body_free(f->told.answer[1].body);
  ck_assert_uint_eq(gj_holding_lookup(f->g, A.host, A.id)->count, 2);
  ck_assert_uint_eq(gaijin_releases(f->g), 2);
}

static void serve_much(struct fake *f) {
  gaijin_token *t = gaijin_token_new(f->g, GAIJIN_KIND_TABLE, f);
  struct gaijin_pt pt = gaijin_token_pt(f->g, t);
  fake_take(f, t);
  fake_begin_to(f, GAIJIN_OP_GET, 5, &pt, 1);
  fake_put_pt(f, &A);
  fake_send(f);
  receive_in_shortage(f);
  gaijin_flush(f->g, false);
  if (f->told.requests) { /* delivered */
    gaijin_body_free(f->told.body[0]);
    return;
  }
  ck_assert_int_eq(fake_next(f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(f->m.id, 5);
}

/* A request that was delivered is answered later, outside of gaijin_dispatch. If even the error finds no memory, the asker must not
 * wait for ever: the connection ends, at the next dispatch. */
static void answer_late(struct fake *f, bool free_event) {
  static char text[3800];
  memset(text, 'x', sizeof text - 1);
  struct gaijin_pt pt = gaijin_token_pt(f->g, gaijin_token_new(f->g, GAIJIN_KIND_TABLE, f));
  fake_take(f, gj_token_find(f->g, &(struct pt){.host = pt.host, .id = pt.id, .stamp = pt.stamp, .kind = pt.kind}));
  if (free_event)
    fake_begin(f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 5, 0);
  else
    fake_begin_to(f, GAIJIN_OP_LEN, 5, &pt, 0);
  fake_deliver(f);
  gaijin_body_free(f->told.body[0]);
  scarce_begin();
  int status = gaijin_answer_error(f->g, free_event ? 4 : 5, GAIJIN_OP_LEN, GAIJIN_STATUS_DENIED, text);
  if (status == 0 && free_event) status = gaijin_answer_free(f->g, 5, 1, 0);
  scarce_end();
  ck_assert_uint_eq(f->told.answers, 0);
  if (status == 0) {
    gaijin_flush(f->g, false);
    ck_assert_int_eq(fake_next(f)->kind, MESSAGE_ERROR);
    return;
  }
  ck_assert_int_eq(status, GAIJIN_STATUS_BUSY);
  gaijin_flush(f->g, true);
  struct pollfd p = {.fd = gaijin_fd(f->g), .events = POLLIN};
  ck_assert_int_eq(poll(&p, 1, 0), 1); /* a program that polls comes back */
  ck_assert_int_eq(gaijin_dispatch(f->g), GAIJIN_STATUS_LOST);
  ck_assert_msg(strstr(gaijin_error(f->g), "no memory to answer"), "%s", gaijin_error(f->g));
}

static void answer_error_late(struct fake *f) { answer_late(f, false); }
static void answer_free_late(struct fake *f) { answer_late(f, true); }

static void claim(struct fake *f) {
  scarce_begin();
  int status = gaijin_claim(f->g, &A, told_answer, f, NULL);
  scarce_end();
  ck_assert(status == 0 || status == GAIJIN_STATUS_BUSY);
  ck_assert_uint_eq(gaijin_holding_count(f->g), status ? 0 : 1);
}

START_TEST(sending) { tell(send_much); }
END_TEST
START_TEST(receiving) { tell(receive_much); }
END_TEST
START_TEST(receiving_what_is_held) { tell(receive_again); }
END_TEST
/* Memory stays short: the connection is given up after a while, and the text says whose fault it is. */
START_TEST(no_memory_for_long) {
  struct fake f;
  if (!SCARCE_REPLACES) return;
  fake_open(&f);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, fake_ask(&f, told_answer), 1);
  fake_put_pt(&f, &A);
  fake_send(&f);
  scarce_from(0, true);
  scarce_begin();
  int status = gaijin_dispatch(f.g), tries = 1;
  bool starved = f.told.starved == 1;
  f.g->starved_since -= 4.5; /* instead of waiting */
  for (; status == 0; tries++) status = gaijin_dispatch(f.g);
  scarce_end();
  ck_assert(starved && tries > 1);
  ck_assert_int_eq(status, GAIJIN_STATUS_LOST);
  ck_assert(strstr(gaijin_error(f.g), "this process gave up its connection to the broker: for 5 s its memory has been too short"));
  ck_assert(!f.g->starved);
  ck_assert_uint_eq(f.told.answers, 1);
  fake_close(&f);
}
END_TEST
/* A program that has no such event needs to know nothing: its dispatch waits, and gets the message or gives up. */
START_TEST(no_memory_for_a_program_that_does_not_care) {
  struct fake f;
  if (!SCARCE_REPLACES) return;
  fake_open(&f);
  f.g->events.starved = NULL;
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, fake_ask(&f, told_answer), 1);
  fake_put_pt(&f, &A);
  fake_send(&f);
  scarce_from(0, _i == 1);
  if (_i == 1) f.g->starved_since = clock_seconds() - 4.9; /* instead of waiting */
  scarce_begin();
  int status = gaijin_dispatch(f.g);
  scarce_end();
  ck_assert_int_eq(status, _i == 1 ? GAIJIN_STATUS_LOST : 0);
  ck_assert_uint_eq(f.told.answers, 1);
  ck_assert(f.told.answer[0].ok == (_i == 0));
  gaijin_body_free(f.told.answer[0].body);
  fake_close(&f);
}
END_TEST
/* What has come is no reason to say that the broker is silent. */
START_TEST(nothing_expires_while_memory_is_short) {
  struct fake f;
  if (!SCARCE_REPLACES) return;
  fake_open(&f);
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING, .deadline_ms = 1}, 0);
  uint64_t id = 0;
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), 0);
  gaijin_flush(f.g, false);
  fake_next(&f);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 1);
  fake_put_pt(&f, &A);
  fake_send(&f);
  scarce_from(0, true);
  scarce_begin();
  gaijin_dispatch(f.g);
  scarce_end();
  ck_assert_uint_eq(f.told.starved, 1);
  f.g->heard = false;
  gaijin_expire(f.g, -1000);
  ck_assert_uint_eq(f.told.answers, 0);
  gaijin_dispatch(f.g);
  ck_assert_uint_eq(f.told.answers, 1);
  ck_assert(f.told.answer[0].ok && f.g->heard);
  gaijin_body_free(f.told.answer[0].body);
  fake_close(&f);
}
END_TEST
START_TEST(serving) { tell(serve_much); }
END_TEST
START_TEST(answering_an_error) { tell(answer_error_late); }
END_TEST
START_TEST(answering_a_free) { tell(answer_free_late); }
END_TEST
START_TEST(claiming) { tell(claim); }
END_TEST

START_TEST(connecting) {
  struct gaijin_options o = {.socket = "/nonexistent/s"};
  for (long n = 0; n < 6; n++) {
    char error[200];
    gaijin *g;
    scarce_from(n, true);
    scarce_begin();
    int status = gaijin_connect(&g, &o, error, sizeof error);
    scarce_end();
    ck_assert(status == GAIJIN_STATUS_BUSY || status == GAIJIN_STATUS_LOST);
    ck_assert_ptr_null(g);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_memory");
  TCase *c = tcase_create("memory");
  tcase_add_test(c, sending);
  tcase_add_test(c, receiving);
  tcase_add_test(c, receiving_what_is_held);
  tcase_add_test(c, no_memory_for_long);
  tcase_add_loop_test(c, no_memory_for_a_program_that_does_not_care, 0, 2);
  tcase_add_test(c, nothing_expires_while_memory_is_short);
  tcase_add_test(c, serving);
  tcase_add_test(c, answering_an_error);
  tcase_add_test(c, answering_a_free);
  tcase_add_test(c, claiming);
  tcase_add_test(c, connecting);
  suite_add_tcase(s, c);
  return run_suite(s);
}
