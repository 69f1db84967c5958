/* SPDX-License-Identifier: MIT
 *
 * What the broker keeps for its clients is bounded in bytes, and who is disconnected for it is the
 * one that it is kept for.
 */
#include "tests/unit/broker_limits.h"

START_TEST(half_sent_messages_stay_within_the_limit) {
  unsigned ended = 0;
  ck_assert_uint_eq(memory_most(), (uint64_t)LIMITS_MESSAGES * LARGE);
  send_part(&a, LARGE * 3 / 4); /* the largest of all */
  for (int i = 0; i < HALVES; i++) {
    char name[16];
    snprintf(name, sizeof name, "m%d", i);
    wire_join(&w, &many[i], name);
    send_part(&many[i], LARGE / 6);
    ck_assert_uint_le(memory_used(), memory_most());
  }
  expect_farewell(&a, "--max-memory");
  for (int i = 0; i < HALVES; i++) {
    ended += wire_next(&w, &many[i]) != 0;
    wire_leave(&many[i]);
  }
  ck_assert(ended > 0 && ended < HALVES);
  ck_assert_uint_eq(w.broker.connections.accounts.refused, ended + 1);
  wire_turn(&w);
  wire_quiet(&w, &b);
}
END_TEST

/* The broker has room, but one process has twice as much as it may. */
START_TEST(parts_of_messages_of_one_process_are_one_account) {
  unsigned ended = 0;
  limits()->memory = 64 << 20;
  limits()->most[ACCOUNT_BYTES] = 600 << 10;
  for (int i = 0; i < HALVES; i++) {
    wire_join(&w, &many[i], NULL);
    send_part(&many[i], LARGE / 6);
    ck_assert_uint_le(b_account()->process->used[ACCOUNT_BYTES], 1200 << 10);
  }
  for (int i = 0; i < HALVES; i++) {
    ended += wire_next(&w, &many[i]) != 0;
    wire_leave(&many[i]);
  }
  ck_assert(ended > 0 && ended < HALVES);
}
END_TEST

/* What is announced takes nothing: charged is the buffer that what has come needs. */
START_TEST(a_promise_is_not_charged) {
  const uint64_t before = memory_used();
  send_part(&a, 10);
  ck_assert_uint_gt(memory_used(), before);
  ck_assert_uint_le(memory_used(), before + 256);
  wire_bytes(&w, &a, piece, 100 << 10);
  ck_assert_uint_gt(memory_used(), before + (100 << 10));
  ck_assert_uint_le(memory_used(), before + (200 << 10));
}
END_TEST

/* A large message leaves nothing behind, even if the next one has begun. */
START_TEST(the_begin_of_a_message_does_not_keep_the_room_of_the_last) {
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = ++b.last_id,
                      .target = OP_NAME, .name = "nobody", .name_size = 6};
  const uint64_t before = memory_used();
  pack_string(wire_begin_to(&b, &h, 1), piece, LARGE - 100);
  wire_end(&b);
  ck_assert_int_eq(buffer_append(&b.out, "\xce", 1), BUFFER_OK);
  wire_flush(&w, &b);
  wire_expect_error(&w, &b, STATUS_dead);
  ck_assert_uint_gt(memory_used(), before); /* a byte */
  ck_assert_uint_le(memory_used(), before + 256);
  wire_bytes(&w, &b, "\0\0\0\x27", 4); /* and a little more of it */
  ck_assert_uint_le(memory_used(), before + 256);
  ck_assert_uint_le(wire_client(&w, &b)->rest.in.capacity, 256);
}
END_TEST

/* The sender is told, and nobody is disconnected. */
START_TEST(who_floods_one_that_reads_nothing_is_refused) {
  limits()->memory = 4 << 20;
  wire_turn(&w);
  for (int i = 0; i < 300; i++) {
    post();
    ck_assert_uint_le(memory_used(), 4 << 20);
  }
  const struct client *to = wire_client(&w, &a);
  ck_assert_int_eq(to->state, CLIENT_READY);
  ck_assert_uint_gt(to->outbox.bytes, 1 << 20);
  ck_assert_uint_eq(to->outbox.own, 0);
  ck_assert_uint_lt(to->account->used[ACCOUNT_BYTES], 1000);
  ck_assert_uint_gt(b_account()->used[ACCOUNT_BYTES], to->outbox.bytes - 1000);
  ck_assert_uint_gt(b_account()->refused, 100);
  ck_assert_uint_eq(b_account()->process->refused, b_account()->refused);
  ck_assert_uint_eq(b_account()->user->refused, b_account()->refused);
  expect_refused(&b, STATUS_busy, "--max-memory");
}
END_TEST

