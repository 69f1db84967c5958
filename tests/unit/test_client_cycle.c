/* SPDX-License-Identifier: MIT
 *
 * Suspects at a client (client-lib/cycle.c, token.c): what the program is told, and what becomes of a condemned token.
 */
#include "tests/unit/fake_broker.h"

static struct fake f;
static struct {
  unsigned cycles, condemns, resumes, phase;
  uint64_t id, round, hosted[2], condemned[2];
  struct gaijin_pt held[2];
  uint32_t n_hosted, n_held, n_condemned;
} seen;

static void told_cycle(void *user, const struct gaijin_cycle *c) {
  (void)user;
  seen.cycles++;
  seen.id = c->id;
  seen.round = c->round;
  seen.phase = c->phase;
  seen.n_hosted = c->n_hosted;
  seen.n_held = c->n_held;
  for (uint32_t i = 0; i < c->n_hosted && i < 2; i++) seen.hosted[i] = c->hosted[i];
  for (uint32_t i = 0; i < c->n_held && i < 2; i++) seen.held[i] = c->held[i];
}

static void told_condemn(void *user, uint64_t round, const uint64_t *ids, uint32_t n) {
  (void)user;
  seen.condemns++;
  seen.round = round;
  seen.n_condemned = n;
  for (uint32_t i = 0; i < n && i < 2; i++) {
    seen.condemned[i] = ids[i];
    gaijin_token *t = gaijin_token_find(f.g, ids[i]);
    if (t) gaijin_token_condemn(f.g, t);
  }
}

static void told_resume(void *user, uint64_t round) {
  (void)user;
  seen.resumes++;
  seen.round = round;
}

static void open_fake(void) {
  struct gaijin_events events = fake_events;
  memset(&seen, 0, sizeof seen);
  events.cycle = told_cycle;
  events.condemn = told_condemn;
  events.resume = told_resume;
  fake_connect(&f, &events, MAX_MESSAGE_DEFAULT);
}

static void begin_cycle(uint64_t phase, uint32_t hosted) {
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_CYCLE, 77, 4);
  pack_uint(&f.p, 9);
  pack_uint(&f.p, phase);
  pack_array(&f.p, hosted);
  for (uint32_t i = 0; i < hosted; i++) pack_uint(&f.p, i + 1);
}

static void condemn(uint64_t id) {
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_CONDEMN, 0, 2);
  pack_uint(&f.p, 9);
  pack_uint(&f.p, id);
  fake_deliver(&f);
}

START_TEST(what_is_asked_only_names) {
  open_fake();
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 5);
  begin_cycle(GAIJIN_CYCLE_CHECK, 2);
  pack_array(&f.p, 1);
  fake_put_pt(&f, &pt);
  fake_deliver(&f);
  ck_assert_uint_eq(seen.cycles, 1);
  ck_assert(seen.id == 77 && seen.round == 9 && seen.phase == GAIJIN_CYCLE_CHECK && seen.n_hosted == 2 && seen.n_held == 1);
  ck_assert(seen.hosted[0] == 1 && seen.hosted[1] == 2 && gaijin_pt_equal(&seen.held[0], &pt));
  ck_assert_uint_eq(gaijin_holding_count(f.g), 0);
  fake_close(&f);
}
END_TEST

START_TEST(who_does_not_listen_answers_unsupported) {
  uint64_t status;
  fake_open(&f);
  begin_cycle(GAIJIN_CYCLE_SCAN, 0);
  pack_array(&f.p, 0);
  fake_deliver(&f);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  struct reader r = fake_values(fake_next(&f));
  ck_assert(f.m.kind == MESSAGE_ERROR && f.m.op == OP_cycle && f.m.id == 77);
  ck_assert(reader_uint(&r, &status) && status == GAIJIN_STATUS_UNSUPPORTED);
  fake_close(&f);
}
END_TEST

START_TEST(a_malformed_question_ends_the_connection) {
  open_fake();
  begin_cycle(3, 0);
  pack_array(&f.p, 0);
  fake_send(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_uint_eq(seen.cycles, 0);
  fake_close(&f);
}
END_TEST

START_TEST(a_condemned_token_is_not_found_and_ends_when_it_is_dropped) {
  open_fake();
  int object;
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &object);
  struct gaijin_pt pt = gaijin_token_pt(f.g, t);
  struct gaijin_value v;
  fake_take(&f, t);
  condemn(pt.id);
  ck_assert_uint_eq(seen.condemned[0], pt.id);
  ck_assert_ptr_null(gaijin_token_find(f.g, pt.id));
  ck_assert_ptr_null(gj_check(f.g));
  ck_assert_uint_eq(f.told.forgets, 0);
  unsigned n = fake_give(&f, &pt); /* a value that names it */
  ck_assert(gaijin_body_next(f.told.answer[n].body, &v) && v.type == GAIJIN_STALE);
  gaijin_body_free(f.told.answer[n].body);
  fake_begin_to(&f, GAIJIN_OP_LEN, 8, &pt, 0); /* and a target */
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.requests, 0);
  fake_drop(&f, pt.id, 1);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_uint_eq(f.told.forgets, 1);
  ck_assert_ptr_null(f.told.forgotten[0]);
  ck_assert_uint_eq(gaijin_token_count(f.g), 0);
  fake_close(&f);
}
END_TEST

START_TEST(a_condemned_token_ends_with_its_broker) {
  open_fake();
  int object;
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_TABLE, &object);
  fake_take(&f, t);
  condemn(gaijin_token_pt(f.g, t).id);
  ck_assert_uint_eq(gaijin_token_count(f.g), 1);
  gj_reset(f.g);
  ck_assert_uint_eq(gaijin_token_count(f.g), 0);
  ck_assert_uint_eq(f.g->ret.owed_tokens, 0);
  fake_close(&f);
}
END_TEST

START_TEST(resume_and_withdraw_carry_the_round) {
  uint64_t round;
  open_fake();
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_RESUME, 0, 1);
  pack_uint(&f.p, 12);
  fake_deliver(&f);
  ck_assert(seen.resumes == 1 && seen.round == 12);
  ck_assert_int_eq(gaijin_withdraw(f.g, 12), 0);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  struct reader r = fake_values(fake_next(&f));
  ck_assert(f.m.op == OP_withdraw && reader_uint(&r, &round) && round == 12);
  fake_close(&f);
}
END_TEST

START_TEST(a_connection_that_is_given_up_ends_at_the_next_dispatch) {
  open_fake();
  gaijin_give_up(f.g, "the broker hangs");
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "the broker hangs"));
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_cycle");
  TCase *c = tcase_create("all");
  tcase_add_test(c, what_is_asked_only_names);
  tcase_add_test(c, who_does_not_listen_answers_unsupported);
  tcase_add_test(c, a_malformed_question_ends_the_connection);
  tcase_add_test(c, a_condemned_token_is_not_found_and_ends_when_it_is_dropped);
  tcase_add_test(c, a_condemned_token_ends_with_its_broker);
  tcase_add_test(c, resume_and_withdraw_carry_the_round);
  tcase_add_test(c, a_connection_that_is_given_up_ends_at_the_next_dispatch);
  suite_add_tcase(s, c);
  return run_suite(s);
}
