/* SPDX-License-Identifier: MIT
 *
 * The first message of a connection, and names.
 */
#define _GNU_SOURCE /* memmem */
#include "broker/core/notify.h"
#include "broker/ops/coming/greet.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, c;

static void setup(void) { wire_open(&w, NULL); }
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&c);
  wire_close(&w);
}

START_TEST(hello_is_answered_with_identity_and_limits) {
  wire_connect(&w, &a);
  wire_hello(&w, &a, "shop", false);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_hello);
  ck_assert_uint_eq(wire_uint(&a), WIRE_VERSION_MOST);
  ck_assert_uint_ne(wire_uint(&a), 0);
  wire_expect_text(&a, "shop");
  ck_assert_uint_eq(wire_uint(&a), 1 << 20);
  wire_expect_text(&a, GAIJIN_VERSION);
}
END_TEST

START_TEST(names_are_generated_on_request) {
  wire_connect(&w, &a);
  wire_hello(&w, &a, "client-1", false);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_hello);
  wire_connect(&w, &b);
  wire_hello(&w, &b, NULL, false);
  wire_expect(&w, &b, MESSAGE_REPLY, OP_hello);
  wire_uint(&b);
  wire_uint(&b);
  wire_expect_text(&b, "client-2");
}
END_TEST

START_TEST(a_name_is_taken_until_its_worker_ends) {
  wire_join(&w, &a, "shop");
  wire_connect(&w, &b);
  wire_hello(&w, &b, "shop", false);
  wire_expect_error(&w, &b, STATUS_name_taken);
  wire_expect_end(&w, &b);
  close(a.fd);
  a.fd = -1;
  wire_turn(&w);
  wire_join(&w, &c, "shop");
  ck_assert_uint_ne(c.host, a.host);
}
END_TEST

START_TEST(bad_names_are_refused) {
  wire_connect(&w, &a);
  wire_hello(&w, &a, "a\nb", false);
  wire_expect_error(&w, &a, STATUS_unsupported);
  wire_expect_end(&w, &a);
  wire_connect(&w, &b);
  wire_hello(&w, &b, "", false);
  wire_expect_error(&w, &b, STATUS_unsupported);
  wire_expect_end(&w, &b);
  wire_connect(&w, &c);
  wire_hello(&w, &c, "shop@home", false);
  wire_expect_error(&w, &c, STATUS_unsupported);
  wire_expect_text(&c, "a worker's name has no '@' and no '/': they are reserved for naming machines");
  wire_expect_end(&w, &c);
}
END_TEST

START_TEST(the_longest_name_has_64_bytes) {
  static const char name[] = "1234567890123456789012345678901234567890123456789012345678901234";
  ck_assert_uint_eq(sizeof name, NAME_MAX_BYTES + 1);
  wire_join(&w, &a, name);
  wire_expect_text(&a, name);
  wire_join(&w, &b, "b");
  wire_ask(&b, OP_labels, name, NULL, 0);
  wire_send(&w, &b);
  wire_expect_peer(&w, &a, b.host, "b");
  wire_expect(&w, &a, MESSAGE_REQUEST, OP_labels);
}
END_TEST

START_TEST(nothing_is_accepted_before_hello_or_a_second_hello) {
  wire_connect(&w, &a);
  wire_begin(&a, MESSAGE_REQUEST, OP_ping, 1, 0);
  wire_send(&w, &a);
  wire_expect_end(&w, &a);
  wire_join(&w, &b, "shop");
  wire_hello(&w, &b, "shop", false);
  wire_expect_end(&w, &b);
}
END_TEST

START_TEST(who_never_says_hello_is_sent_away) {
  struct value v;
  wire_join(&w, &c, "shop");
  uv_timer_stop(&w.broker.greeting); /* it waits for c's time still, which is long */
  w.broker.hello_ms = 50;
  wire_connect(&w, &a);
  wire_connect(&w, &b);
  wire_bytes(&w, &b, "\xce", 1); /* to begin is not enough */
  do
    uv_run(&w.loop, UV_RUN_ONCE); /* nothing but the timer can happen */
  while (w.broker.connections.all->next);
  ck_assert(!uv_is_active((uv_handle_t *)&w.broker.greeting));
  wire_expect_error(&w, &a, STATUS_protocol);
  ck_assert(reader_next(&a.r, &v) && memmem(v.bytes, v.size, "within 0.05 s", 13) != NULL);
  wire_expect_end(&w, &a);
  wire_expect_end(&w, &b);
  wire_quiet(&w, &c);
  wire_leave(&a);
  w.broker.hello_ms = 60000;
  wire_connect(&w, &a);
  wire_turn(&w);
  ck_assert(uv_is_active((uv_handle_t *)&w.broker.greeting)); /* the next one is watched again */
}
END_TEST