/* As far as that goes, it is refused for what it may have itself. */
START_TEST(what_waits_for_others_is_limited_for_each_process) {
  limits()->memory = 64 << 20;
  limits()->most[ACCOUNT_BYTES] = 1 << 20;
  wire_turn(&w);
  for (int i = 0; i < 100; i++) post();
  ck_assert_uint_le(b_account()->process->used[ACCOUNT_BYTES], 1 << 20);
  expect_refused(&b, STATUS_busy, "(--max-queued)"); /* of its process, not its user */
}
END_TEST

/* A sender has ended, and what it sent waits for one that does not read: if all is too much now, it
 * is the reader who keeps it so. */
START_TEST(what_one_has_left_behind_is_its_readers) {
  limits()->memory = 8 << 20;
  leave_untaken(2 << 20);
  wire_leave(&b);
  wire_turn(&w);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY);
  ck_assert_uint_gt(memory_used(), 2 << 20);
  limits()->memory = 1 << 20;
  wire_turn(&w);
  ck_assert_uint_lt(memory_used(), 1 << 20);
  memset(&b, 0, sizeof b);
  wire_join(&w, &b, "b");
}
END_TEST

/* Whoever sent too much goes; who is to read it, and has little untaken, stays, also when all is too
 * much until it has read. Later it may be that it does not read. */
START_TEST(receivers_of_little_are_not_ended_for_their_sender) {
  const struct client *to = wire_client(&w, &a);
  leave_untaken(600 << 10);
  limits()->memory = 300 << 10;
  for (int i = 0; i < 5; i++) wire_turn(&w);
  ck_assert_uint_gt(memory_used(), 300 << 10);
  ck_assert_uint_eq(hosts_find(&w.broker.hosts, b.host), SLAB_NONE);
  ck_assert_int_eq(to->state, CLIENT_READY);
  do
    ck_assert_int_eq(wire_next(&w, &a), 1);
  while (a.m.op != OP_dead);
  ck_assert_uint_lt(memory_used(), 300 << 10);
  wire_leave(&b);
  memset(&b, 0, sizeof b);
  wire_join(&w, &b, "b");
}
END_TEST

enum { HELD = 2000 };

/* a asks one, which answers with so many objects. */
static void fetch_many(struct end *e, const char *name) {
  pack_text(wire_ask(&a, OP_s2t, name, NULL, 1), "x");
  wire_send(&w, &a);
  wire_past_peers(&w, e);
  struct pack *p = wire_begin(e, MESSAGE_REPLY, OP_s2t, e->m.id, 1);
  pack_array(p, HELD);
  for (uint32_t i = 0; i < HELD; i++) {
    struct pt own = wire_token(e, i + 1);
    pack_pt(p, &own);
  }
  wire_send(&w, e);
}

/* What one gives back who ends for its records takes some turns, but nobody else's end. */
START_TEST(nobody_else_ends_while_records_are_given_back) {
  limits()->memory = 64 << 20;
  for (int i = 0; i < 3; i++) {
    char name[] = {'m', (char)('0' + i), 0};
    wire_join(&w, &many[i], name);
    fetch_many(&many[i], name);
  }
  while (wire_next(&w, &a) == 1) continue;
  ck_assert_uint_eq(w.broker.refs.holds.count, 3 * HELD);
  limits()->memory = memory_used() - (100 << 10);
  unsigned turns = 0;
  for (; w.broker.refs.holds.count > 0; turns++) wire_turn(&w);
  ck_assert_uint_gt(turns, 3);
  ck_assert_uint_eq(hosts_find(&w.broker.hosts, a.host), SLAB_NONE);
  for (int i = 0; i < 3; i++) {
    while (wire_next(&w, &many[i]) == 1) continue;
    wire_quiet(&w, &many[i]);
    wire_leave(&many[i]);
  }
  wire_leave(&a);
  memset(&a, 0, sizeof a);
  wire_join(&w, &a, "a");
}
END_TEST

/* However many are to end, a turn ends no more than fit into it, and the next go on. */
START_TEST(many_are_ended_in_slices) {
  unsigned turns = 0;
  limits()->memory = 64 << 20;
  for (int i = 0; i < HALVES; i++) {
    wire_join(&w, &many[i], NULL);
    send_part(&many[i], LARGE / 6);
  }
  const struct work *work = &w.broker.work;
  limits()->memory = 200 << 10;
  while (memory_used() > memory_most()) {
    wire_turn(&w);
    ck_assert_int_eq(memory_used() > memory_most(), job_is_queued(&w.broker.connections.enforcing));
    ck_assert_uint_lt(work->spent, 2 * WORK_TURN);
    turns++;
  }
  ck_assert_uint_ge(turns, 1);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY); /* it has nothing */
  for (int i = 0; i < HALVES; i++) wire_leave(&many[i]);
}
END_TEST

