/* SPDX-License-Identifier: MIT
 *
 * Who may monitor, how many may, what is lost of it, and how it ends (ops/monitor.c, core/seen.c).
 */
#include "tests/unit/broker_eye.h"

START_TEST(wishes_that_cannot_be) {
  static const char *const keys[] = {"op", "weather", "token"};
  for (int i = 0; i < 3; i++) {
    pack_text(begin(&eye, keys[i]), "hello");
    wire_send(&w, &eye);
    wire_expect_error(&w, &eye, STATUS_unsupported);
  }
  for (int i = 0; i <= SEEN_WORKERS_MOST; i++) {
    if (i == 0) wire_ask(&eye, OP_monitor, NULL, NULL, 2 * (SEEN_WORKERS_MOST + 1));
    pack_text(&eye.p, "worker");
    pack_text(&eye.p, "x");
  }
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_unsupported);
  ck_assert_uint_eq(w.broker.monitors.count, 0);
  pack_nil(wire_ask(&eye, OP_monitor, NULL, NULL, 1));
  wire_send(&w, &eye);
  wire_expect_end(&w, &eye);
}
END_TEST

static bool may_choose(const char *key, const char *text, uint32_t size) {
  pack_string(begin(&eye, key), text, size);
  wire_send(&w, &eye);
  ck_assert_int_eq(wire_next(&w, &eye), 1);
  return eye.m.op == OP_seen;
}

/* The longest name that anybody is told, and the longest label; one byte more, or one that ends a text, is none. */
START_TEST(names_and_labels_have_a_length) {
  static char text[TOLD_NAME_MAX_BYTES + 2];
  memset(text, 'x', TOLD_NAME_MAX_BYTES + 1);
  ck_assert(may_choose("worker", text, TOLD_NAME_MAX_BYTES));
  ck_assert(may_choose("label", text, SEEN_LABEL_BYTES));
  ck_assert(may_choose("label", "a\0b", 3));
  ck_assert(!may_choose("worker", text, TOLD_NAME_MAX_BYTES + 1));
  ck_assert(!may_choose("worker", "a\0b", 3));
  ck_assert(!may_choose("label", text, SEEN_LABEL_BYTES + 1));
  for (int i = 0; i < 2; i++) {
    pack_uint(begin(&eye, i ? "label" : "worker"), 7);
    wire_send(&w, &eye);
    wire_expect_error(&w, &eye, STATUS_unsupported);
  }
  ck_assert_uint_eq(w.broker.monitors.count, 3);
}
END_TEST

/* It is read in one piece: no more of it than anybody needs, and nothing of who may not. */
START_TEST(no_more_is_read_than_anybody_needs) {
  enum { FITS = 2 * (SEEN_WORKERS_MOST + SEEN_LABELS_MOST + SEEN_TOKENS_MOST + OP_COUNT + 2) };
  for (unsigned more = 0; more <= 1; more++) {
    for (unsigned i = 0; i < FITS / 2 + more; i++) {
      if (i == 0) wire_ask(&eye, OP_monitor, NULL, NULL, FITS + 2 * more);
      pack_text(&eye.p, "op");
      pack_text(&eye.p, "get");
    }
    wire_send(&w, &eye);
    if (more)
      wire_expect_error(&w, &eye, STATUS_unsupported);
    else
      wire_expect(&w, &eye, MESSAGE_NOTICE, OP_seen);
  }
  wire_client(&w, &eye)->uid = 12345;
  pack_nil(wire_ask(&eye, OP_monitor, NULL, NULL, 1));
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_denied); /* not disconnected */
  wire_client(&w, &eye)->uid = geteuid();
}
END_TEST

START_TEST(who_may_not) {
  begin(&till, NULL);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  wire_client(&w, &eye)->uid = 12345;
  begin(&eye, NULL);
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_denied);
  wire_client(&w, &eye)->uid = 0;
  wire_client(&w, &eye)->sandboxed = true;
  begin(&eye, NULL);
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_denied);
  ck_assert_uint_eq(w.broker.monitors.count, 0);
}
END_TEST

