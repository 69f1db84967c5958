/* SPDX-License-Identifier: MIT
 *
 * How those are looked for who keep what others have left: in slices, and not again and again when
 * there is nobody.
 */
#include "broker/net/keepers.h"
#include "proto/base.h"
#include "tests/unit/broker_limits.h"
#include "tests/unit/broker_probe.h"

enum { SPANS = 160000, SMALL = 40 };

static struct account *account_of(struct end *e) { return wire_client(&w, e)->account; }

/* Two of the guest leave so many messages by turns with a; then so many of the two end. */
static void leave_in_turns(uint32_t messages, int ending) {
  limits()->memory = 64 << 20;
  for (int i = 0; i < 2; i++) join_from(&many[i], NULL, 200 + i, GUEST);
  for (uint32_t i = 0; i < messages; i++)
    client_push(wire_client(&w, &a), account_of(&many[i % 2]), piece, SMALL);
  leave_all(0, ending);
  ck_assert_uint_gt(wire_client(&w, &a)->outbox.span_count, messages / 2);
}

/* However many payers take turns in an outbox, they are looked at in slices. */
START_TEST(one_who_keeps_much_is_looked_for_in_slices) {
  struct probe p = {.most = 0};
  unsigned turns = 0;
  leave_in_turns(SPANS, 2);
  limits()->memory = memory_used() / 2;
  work_add(&w.broker.work, &p.job, look);
  for (; is_ready(&a); turns++) wire_turn(&w);
  ck_assert_uint_gt(turns, 2);
  ck_assert_uint_lt(p.most, 2 * WORK_QUANTUM);
  wire_turn(&w);
  ck_assert_uint_le(memory_used(), memory_most());
  ck_assert(is_ready(&b));
  work_remove(&w.broker.work, &p.job);
}
END_TEST

/* The guest leaves so much with b, and then something with a, at which the search has not come to
 * its end after so many turns. */
static void search_for(int turns, uint32_t bytes, int ending) {
  limits()->memory = 64 << 20;
  join_from(&many[2], NULL, 202, GUEST);
  for (uint32_t n = 0; n < bytes; n += LARGE)
    client_push(wire_client(&w, &b), account_of(&many[2]), piece, LARGE);
  wire_leave(&many[2]);
  leave_in_turns(SPANS, ending);
  limits()->memory = 1 << 20;
  for (int i = 0; i < turns; i++) wire_turn(&w);
  ck_assert(is_ready(&a) && is_ready(&b));
  const struct keepers *k = &all()->keepers;
  ck_assert(k->is_on && k->next == wire_client(&w, &a) && k->keeper == wire_client(&w, &b));
}

static void read_all(struct end *e) {
  struct client *reader = wire_client(&w, e);
  while (reader->outbox.bytes > 0) {
    while (recv(e->fd, piece, sizeof piece, 0) > 0) continue;
    client_flush(reader);
  }
}

/* Whoever is looked at may go before the search has come to its end, which then finds the next. */
START_TEST(who_is_looked_at_may_end_meanwhile) {
  search_for(_i, 6 * LARGE, 2);
  wire_leave(&a);
  for (int i = 0; i < 5; i++) wire_turn(&w);
  ck_assert_uint_le(memory_used(), memory_most());
  ck_assert(!is_ready(&b));
}
END_TEST

/* Whoever gets the index of the account it is for is not searched for instead. */
START_TEST(the_account_may_go_meanwhile) {
  search_for(1, 6 * LARGE, 2);
  struct account *whole = keepers_searched_for(all());
  ck_assert_uint_ne(whole->serial, account_of(&a)->serial);
  uint64_t serial = whole->serial;
  whole->serial = ++all()->accounts.added;
  ck_assert_ptr_null(keepers_searched_for(all()));
  whole->serial = serial;
  ck_assert_ptr_eq(keepers_searched_for(all()), whole);
  leave_all(0, 0);
}
END_TEST

/* And so may the one with whom most was found so far. */
START_TEST(who_was_found_may_end_meanwhile) {
  search_for(1, 6 * LARGE, 2);
  const struct client *keeper = wire_client(&w, &b);
  wire_leave(&b);
  while (is_ready(&b)) wire_turn(&w);
  ck_assert(all()->keepers.is_on && all()->keepers.keeper != keeper);
  for (int i = 0; is_ready(&a) && i < 20; i++) wire_turn(&w);
  wire_turn(&w);
  ck_assert_uint_le(memory_used(), memory_most());
  ck_assert(!is_ready(&a));
}
END_TEST