/* An answer that its asker has no room for is not delivered, and nobody is ended for it. Told of is
 * who sent it. */
START_TEST(answers_without_room_are_refused) {
  limits()->memory = 64 << 20;
  limits()->most[ACCOUNT_BYTES] = 500 << 10;
  for (int i = 0; i < 20; i++) {
    pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "x");
    wire_end(&a);
  }
  wire_flush(&w, &a);
  for (int i = 0; i < 20; i++) {
    do
      ck_assert_int_eq(wire_next(&w, &b), 1);
    while (b.m.op != OP_s2t);
    pack_string(wire_begin(&b, MESSAGE_REPLY, OP_s2t, b.m.id, 1), piece, 100 << 10);
    wire_send(&w, &b);
  }
  const struct client *to = wire_client(&w, &a);
  ck_assert_int_eq(to->state, CLIENT_READY);
  ck_assert_uint_le(to->account->used[ACCOUNT_BYTES], ACCOUNT_HARD * (500 << 10));
  ck_assert_uint_eq(to->account->refused, 0);
  uint64_t errors = 0;
  for (int r; (r = wire_next(&w, &a)) != 0;) {
    ck_assert_int_eq(r, 1);
    if (a.m.kind != MESSAGE_ERROR) continue;
    ck_assert_uint_eq(wire_uint(&a), STATUS_lost); /* it was done */
    errors++;
  }
  ck_assert_uint_gt(errors, 5);
  ck_assert_uint_eq(errors, b_account()->refused);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
}
END_TEST

/* Told of is the asker if it is the one who does not read. */
START_TEST(answers_to_who_does_not_read_are_its_own_fault) {
  limits()->memory = 64 << 20;
  limits()->most[ACCOUNT_BYTES] = 500 << 10;
  struct client *to = wire_client(&w, &a);
  char text[LIMITS_TEXT];
  ck_assert(!limits_allow_answer(wire_client(&w, &b), to, 2 << 20, text));
  ck_assert_uint_eq(to->account->refused, 0);
  ck_assert_uint_eq(b_account()->refused, 1);
  limits()->most[ACCOUNT_BYTES] = 1 << 20;
  for (int i = 0; i < 6; i++) client_push(to, to->account, piece, LARGE);
  wire_turn(&w);
  ck_assert(client_leaves_untaken(to));
  ck_assert(!limits_allow_answer(wire_client(&w, &b), to, 2 << 20, text));
  ck_assert_uint_eq(to->account->refused, 1);
  ck_assert_uint_eq(b_account()->refused, 1);
}
END_TEST

/* The same if it is the memory for all that has none. */
START_TEST(answers_beyond_the_memory_for_all_are_refused) {
  limits()->memory = 1 << 20;
  pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "x");
  wire_send(&w, &a);
  wire_past_peers(&w, &b);
  ck_assert_int_eq(b.m.op, OP_s2t);
  for (int i = 0; i < 3; i++) {
    wire_join(&w, &many[i], NULL);
    send_part(&many[i], LARGE - 100);
  }
  ck_assert_uint_lt(memory_used(), memory_most());
  pack_string(wire_begin(&b, MESSAGE_REPLY, OP_s2t, b.m.id, 1), piece, LARGE - 100);
  wire_send(&w, &b);
  expect_refused(&a, STATUS_lost, "--max-memory");
  for (int i = 0; i < 3; i++) wire_leave(&many[i]);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker limits");
  TCase *t = tcase_create("limits");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, half_sent_messages_stay_within_the_limit);
  tcase_add_test(t, parts_of_messages_of_one_process_are_one_account);
  tcase_add_test(t, a_promise_is_not_charged);
  tcase_add_test(t, the_begin_of_a_message_does_not_keep_the_room_of_the_last);
  tcase_add_test(t, who_floods_one_that_reads_nothing_is_refused);
  tcase_add_test(t, what_waits_for_others_is_limited_for_each_process);
  tcase_add_test(t, what_one_has_left_behind_is_its_readers);
  tcase_add_test(t, receivers_of_little_are_not_ended_for_their_sender);
  tcase_add_test(t, nobody_else_ends_while_records_are_given_back);
  tcase_add_test(t, many_are_ended_in_slices);
  tcase_add_test(t, answers_without_room_are_refused);
  tcase_add_test(t, answers_to_who_does_not_read_are_its_own_fault);
  tcase_add_test(t, answers_beyond_the_memory_for_all_are_refused);
  return run_suite(s);
}