START_TEST(before_hello_only_small_messages_are_taken) {
  static const uint8_t announced[] = {0xce, 0, 0, 0x20, 0};
  wire_connect(&w, &a);
  wire_bytes(&w, &a, announced, sizeof announced);
  wire_expect_end(&w, &a);
}
END_TEST

START_TEST(observers_cannot_be_addressed) {
  wire_join_as(&w, &a, "shop", true);
  wire_join(&w, &b, "shop");
  wire_join_as(&w, &c, "bank", true);
  wire_ask(&b, OP_labels, "bank", NULL, 0);
  wire_send(&w, &b);
  wire_expect_error(&w, &b, STATUS_dead);
  wire_expect_text(&b, "Gaijin tried accessing dead resource. (bank)");
}
END_TEST

/* Its name is its own word, and may be a worker's: nobody is told it without an '@'. */
START_TEST(observers_are_told_as_such) {
  char longest[NAME_MAX_BYTES + 1], told[NAME_MAX_BYTES + 2] = "@";
  memset(longest, 'n', NAME_MAX_BYTES);
  longest[NAME_MAX_BYTES] = '\0';
  strcat(told, longest);
  wire_join(&w, &a, "shop");
  wire_join_as(&w, &b, "shop", true);
  wire_join_as(&w, &c, longest, true);
  wire_ask(&b, OP_labels, "shop", NULL, 0);
  wire_send(&w, &b);
  wire_expect_peer(&w, &a, b.host, "@shop");
  wire_expect(&w, &a, MESSAGE_REQUEST, OP_labels);
  wire_ask(&c, OP_labels, "shop", NULL, 0);
  wire_send(&w, &c);
  wire_expect_peer(&w, &a, c.host, told);
  wire_expect(&w, &a, MESSAGE_REQUEST, OP_labels);
  wire_leave(&c); /* and nobody names itself so */
  wire_connect(&w, &c);
  wire_hello(&w, &c, "@shop", true);
  wire_expect_error(&w, &c, STATUS_unsupported);
}
END_TEST

static void watch(struct end *e, const char *name, const char *event) {
  struct pack *p = wire_ask(e, OP_watch, NULL, NULL, 2);
  pack_text(p, name);
  pack_text(p, event);
  wire_send(&w, e);
}

START_TEST(watches_are_answered_when_they_come_true) {
  wire_join(&w, &a, "bank");
  watch(&a, "shop", "ready");
  watch(&a, "shop", "present");
  watch(&a, "bank", "present");
  wire_expect_peer(&w, &a, a.host, "bank");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_watch);
  ck_assert_uint_eq(wire_uint(&a), a.host);
  wire_expect_nothing(&w, &a);
  wire_join(&w, &b, "shop");
  wire_expect_peer(&w, &a, b.host, "shop");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_watch);
  ck_assert_uint_eq(a.m.id, 3);
  ck_assert_uint_eq(wire_uint(&a), b.host);
  wire_expect_nothing(&w, &a);
  wire_begin(&b, MESSAGE_NOTICE, OP_ready, 0, 0);
  wire_send(&w, &b);
  wire_expect(&w, &a, MESSAGE_REPLY, OP_watch);
  ck_assert_uint_eq(a.m.id, 2);
  watch(&a, "shop", "ready");
  wire_expect(&w, &a, MESSAGE_REPLY, OP_watch);
  wire_leave(&b);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead);
  watch(&a, "shop", "present");
  wire_expect_nothing(&w, &a);
}
END_TEST

/* _i == 1: the worker gives its name up before all were told; _i == 2: it ends. They wait for the next one. */
START_TEST(many_who_wait_for_a_name_are_told_in_slices) {
  enum { WATCHES = 3000, SLICE = 400 };
  struct end shop = {0}, next = {0};
  const struct slab *waits = &w.broker.names.watches.all;
  unsigned turns = 0;
  wire_join(&w, &a, "a");
  for (int i = 0; i < WATCHES; i++) watch(&a, "shop", "present");
  while (waits->count < WATCHES) wire_turn(&w);
  wire_connect(&w, &shop);
  wire_hello(&w, &shop, "shop", false);
  while (waits->count == WATCHES) wire_turn(&w);
  for (uint32_t left = waits->count; left > 0; turns++) {
    if (turns == 2 && _i == 1) {
      wire_begin(&shop, MESSAGE_NOTICE, OP_retire, 0, 0);
      wire_send(&w, &shop);
    }
    if (turns == 2 && _i == 2) wire_leave(&shop);
    if (turns == 4 && _i) break;
    wire_turn(&w);
    ck_assert_uint_le(left - waits->count, 2 * SLICE); /* wire_turn ends two turns */
    left = waits->count;
  }
  ck_assert_uint_ge(turns, _i ? 4 : WATCHES / SLICE / 2 - 1);
  if (_i) {
    ck_assert_uint_gt(waits->count, 0);
    wire_join(&w, &next, "shop");
    while (waits->count) wire_turn(&w);
    wire_leave(&next);
  }
  for (unsigned told = 0; told < WATCHES;) {
    ck_assert_int_eq(wire_next(&w, &a), 1);
    told += a.m.kind == MESSAGE_REPLY && a.m.op == OP_watch;
  }
  wire_leave(&shop);
}
END_TEST

