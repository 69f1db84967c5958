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
  tcase_add_test(again, hosts_of_former_brokers_are_forgotten);
  suite_add_tcase(s, again);
  return run_suite(s);
}
