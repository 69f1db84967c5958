/* SPDX-License-Identifier: MIT
 *
 * Objects that are lent to an observer: to whom, which, and that the books are as if it had been given them.
 */
#define _GNU_SOURCE
#include "broker/core/permissions.h"
#include "tests/unit/broker_carried.h"
#include "tests/unit/broker_comeback.h"
#include "tests/unit/captured.h"

static struct wire w, v;
static struct end a, b, looker; /* a has the objects, b holds them */
static struct pt x;

static void setup(void) {
  wire_open(&w, NULL);
  a = b = looker = (struct end){0};
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  wire_join_as(&w, &looker, "looker", true);
  x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
}
static void leave(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&looker);
}
static void teardown(void) {
  leave();
  wire_close(&w);
}

static void ask(struct end *e, const char *name, uint64_t id) {
  pack_text(wire_ask(e, OP_lend, NULL, NULL, 2), name);
  pack_uint(&e->p, id);
  wire_end(e);
}
static void borrow(struct end *e, const char *name, uint64_t id) {
  ask(e, name, id);
  wire_flush(&w, e);
}
/* The next but introductions is the loan of x. */
static void expect_loan(struct wire *of, struct end *e) {
  wire_past_peers(of, e);
  ck_assert_int_eq(e->m.kind, MESSAGE_REPLY);
  ck_assert_int_eq(e->m.op, OP_lend);
  ck_assert_uint_eq(e->m.body_count, 1);
  struct pt got = wire_pt(e);
  ck_assert(pt_equal(&got, &x));
}
static void expect_refused(struct end *e, enum status status, const char *text) {
  const char *bytes;
  uint32_t size;
  wire_expect_error(&w, e, status);
  ck_assert_int_eq(e->m.op, OP_lend);
  ck_assert(reader_string(&e->r, &bytes, &size));
  ck_assert_msg(memmem(bytes, size, text, strlen(text)), "no '%s' in: %.*s", text, (int)size, bytes);
}
static uint64_t held(struct end *e) { return refs_held_count(&w.broker.refs, wire_client(&w, e)->host); }

START_TEST(a_loan_is_a_holding) {
  borrow(&looker, "a", 1);
  wire_expect_peer(&w, &looker, a.host, "a");
  expect_loan(&w, &looker);
  ck_assert_uint_eq(held(&looker), 1);
  ck_assert_uint_eq(wire_client(&w, &looker)->account->used[ACCOUNT_HELD], 1);
  wire_ask(&looker, OP_len, NULL, &x, 0);
  wire_send(&w, &looker);
  wire_expect_peer(&w, &a, looker.host, "@looker");
  wire_expect(&w, &a, MESSAGE_REQUEST, OP_len);
  wire_unsub(&w, &b, &x, 1);
  wire_quiet(&w, &a); /* looker holds it */
  borrow(&looker, "a", 1);
  expect_loan(&w, &looker);
  wire_unsub(&w, &looker, &x, 1);
  wire_quiet(&w, &a);
  wire_unsub(&w, &looker, &x, 1);
  wire_expect_drop(&w, &a, 1, 1); /* what was seen of it, no loan */
  borrow(&looker, "a", 1);
  expect_refused(&looker, STATUS_stale, "nobody holds an object 1 of worker a");
}
END_TEST

START_TEST(the_end_of_the_observer_gives_it_back) {
  borrow(&looker, "a", 1);
  expect_loan(&w, &looker);
  wire_unsub(&w, &b, &x, 1);
  wire_quiet(&w, &a);
  wire_leave(&looker);
  wire_turn(&w);
  wire_expect_drop(&w, &a, 1, 1);
}
END_TEST

/* The last holder lets go while somebody borrows: whoever is heard first decides, and nobody has what is dropped. */
START_TEST(a_release_before_the_loan) {
  struct pack *p = wire_begin(&b, MESSAGE_NOTICE, OP_unsub, 0, 2);
  pack_pt(p, &x);
  pack_uint(p, 1);
  wire_end(&b);
  ask(&looker, "a", 1);
  if (_i) { /* both wait in their sockets in the same turn */
    ck_assert_int_gt(send(looker.fd, looker.out.bytes, looker.out.size, 0), 0);
    looker.out.size = 0;
    wire_flush(&w, &b);
  } else {
    ck_assert_int_gt(send(b.fd, b.out.bytes, b.out.size, 0), 0);
    b.out.size = 0;
    wire_flush(&w, &looker);
  }
  wire_past_peers(&w, &looker);
  if (looker.m.kind == MESSAGE_ERROR) {
    ck_assert_uint_eq(wire_uint(&looker), STATUS_stale);
    wire_expect_drop(&w, &a, 1, 1);
  } else {
    wire_quiet(&w, &a);
    wire_unsub(&w, &looker, &x, 1);
    wire_expect_drop(&w, &a, 1, 1);
  }
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
}
END_TEST

