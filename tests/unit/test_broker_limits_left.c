/* SPDX-License-Identifier: MIT
 *
 * Who ends, and who does not, for what those have left who have ended; of several processes and
 * users.
 */
#include "tests/unit/broker_limits.h"

enum { READERS = 6 };

static struct end *const reader = many; /* the first READERS of them */

/* Each reader is left so many bytes by a process of its own of the guest. */
static void leave_at_readers(uint32_t bytes) {
  limits()->memory = 64 << 20;
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  for (int i = 0; i < READERS; i++) {
    char name[] = {'r', (char)('0' + i), 0};
    struct end sender;
    join_from(&reader[i], name, 100 + i, GUEST + 1);
    join_from(&sender, NULL, 200 + i, GUEST);
    post_to(&sender, name, bytes);
    wire_leave(&sender);
    wire_turn(&w);
    ck_assert_uint_gt(wire_client(&w, &reader[i])->outbox.bytes + (256 << 10), bytes);
  }
}

/* One who reads late is no culprit, and one who has less than what is left is none at all: all is
 * too much until the readers have read, or have not for long. Until then nobody is looked for. */
START_TEST(what_a_user_has_left_at_many_ends_no_other_user) {
  leave_at_readers(900 << 10);
  send_part(&a, LARGE * 3 / 4);
  limits()->memory = 7 << 19;
  for (int i = 0; i < 5; i++) wire_turn(&w);
  ck_assert_uint_gt(memory_used(), memory_most());
  ck_assert(is_ready(&a) && is_ready(&b));
  for (int i = 0; i < READERS; i++) ck_assert(is_ready(&reader[i]));
  uint32_t searches = all()->accounts.search;
  for (int i = 0; i < 10; i++) wire_turn(&w);
  ck_assert_uint_eq(all()->accounts.search, searches);
  wire_client(&w, &reader[2])->taken_ms -= 10001;
  wire_client(&w, &reader[4])->taken_ms -= 10001;
  all()->futile_ms -= 1001;
  for (int i = 0; i < 3; i++) wire_turn(&w);
  ck_assert_uint_le(memory_used(), memory_most());
  for (int i = 0; i < READERS; i++) ck_assert_int_eq(is_ready(&reader[i]), i != 2 && i != 4);
  ck_assert(is_ready(&a) && is_ready(&b));
  leave_all(0, READERS);
}
END_TEST

/* But who has more than that of another user does end. */
START_TEST(who_has_more_than_what_is_left_ends) {
  leave_at_readers(600 << 10);
  for (int i = READERS; i < READERS + 16; i++) {
    join_from(&many[i], NULL, 300 + i, GUEST + 2);
    send_part(&many[i], LARGE - 100);
  }
  limits()->memory = 3 << 20;
  for (int i = 0; i < 5; i++) wire_turn(&w);
  unsigned left = 0;
  for (int i = READERS; i < READERS + 16; i++) left += is_ready(&many[i]);
  ck_assert(left > 0 && left < 16);
  for (int i = 0; i < READERS; i++) ck_assert(is_ready(&reader[i]));
  leave_all(0, READERS + 16);
}
END_TEST

/* What several processes of one user have left with one reader is one sum. */
START_TEST(what_is_left_counts_by_user) {
  limits()->memory = 64 << 20;
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  join_from(&reader[0], "r0", 100, GUEST + 1);
  for (int i = 1; i <= 3; i++) {
    join_from(&many[i], NULL, 200 + i, GUEST);
    post_to(&many[i], "r0", 600 << 10);
  }
  leave_all(1, 4);
  ck_assert(is_ready(&reader[0]));
  limits()->memory = 1 << 20;
  for (int i = 0; i < 3; i++) wire_turn(&w);
  ck_assert(!is_ready(&reader[0]));
  ck_assert_uint_lt(memory_used(), memory_most());
  ck_assert(is_ready(&a) && is_ready(&b));
  leave_all(0, 1);
}
END_TEST

