/* SPDX-License-Identifier: MIT
 *
 * What is limited by number, and who pays for what.
 */
#include "tests/unit/broker_limits.h"

static struct pt x;

static void ask_worker(const char *name) {
  pack_text(wire_ask(&b, OP_s2t, name, NULL, 1), "x");
  wire_send(&w, &b);
}
static void ask_for_label(void) { ask_worker("a"); }

/* Wherever they are open. */
START_TEST(requests_open_are_limited) {
  limits()->most[ACCOUNT_REQUESTS] = 2;
  wire_join(&w, &many[0], "c");
  wire_join(&w, &many[1], "d");
  ask_worker("a");
  ask_worker("c");
  wire_expect_nothing(&w, &b);
  ask_worker("d");
  expect_refused(&b, STATUS_busy, "has 2 open requests, and may have 2 (--max-requests)");
  wire_leave(&many[0]);
  wire_leave(&many[1]);
}
END_TEST

/* Who does not answer keeps a part of them. */
START_TEST(requests_open_at_one_worker_are_a_part_of_all) {
  limits()->most[ACCOUNT_REQUESTS] = 8;
  wire_join(&w, &many[0], "c");
  for (int i = 0; i < 2; i++) ask_for_label();
  wire_expect_nothing(&w, &b);
  ask_for_label();
  expect_refused(&b, STATUS_busy, "worker a has 2 requests of this connection to answer");
  ck_assert_uint_eq(b_account()->refused, 1);
  ask_worker("c");
  wire_expect_nothing(&w, &b);
  pack_text(wire_ask(&many[0], OP_s2t, "a", NULL, 1), "x"); /* of another connection */
  wire_send(&w, &many[0]);
  wire_past_peers(&w, &many[0]);
  ck_assert_int_eq(many[0].m.op, OP_s2t);
  ck_assert_int_eq(many[0].m.kind, MESSAGE_REQUEST);
  wire_expect_nothing(&w, &many[0]);
  for (int i = 0; i < 2; i++) {
    wire_past_peers(&w, &a);
    ck_assert_int_eq(a.m.op, OP_s2t);
    wire_begin(&a, MESSAGE_REPLY, OP_s2t, a.m.id, 0);
    wire_end(&a);
  }
  wire_flush(&w, &a);
  wire_past_peers(&w, &b);
  wire_past_peers(&w, &b);
  ask_for_label();
  wire_expect_nothing(&w, &b);
  wire_leave(&many[0]);
}
END_TEST

static void give_up(void) {
  pack_uint(wire_begin(&b, MESSAGE_NOTICE, OP_cancel, 0, 1), b.last_id);
  wire_send(&w, &b);
}

/* Who gives up, by a notice or by ending, still has what is not answered. */
START_TEST(requests_given_up_are_paid_until_they_are_answered) {
  limits()->most[ACCOUNT_REQUESTS] = 5;
  for (int i = 0; i < 2; i++) {
    ask_for_label();
    give_up();
  }
  ask_for_label();
  expect_refused(&b, STATUS_busy, "--max-requests");
  wire_join(&w, &many[0], "c");
  wire_leave(&b);
  wire_turn(&w);
  ck_assert_uint_eq(wire_client(&w, &many[0])->account->process->used[ACCOUNT_REQUESTS], 2);
  for (int i = 0; i < 2; i++) {
    do
      wire_past_peers(&w, &a);
    while (a.m.op != OP_s2t);
    wire_begin(&a, MESSAGE_REPLY, OP_s2t, a.m.id, 0);
    wire_end(&a);
  }
  wire_flush(&w, &a);
  wire_turn(&w);
  ck_assert_uint_eq(wire_client(&w, &many[0])->account->process->used[ACCOUNT_REQUESTS], 0);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
  wire_leave(&many[0]);
  memset(&b, 0, sizeof b);
  wire_join(&w, &b, "b");
}
END_TEST

/* However many requests one has given up, others find a place at the worker that does not answer. (All
 * of this test is one process: nobody has more than half of the places.) */