START_TEST(a_cancelled_watch_is_not_answered) {
  wire_join(&w, &a, "bank");
  watch(&a, "shop", "present");
  pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), a.last_id);
  wire_send(&w, &a);
  wire_join(&w, &b, "shop");
  wire_quiet(&w, &a);
}
END_TEST

/* ---- A successor that says hello in the turn in which its predecessor's end is read ---- */

static struct end successor, rival;

/* Writes what was begun, without turning the loop. */
static void write_only(struct end *e) {
  ck_assert_int_eq(send(e->fd, e->out.bytes, e->out.size, MSG_NOSIGNAL), (int)e->out.size);
  e->out.size = 0;
}

static void begin_hello(struct end *e, const char *name) {
  struct hello_request h = {.lowest = WIRE_VERSION_LEAST, .highest = WIRE_VERSION_MOST,
                            .name = name, .name_size = (uint32_t)strlen(name)};
  hello_put_request(wire_begin(e, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(0)), &h, 0);
  wire_end(e);
  e->last_id = 1;
}

static void begin_requests(struct end *e, int n) {
  for (int i = 0; i < n; i++) {
    wire_ask(e, OP_labels, "a", NULL, 0);
    wire_end(e);
  }
}

/* a lives, the worker b named shop has just ended, and two more connections have been accepted.
 * Sockets are read in the order in which they become readable. */
static void end_of_predecessor(void) {
  successor = rival = (struct end){0};
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "shop");
  wire_connect(&w, &successor);
  wire_connect(&w, &rival);
  wire_turn(&w);
  wire_leave(&b);
}

/* Reads everything that was written, but does not end the turn: the hello must be waiting. */
static void read_in_one_turn(void) {
  uv_run(&w.loop, UV_RUN_NOWAIT);
  const char *fault = broker_check(&w.broker);
  ck_assert_msg(!fault, "%s", fault);
  ck_assert_ptr_nonnull(w.broker.work.first);
}

static struct client *record_of(const struct end *e) {
  return hosts_at(&w.broker.hosts, hosts_find(&w.broker.hosts, e->host))->client;
}

START_TEST(a_successor_in_the_turn_of_the_end_gets_the_name) {
  end_of_predecessor();
  begin_hello(&successor, "shop");
  write_only(&successor);
  read_in_one_turn();
  wire_turn(&w);
  ck_assert_ptr_null(w.broker.work.first);
  wire_expect(&w, &successor, MESSAGE_REPLY, OP_hello);
  wire_leave(&successor);
  wire_leave(&rival);
}
END_TEST

START_TEST(what_follows_a_postponed_hello_is_handled_after_it_in_order) {
  end_of_predecessor();
  begin_hello(&successor, "shop");
  wire_begin(&successor, MESSAGE_NOTICE, OP_ready, 0, 0);
  wire_end(&successor);
  begin_requests(&successor, 3);
  uint32_t whole = successor.out.size;
  wire_ask(&successor, OP_ping, NULL, NULL, 0);
  wire_end(&successor);
  uint8_t tail[64]; /* the last message comes in two pieces */
  uint32_t cut = (successor.out.size - whole) / 2;
  ck_assert_uint_le(cut, sizeof tail);
  memcpy(tail, successor.out.bytes + successor.out.size - cut, cut);
  successor.out.size -= cut;
  write_only(&successor);
  read_in_one_turn();
  wire_expect(&w, &successor, MESSAGE_REPLY, OP_hello);
  wire_uint(&successor);
  successor.host = wire_uint(&successor);
  wire_expect_nothing(&w, &successor);
  wire_expect_peer(&w, &a, successor.host, "shop");
  for (int i = 0; i < 3; i++) wire_expect(&w, &a, MESSAGE_REQUEST, OP_labels);
  ck_assert(record_of(&successor)->serves);
  wire_bytes(&w, &successor, tail, cut);
  wire_expect(&w, &successor, MESSAGE_REPLY, OP_ping);
  ck_assert_uint_eq(record_of(&successor)->messages_in, 6); /* the hello counts once */
  wire_leave(&successor);
  wire_leave(&rival);
}
END_TEST

