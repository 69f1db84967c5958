/* SPDX-License-Identifier: MIT
 *
 * What the broker keeps for its clients is bounded, in bytes and in time, and who is disconnected
 * for it is the one that it is kept for. (That the sums are right is checked after every turn of
 * every test, by broker_check.)
 */
#include "broker/net/limits.h"
#include "tests/unit/broker_wire.h"

enum { HALVES = 50, LARGE = 256 << 10 };

static struct wire w;
static struct end a, b, many[HALVES];
static char piece[LARGE];

/* Room for eight messages of 256 KiB. */
static void setup(void) {
  struct broker_config config = wire_config();
  config.max_message = LARGE;
  config.most.memory = 1;
  memset(&a, 0, sizeof a);
  memset(&b, 0, sizeof b);
  memset(many, 0, sizeof many);
  wire_open(&w, &config);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_close(&w);
}

static uint64_t memory_most(void) { return w.broker.connections.accounts.limits.memory; }
static uint64_t memory_used(void) { return w.broker.connections.accounts.memory; }

static struct account_limits *limits(void) { return &w.broker.connections.accounts.limits; }
static const struct account *b_account(void) { return wire_client(&w, &b)->account; }

/* The length of a message of max message, and so many bytes of it. */
static void send_part(struct end *e, uint32_t bytes) {
  const uint8_t prefix[] = {0xce, 0, LARGE >> 16, 0, 0};
  wire_bytes(&w, e, prefix, sizeof prefix);
  wire_bytes(&w, e, piece, bytes);
}

/* The next but notices is an error with this word in its text. */
static void expect_refused(struct end *e, enum status status, const char *word) {
  const char *text;
  uint32_t size;
  uint64_t got;
  char copy[512];
  do
    ck_assert_int_eq(wire_next(&w, e), 1);
  while (e->m.kind == MESSAGE_NOTICE);
  ck_assert_int_eq(e->m.kind, MESSAGE_ERROR);
  ck_assert(reader_uint(&e->r, &got) && got == status);
  ck_assert(reader_string(&e->r, &text, &size));
  snprintf(copy, sizeof copy, "%.*s", (int)size, text);
  ck_assert_msg(strstr(copy, word), "no '%s' in: %s", word, copy);
}

/* The broker has said goodbye with this word in its text, and ended the connection. */
static void expect_farewell(struct end *e, const char *word) {
  expect_refused(e, STATUS_busy, word);
  ck_assert(e->m.op == OP_hello && e->m.id == 0);
  wire_expect_end(&w, e);
}

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

static void post(void) {
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = ++b.last_id,
                      .flags = MESSAGE_ONE_WAY, .target = OP_NAME, .name = "a", .name_size = 1};
  pack_string(wire_begin_to(&b, &h, 1), piece, 32 << 10);
  wire_send(&w, &b);
}

/* b posts to a, which reads nothing, until so many bytes wait. */
static void leave_untaken(size_t bytes) {
  while (wire_client(&w, &a)->outbox.bytes < bytes) post();
}

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
  expect_refused(&b, STATUS_busy, "--max-queued");
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