START_TEST(requests_given_up_do_not_fill_a_worker) {
  w.broker.calls.served_most = 10;
  for (int i = 0; i < 5; i++) {
    ask_for_label();
    give_up();
    wire_expect_nothing(&w, &b);
  }
  ask_for_label();
  expect_refused(&b, STATUS_busy, "more requests to answer than leave a place");
  struct account *other = accounts_open(&w.broker.connections.accounts, 1, getuid(), 0);
  struct client *c = wire_client(&w, &b);
  ck_assert(calls_has_place(&w.broker.calls, wire_client(&w, &a)->host,
                            other->process->used[ACCOUNT_REQUESTS]));
  ck_assert(!calls_has_place(&w.broker.calls, wire_client(&w, &a)->host,
                             c->account->process->used[ACCOUNT_REQUESTS]));
  accounts_close(&w.broker.connections.accounts, other);
}
END_TEST

START_TEST(waits_are_limited) {
  limits()->most[ACCOUNT_WAITS] = 2;
  for (int i = 0; i < 3; i++) {
    struct pack *p = wire_begin(&b, MESSAGE_REQUEST, OP_watch, ++b.last_id, 2);
    pack_text(p, "nobody");
    pack_text(p, "ready");
    wire_send(&w, &b);
  }
  expect_refused(&b, STATUS_busy, "--max-waits");
  wire_quiet(&w, &b);
}
END_TEST

START_TEST(connections_and_names_are_limited) {
  limits()->most[ACCOUNT_CONNECTIONS] = 3;
  limits()->most[ACCOUNT_NAMES] = 2;
  wire_connect(&w, &many[0]);
  wire_hello(&w, &many[0], "third", false);
  expect_refused(&many[0], STATUS_busy, "--max-names");
  wire_expect_end(&w, &many[0]);
  wire_leave(&many[0]);
  memset(&many[0], 0, sizeof many[0]);
  wire_join_as(&w, &many[0], "third", true);
  wire_connect(&w, &many[1]);
  expect_farewell(&many[1], "--max-connections");
  wire_leave(&many[1]);
  wire_leave(&many[0]);
  wire_turn(&w);
  memset(&many[0], 0, sizeof many[0]);
  wire_join_as(&w, &many[0], "third", true);
  wire_leave(&many[0]);
}
END_TEST

START_TEST(a_connection_knows_when_its_process_was_started) {
  const struct account *process = b_account()->process;
  ck_assert_int_eq(process->pid, getpid());
  ck_assert_uint_gt(process->born, 0);
  ck_assert_ptr_eq(process, wire_client(&w, &a)->account->process);
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)getpid());
  FILE *f = fopen(path, "r");
  ck_assert_ptr_nonnull(f);
  ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
  fclose(f);
  const char *at = strrchr(text, ')');
  unsigned long long born = 0;
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  ck_assert(at && sscanf(at, "%llu", &born) == 1);
  ck_assert_uint_eq(process->born, born);
}
END_TEST

START_TEST(accounts_of_processes_and_users_are_shown) {
  static const uint64_t used[] = {0, 0, 0, 1, 1, 2, 2, 0};
  struct value v;
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  pack_text(wire_ask(&b, OP_inspect, NULL, NULL, 1), "accounts");
  wire_send(&w, &b);
  wire_expect(&w, &b, MESSAGE_REPLY, OP_inspect);
  ck_assert(reader_next(&b.r, &v) && v.type == VALUE_NIL);
  for (int i = 0; i < 2; i++) {
    ck_assert(reader_next(&b.r, &v) && v.type == VALUE_ARRAY && v.count == 11);
    ck_assert_uint_eq(wire_uint(&b), getuid());
    ck_assert(reader_next(&b.r, &v));
    if (i)
      ck_assert_uint_eq(v.integer, (uint64_t)getpid());
    else
      ck_assert_int_eq(v.type, VALUE_NIL);
    ck_assert_uint_gt(wire_uint(&b), 2 * 4096); /* memory */
    for (int k = 0; k < 8; k++) ck_assert_uint_eq(wire_uint(&b), used[k]);
  }
}
END_TEST

/* What others cause is not its own: nobody can silence one by a flood of notices. */
START_TEST(notices_are_paid_by_whoever_causes_them) {
  limits()->memory = 64 << 20;
  leave_untaken(1 << 20); /* so that its socket is full */
  for (int i = 0; i < 100; i++) {
    ask_for_label();
    pack_uint(wire_begin(&b, MESSAGE_NOTICE, OP_cancel, 0, 1), b.last_id);
    wire_send(&w, &b);
  }
  ck_assert_uint_eq(wire_client(&w, &a)->outbox.own, 0);
  ck_assert_uint_eq(wire_client(&w, &a)->account->used[ACCOUNT_BYTES], 0);
  uint64_t before = b_account()->used[ACCOUNT_BYTES];
  wire_join(&w, &many[0], "c"); /* and its end is news for those who know it */
  wire_leave(&many[0]);
  wire_turn(&w);
  ck_assert_uint_eq(b_account()->used[ACCOUNT_BYTES], before);
}
END_TEST