/* One more of this process and user, which is to be let monitor or is told that it is too many. */
static void one_more(struct end *e, pid_t pid, uid_t uid, bool may) {
  wire_join_from(&w, e, "e", true, pid, uid);
  begin(e, NULL);
  if (may) {
    begun(e);
    return;
  }
  wire_send(&w, e);
  wire_expect_error(&w, e, STATUS_busy);
}

/* A process leaves places to others of its user, and all of a user's to other users. */
START_TEST(nobody_takes_all_places) {
  enum { HALF = HOSTS_MONITORS / 2, ENDS = HOSTS_MONITORS + 4 };
  static struct end e[ENDS];
  uid_t own = geteuid();
  int n = 0;
  for (int i = 0; i < HALF; i++) one_more(&e[n++], 101, own, true);
  one_more(&e[n++], 101, own, false);
  for (int i = HALF; i < HOSTS_MONITORS - SEEN_SPARED; i++) one_more(&e[n++], 102, own, true);
  one_more(&e[n++], 102, own, false);
  one_more(&e[n++], 103, own, false);
  one_more(&e[n++], 201, own + 1, true); /* as the kernel names the user of its process; the right is another matter */
  ck_assert_uint_eq(w.broker.monitors.count, HOSTS_MONITORS - SEEN_SPARED + 1);
  ck_assert_int_le(n, ENDS);
  for (int i = 0; i < n; i++) wire_leave(&e[i]);
}
END_TEST

/* An id names one request as long as it is open. */
START_TEST(an_id_is_of_one_monitor) {
  begin(&eye, NULL);
  begun(&eye);
  eye.last_id--;
  begin(&eye, NULL);
  wire_send(&w, &eye);
  wire_expect_end(&w, &eye);
}
END_TEST

/* What cannot be seen is named. */
START_TEST(a_refusal_names_what_was_asked_for) {
  struct pack *p = begin(&eye, "token");
  pack_array(p, 2);
  pack_text(p, "shpo");
  pack_uint(p, 12);
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_unsupported);
  wire_expect_text(&eye, "'monitor' names object 12 of worker shpo, which is not connected");
  pack_text(begin(&eye, "op"), "gett");
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_unsupported);
  wire_expect_text(&eye, "'monitor' has the 'op' gett, which no worker is asked for");
}
END_TEST

/* To look for objects in a message that is full of others is charged to who wants that. */
START_TEST(the_search_is_paid_by_who_monitors) {
  enum { PTS = 2000 };
  struct pack *p = begin(&eye, "token");
  pack_array(p, 2);
  pack_text(p, "till");
  pack_uint(p, 999999);
  begun(&eye);
  int64_t before = wire_client(&w, &eye)->balance;
  p = wire_ask(&till, OP_s2t, "shop", NULL, 2);
  pack_array(p, PTS);
  for (int i = 0; i < PTS; i++) {
    struct pt pt = wire_token(&till, (uint64_t)i + 1);
    pack_pt(p, &pt);
  }
  pack_bool(p, false);
  wire_send(&w, &till);
  wire_turn(&w);
  ck_assert_int_le(wire_client(&w, &eye)->balance, before - PTS / 64);
}
END_TEST