/* One tells a of so many objects. */
static void give_many(struct end *e) {
  struct pack *p = wire_ask(e, OP_s2t, "a", NULL, 1);
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
    give_many(&many[i]);
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

/* ---- Counts ---- */

static struct pt x;

static void ask_for_label(void) {
  pack_text(wire_ask(&b, OP_s2t, "a", NULL, 1), "x");
  wire_send(&w, &b);
}

/* b, which holds x of a, calls it with so many objects of its own. */
static void call_with(uint32_t tokens) {
  struct pack *p = wire_ask(&b, OP_call, NULL, &x, tokens);
  for (uint32_t i = 0; i < tokens; i++) {
    struct pt own = wire_token(&b, i + 1);
    pack_pt(p, &own);
  }
  wire_send(&w, &b);
}

/* a answers what it was asked last with an object that it has not sent before. */
static void answer_with_new(void) {
  struct pt y = wire_token(&a, 2);
  pack_pt(wire_begin(&a, MESSAGE_REPLY, (enum op)a.m.op, a.m.id, 1), &y);
  wire_send(&w, &a);
}

START_TEST(requests_open_are_limited) {
  limits()->most[ACCOUNT_REQUESTS] = 2;
  for (int i = 0; i < 3; i++) ask_for_label();
  expect_refused(&b, STATUS_busy, "--max-requests");
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
}
END_TEST

static void give_up(void) {
  pack_uint(wire_begin(&b, MESSAGE_NOTICE, OP_cancel, 0, 1), b.last_id);
  wire_send(&w, &b);
}

/* Who gives up, by a notice or by ending, still has what is not answered. */
START_TEST(requests_given_up_are_paid_until_they_are_answered) {
  limits()->most[ACCOUNT_REQUESTS] = 2;
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
  expect_refused(&b, STATUS_busy, "more waiting for it than it reads");
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

/* All are of one process in this test. */
START_TEST(exports_are_limited_in_requests_and_answers) {
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  limits()->most[ACCOUNT_EXPORTED] = 3;
  call_with(3);
  expect_refused(&b, STATUS_busy, "--max-exported");
  call_with(4);
  expect_refused(&b, STATUS_too_large, "--max-exported");
  ck_assert_uint_eq(w.broker.refs.tokens.count, 1);
  for (int i = 0; i < 2; i++) { /* the second time none is new */
    call_with(2);
    wire_past_peers(&w, &a);
    ck_assert_int_eq(a.m.op, OP_call);
    ck_assert_uint_eq(w.broker.refs.tokens.count, 3);
  }
  answer_with_new();
  expect_refused(&b, STATUS_busy, "--max-exported");
  ck_assert_uint_eq(w.broker.refs.tokens.count, 3);
}
END_TEST

START_TEST(holds_are_limited_in_requests_and_answers) {
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  limits()->most[ACCOUNT_HELD] = 3;
  call_with(3);
  expect_refused(&b, STATUS_busy, "--max-held");
  call_with(4); /* the message alone has more than any may hold */
  expect_refused(&b, STATUS_too_large, "--max-held");
  ck_assert_uint_eq(b_account()->refused, 2); /* who sends is told of, not who would receive */
  ck_assert_uint_eq(wire_client(&w, &a)->account->refused, 0);
  for (int i = 0; i < 2; i++) { /* the second time nothing is new */
    call_with(2);
    wire_past_peers(&w, &a);
    ck_assert_int_eq(a.m.op, OP_call);
  }
  answer_with_new();
  expect_refused(&b, STATUS_busy, "--max-held");
  ck_assert_uint_eq(w.broker.refs.holds.count, 3);
  pack_pt(wire_begin(&b, MESSAGE_REQUEST, OP_sub, ++b.last_id, 1), &x);
  wire_send(&w, &b);
  wire_past_peers(&w, &b);
  ck_assert(b.m.kind == MESSAGE_REPLY && b.m.op == OP_sub); /* it holds that already */
  wire_join(&w, &many[0], "c");
  pack_pt(wire_begin(&many[0], MESSAGE_REQUEST, OP_sub, 2, 1), &x);
  wire_send(&w, &many[0]);
  expect_refused(&many[0], STATUS_busy, "--max-held");
  wire_leave(&many[0]);
}
END_TEST

/* One object many times is one. */
START_TEST(the_same_object_again_is_no_new_holding) {
  enum { TIMES = 50 };
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  limits()->most[ACCOUNT_HELD] = 3;
  struct pack *p = wire_ask(&b, OP_call, NULL, &x, TIMES);
  for (uint32_t i = 0; i < TIMES; i++) {
    struct pt own = i % 3 == 2 ? x : wire_token(&b, 1 + i % 3); /* the last is a's own */
    pack_pt(p, &own);
  }
  wire_send(&w, &b);
  do
    ck_assert_int_eq(wire_next(&w, &a), 1);
  while (a.m.op != OP_call);
  ck_assert_uint_eq(w.broker.refs.holds.count, 3);
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
    ck_assert_uint_eq(wire_uint(&a), STATUS_busy);
    errors++;
  }
  ck_assert_uint_gt(errors, 5);
  ck_assert_uint_eq(errors, b_account()->refused);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
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
  expect_refused(&a, STATUS_busy, "--max-memory");
  for (int i = 0; i < 3; i++) wire_leave(&many[i]);
}
END_TEST

/* ---- Time ---- */

/* As if so much time had passed; then the timer fires. */
static void after(struct end *e, uint64_t heard_ms, uint64_t taken_ms) {
  struct client *c = wire_client(&w, e);
  c->heard_ms = uv_now(&w.loop) - heard_ms;
  c->taken_ms = uv_now(&w.loop) - taken_ms;
  ck_assert(uv_is_active((uv_handle_t *)&w.broker.connections.sweep) || !limits_is_watched(c));
  limits_sweep(&w.broker.connections);
}

START_TEST(a_message_begun_is_gone_on_with) {
  send_part(&a, 1000);
  after(&a, 29000, 0);
  wire_expect_nothing(&w, &a);
  after(&a, 30001, 0);
  expect_farewell(&a, "--message-time");
}
END_TEST

START_TEST(a_slow_but_steady_sender_is_heard) {
  pack_string(wire_ask(&a, OP_s2t, "b", NULL, 1), piece, 1000);
  wire_end(&a);
  for (uint32_t i = 0; i < a.out.size; i++) {
    wire_bytes(&w, &a, a.out.bytes + i, 1);
    wire_client(&w, &a)->heard_ms -= 29000; /* it takes its time for the next byte */
    limits_sweep(&w.broker.connections);
  }
  a.out.size = 0;
  wire_past_peers(&w, &b);
  ck_assert_int_eq(b.m.op, OP_s2t);
}
END_TEST

START_TEST(who_has_begun_nothing_may_be_silent) {
  after(&a, 1000000, 1000000);
  wire_quiet(&w, &a);
}
END_TEST

enum { ANSWER = 100 << 10 };

/* a asks b so often, reads nothing, and is answered. */
static void leave_answers(int n) {
  for (int i = 0; i < n; i++) {
    pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "x");
    wire_end(&a);
  }
  wire_flush(&w, &a);
  for (int i = 0; i < n; i++) {
    do
      ck_assert_int_eq(wire_next(&w, &b), 1);
    while (b.m.op != OP_s2t);
    pack_string(wire_begin(&b, MESSAGE_REPLY, OP_s2t, b.m.id, 1), piece, ANSWER);
    wire_send(&w, &b);
  }
}