/* The host sends it once more while the drop is on its way to it: a new record, whose loan counts from there. */
START_TEST(sent_again_after_the_drop) {
  wire_unsub(&w, &b, &x, 1);
  pack_pt(wire_ask(&a, OP_s2t, "b", NULL, 1), &x); /* it has not read the drop yet */
  wire_send(&w, &a);
  borrow(&looker, "a", 1);
  expect_loan(&w, &looker);
  wire_unsub(&w, &b, &x, 1);
  wire_expect_drop(&w, &a, 1, 1);
  wire_quiet(&w, &a);
  wire_unsub(&w, &looker, &x, 1);
  wire_expect_drop(&w, &a, 1, 1);
}
END_TEST

START_TEST(the_host_ends) {
  borrow(&looker, "a", 1);
  expect_loan(&w, &looker);
  wire_leave(&a);
  wire_expect(&w, &looker, MESSAGE_NOTICE, OP_dead);
  borrow(&looker, "a", 1);
  expect_refused(&looker, STATUS_dead, "Gaijin tried accessing dead resource. (a)");
  wire_join(&w, &a, "a"); /* another worker of the name */
  borrow(&looker, "a", 1);
  expect_refused(&looker, STATUS_stale, "nobody holds an object 1");
  wire_unsub(&w, &looker, &x, 1);
  wire_unsub(&w, &b, &x, 1);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
}
END_TEST

START_TEST(who_may_not) {
  borrow(&b, "a", 1);
  expect_refused(&b, STATUS_denied, "only observers may");
  wire_client(&w, &looker)->sandboxed = true;
  borrow(&looker, "a", 1);
  expect_refused(&looker, STATUS_denied, "no sandboxed client may");
  wire_client(&w, &looker)->sandboxed = false;
  wire_client(&w, &looker)->uid = geteuid() + 1;
  borrow(&looker, "a", 1);
  expect_refused(&looker, STATUS_denied, "without a policy the broker's own user and root may");
  wire_client(&w, &looker)->uid = 0;
  borrow(&looker, "a", 1);
  expect_loan(&w, &looker);
  wire_client(&w, &looker)->uid = geteuid();
  ck_assert_uint_eq(held(&looker), 1);
}
END_TEST

START_TEST(what_is_no_worker) {
  static const char *const names[] = {"looker", "@looker", "nobody", "", "a@b"};
  for (int i = 0; i < 5; i++) {
    borrow(&looker, names[i], 1);
    expect_refused(&looker, STATUS_dead, "dead resource");
  }
  borrow(&looker, "a", UINT64_MAX);
  expect_refused(&looker, STATUS_stale, "18446744073709551615");
  pack_uint(wire_ask(&looker, OP_lend, NULL, NULL, 2), 1);
  pack_uint(&looker.p, 1);
  wire_send(&w, &looker);
  wire_expect_end(&w, &looker);
}
END_TEST

static void begin_lend(void) {
  wire_leave(&looker);
  looker = (struct end){0};
  wire_join_as(&w, &looker, "looker", true);
  wire_ask(&looker, OP_lend, NULL, NULL, 2);
}
static void expect_fault(void) {
  wire_send(&w, &looker);
  wire_expect_end(&w, &looker);
}

/* What is no name, or no id, ends the connection, whatever the other is. */
START_TEST(what_is_no_request) {
  static char name[NAME_MAX_BYTES + 2];
  memset(name, 'x', NAME_MAX_BYTES + 1);
  begin_lend();
  pack_text(&looker.p, "a");
  pack_text(&looker.p, "1");
  expect_fault();
  begin_lend();
  pack_text(&looker.p, "a");
  pack_nil(&looker.p);
  expect_fault();
  begin_lend();
  pack_text(&looker.p, name);
  pack_uint(&looker.p, 1);
  expect_fault();
  begin_lend();
  pack_text(&looker.p, name + 1); /* the longest there may be */
  pack_uint(&looker.p, 1);
  wire_send(&w, &looker);
  expect_refused(&looker, STATUS_dead, "dead resource");
}
END_TEST

