/* SPDX-License-Identifier: MIT
 *
 * What a connection owes to a new broker (client-lib/owed.c): words, claims, answers to them, and those that no broker should
 * give.
 */
#include "tests/unit/fake_return.h"

START_TEST(a_granted_claim_counts_at_the_answer) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  gaijin_holding *h = return_hold(&r, &pt);
  fake_give(&r.f, &pt);
  gaijin_body_free(r.f.told.answer[1].body);
  ck_assert_uint_eq(h->count, 2);
  return_cut(&r);
  ck_assert_uint_eq(h->count, 0);
  return_back(&r);
  struct reader in = return_expect(&r, OP_claim, 1);
  struct gaijin_pt named;
  ck_assert(fake_read_pt(&in, &named) && gaijin_pt_equal(&named, &pt));
  uint64_t id = r.f.m.id;
  return_expect(&r, OP_back, 0);
  ck_assert_uint_eq(h->count, 0);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_GET, .holding = h}, 1);
  gaijin_put_nil(r.f.g);
  ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), GAIJIN_STATUS_AWAY);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
  gaijin_put_holding(r.f.g, h);
  ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), GAIJIN_STATUS_AWAY);
  return_decide(&r, id, NULL, 0);
  ck_assert_int_eq(gaijin_await_link(r.f.g, h, 10), 0);
  ck_assert_str_eq(r.log, "drc");
  ck_assert_uint_eq(h->count, 1);
  return_check(&r);
  gaijin_let_go(r.f.g, h);
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  in = return_expect(&r, OP_unsub, 2);
  uint64_t count;
  ck_assert(fake_read_pt(&in, &named) && reader_uint(&in, &count));
  ck_assert_uint_eq(count, 1);
  fake_close(&r.f);
}
END_TEST

START_TEST(what_arrives_meanwhile_adds_to_the_claim) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  gaijin_holding *h = return_hold(&r, &pt);
  return_renew(&r);
  return_expect(&r, OP_claim, 1);
  uint64_t id = r.f.m.id;
  unsigned n = fake_give(&r.f, &pt);
  gaijin_body_free(r.f.told.answer[n].body);
  ck_assert_uint_eq(h->count, 1);
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_HELD);
  gaijin_let_go(r.f.g, h); /* not released before the claim is decided */
  ck_assert_uint_eq(gaijin_releases(r.f.g), 0);
  return_check(&r);
  return_decide(&r, id, NULL, 0);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  ck_assert_uint_eq(h->count, 2);
  ck_assert_uint_eq(gaijin_releases(r.f.g), 1);
  fake_close(&r.f);
}
END_TEST

/* Places count from 1. Who is refused is dead, once for each host; nothing is given back. */
START_TEST(refused_claims_mean_that_the_host_is_dead) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pts[] = {fake_pt(OTHER_HOST, 1), fake_pt(OTHER_HOST, 2), fake_pt(THIRD_HOST, 1)};
  gaijin_holding *h[3];
  for (int i = 0; i < 3; i++) h[i] = return_hold(&r, &pts[i]);
  return_renew(&r);
  struct reader in = return_expect(&r, OP_claim, 3);
  uint64_t refused[3], id = r.f.m.id;
  uint32_t n = 0;
  for (uint64_t i = 1; i <= 3; i++) {
    struct gaijin_pt pt;
    ck_assert(fake_read_pt(&in, &pt));
    if (pt.host == OTHER_HOST) refused[n++] = i;
  }
  ck_assert_uint_eq(n, 2);
  return_decide(&r, id, refused, n);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  ck_assert_str_eq(r.log, "drxc");
  ck_assert_uint_eq(r.f.told.dead[0], OTHER_HOST);
  ck_assert(gaijin_host_dead(r.f.g, OTHER_HOST));
  ck_assert_int_eq(gaijin_holding_standing(h[0]), GAIJIN_GONE);
  ck_assert_int_eq(gaijin_holding_standing(h[2]), GAIJIN_HELD);
  return_check(&r);
  return_expect(&r, OP_back, 0);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_GET, .holding = h[0]}, 1);
  gaijin_put_nil(r.f.g);
  ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), GAIJIN_STATUS_DEAD);
  for (int i = 0; i < 3; i++) gaijin_let_go(r.f.g, h[i]);
  return_check(&r);
  ck_assert_uint_eq(gaijin_releases(r.f.g), 3);
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  return_expect(&r, OP_unsub, 2); /* only the living one's */
  ck_assert_uint_eq(gaijin_holding_count(r.f.g), 0);
  fake_close(&r.f);
}
END_TEST