/* A worker that is stopped is not ended for what others send it. */
START_TEST(what_others_send_is_nobodys_debt) {
  limits()->memory = 8 << 20;
  leave_untaken(4 * LIMITS_WAITING_MOST);
  after(&a, 0, 1000000);
  wire_turn(&w);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY);
}
END_TEST

START_TEST(who_takes_nothing_is_ended_if_much_waits) {
  limits()->memory = 64 << 20;
  leave_answers(LIMITS_WAITING_MOST / ANSWER / 2);
  after(&a, 0, 1000000);
  wire_turn(&w);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY); /* it is stopped, perhaps */
  leave_answers(LIMITS_WAITING_MOST / ANSWER);
  after(&a, 0, 59000);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY);
  after(&a, 0, 60001);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_CONDEMNED);
  wire_turn(&w);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_dead);
  wire_quiet(&w, &b);
}
END_TEST

START_TEST(who_takes_a_little_is_not_ended) {
  limits()->memory = 64 << 20;
  leave_answers(3 * LIMITS_WAITING_MOST / ANSWER);
  after(&a, 0, 59000);
  ck_assert_int_eq(wire_next(&w, &a), 1);
  for (int i = 0; i < 8; i++) ck_assert_int_eq(wire_next(&w, &a), 1);
  ck_assert_uint_gt(wire_client(&w, &a)->outbox.own, LIMITS_WAITING_MOST);
  wire_client(&w, &a)->taken_ms -= 2000; /* 61 s if it had taken nothing */
  limits_sweep(&w.broker.connections);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY);
}
END_TEST

/* Timers may fire between the reading of what others sent it and the writing. */
START_TEST(what_has_just_come_for_one_was_not_left_untaken) {
  struct client *c = wire_client(&w, &a);
  limits()->memory = 8 << 20;
  c->taken_ms = uv_now(&w.loop) - 1000000; /* once before */
  while (c->outbox.bytes <= LIMITS_WAITING_MOST) client_push(c, c->account, piece, LARGE);
  limits_sweep(&w.broker.connections);
  ck_assert_int_eq(c->state, CLIENT_READY);
  wire_turn(&w);
  limits_sweep(&w.broker.connections);
  ck_assert_int_eq(c->state, CLIENT_READY);
  c->taken_ms -= 60001;
  limits_sweep(&w.broker.connections);
  ck_assert_int_eq(c->state, CLIENT_CONDEMNED);
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
  tcase_add_test(t, requests_open_are_limited);
  tcase_add_test(t, requests_given_up_are_paid_until_they_are_answered);
  tcase_add_test(t, requests_given_up_do_not_fill_a_worker);
  tcase_add_test(t, waits_are_limited);
  tcase_add_test(t, exports_are_limited_in_requests_and_answers);
  tcase_add_test(t, holds_are_limited_in_requests_and_answers);
  tcase_add_test(t, the_same_object_again_is_no_new_holding);
  tcase_add_test(t, connections_and_names_are_limited);
  tcase_add_test(t, a_connection_knows_when_its_process_was_started);
  tcase_add_test(t, accounts_of_processes_and_users_are_shown);
  tcase_add_test(t, notices_are_paid_by_whoever_causes_them);
  tcase_add_test(t, other_records_are_paid_by_whoever_causes_them);
  tcase_add_test(t, dead_hosts_are_charged_while_they_are_known);
  tcase_add_test(t, answers_without_room_are_refused);
  tcase_add_test(t, answers_beyond_the_memory_for_all_are_refused);
  tcase_add_test(t, a_message_begun_is_gone_on_with);
  tcase_add_test(t, a_slow_but_steady_sender_is_heard);
  tcase_add_test(t, who_has_begun_nothing_may_be_silent);
  tcase_add_test(t, what_others_send_is_nobodys_debt);
  tcase_add_test(t, who_takes_nothing_is_ended_if_much_waits);
  tcase_add_test(t, who_takes_a_little_is_not_ended);
  tcase_add_test(t, what_has_just_come_for_one_was_not_left_untaken);
  return run_suite(s);
}
