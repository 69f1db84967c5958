/* SPDX-License-Identifier: MIT
 *
 * The broker's last word at an end in good order.
 */
#include "broker/core/notify.h"
#include "broker/books/roster_file.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b;

static void setup(void) { wire_open(&w, NULL); }
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
}

/* Reads what the broker has left in the socket; it is not there any more. */
static int last_words(struct end *e) {
  int found = 0;
  uint8_t *bytes;
  uint32_t size, room, count;
  for (;;) {
    uint8_t *to = frame_room(&e->in, 4096, &room);
    ssize_t n = recv(e->fd, to, room, 0);
    ck_assert_int_ge(n, 0);
    if (n == 0) return found;
    frame_filled(&e->in, (uint32_t)n);
    while (frame_next(&e->in, &bytes, &size) == FRAME_MESSAGE) {
      ck_assert_ptr_null(message_parse(bytes, size, &e->m));
      reader_open(&e->r, e->m.body, e->m.body_size, &count);
      if (e->m.op != OP_bye) continue;
      ck_assert_int_eq(e->m.kind, MESSAGE_NOTICE);
      found++;
    }
  }
}

START_TEST(workers_and_observers_are_told) {
  wire_join(&w, &a, "shop");
  wire_join_as(&w, &b, "eye", true);
  wire_close(&w);
  ck_assert_int_eq(last_words(&a), 1);
  wire_expect_text(&a, "the broker was ended in good order");
  ck_assert_int_eq(last_words(&b), 1);
}
END_TEST

START_TEST(what_came_before_is_sent_before) {
  wire_join(&w, &a, "shop");
  struct client *shop = wire_client(&w, &a);
  struct host nobody = {.id = 5, .name = "nobody"};
  notify_peer(shop, &nobody, NULL);
  wire_close(&w);
  ck_assert_int_eq(last_words(&a), 1); /* and it was the last: the reader is on it */
  ck_assert_int_eq(a.m.op, OP_bye);
}
END_TEST

/* Whoever may rename files there puts the roster aside, and back after the end: nobody comes back by it. */
START_TEST(a_roster_that_is_put_back_is_none) {
  char roster[120], aside[130], error[256];
  struct roster r;
  struct log quiet;
  wire_join(&w, &a, "shop");
  snprintf(roster, sizeof roster, "%s.roster", w.path);
  snprintf(aside, sizeof aside, "/tmp/gaijin-aside-%ld", (long)getpid());
  ck_assert_uint_eq(w.broker.roster.used, 1);
  ck_assert_int_eq(rename(roster, aside), 0);
  wire_close(&w);
  char renamed[150];
  snprintf(renamed, sizeof renamed, "%s.roster", aside);
  ck_assert_int_eq(rename(aside, renamed), 0);
  ck_assert(log_open(&quiet, LOG_ERROR, LOG_TEXT, STDERR_FILENO));
  ck_assert_int_eq(roster_open(&r, aside, &quiet, error, sizeof error), 0);
  ck_assert_uint_eq(r.used, 0);
  ck_assert_uint_eq(r.generation, 1);
  roster_remove(&r);
  log_close(&quiet);
}
END_TEST

START_TEST(older_clients_and_strangers_are_not) {
  wire_join(&w, &a, "shop");
  wire_client(&w, &a)->version = WIRE_VERSION_RETURN - 1;
  wire_connect(&w, &b);
  wire_turn(&w);
  wire_close(&w);
  ck_assert_int_eq(last_words(&a), 0);
  ck_assert_int_eq(last_words(&b), 0);
}
END_TEST

START_TEST(one_that_does_not_read_holds_nobody_up) {
  wire_join(&w, &a, "shop");
  wire_join(&w, &b, "bank");
  struct host nobody = {.id = 5, .name = "nobody"};
  for (int i = 0; i < 20000; i++) notify_peer(wire_client(&w, &a), &nobody, NULL);
  wire_turn(&w);
  wire_close(&w);
  ck_assert_int_eq(last_words(&b), 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker bye");
  TCase *t = tcase_create("bye");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, workers_and_observers_are_told);
  tcase_add_test(t, what_came_before_is_sent_before);
  tcase_add_test(t, a_roster_that_is_put_back_is_none);
  tcase_add_test(t, older_clients_and_strangers_are_not);
  tcase_add_test(t, one_that_does_not_read_holds_nobody_up);
  return run_suite(s);
}