START_TEST(holdings_of_a_host_known_dead_are_not_claimed) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  gaijin_holding *h = return_hold(&r, &pt);
  fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&r.f.p, OTHER_HOST);
  fake_deliver(&r.f);
  return_cut(&r);
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_GONE);
  return_back(&r);
  return_expect(&r, OP_back, 0);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
  gaijin_put_holding(r.f.g, h);
  ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), GAIJIN_STATUS_DEAD);
  gaijin_let_go(r.f.g, h);
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  ck_assert(fake_idle(&r.f));
  ck_assert_uint_eq(gaijin_holding_count(r.f.g), 0);
  fake_close(&r.f);
}
END_TEST

START_TEST(what_was_to_be_released_is_not_claimed) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  gaijin_let_go(r.f.g, return_hold(&r, &pt));
  return_cut(&r);
  ck_assert_uint_eq(gaijin_holding_count(r.f.g), 0);
  return_back(&r);
  return_expect(&r, OP_back, 0);
  fake_close(&r.f);
}
END_TEST

/* A value that nobody has decoded yet is claimed like one in use, and can be decoded at any time. */
START_TEST(undecoded_values_are_claimed) {
  for (int when = 0; when < 3; when++) {
    struct returned r;
    return_open(&r);
    struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
    fake_give(&r.f, &pt);
    struct gaijin_value v;
    return_cut(&r);
    if (when == 0) {
      ck_assert(gaijin_body_next(r.f.told.answer[0].body, &v) && v.type == GAIJIN_FOREIGN);
      gaijin_hold(r.f.g, v.holding);
      gaijin_body_free(r.f.told.answer[0].body);
    }
    return_back(&r);
    return_expect(&r, OP_claim, 1);
    if (when == 1) gaijin_body_free(r.f.told.answer[0].body);
    return_check(&r);
    return_decide(&r, r.f.m.id, NULL, 0);
    ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
    return_check(&r);
    if (when == 2) gaijin_body_free(r.f.told.answer[0].body);
    ck_assert_uint_eq(gaijin_releases(r.f.g), when ? 1 : 0);
    fake_close(&r.f);
  }
}
END_TEST

/* A claim of the program's that was granted and waits to be awaited, alone or beside another use of the holding: `await` makes the
 * program a user, before the return or after it, whatever has become of the claim that the library owes. */
START_TEST(a_claim_kept_for_await_outlives_the_broker) {
  enum { AWAY, BACK, REFUSED, WHENS };
  for (int i = 0; i < 2 * WHENS; i++) {
    struct returned r;
    struct gaijin_answer a;
    struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
    uint64_t id, refused = 1;
    int when = i / 2;
    return_open(&r);
    if (i % 2) return_hold(&r, &pt);
    ck_assert_int_eq(gaijin_claim(r.f.g, &pt, NULL, NULL, &id), 0);
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    return_expect(&r, OP_sub, 1);
    fake_begin(&r.f, MESSAGE_REPLY, GAIJIN_OP_SUB, id, 0);
    fake_deliver(&r.f);
    return_cut(&r);
    if (when == AWAY) ck_assert_int_eq(gaijin_await(r.f.g, id, 10, &a), 0);
    return_back(&r);
    return_expect(&r, OP_claim, 1);
    return_decide(&r, r.f.m.id, &refused, when == REFUSED);
    ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
    return_check(&r);
    if (when != AWAY) ck_assert_int_eq(gaijin_await(r.f.g, id, 10, &a), 0);
    ck_assert(a.ok);
    gaijin_holding *h = gaijin_holding_find(r.f.g, &pt);
    ck_assert_ptr_nonnull(h);
    ck_assert_uint_eq(h->users, (unsigned)(1 + i % 2));
    ck_assert_uint_eq(h->pending, 0);
    ck_assert_int_eq(gaijin_holding_standing(h), when == REFUSED ? GAIJIN_GONE : GAIJIN_HELD);
    while (h->users) gaijin_let_go(r.f.g, h);
    gaijin_body_free(a.body);
    return_check(&r);
    ck_assert_uint_eq(gaijin_releases(r.f.g), 1);
    fake_close(&r.f);
  }
}
END_TEST