/* And take all before the end: then it is the next one who keeps most. */
START_TEST(who_was_found_may_read_meanwhile) {
  search_for(1, 16 * LARGE, 1);
  ck_assert_uint_gt(wire_client(&w, &b)->outbox.bytes, SPANS / 2 * SMALL);
  ck_assert_uint_lt(wire_client(&w, &b)->outbox.bytes, wire_client(&w, &a)->outbox.bytes);
  read_all(&b);
  if (_i) { /* what it is sent by others does not count */
    limits()->memory = 4 << 20;
    for (uint32_t n = 0; n <= KEEPERS_LEAST; n += LARGE)
      client_push(wire_client(&w, &b), account_of(&b), piece, LARGE);
  }
  for (int i = 0; is_ready(&a) && i < 20; i++) wire_turn(&w);
  ck_assert(!is_ready(&a) && is_ready(&b));
  leave_all(1, 2);
}
END_TEST

/* Who is looked at may take what was left: then it does not end for what others have. */
START_TEST(who_is_looked_at_may_read_meanwhile) {
  leave_in_turns(SPANS, 2);
  join_from(&many[3], NULL, 203, GUEST + 1);
  send_part(&many[3], LARGE * 3 / 4);
  wire_turn(&w);
  limits()->memory = memory_used() / 2;
  wire_turn(&w);
  struct client *reader = wire_client(&w, &a);
  ck_assert(all()->keepers.is_on && all()->keepers.next == reader);
  ck_assert_uint_gt(all()->keepers.left, KEEPERS_LEAST);
  read_all(&a);
  limits()->memory = 64 << 20; /* what is over meanwhile is over: it would be looked for anew */
  wire_turn(&w);
  ck_assert(!all()->keepers.is_on && !all()->is_searching);
  limits()->memory = memory_used() - 1000;
  for (int i = 0; i < 5; i++) wire_turn(&w);
  ck_assert(!all()->keepers.is_on);
  ck_assert(is_ready(&a) && is_ready(&b) && !is_ready(&many[3]));
  leave_all(3, 4);
}
END_TEST

/* What one holds of several, none of whom has handed out much, is nobody's fault: it does not end
 * for what yet another has left. */
START_TEST(who_holds_little_of_each_ends_for_none) {
  enum { GIVERS = 4, GIVEN = 3000 };
  limits()->memory = 64 << 20;
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  for (int i = 0; i < GIVERS; i++) {
    join_from(&many[i], NULL, 100 + i, GUEST + (uid_t)i);
    struct pack *p = wire_ask(&many[i], OP_s2t, "a", NULL, 1);
    pack_array(p, GIVEN);
    for (uint64_t k = 0; k < GIVEN; k++) {
      struct pt own = wire_token(&many[i], 1 + k);
      pack_pt(p, &own);
    }
    wire_send(&w, &many[i]);
  }
  for (int i = 0; i < 100 && w.broker.refs.holds.count < GIVERS * GIVEN; i++) wire_turn(&w);
  leave_all(0, GIVERS);
  join_from(&many[0], "c", 200, GUEST + GIVERS);
  join_from(&many[1], NULL, 201, GUEST + GIVERS + 1);
  post_to(&many[1], "c", 800 << 10);
  wire_leave(&many[1]);
  wire_turn(&w);
  struct account *holder = account_of(&a);
  ck_assert_uint_eq(holder->left, GIVERS * GIVEN);
  ck_assert_uint_gt(holder->left * (uint64_t)all()->accounts.bytes_of[ACCOUNT_HELD], 256 << 10);
  holder->left_ms -= 10001;
  limits()->memory = memory_used() - 1000;
  for (int i = 0; i < 5; i++) wire_turn(&w);
  ck_assert(is_ready(&a) && is_ready(&b) && is_ready(&many[0]));
  /* Nor for the bytes of a process, which are no objects. */
  limits()->memory = 64 << 20;
  limits()->most[ACCOUNT_BYTES] = 100 << 10;
  all()->accounts.is_over = true;
  uint32_t searches = all()->accounts.search;
  wire_turn(&w);
  ck_assert_uint_eq(all()->accounts.search, searches + 1);
  ck_assert(is_ready(&a) && is_ready(&b) && is_ready(&many[0]));
  leave_all(0, 1);
}
END_TEST

