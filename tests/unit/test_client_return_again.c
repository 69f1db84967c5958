/* SPDX-License-Identifier: MIT
 *
 * The broker dies again, at each message of a return (client-lib/reset.c).
 */
#include "tests/unit/fake_return.h"

/* The broker dies again: 0 before hello, 1 at hello, 2 after its answer, 3 after the words were read, 4 after the claim was granted,
 * 5 after it was refused. Each time all is owed again, but what is known. */
START_TEST(a_second_cut_at_each_message) {
  for (int at = 0; at < 6; at++) {
    struct returned r;
    gaijin_token *t;
    gaijin_holding *h;
    uint64_t host, one = 1;
    struct secret s;
    return_open_with_one_of_each(&r, &t, &h);
    return_cut(&r);
    if (at == 1) {
      ck_assert(return_meet(&r, &host, &s));
      return_kill(&r);
      ck_assert_int_eq(return_turn(&r), 0);
      ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_AWAY);
    } else if (at > 1) {
      return_back(&r);
      if (at > 2) {
        return_expect(&r, OP_announce, 1);
        return_expect(&r, OP_claim, 1);
        uint64_t id = r.f.m.id;
        return_expect(&r, OP_back, 0);
        if (at > 3) return_decide(&r, id, &one, at == 5);
        if (at > 3) ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
      }
      return_cut(&r);
      ck_assert_uint_eq(t->sent, 1);
      ck_assert_uint_eq(h->count, 0);
    }
    return_back_in(&r, GENERATION + 2);
    return_expect(&r, OP_announce, 1);
    if (at < 5) {
      return_expect(&r, OP_claim, 1);
      uint64_t id = r.f.m.id;
      return_decide(&r, id, NULL, 0);
      ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
      ck_assert_uint_eq(h->count, 1);
    } else {
      ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_GONE);
    }
    return_expect(&r, OP_back, 0);
    return_check(&r);
    ck_assert_uint_eq(h->pending, 0);
    fake_close(&r.f);
  }
}
END_TEST

/* In `disconnected`, `reconnected` and the answers of lost calls the program may do what it may do anywhere. */
static void ask_again(void *user, const struct gaijin_answer *answer) {
  struct fake *f = user;
  told_answer(user, answer);
  gaijin_begin_request(f->g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  if (gaijin_end_request(f->g, ask_again, f, NULL) != GAIJIN_STATUS_LOST) ck_abort_msg("sent while away");
}
START_TEST(a_lost_call_is_not_sent_again_from_its_answer) {
  struct returned r;
  return_open(&r);
  fake_ask(&r.f, ask_again);
  return_cut(&r);
  ck_assert_uint_eq(r.f.told.answers, 1);
  return_back(&r);
  return_expect(&r, OP_back, 0);
  ck_assert(fake_idle(&r.f));
  fake_close(&r.f);
}
END_TEST

static void begin_inside(struct returned *r, gaijin_token *t) {
  gaijin_begin_request(r->f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 2);
  gaijin_put_token(r->f.g, t);
  gaijin_begin_reply(r->f.g, 1, GAIJIN_OP_CALL, 0); /* a finaliser's */
}

/* A message that is open when the connection goes, or comes back: its ends give `lost`, also those after the return, and what is
 * written in between is whole. */
START_TEST(a_message_that_is_open_over_an_outage) {
  for (int away = 0; away < 2; away++) {
    for (int end_away = 0; end_away < 2; end_away++) {
      struct returned r;
      return_open(&r);
      gaijin_token *sent = return_sent_token(&r, NULL), *fresh = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, NULL);
      if (!away) begin_inside(&r, fresh);
      return_cut(&r);
      if (away) begin_inside(&r, fresh);
      if (!end_away) return_back(&r);
      ck_assert_int_eq(gaijin_end_answer(r.f.g), away && end_away ? GAIJIN_STATUS_BUSY : GAIJIN_STATUS_LOST);
      gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
      int inner = gaijin_end_request(r.f.g, told_answer, &r.f, NULL);
      ck_assert_int_eq(inner, !end_away ? 0 : away ? GAIJIN_STATUS_BUSY : GAIJIN_STATUS_LOST);
      gaijin_put_token(r.f.g, sent);
      ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), GAIJIN_STATUS_LOST);
      ck_assert_int_eq(gaijin_end_answer(r.f.g), end_away ? GAIJIN_STATUS_LOST : GAIJIN_STATUS_PROTOCOL); /* not begun */
      if (end_away) return_back(&r);
      ck_assert_uint_eq(sent->sent, 1);
      ck_assert_uint_eq(fresh->sent, 0);
      return_check(&r);
      ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
      return_expect(&r, OP_announce, 1);
      return_expect(&r, OP_back, 0);
      if (!end_away) return_expect(&r, OP_ping, 0);
      ck_assert(fake_idle(&r.f));
      fake_close(&r.f);
    }
  }
}
END_TEST

/* Begun as another host, before what is owed is written: that waits until the message has ended. */
static void begin_as_another(void *user, uint64_t former) {
  struct returned *r = user;
  on_reborn(user, former);
  gaijin_begin_request(r->f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
}
START_TEST(a_message_begun_in_reborn) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open(&r);
  r.f.g->events.reborn = begin_as_another;
  ck_assert_int_eq(gaijin_notice(r.f.g, GAIJIN_OP_READY), 0);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  return_welcome(&r.f, NEW_HOST, GENERATION + 1);
  ck_assert_int_eq(return_turn_to_the_end(&r), 0);
  ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), 0);
  ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
  return_expect(&r, OP_ping, 0);
  return_expect(&r, OP_ready, 0);
  return_check(&r);
  fake_close(&r.f);
}
END_TEST

/* Who is held by nothing and met by no broker any more is forgotten, so that hosts of many outages do not add up. */
START_TEST(hosts_of_former_brokers_are_forgotten) {
  struct returned r;
  return_open(&r);
  for (uint64_t i = 0; i < 10; i++) {
    fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
    pack_uint(&r.f.p, 1000 + i);
    pack_text(&r.f.p, "passer-by");
    fake_deliver(&r.f);
  }
  return_cut(&r);
  ck_assert_str_eq(gaijin_host_name(r.f.g, 1005), "passer-by"); /* its request may still be served */
  return_back(&r);
  return_cut(&r);
  ck_assert_ptr_null(gaijin_host_name(r.f.g, 1005));
  fake_close(&r.f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_return_again");
  TCase *again = tcase_create("again");
  tcase_add_test(again, a_second_cut_at_each_message);
  tcase_add_test(again, a_lost_call_is_not_sent_again_from_its_answer);
  tcase_add_test(again, a_message_that_is_open_over_an_outage);
  tcase_add_test(again, a_message_begun_in_reborn);
  tcase_add_test(again, hosts_of_former_brokers_are_forgotten);
  suite_add_tcase(s, again);
  return run_suite(s);
}