START_TEST(it_is_paid_for) {
  w.broker.connections.accounts.limits.most[ACCOUNT_HELD] = 1;
  borrow(&looker, "a", 1);
  expect_refused(&looker, STATUS_busy, "--max-held");
  w.broker.connections.accounts.limits.most[ACCOUNT_HELD] = 2;
  borrow(&looker, "a", 1);
  expect_loan(&w, &looker);
  borrow(&looker, "a", 1); /* it holds that already */
  expect_loan(&w, &looker);
}
END_TEST

/* So many loans that their lines are thinned, and then one that monitors. */
START_TEST(loans_do_not_hide_a_monitor) {
  struct captured log;
  captured_begin(&log, STDERR_FILENO);
  setup();
  w.broker.log.level = LOG_INFO;
  for (int i = 0; i < 15; i++) {
    borrow(&looker, "a", 1);
    expect_loan(&w, &looker);
  }
  wire_ask(&looker, OP_monitor, NULL, NULL, 0);
  wire_send(&w, &looker);
  wire_expect(&w, &looker, MESSAGE_NOTICE, OP_seen);
  teardown();
  const char *text = captured_end(&log), *line = text;
  int loans = 0;
  for (; (line = strstr(line, "is lent object 1 ")); line++) loans++;
  ck_assert_msg(loans == 10 && strstr(text, "looker (user ") && strstr(text, "sees what workers send each other"), "%s", text);
}
END_TEST

START_TEST(it_goes_over_an_upgrade) {
  carried_keeps = _i;
  borrow(&looker, "a", 1);
  carried_over(&v, &w, NULL);
  carried_forget(&w);
  expect_loan(&v, &looker);
  wire_unsub(&v, &b, &x, 1);
  wire_quiet(&v, &a);
  wire_unsub(&v, &looker, &x, 1);
  wire_expect_drop(&v, &a, 1, 1);
  leave();
  wire_close(&v);
}
END_TEST

/* While a host has not come back nothing of it is lent; then what is there, held or not. */
START_TEST(after_a_restart) {
  struct worker host = {.end = {.fd = -1}};
  wire_open(&w, NULL);
  looker = (struct end){0};
  worker_join(&w, &host, "a");
  wire_kill(&w);
  worker_forget(&host);
  wire_again(&w, NULL);
  wire_join_as(&w, &looker, "looker", true);
  x = (struct pt){.host = host.host, .id = 1, .stamp = 7, .kind = PT_TABLE};
  borrow(&looker, "a", 1);
  expect_refused(&looker, STATUS_away, "has not come back yet");
  worker_return(&w, &host);
  worker_announce(&w, &host, &x, 1);
  borrow(&looker, "a", 1);
  expect_refused(&looker, STATUS_away, "has not come back yet");
  worker_back(&w, &host);
  wire_settle(&w);
  borrow(&looker, "a", 1);
  expect_refused(&looker, STATUS_stale, "nobody holds");
  wire_leave(&host.end);
  wire_leave(&looker);
  wire_close(&w);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker lend");
  TCase *t = tcase_create("lend"), *own = tcase_create("own broker"), *over = tcase_create("upgrade");
  suite_add_tcase(s, t);
  suite_add_tcase(s, own);
  suite_add_tcase(s, over);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_loan_is_a_holding);
  tcase_add_test(t, the_end_of_the_observer_gives_it_back);
  tcase_add_loop_test(t, a_release_before_the_loan, 0, 2);
  tcase_add_test(t, sent_again_after_the_drop);
  tcase_add_test(t, the_host_ends);
  tcase_add_test(t, who_may_not);
  tcase_add_test(t, what_is_no_worker);
  tcase_add_test(t, what_is_no_request);
  tcase_add_test(t, it_is_paid_for);
  tcase_add_test(own, loans_do_not_hide_a_monitor);
  tcase_add_checked_fixture(over, setup, NULL);
  tcase_add_loop_test(over, it_goes_over_an_upgrade, 0, 2);
  tcase_add_test(own, after_a_restart);
  return run_suite(s);
}