/* A search that has found nobody is not begun anew for little more, nor because somebody else has
 * come and gone, but after a while. */
START_TEST(a_search_in_vain_is_not_repeated_for_little) {
  leave_in_turns(20000, 2);
  limits()->memory = memory_used() - 1000;
  wire_turn(&w);
  uint32_t searches = all()->accounts.search;
  for (int i = 0; i < 5; i++) {
    client_push(wire_client(&w, &a), account_of(&b), piece, SMALL);
    wire_turn(&w);
    join_from(&many[0], NULL, 100, GUEST + 1);
    leave_all(0, 1);
  }
  ck_assert_uint_gt(memory_used(), memory_most());
  ck_assert_uint_eq(all()->accounts.search, searches);
  all()->futile_ms -= 1001;
  wire_turn(&w);
  ck_assert_uint_eq(all()->accounts.search, searches + 1);
  ck_assert(is_ready(&a) && is_ready(&b));
  for (uint64_t n = 0; n <= memory_most() / ACCOUNTS_SLACK; n += LARGE / 64)
    client_push(wire_client(&w, &a), account_of(&b), piece, LARGE / 64);
  wire_turn(&w);
  ck_assert_uint_eq(all()->accounts.search, searches + 2);
  /* Little more is what has come since the least was there. */
  limits()->memory = memory_used() / 4;
  all()->futile_ms -= 1001;
  wire_turn(&w);
  searches = all()->accounts.search;
  while (recv(a.fd, piece, sizeof piece, 0) > 0) continue;
  uint64_t before = memory_used();
  wire_turn(&w);
  ck_assert_uint_gt(before - memory_used(), 2 * memory_most() / ACCOUNTS_SLACK);
  ck_assert_uint_gt(memory_used(), memory_most());
  ck_assert_uint_eq(all()->accounts.search, searches);
  for (uint64_t n = 0; n <= memory_most() / ACCOUNTS_SLACK; n += LARGE / 64)
    client_push(wire_client(&w, &a), account_of(&b), piece, LARGE / 64);
  wire_turn(&w);
  ck_assert_uint_eq(all()->accounts.search, searches + 1);
}
END_TEST

/* Nor for a process about whose bytes nothing can be done. */
START_TEST(a_process_that_was_given_up_has_time) {
  limits()->memory = 64 << 20;
  join_from(&many[0], NULL, 200, GUEST);
  join_from(&many[1], NULL, 200, GUEST);
  struct client *reader = wire_client(&w, &a);
  for (int i = 0; i < 10; i++) client_push(reader, account_of(&many[0]), piece, LARGE / 4);
  wire_leave(&many[0]);
  wire_turn(&w);
  limits()->most[ACCOUNT_BYTES] = 100 << 10;
  client_push(reader, account_of(&many[1]), piece, SMALL);
  wire_turn(&w);
  uint32_t searches = all()->accounts.search;
  for (int i = 0; i < 5; i++) {
    client_push(reader, account_of(&many[1]), piece, SMALL);
    wire_turn(&w);
  }
  ck_assert_uint_eq(all()->accounts.search, searches);
  all()->given_up_ms -= 1001;
  wire_turn(&w);
  ck_assert_uint_eq(all()->accounts.search, searches + 1);
  ck_assert(is_ready(&a) && is_ready(&many[1]));
  for (uint64_t n = 0; n <= memory_most() / ACCOUNTS_SLACK; n += LARGE)
    client_push(reader, account_of(&many[1]), piece, LARGE);
  wire_turn(&w); /* now it is the one who has the most there */
  ck_assert_uint_gt(all()->accounts.search, searches + 1);
  ck_assert(!is_ready(&many[1]));
  leave_all(1, 2);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker limits search");
  TCase *t = tcase_create("search");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, one_who_keeps_much_is_looked_for_in_slices);
  tcase_add_loop_test(t, who_is_looked_at_may_end_meanwhile, 1, 3);
  tcase_add_test(t, the_account_may_go_meanwhile);
  tcase_add_test(t, who_was_found_may_end_meanwhile);
  tcase_add_loop_test(t, who_was_found_may_read_meanwhile, 0, 2);
  tcase_add_test(t, who_is_looked_at_may_read_meanwhile);
  tcase_add_test(t, who_holds_little_of_each_ends_for_none);
  tcase_add_test(t, a_search_in_vain_is_not_repeated_for_little);
  tcase_add_test(t, a_process_that_was_given_up_has_time);
  return run_suite(s);
}