enum { MANY_TOKENS = 25000, MANY_HOLDINGS = 2500, SMALL_MESSAGE = 8192 };

/* Words and claims of any number: in batches, and never more of them in the out-queue than a few. */
START_TEST(batches_are_bounded_by_the_queue) {
  struct returned r;
  return_open_with(&r, RETURN_MS, false, SMALL_MESSAGE);
  for (uint32_t i = 0; i < MANY_TOKENS; i += 100) {
    gaijin_token *tokens[100];
    gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 100);
    gaijin_abort(r.f.g);
    return_send_tokens(&r, tokens, 100);
  }
  for (uint32_t i = 0; i < MANY_HOLDINGS; i += 100) {
    uint64_t id = fake_ask(&r.f, told_answer);
    fake_begin(&r.f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 100);
    for (uint32_t k = 0; k < 100; k++) {
      struct gaijin_pt pt = fake_pt(OTHER_HOST, i + k + 1);
      fake_put_pt(&r.f, &pt);
    }
    fake_deliver(&r.f); /* the bodies hold them */
  }
  return_renew(&r);
  uint32_t tokens = 0, claims = 0, batches = 0;
  size_t most = 0;
  uint64_t ids[64];
  for (;;) {
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    if (gaijin_queued_bytes(r.f.g) > most) most = gaijin_queued_bytes(r.f.g);
    fake_next(&r.f);
    struct reader in;
    uint32_t count;
    ck_assert(reader_open(&in, r.f.m.body, r.f.m.body_size, &count));
    ck_assert_uint_le(count, RETURNED_MOST);
    if (r.f.m.op == OP_back) break;
    if (r.f.m.op == OP_announce) {
      ck_assert_uint_eq(claims, 0);
      tokens += count;
    } else {
      ck_assert_int_eq(r.f.m.op, OP_claim);
      ids[batches++] = r.f.m.id;
      claims += count;
    }
  }
  ck_assert_uint_eq(tokens, MANY_TOKENS);
  ck_assert_uint_eq(claims, MANY_HOLDINGS);
  ck_assert_uint_lt(most, 128 * 1024 + SMALL_MESSAGE);
  ck_assert_uint_gt(most, 0); /* the socket did not take all at once: else this shows nothing */
  return_check(&r);
  while (batches--) return_decide(&r, ids[batches], NULL, 0); /* in any order */
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  return_check(&r);
  for (unsigned i = 0; i < r.f.told.answers; i++) gaijin_body_free(r.f.told.answer[i].body);
  ck_assert_uint_eq(gaijin_releases(r.f.g), MANY_HOLDINGS);
  fake_close(&r.f);
}
END_TEST

/* New messages go while words are owed, and their tokens add up. */
START_TEST(new_messages_go_at_once) {
  struct returned r;
  gaijin_token *t;
  gaijin_holding *h;
  return_open_with_one_of_each(&r, &t, &h);
  return_renew(&r);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "bank"}, 1);
  gaijin_put_token(r.f.g, t);
  ck_assert_int_eq(gaijin_end_request(r.f.g, told_answer, &r.f, NULL), 0);
  ck_assert_uint_eq(t->sent, 2);
  fake_close(&r.f);
}
END_TEST

