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
  config.limits.kept = 1;
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

/* The length of a message of max message, and so many bytes of it. */
static void send_part(struct end *e, uint32_t bytes) {
  const uint8_t prefix[] = {0xce, 0, LARGE >> 16, 0, 0};
  wire_bytes(&w, e, prefix, sizeof prefix);
  wire_bytes(&w, e, piece, bytes);
}

/* The broker has said goodbye with this word in its text, and ended the connection. */
static void expect_farewell(struct end *e, const char *word) {
  const char *text;
  uint32_t size;
  char copy[512];
  wire_expect_error(&w, e, STATUS_busy);
  ck_assert(e->m.op == OP_hello && e->m.id == 0);
  ck_assert(reader_string(&e->r, &text, &size));
  snprintf(copy, sizeof copy, "%.*s", (int)size, text);
  ck_assert_msg(strstr(copy, word), "no '%s' in: %s", word, copy);
  wire_expect_end(&w, e);
}

START_TEST(half_sent_messages_stay_within_the_limit) {
  unsigned ended = 0;
  ck_assert_uint_eq(w.broker.connections.limits.kept, (uint64_t)ACCOUNTS_MESSAGES * LARGE);
  send_part(&a, LARGE * 3 / 4); /* the largest of all */
  for (int i = 0; i < HALVES; i++) {
    char name[16];
    snprintf(name, sizeof name, "m%d", i);
    wire_join(&w, &many[i], name);
    send_part(&many[i], LARGE / 16);
    ck_assert_uint_le(w.broker.connections.kept, w.broker.connections.limits.kept);
  }
  expect_farewell(&a, "--max-memory");
  for (int i = 0; i < HALVES; i++) {
    ended += wire_next(&w, &many[i]) != 0;
    wire_leave(&many[i]);
  }
  ck_assert(ended > 0 && ended < HALVES); /* a buffer has more room than what came */
  wire_turn(&w);
  wire_quiet(&w, &b);
}
END_TEST

/* b posts to a, which reads nothing, until so many bytes wait. */
static void leave_untaken(size_t bytes) {
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  while (wire_client(&w, &a)->outbox.bytes < bytes) {
    struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = ++b.last_id,
                        .flags = MESSAGE_ONE_WAY, .target = OP_NAME, .name = "a", .name_size = 1};
    pack_string(wire_begin_to(&b, &h, 1), piece, 32 << 10);
    wire_send(&w, &b);
  }
}

START_TEST(the_largest_reader_is_ended) {
  w.broker.connections.limits.kept = 4 << 20;
  w.broker.flows.window = (struct window){UINT32_MAX, UINT32_MAX};
  uint64_t id = a.host;
  for (int i = 0; i < 1000 && hosts_find(&w.broker.hosts, id) != SLAB_NONE &&
                  hosts_at(&w.broker.hosts, hosts_find(&w.broker.hosts, id))->client; i++) {
    struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = ++b.last_id,
                        .flags = MESSAGE_ONE_WAY, .target = OP_NAME, .name = "a", .name_size = 1};
    pack_string(wire_begin_to(&b, &h, 1), piece, 32 << 10);
    wire_send(&w, &b);
    ck_assert_uint_le(w.broker.connections.kept, 4 << 20);
  }
  ck_assert(hosts_find(&w.broker.hosts, id) == SLAB_NONE ||
            !hosts_at(&w.broker.hosts, hosts_find(&w.broker.hosts, id))->client);
  ck_assert_uint_eq(wire_client(&w, &b)->state, CLIENT_READY);
}
END_TEST

/* As if so much time had passed; then the timer fires. */
static void after(struct end *e, uint64_t heard_ms, uint64_t taken_ms) {
  struct client *c = wire_client(&w, e);
  c->heard_ms = uv_now(&w.loop) - heard_ms;
  c->taken_ms = uv_now(&w.loop) - taken_ms;
  ck_assert(uv_is_active((uv_handle_t *)&w.broker.connections.sweep) || !accounts_is_watched(c));
  accounts_sweep(&w.broker.connections);
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
    accounts_sweep(&w.broker.connections);
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

START_TEST(who_takes_nothing_is_ended_if_much_waits) {
  leave_untaken(ACCOUNTS_WAITING_MOST / 2);
  after(&a, 0, 1000000);
  wire_turn(&w);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY); /* it is stopped, perhaps */
  leave_untaken(ACCOUNTS_WAITING_MOST + 1);
  after(&a, 0, 59000);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY);
  after(&a, 0, 60001);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_CONDEMNED);
  wire_turn(&w);
  wire_quiet(&w, &b);
}
END_TEST

START_TEST(who_takes_a_little_is_not_ended) {
  w.broker.connections.limits.kept = 8 << 20; /* blocks are half empty */
  leave_untaken(2 * ACCOUNTS_WAITING_MOST);
  after(&a, 0, 59000);
  ck_assert_int_eq(wire_next(&w, &a), 1);
  for (int i = 0; i < 8; i++) ck_assert_int_eq(wire_next(&w, &a), 1);
  ck_assert_uint_gt(wire_client(&w, &a)->outbox.bytes, ACCOUNTS_WAITING_MOST);
  wire_client(&w, &a)->taken_ms -= 2000; /* 61 s if it had taken nothing */
  accounts_sweep(&w.broker.connections);
  ck_assert_int_eq(wire_client(&w, &a)->state, CLIENT_READY);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker accounts");
  TCase *t = tcase_create("limits");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, half_sent_messages_stay_within_the_limit);
  tcase_add_test(t, the_largest_reader_is_ended);
  tcase_add_test(t, a_message_begun_is_gone_on_with);
  tcase_add_test(t, a_slow_but_steady_sender_is_heard);
  tcase_add_test(t, who_has_begun_nothing_may_be_silent);
  tcase_add_test(t, who_takes_nothing_is_ended_if_much_waits);
  tcase_add_test(t, who_takes_a_little_is_not_ended);
  return run_suite(s);
}