/* The end of a reader may be that of several accounts that were about to be looked at. */
START_TEST(accounts_that_go_with_their_reader_are_not_looked_at) {
  limits()->memory = 64 << 20;
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  join_from(&reader[0], "r0", 100, GUEST + 1);
  for (int i = 1; i <= 6; i++) {
    join_from(&many[i], NULL, 200, GUEST); /* connections of one process */
    post_to(&many[i], "r0", 400 << 10);
  }
  leave_all(1, 7);
  send_part(&a, LARGE * 3 / 4);
  send_part(&b, LARGE * 3 / 4);
  limits()->memory = 300 << 10;
  for (int i = 0; i < 3; i++) wire_turn(&w);
  ck_assert(!is_ready(&reader[0]));
  ck_assert_int_ne(is_ready(&a), is_ready(&b)); /* now those are the largest */
  ck_assert_uint_lt(memory_used(), memory_most());
  leave_all(0, 1);
}
END_TEST

/* A process of which nobody can be ended does not hide the next one that is over. */
START_TEST(one_that_cannot_be_mended_hides_no_other) {
  limits()->memory = 64 << 20;
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  join_from(&many[1], NULL, 200, GUEST);
  post_to(&many[1], "a", 700 << 10);
  join_from(&many[2], NULL, 201, GUEST + 1);
  leave_all(1, 2);
  limits()->most[ACCOUNT_BYTES] = 100 << 10;
  send_part(&many[2], LARGE - 100);
  wire_turn(&w);
  ck_assert(!is_ready(&many[2]));
  ck_assert(is_ready(&a));
  leave_all(2, 3);
}
END_TEST

/* What cannot be refused may wait for others, too: notices. */
START_TEST(what_one_pays_at_others_is_bounded) {
  limits()->memory = 64 << 20;
  limits()->most[ACCOUNT_BYTES] = LARGE;
  join_from(&many[0], "c", 100, GUEST);
  struct account *payer = wire_client(&w, &many[0])->account;
  for (int i = 0; i < 4; i++) client_push(wire_client(&w, &a), payer, piece, LARGE);
  wire_turn(&w);
  ck_assert(!is_ready(&many[0]));
  ck_assert(is_ready(&a));
  leave_all(0, 1);
}
END_TEST

enum { GIVEN = 4000 };

/* Whoever gives others very many objects pays and ends for it; those who have got them do not, if
 * they give them back when it has ended. */
START_TEST(who_was_given_much_does_not_end_for_it) {
  limits()->memory = 64 << 20;
  join_from(&many[0], NULL, 100, GUEST);
  for (uint64_t m = 0; m < 4; m++) {
    struct pack *p = wire_ask(&many[0], OP_s2t, "a", NULL, 1);
    pack_array(p, GIVEN);
    for (uint64_t i = 0; i < GIVEN; i++) {
      struct pt own = wire_token(&many[0], 1 + m * GIVEN + i);
      pack_pt(p, &own);
    }
    wire_send(&w, &many[0]);
  }
  for (int i = 0; i < 100 && w.broker.refs.holds.count < 4 * GIVEN; i++) wire_turn(&w);
  send_part(&b, LARGE * 3 / 4);
  ck_assert_uint_lt(wire_client(&w, &a)->account->user->used[ACCOUNT_HELD], 10);
  limits()->memory = memory_used() / 2;
  for (int i = 0; i < 10; i++) wire_turn(&w);
  ck_assert(!is_ready(&many[0]));
  ck_assert(is_ready(&a) && is_ready(&b)); /* b has less than what is left */
  ck_assert_uint_gt(memory_used(), memory_most());
  ck_assert_uint_eq(wire_client(&w, &a)->account->left, 4 * GIVEN);
  wire_client(&w, &a)->account->left_ms -= 10001;
  all()->futile_ms -= 1001;
  for (int i = 0; i < 100 && w.broker.refs.holds.count; i++) wire_turn(&w);
  ck_assert(!is_ready(&a)); /* it has had its time */
  ck_assert(is_ready(&b));
  ck_assert_uint_le(memory_used(), memory_most());
  leave_all(0, 1);
  wire_leave(&a);
  memset(&a, 0, sizeof a);
  wire_join(&w, &a, "a");
}
END_TEST