static void breaks_it(int what) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pts[] = {fake_pt(OTHER_HOST, 1), fake_pt(OTHER_HOST, 2)};
  for (int i = 0; i < 2; i++) return_hold(&r, &pts[i]);
  gaijin_token *t = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r);
  fake_take(&r.f, t);
  struct gaijin_pt own = gaijin_token_pt(r.f.g, t);
  return_renew(&r);
  return_expect(&r, OP_announce, 1);
  return_expect(&r, OP_claim, 2);
  uint64_t id = r.f.m.id, zero = 0, three = 3, twice[] = {2, 2};
  switch (what) {
    case 0: return_decide(&r, id, &zero, 1); break;
    case 1: return_decide(&r, id, &three, 1); break;
    case 2: return_decide(&r, id, twice, 2); break;
    case 3:
    case 4:
      fake_begin(&r.f, what == 3 ? MESSAGE_REPLY : MESSAGE_ERROR, GAIJIN_OP_CLAIM, id, 1);
      if (what == 3)
        fake_put_pt(&r.f, &pts[0]);
      else
        pack_uint(&r.f.p, GAIJIN_STATUS_BUSY);
      fake_send(&r.f);
      break;
    case 5: fake_begin_to(&r.f, GAIJIN_OP_CALL, 41, &own, 0); fake_send(&r.f); break; /* an id of another generation */
    case 6: fake_drop(&r.f, own.id, 2); break;
    default: break;
  }
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "broke the protocol"));
  return_check(&r);
  fake_close(&r.f);
}
START_TEST(a_broker_that_breaks_the_protocol_is_left_for_good) { breaks_it(_i); }
END_TEST

/* A word that is still owed was read by nobody: no drop can speak of it. */
START_TEST(a_drop_of_what_is_not_yet_announced) {
  struct returned r;
  return_open(&r);
  gaijin_token *t = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r);
  fake_take(&r.f, t);
  return_cut(&r);
  ck_assert(t->owed && t->sent == 1);
  ck_assert(!gj_token_drop(r.f.g, 1, 1));
  fake_close(&r.f);
}
END_TEST

/* The same answer twice, and one for a claim of an earlier connection, find nothing, as any late answer. */
START_TEST(answers_to_no_claim_are_late) {
  struct returned r;
  gaijin_token *t;
  gaijin_holding *h;
  return_open_with_one_of_each(&r, &t, &h);
  return_renew(&r);
  return_expect(&r, OP_announce, 1);
  return_expect(&r, OP_claim, 1);
  uint64_t first = r.f.m.id, one = 1;
  return_cut(&r);
  return_back_in(&r, GENERATION + 2);
  return_expect(&r, OP_announce, 1);
  return_expect(&r, OP_claim, 1);
  uint64_t second = r.f.m.id;
  ck_assert_uint_ne(first, second);
  return_decide(&r, first, &one, 1);
  return_decide(&r, second, NULL, 0);
  return_decide(&r, second, &one, 1);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  ck_assert_uint_eq(h->count, 1);
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_HELD);
  return_check(&r);
  fake_close(&r.f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_return_claims");
  TCase *claims = tcase_create("claims"), *many = tcase_create("many"), *hostile = tcase_create("hostile");
  tcase_add_test(claims, a_granted_claim_counts_at_the_answer);
  tcase_add_test(claims, what_arrives_meanwhile_adds_to_the_claim);
  tcase_add_test(claims, refused_claims_mean_that_the_host_is_dead);
  tcase_add_test(claims, holdings_of_a_host_known_dead_are_not_claimed);
  tcase_add_test(claims, what_was_to_be_released_is_not_claimed);
  tcase_add_test(claims, undecoded_values_are_claimed);
  tcase_add_test(claims, a_claim_kept_for_await_outlives_the_broker);
  tcase_add_test(many, batches_are_bounded_by_the_queue);
  tcase_add_test(many, new_messages_go_at_once);
  tcase_add_loop_test(hostile, a_broker_that_breaks_the_protocol_is_left_for_good, 0, 7);
  tcase_add_test(hostile, a_drop_of_what_is_not_yet_announced);
  tcase_add_test(hostile, answers_to_no_claim_are_late);
  suite_add_tcase(s, claims);
  suite_add_tcase(s, many);
  suite_add_tcase(s, hostile);
  return run_suite(s);
}