START_TEST(only_some_at_a_time_and_each_ends) {
  struct end e[HOSTS_MONITORS] = {0};
  for (int i = 0; i < HOSTS_MONITORS; i++) {
    wire_join_from(&w, &e[i], "e", true, 101 + i, geteuid() + (i >= HOSTS_MONITORS - SEEN_SPARED));
    begin(&e[i], NULL);
    begun(&e[i]);
  }
  uint64_t charged = wire_client(&w, &e[0])->account->used[ACCOUNT_OTHER];
  ck_assert_uint_ge(charged, SEEN_BUFFER);
  begin(&eye, NULL);
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_busy);
  pack_uint(wire_begin(&e[0], MESSAGE_NOTICE, OP_cancel, 0, 1), e[0].last_id);
  wire_send(&w, &e[0]);
  wire_quiet(&w, &e[0]);
  ck_assert_uint_lt(wire_client(&w, &e[0])->account->used[ACCOUNT_OTHER], SEEN_BUFFER);
  monitor(NULL, NULL);
  for (int i = 1; i < HOSTS_MONITORS; i++) wire_leave(&e[i]);
  for (int i = 0; i < 4; i++) wire_turn(&w);
  ck_assert_uint_eq(w.broker.monitors.count, 1);
  ask("x");
  answer_text("y");
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  wire_leave(&e[0]);
}
END_TEST

/* Rows and what was lost are together what there was, and little waits for who does not read. */
START_TEST(who_does_not_read_loses_rows_and_is_told) {
  enum { MANY = 20000 };
  lost = 0;
  monitor(NULL, NULL);
  for (int i = 0; i < MANY; i++) {
    ask("x");
    answer_text("y");
    ck_assert_uint_le(wire_client(&w, &eye)->outbox.bytes, SEEN_UNREAD_MOST);
  }
  uint64_t seen = 0;
  for (int quiet = 0; quiet < 3;) {
    n_rows = n_known = 0;
    uv_timer_t *later = &w.broker.monitors.later;
    later->timer_cb(later);
    int r = wire_next(&w, &eye);
    quiet = r ? 0 : quiet + 1;
    for (; r; r = 0) {
      struct value v;
      lost += number(&eye);
      while (reader_next(&eye.r, &v)) {
        seen += v.count == 12;
        struct value inside;
        for (uint32_t i = 0; i < v.count; i++) ck_assert(reader_next(&eye.r, &inside));
      }
    }
  }
  ck_assert_uint_gt(lost, 0);
  ck_assert_uint_eq(seen + lost, 2 * MANY);
}
END_TEST

START_TEST(who_was_in_a_lost_row_is_introduced_again) {
  lost = 0;
  monitor(NULL, NULL);
  ask("x");
  struct client *c = wire_client(&w, &eye);
  c->outbox.bytes += SEEN_UNREAD_MOST; /* as if so much waited */
  w.broker.monitors.later.timer_cb(&w.broker.monitors.later);
  c->outbox.bytes -= SEEN_UNREAD_MOST;
  answer_text("y");
  look(&eye);
  ck_assert(lost == 1 && n_rows == 1 && knows(&shop, "shop") && knows(&till, "till"));
}
END_TEST

START_TEST(ends_when_another_program_goes_on) {
  monitor(NULL, NULL);
  ask("x");
  seen_end_all(&w.broker);
  wire_expect(&w, &eye, MESSAGE_NOTICE, OP_seen);
  wire_expect_error(&w, &eye, STATUS_away);
  ck_assert_uint_eq(w.broker.monitors.count, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker monitor bounds");
  TCase *c = tcase_create("monitor");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, wishes_that_cannot_be);
  tcase_add_test(c, names_and_labels_have_a_length);
  tcase_add_test(c, no_more_is_read_than_anybody_needs);
  tcase_add_test(c, who_may_not);
  tcase_add_test(c, nobody_takes_all_places);
  tcase_add_test(c, an_id_is_of_one_monitor);
  tcase_add_test(c, a_refusal_names_what_was_asked_for);
  tcase_add_test(c, the_search_is_paid_by_who_monitors);
  tcase_add_test(c, only_some_at_a_time_and_each_ends);
  tcase_add_test(c, who_does_not_read_loses_rows_and_is_told);
  tcase_add_test(c, who_was_in_a_lost_row_is_introduced_again);
  tcase_add_test(c, ends_when_another_program_goes_on);
  return run_suite(s);
}