static uint64_t others(const struct end *e) {
  return wire_client(&w, e)->account->used[ACCOUNT_OTHER];
}

/* Two who are made to know each other are a record, and a notice, of who does it: not of who is
 * introduced. A host that has ended is one while anybody refers to it, and a name while it is
 * watched. */
START_TEST(other_records_are_paid_by_whoever_causes_them) {
  const struct account *user = b_account()->user;
  uint64_t before = others(&a), memory;
  wire_join(&w, &many[0], "c");
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x); /* a introduces nobody, and itself with its answer */
  ck_assert_uint_gt(others(&b), before);
  uint64_t of_b = others(&b), of_a = others(&a), of_c = others(&many[0]);
  pack_pt(wire_ask(&b, OP_s2t, "c", NULL, 1), &x); /* b makes c know b and a */
  wire_send(&w, &b);
  ck_assert_uint_eq(others(&b), of_b + 2 * w.broker.loads.bytes);
  ck_assert_uint_eq(others(&a), of_a);
  ck_assert_uint_eq(others(&many[0]), of_c);
  memory = memory_used();
  wire_leave(&a);
  wire_turn(&w);
  ck_assert_uint_lt(memory_used(), memory);
  ck_assert_uint_gt(user->used[ACCOUNT_OTHER], w.broker.connections.accounts.slab.count);
  wire_leave(&many[0]);
  memset(&a, 0, sizeof a);
  wire_join(&w, &a, "a");
  before = memory_used();
  struct pack *p = wire_begin(&b, MESSAGE_REQUEST, OP_watch, ++b.last_id, 2);
  pack_text(p, "nobody");
  pack_text(p, "ready");
  wire_send(&w, &b);
  ck_assert_uint_ge(memory_used(), before + sizeof(struct wait) + sizeof(struct name));
}
END_TEST

/* Of the dead, who are known only by what others hold of them. */
START_TEST(dead_hosts_are_charged_while_they_are_known) {
  const struct accounts *k = &w.broker.connections.accounts;
  enum { DEAD = 10 };
  wire_turn(&w);
  uint64_t before = memory_used();
  for (int i = 0; i < DEAD; i++) {
    char name[] = {'m', (char)('0' + i), 0};
    struct pt y;
    memset(&many[i], 0, sizeof many[i]);
    wire_join(&w, &many[i], name);
    y = wire_token(&many[i], 1);
    pack_pt(wire_ask(&many[i], OP_s2t, "a", NULL, 1), &y);
    wire_send(&w, &many[i]);
    wire_leave(&many[i]);
  }
  while (wire_next(&w, &a) == 1) continue;
  ck_assert_uint_eq(w.broker.hosts.all.count, DEAD + 2);
  ck_assert_uint_gt(memory_used(), before + DEAD * (k->record_bytes + w.broker.loads.bytes));
  for (int i = 0; i < DEAD; i++) {
    struct pt y = {.host = many[i].host, .id = 1, .stamp = 1 ^ 0x5a5a5a5a, .kind = PT_TABLE};
    wire_unsub(&w, &a, &y, 1);
  }
  wire_turn(&w);
  ck_assert_uint_eq(w.broker.hosts.all.count, 2);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker limits counts");
  TCase *t = tcase_create("limits");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, requests_open_are_limited);
  tcase_add_test(t, requests_open_at_one_worker_are_a_part_of_all);
  tcase_add_test(t, requests_given_up_are_paid_until_they_are_answered);
  tcase_add_test(t, requests_given_up_do_not_fill_a_worker);
  tcase_add_test(t, waits_are_limited);
  tcase_add_test(t, connections_and_names_are_limited);
  tcase_add_test(t, a_connection_knows_when_its_process_was_started);
  tcase_add_test(t, accounts_of_processes_and_users_are_shown);
  tcase_add_test(t, notices_are_paid_by_whoever_causes_them);
  tcase_add_test(t, other_records_are_paid_by_whoever_causes_them);
  tcase_add_test(t, dead_hosts_are_charged_while_they_are_known);
  return run_suite(s);
}