/* Who reads nothing keeps nobody from what it sends to others. */
START_TEST(what_waits_for_one_is_a_part_of_what_a_sender_may_have) {
  enum { MOST = 4 * LARGE };
  ck_assert_uint_eq(all()->queue_most, 32 << 20);
  struct account_limits few = *limits();
  few.most[ACCOUNT_BYTES] = 1;
  few.memory = 64 << 20;
  limits_set(all(), &few, &all()->limits);
  ck_assert_uint_eq(limits()->most[ACCOUNT_BYTES], MOST);
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  join_from(&many[0], "c", 100, GUEST);
  post_to(&b, "a", 2 * MOST);
  expect_refused(&b, STATUS_busy, "more waiting for it than it reads");
  ck_assert_uint_le(b_account()->used[ACCOUNT_BYTES], MOST / 2 + 2 * POST);
  while (wire_next(&w, &b) == 1) ck_assert_int_eq(b.m.kind == MESSAGE_REQUEST, 0);
  post_to(&b, "c", MOST / 8);
  wire_expect_nothing(&w, &b);
  leave_all(0, 1);
}
END_TEST

/* If no memory is left for all, the processes of a user share a part of it. */
START_TEST(what_each_user_may_have_in_any_case_is_shared_by_its_processes) {
  struct accounts *k = &all()->accounts;
  limits()->memory = 64 << 20;
  struct account *one = accounts_open(k, 1, GUEST, 0);
  const uint64_t part = (64 << 20) / LIMITS_RESERVED;
  account_charge(k, one, ACCOUNT_BYTES, (64 << 20) - memory_used());
  ck_assert_uint_eq(accounts_left(k), 0);
  struct account *other = accounts_open(k, 2, GUEST + 1, 0);
  ck_assert(limits_have_memory(k, other, part));
  ck_assert(!limits_have_memory(k, other, part + 1));
  struct account *more[] = {accounts_open(k, 3, GUEST + 1, 0), accounts_open(k, 4, GUEST + 1, 0),
                            accounts_open(k, 4, GUEST + 1, 0)};
  ck_assert(limits_have_memory(k, other, part / 3));
  ck_assert(!limits_have_memory(k, other, part / 3 + 1));
  for (int i = 0; i < 3; i++) accounts_close(k, more[i]);
  accounts_close(k, other);
  account_discharge(k, one, ACCOUNT_BYTES, one->used[ACCOUNT_BYTES]);
  accounts_close(k, one);
}
END_TEST

/* ---- Records that the ended ones have left ---- */

enum { KNOWN = 16, PAIR_BYTES = 2000 };

/* KNOWN processes of `keepers`, with nothing but themselves, all know each other: by a process of
 * the guest, which has ended. */
static void leave_pairs(uid_t keepers) {
  struct loads *l = &w.broker.loads;
  struct end sender;
  uint32_t load;
  limits()->memory = 64 << 20;
  ck_assert_uint_eq(l->all.count, 0);
  l->bytes = PAIR_BYTES;
  join_from(&sender, NULL, 200, GUEST);
  for (int i = 0; i < KNOWN; i++) join_from(&many[i], NULL, 300 + i, keepers);
  struct account *payer = wire_client(&w, &sender)->account;
  for (int i = 0; i < KNOWN; i++)
    for (int k = 0; k < KNOWN; k++) {
      if (i == k) continue;
      uint32_t host = hosts_find(&w.broker.hosts, many[i].host);
      uint32_t client = hosts_find(&w.broker.hosts, many[k].host);
      ck_assert_int_eq(loads_introduce(l, host, client, payer, &load), LOADS_NEW);
    }
  wire_leave(&sender);
  wire_turn(&w);
  ck_assert_uint_eq(l->all.count, KNOWN * (KNOWN - 1));
}

static unsigned count_ready(void) {
  unsigned n = 0;
  for (int i = 0; i < KNOWN; i++) n += is_ready(&many[i]);
  return n;
}

/* Pairs that an ended one pays, and that others keep: who has less than they take ends for them no
 * more than for bytes. */