/* Nothing that it sent is lost, nothing of it stays; _i == 1: it ends after its hello was read. */
START_TEST(a_successor_may_have_ended_itself) {
  end_of_predecessor();
  begin_hello(&successor, "shop");
  begin_requests(&successor, 3);
  write_only(&successor);
  if (_i == 0) wire_leave(&successor);
  read_in_one_turn();
  if (_i == 1) wire_leave(&successor);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_peer);
  for (int i = 0; i < 3; i++) wire_expect(&w, &a, MESSAGE_REQUEST, OP_labels);
  for (int i = 0; i < 3; i++) wire_expect(&w, &a, MESSAGE_NOTICE, OP_cancel);
  wire_expect(&w, &a, MESSAGE_NOTICE, OP_dead);
  ck_assert_uint_eq(w.broker.hosts.all.count, 1);
  wire_leave(&rival);
}
END_TEST

START_TEST(of_two_successors_the_first_gets_the_name) {
  end_of_predecessor();
  begin_hello(&successor, "shop");
  write_only(&successor);
  begin_hello(&rival, "shop");
  write_only(&rival);
  read_in_one_turn();
  wire_expect(&w, &successor, MESSAGE_REPLY, OP_hello);
  wire_expect_error(&w, &rival, STATUS_name_taken);
  wire_expect_end(&w, &rival);
  wire_leave(&successor);
  wire_leave(&rival);
}
END_TEST

/* Both hellos were postponed; the first successor breaks the protocol right behind its own. */
START_TEST(a_successor_that_breaks_the_protocol_is_ended_before_the_next_is_heard) {
  end_of_predecessor();
  begin_hello(&successor, "shop");
  begin_hello(&successor, "shop");
  write_only(&successor);
  begin_hello(&rival, "shop");
  write_only(&rival);
  read_in_one_turn();
  wire_expect(&w, &successor, MESSAGE_REPLY, OP_hello);
  wire_expect_end(&w, &successor);
  wire_expect(&w, &rival, MESSAGE_REPLY, OP_hello);
  wire_leave(&successor);
  wire_leave(&rival);
}
END_TEST

START_TEST(a_postponed_hello_goes_with_its_connection) {
  end_of_predecessor();
  begin_hello(&successor, "shop");
  write_only(&successor);
  begin_hello(&rival, "shop");
  write_only(&rival);
  read_in_one_turn();
  uv_timer_stop(&w.broker.greeting); /* as when it has fired: nobody has to say hello any more */
  greet_go_on(&w.broker);
  ck_assert_ptr_null(broker_check(&w.broker));
  client_condemn(_i ? w.broker.connections.all : w.broker.connections.all->next, "%s", "");
  wire_expect(&w, _i ? &successor : &rival, MESSAGE_REPLY, OP_hello);
  wire_expect_end(&w, _i ? &rival : &successor);
  wire_leave(&successor);
  wire_leave(&rival);
}
END_TEST

START_TEST(the_broker_stops_while_a_hello_is_postponed) {
  end_of_predecessor();
  begin_hello(&successor, "shop");
  write_only(&successor);
  read_in_one_turn();
  wire_leave(&successor);
  wire_leave(&rival);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker greet");
  TCase *t = tcase_create("greet");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, hello_is_answered_with_identity_and_limits);
  tcase_add_test(t, names_are_generated_on_request);
  tcase_add_test(t, a_name_is_taken_until_its_worker_ends);
  tcase_add_test(t, bad_names_are_refused);
  tcase_add_test(t, the_longest_name_has_64_bytes);
  tcase_add_test(t, nothing_is_accepted_before_hello_or_a_second_hello);
  tcase_add_test(t, who_never_says_hello_is_sent_away);
  tcase_add_test(t, before_hello_only_small_messages_are_taken);
  tcase_add_test(t, observers_cannot_be_addressed);
  tcase_add_test(t, observers_are_told_as_such);
  tcase_add_test(t, watches_are_answered_when_they_come_true);
  tcase_add_loop_test(t, many_who_wait_for_a_name_are_told_in_slices, 0, 3);
  tcase_add_test(t, a_cancelled_watch_is_not_answered);
  tcase_add_test(t, a_successor_in_the_turn_of_the_end_gets_the_name);
  tcase_add_test(t, what_follows_a_postponed_hello_is_handled_after_it_in_order);
  tcase_add_loop_test(t, a_successor_may_have_ended_itself, 0, 2);
  tcase_add_test(t, of_two_successors_the_first_gets_the_name);
  tcase_add_test(t, a_successor_that_breaks_the_protocol_is_ended_before_the_next_is_heard);
  tcase_add_loop_test(t, a_postponed_hello_goes_with_its_connection, 0, 2);
  tcase_add_test(t, the_broker_stops_while_a_hello_is_postponed);
  return run_suite(s);
}
