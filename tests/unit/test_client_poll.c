/* SPDX-License-Identifier: MIT
 *
 * Looking for messages instead of sleeping (client-lib/poll.c): when, and what ends it.
 */
#define _GNU_SOURCE /* syscall */
#include <sys/syscall.h>

#include "tests/unit/fake_return.h"

enum { LIMIT_US = 1000 };
static struct fake f;
static bool polled_inside;
static unsigned sleeps;

/* The program's own, before the library's: with it the client sleeps. */
__attribute__((visibility("default"))) int poll(struct pollfd *fds, nfds_t n, int ms) {
  if (ms != 0) sleeps++;
  return (int)syscall(SYS_poll, fds, n, ms);
}

/* Looking has been worth it so far. */
static void open_eager(void) {
  fake_open(&f);
  gj_poll_init(f.g, LIMIT_US);
  f.g->polling.share = 1;
}
static void close_it(void) { fake_close(&f); }

static void send_free(void) {
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 1, 0);
  fake_send(&f);
}

START_TEST(what_is_there_is_handled_at_once) {
  send_free();
  ck_assert(gaijin_poll(f.g));
  ck_assert_uint_eq(f.told.frees, 1);
  ck_assert_uint_eq(f.g->polling.looks, 0);
  ck_assert_uint_eq(f.g->polling.hits, 1);
}
END_TEST

START_TEST(nothing_is_looked_for_until_it_is_worth_it) {
  f.g->polling.share = 0;
  send_free();
  ck_assert(!gaijin_poll(f.g));
  ck_assert_uint_eq(f.told.frees, 0);
  ck_assert(polling_wants_hit(&f.g->polling)); /* but the wait is measured */
  gaijin_dispatch(f.g);
  ck_assert(!polling_wants_hit(&f.g->polling));
  ck_assert_uint_eq(f.g->polling.hits, 0);
}
END_TEST

START_TEST(off_it_does_nothing) {
  gj_poll_init(f.g, 0);
  f.g->polling.share = 1;
  send_free();
  ck_assert(!gaijin_poll(f.g));
  ck_assert_uint_eq(f.told.frees, 0);
}
END_TEST

START_TEST(looks_end) {
  ck_assert(!gaijin_poll(f.g));
  uint64_t hits, slow, looks = gaijin_poll_looks(f.g, &hits, &slow);
  ck_assert_uint_gt(looks, 0);
  ck_assert_uint_eq(hits, 0);
  for (int i = 0; i < 1000; i++) ck_assert(!gaijin_poll(f.g));
  ck_assert_uint_eq(gaijin_poll_looks(f.g, &hits, &slow), looks);
}
END_TEST

/* A byte at a time is no message until the last has come. */
START_TEST(who_drips_bytes_keeps_nobody_awake) {
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 1, 0);
  fake_end(&f);
  ck_assert(!gaijin_poll(f.g));
  uint64_t hits, slow, looks = gaijin_poll_looks(f.g, &hits, &slow);
  for (uint32_t i = 0; i < f.out.size; i++) {
    fake_bytes(&f, f.out.bytes + i, 1);
    gaijin_dispatch(f.g);
    ck_assert(!gaijin_poll(f.g) || i == f.out.size - 1);
    if (i < f.out.size - 1) ck_assert_uint_eq(gaijin_poll_looks(f.g, &hits, &slow), looks);
  }
  ck_assert_uint_eq(f.told.frees, 1);
  ck_assert_uint_eq(hits, 0);
}
END_TEST

/* More is waited for than messages, or nothing can come. */
START_TEST(it_is_not_looked_where_that_is_no_use) {
  f.g->starved = true;
  ck_assert(!gaijin_poll(f.g));
  f.g->starved = false;
  f.g->paused = true;
  ck_assert(!gaijin_poll(f.g));
  f.g->paused = false;
  char *bytes = calloc(1, 4 << 20);
  gaijin_begin_reply(f.g, 1, GAIJIN_OP_GET, 1);
  gaijin_put_string(f.g, bytes, 4 << 20);
  ck_assert_int_eq(gaijin_end_answer(f.g), 0);
  gaijin_flush(f.g, false);
  ck_assert(gaijin_wants_write(f.g));
  ck_assert(!gaijin_poll(f.g));
  free(bytes);
  ck_assert_uint_eq(f.g->polling.looks + f.g->polling.hits, 0);
}
END_TEST

START_TEST(the_end_of_the_connection_ends_it) {
  shutdown(f.fd, SHUT_RDWR);
  ck_assert(!gaijin_poll(f.g));
  ck_assert_int_eq(gaijin_link(f.g), GAIJIN_LOST);
  ck_assert(!f.g->polling.is_looking);
  ck_assert(!gaijin_poll(f.g));
}
END_TEST

static void on_free(void *user, uint64_t id) {
  (void)id;
  polled_inside = gaijin_poll(((struct fake *)user)->g);
}

START_TEST(not_in_a_call_back) {
  f.g->events.free = on_free;
  polled_inside = true;
  send_free();
  ck_assert(gaijin_poll(f.g));
  ck_assert(!polled_inside);
}
END_TEST

START_TEST(who_awaits_an_answer_looks_for_it) {
  uint64_t id;
  struct gaijin_answer answer;
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(f.g, NULL, NULL, &id), 0);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 0);
  fake_send(&f);
  ck_assert_int_eq(gaijin_await(f.g, id, 60, &answer), 0);
  ck_assert(answer.ok);
  gaijin_body_free(answer.body);
  ck_assert_uint_eq(f.g->polling.hits, 1);
}
END_TEST

/* The look finds the end, and with it the answer: that the request is lost. */
START_TEST(who_awaits_what_is_lost_hears_of_it_at_once) {
  struct returned r;
  uint64_t id;
  struct gaijin_answer answer;
  return_open(&r);
  gj_poll_init(r.f.g, LIMIT_US);
  r.f.g->polling.share = 1;
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(r.f.g, NULL, NULL, &id), 0);
  gaijin_flush(r.f.g, true);
  return_kill(&r);
  sleeps = 0;
  gaijin_await(r.f.g, id, 60, &answer);
  ck_assert_int_eq(answer.status, GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_AWAY);
  ck_assert_uint_eq(sleeps, 0);
  fake_close(&r.f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_poll");
  TCase *c = tcase_create("poll");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, open_eager, close_it);
  tcase_add_test(c, what_is_there_is_handled_at_once);
  tcase_add_test(c, nothing_is_looked_for_until_it_is_worth_it);
  tcase_add_test(c, off_it_does_nothing);
  tcase_add_test(c, looks_end);
  tcase_add_test(c, who_drips_bytes_keeps_nobody_awake);
  tcase_add_test(c, it_is_not_looked_where_that_is_no_use);
  tcase_add_test(c, the_end_of_the_connection_ends_it);
  tcase_add_test(c, not_in_a_call_back);
  tcase_add_test(c, who_awaits_an_answer_looks_for_it);
  c = tcase_create("await");
  suite_add_tcase(s, c);
  tcase_add_test(c, who_awaits_what_is_lost_hears_of_it_at_once);
  return run_suite(s);
}