START_TEST(pairs_that_one_has_left_end_no_other_user) {
  leave_pairs(GUEST + 1);
  send_part(&a, LARGE * 3 / 4);
  limits()->memory = memory_used() - 1000;
  for (int i = 0; i < 5; i++) wire_turn(&w);
  ck_assert(is_ready(&a) && is_ready(&b));
  ck_assert_uint_eq(count_ready(), KNOWN);
  ck_assert_uint_gt(memory_used(), memory_most());
  leave_all(0, KNOWN);
}
END_TEST

/* Nor do those of the user that has left them, while another has left more. */
START_TEST(pairs_that_one_has_left_end_nobody_for_what_another_has) {
  leave_pairs(GUEST);
  struct end sender;
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  join_from(&sender, NULL, 201, GUEST + 1);
  post_to(&sender, "a", 900 << 10);
  wire_leave(&sender);
  wire_turn(&w);
  limits()->memory = memory_used() - 10 * PAIR_BYTES;
  for (int i = 0; i < 5; i++) wire_turn(&w);
  ck_assert(is_ready(&a) && is_ready(&b));
  ck_assert_uint_eq(count_ready(), KNOWN);
  leave_all(0, KNOWN);
}
END_TEST

/* But the connections of that very user do, bare as they are: so many as it takes. */
START_TEST(connections_that_keep_pairs_of_their_own_user_end) {
  leave_pairs(GUEST);
  send_part(&a, LARGE * 3 / 4);
  limits()->memory = memory_used() - 10 * PAIR_BYTES;
  for (int i = 0; i < 5; i++) wire_turn(&w);
  ck_assert(is_ready(&a) && is_ready(&b));
  ck_assert_uint_lt(count_ready(), KNOWN);
  ck_assert_uint_gt(count_ready(), 0);
  ck_assert_uint_le(memory_used(), memory_most());
  leave_all(0, KNOWN);
}
END_TEST

enum { ASKED = 2000 };

/* The same with requests that an ended one has given up, and that nobody has answered. */
START_TEST(requests_that_one_has_left_end_no_other_user) {
  limits()->memory = 64 << 20;
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  join_from(&many[0], NULL, 200, GUEST);
  for (int i = 0; i < ASKED; i++) {
    pack_text(wire_ask(&many[0], OP_s2t, "a", NULL, 1), "x");
    wire_send(&w, &many[0]);
  }
  leave_all(0, 1);
  while (wire_next(&w, &a) == 1) ck_assert_int_ne(a.m.kind, MESSAGE_ERROR);
  ck_assert_uint_eq(w.broker.calls.all.count, ASKED);
  send_part(&b, LARGE / 4);
  wire_turn(&w);
  limits()->memory = memory_used() - 1000;
  for (int i = 0; i < 5; i++) wire_turn(&w);
  ck_assert(is_ready(&a) && is_ready(&b));
  ck_assert_uint_gt(memory_used(), memory_most());
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker limits left");
  TCase *t = tcase_create("limits");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, what_a_user_has_left_at_many_ends_no_other_user);
  tcase_add_test(t, who_has_more_than_what_is_left_ends);
  tcase_add_test(t, what_is_left_counts_by_user);
  tcase_add_test(t, accounts_that_go_with_their_reader_are_not_looked_at);
  tcase_add_test(t, one_that_cannot_be_mended_hides_no_other);
  tcase_add_test(t, what_one_pays_at_others_is_bounded);
  tcase_add_test(t, who_was_given_much_does_not_end_for_it);
  tcase_add_test(t, what_waits_for_one_is_a_part_of_what_a_sender_may_have);
  tcase_add_test(t, what_each_user_may_have_in_any_case_is_shared_by_its_processes);
  tcase_add_test(t, pairs_that_one_has_left_end_no_other_user);
  tcase_add_test(t, pairs_that_one_has_left_end_nobody_for_what_another_has);
  tcase_add_test(t, connections_that_keep_pairs_of_their_own_user_end);
  tcase_add_test(t, requests_that_one_has_left_end_no_other_user);
  return run_suite(s);
}
