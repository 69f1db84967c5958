/* SPDX-License-Identifier: MIT
 *
 * Windows of one-way requests in the library: the sender is kept to them and told of room, the
 * receiver reports what it has taken, and a dispatch can be paused.
 */
#include "tests/unit/fake_broker.h"

enum { POSTS = 8, BYTES = 4096 };
static struct fake f;
static gaijin_holding *x;

static void setup(void) {
  fake_connect_window(&f, &fake_events, MAX_MESSAGE_DEFAULT, &(struct window){POSTS, BYTES});
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&f.p, OTHER_HOST);
  pack_text(&f.p, "bank");
  fake_deliver(&f);
  struct gaijin_value v;
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  unsigned n = fake_give(&f, &pt);
  ck_assert(gaijin_body_next(f.told.answer[n].body, &v));
  x = v.holding;
  gaijin_hold(f.g, x);
  gaijin_body_free(f.told.answer[n].body);
}
static void teardown(void) {
  ck_assert_ptr_null(gj_check(f.g));
  fake_close(&f);
}

/* Calls x one way with a string of so many bytes. */
static int post(size_t bytes) {
  static const char text[3 * BYTES];
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .one_way = true, .holding = x, .depth = 1}, 1);
  gaijin_put_string(f.g, text, bytes);
  return gaijin_end_request(f.g, NULL, NULL, NULL);
}

/* A request by name: of whose window, the broker alone would know. */
static int by_name(gaijin *g, bool one_way) {
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .one_way = one_way, .name = "bank", .depth = 1}, 0);
  return gaijin_end_request(g, one_way ? NULL : told_answer, &f, NULL);
}

/* Asks x for its length. */
static int ask(void) {
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_LEN, .holding = x, .depth = 1}, 0);
  return gaijin_end_request(f.g, told_answer, &f, NULL);
}

/* The broker's end reads a call; the size of its message. */
static uint32_t read_post(void) {
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert_int_eq(fake_next(&f)->op, OP_call);
  return f.m.size;
}

static void grant(uint64_t host, uint64_t posts, uint64_t bytes, uint64_t undone) {
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_GRANT, 0, 4);
  pack_uint(&f.p, host);
  pack_uint(&f.p, posts);
  pack_uint(&f.p, bytes);
  pack_uint(&f.p, undone);
  fake_deliver(&f);
}

START_TEST(the_sender_is_kept_to_the_window) {
  ck_assert_uint_eq(gaijin_post_window(f.g), POSTS);
  ck_assert_uint_eq(gaijin_post_room(f.g, OTHER_HOST), SIZE_MAX);
  for (int i = 0; i < POSTS; i++) ck_assert_int_eq(post(1), 0);
  ck_assert_uint_eq(gaijin_post_room(f.g, OTHER_HOST), 0);
  ck_assert_int_eq(post(1), GAIJIN_STATUS_BUSY);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "worker bank has not taken the 8 requests"));
  uint32_t size = 0;
  for (int i = 0; i < POSTS; i++) size = read_post();
  ck_assert(fake_idle(&f)); /* the one refused has left nothing */
  ck_assert_uint_eq(f.told.rooms, 0);
  grant(OTHER_HOST, 2, 2 * size, 0);
  ck_assert_uint_eq(f.told.rooms, 1);
  ck_assert_uint_eq(f.told.room, OTHER_HOST);
  ck_assert_int_eq(post(1), 0);
  ck_assert_int_eq(post(1), 0);
  ck_assert_int_eq(post(1), GAIJIN_STATUS_BUSY);
  grant(OTHER_HOST, 1, size, 0);
  ck_assert_uint_eq(f.told.rooms, 2);
}
END_TEST

START_TEST(bytes_count_and_a_large_one_goes_alone) {
  ck_assert_int_eq(post(2 * BYTES), 0);
  ck_assert_int_eq(post(1), GAIJIN_STATUS_BUSY);
  grant(OTHER_HOST, 1, read_post(), 0);
  ck_assert_int_eq(post(2000), 0);
  uint32_t size = read_post();
  ck_assert_uint_eq(gaijin_post_room(f.g, OTHER_HOST), BYTES - size);
  ck_assert_int_eq(post(2 * BYTES), GAIJIN_STATUS_BUSY);
  ck_assert_int_eq(post(1), 0); /* a small one has room */
}
END_TEST

START_TEST(what_just_fits_is_sent) {
  ck_assert_int_eq(post(2000), 0);
  uint32_t large = read_post();
  ck_assert_int_eq(post(1000), 0);
  uint32_t overhead = read_post() - 1000;
  size_t room = gaijin_post_room(f.g, OTHER_HOST);
  ck_assert_uint_eq(room, BYTES - large - 1000 - overhead);
  ck_assert_int_eq(post(room - overhead + 1), GAIJIN_STATUS_BUSY);
  ck_assert_int_eq(post(room - overhead), 0);
  ck_assert_uint_eq(gaijin_post_room(f.g, OTHER_HOST), 0);
}
END_TEST

START_TEST(requests_that_are_answered_count) {
  for (int i = 1; i < POSTS; i++) ck_assert_int_eq(ask(), 0);
  ck_assert_int_eq(post(1), 0);
  ck_assert_int_eq(ask(), GAIJIN_STATUS_BUSY);
  ck_assert_int_eq(post(1), GAIJIN_STATUS_BUSY);
  ck_assert_uint_eq(gaijin_request_count(f.g), POSTS - 1);
  grant(OTHER_HOST, 1, 41, 0);
  ck_assert_int_eq(ask(), 0);
}
END_TEST

START_TEST(of_an_older_broker_only_posts_count) {
  f.g->version = 3;
  for (int i = 0; i < 3 * POSTS; i++) ck_assert_int_eq(ask(), 0);
  for (int i = 0; i < POSTS; i++) ck_assert_int_eq(post(1), 0);
  ck_assert_int_eq(post(1), GAIJIN_STATUS_BUSY);
}
END_TEST

START_TEST(requests_by_name_are_not_counted) {
  uint32_t hosts = f.g->hosts.count;
  for (int i = 0; i < 3 * POSTS; i++) ck_assert_int_eq(by_name(f.g, false), 0);
  ck_assert_int_eq(by_name(f.g, true), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_uint_eq(f.g->hosts.count, hosts);
  ck_assert_uint_eq(gaijin_post_room(f.g, OTHER_HOST), SIZE_MAX);
}
END_TEST

START_TEST(more_room_than_was_used_is_no_harm) {
  ck_assert_int_eq(post(1), 0);
  grant(OTHER_HOST, 5, 99999, 0);
  grant(THIRD_HOST, 5, 99999, 0);
  for (int i = 0; i < POSTS; i++) ck_assert_int_eq(post(1), 0);
  ck_assert_int_eq(post(1), GAIJIN_STATUS_BUSY);
}
END_TEST

/* Each is a call-back; a broker may say any number. */
START_TEST(no_more_is_told_not_done_than_was_sent) {
  for (int i = 0; i < 3; i++) ck_assert_int_eq(post(1), 0);
  grant(OTHER_HOST, UINT32_MAX, 0, UINT32_MAX);
  ck_assert_uint_eq(f.told.refusals, 3);
  grant(OTHER_HOST, UINT32_MAX, 0, UINT32_MAX);
  ck_assert_uint_eq(f.told.refusals, 3);
}
END_TEST

START_TEST(what_is_not_done_is_told) {
  for (int i = 0; i < 3; i++) ck_assert_int_eq(post(1), 0);
  grant(OTHER_HOST, 3, 3 * read_post(), 2);
  ck_assert_uint_eq(f.told.refusals, 2);
  ck_assert_int_eq(f.told.refused, GAIJIN_STATUS_DEAD);
}
END_TEST

START_TEST(a_host_that_dies_wakes_who_waits) {
  for (int i = 0; i < POSTS; i++) ck_assert_int_eq(post(1), 0);
  ck_assert_int_eq(post(1), GAIJIN_STATUS_BUSY);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&f.p, OTHER_HOST);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.rooms, 1);
  ck_assert(gaijin_host_dead(f.g, OTHER_HOST));
  ck_assert_int_eq(gaijin_await_room(f.g, OTHER_HOST, 0, 1), GAIJIN_STATUS_DEAD);
  ck_assert_int_eq(post(1), 0); /* the broker refuses it */
}
END_TEST

START_TEST(a_host_that_dies_wakes_nobody_who_sent_it_nothing) {
  if (_i == 1) ck_assert_int_eq(post(1), 0);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&f.p, OTHER_HOST);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.rooms, (unsigned)_i);
}
END_TEST

/* What the program does when it is told may have the library forget the host, or write. */
static void flush_when_dead(void *user, uint64_t host) {
  (void)user, (void)host;
  ck_assert_int_eq(gaijin_flush(f.g, true), 0);
}

START_TEST(a_host_that_dies_with_a_report_due_is_not_reported_to) {
  f.g->events.dead = flush_when_dead;
  f.g->writer.open = true; /* so that it waits */
  for (int i = 0; i < POSTS; i++) gj_window_taken(f.g, OTHER_HOST, 100, false);
  f.g->writer.open = false;
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&f.p, OTHER_HOST);
  fake_deliver(&f);
  ck_assert(fake_idle(&f));
}
END_TEST

START_TEST(a_loss_wakes_who_waits) {
  for (int i = 0; i < POSTS; i++) ck_assert_int_eq(post(1), 0);
  ck_assert_int_eq(post(1), GAIJIN_STATUS_BUSY);
  close(f.fd);
  f.fd = -1;
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  ck_assert_uint_eq(f.told.rooms, 1);
}
END_TEST

START_TEST(room_is_awaited) {
  ck_assert_int_eq(gaijin_await_room(f.g, OTHER_HOST, SIZE_MAX, 1), 0);
  for (int i = 0; i < POSTS; i++) ck_assert_int_eq(post(1), 0);
  ck_assert_int_eq(gaijin_await_room(f.g, OTHER_HOST, 0, 0.001), GAIJIN_STATUS_TIMEOUT);
  uint32_t size = 0;
  for (int i = 0; i < POSTS; i++) size = read_post();
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_GRANT, 0, 4);
  pack_uint(&f.p, OTHER_HOST);
  pack_uint(&f.p, POSTS);
  pack_uint(&f.p, POSTS * size);
  pack_uint(&f.p, 0);
  fake_send(&f);
  ck_assert_int_eq(gaijin_await_room(f.g, OTHER_HOST, SIZE_MAX, 10), 0);
  ck_assert_int_eq(post(1), 0);
}
END_TEST

/* ---- As receiver ---- */

/* The broker forwards a call of a token of ours; its message is `told.request`'s last. */
static uint32_t forward(gaijin_token *t, uint16_t flags) {
  struct gaijin_pt pt = gaijin_token_pt(f.g, t);
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = 50 + f.told.requests, .peer = OTHER_HOST, .depth = 1,
                      .flags = flags, .target = OP_PT, .pt = gj_pt_wire(&pt)};
  pack_begin(&f.p, &f.out, f.max_message, &m, 0);
  fake_end(&f);
  return f.out.size;
}

static void expect_report(uint64_t posts, uint64_t bytes, uint64_t undone) {
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert_int_eq(fake_next(&f)->op, OP_taken);
  struct reader r = fake_values(&f.m);
  uint64_t v[4];
  for (int i = 0; i < 4; i++) ck_assert(reader_uint(&r, &v[i]));
  ck_assert_uint_eq(v[0], OTHER_HOST);
  ck_assert_uint_eq(v[1], posts);
  ck_assert_uint_eq(v[2], bytes);
  ck_assert_uint_eq(v[3], undone);
}

/* A token that was sent, and n one-way calls of it that have arrived. The size of each. */
static uint32_t arrive(int n) {
  static int object;
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_FUNCTION, &object);
  fake_take(&f, t);
  uint32_t size = forward(t, MESSAGE_ONE_WAY);
  for (int i = 1; i < n; i++) forward(t, i % 2 ? MESSAGE_COUNTED : MESSAGE_ONE_WAY);
  fake_bytes(&f, f.out.bytes, f.out.size);
  f.out.size = 0;
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  return size;
}

START_TEST(a_quarter_is_reported) {
  uint32_t size = arrive(5);
  ck_assert_uint_eq(f.told.requests, 5);
  gaijin_body_taken(f.told.body[0]);
  gaijin_body_taken(f.told.body[0]); /* once is enough */
  gaijin_flush(f.g, false);
  ck_assert(fake_idle(&f));
  gaijin_body_free(f.told.body[1]);
  expect_report(2, 2 * size, 0);
  gaijin_body_free(f.told.body[0]); /* was taken */
  gaijin_body_free(f.told.body[2]);
  gaijin_body_free(f.told.body[3]);
  expect_report(2, 2 * size, 0);
  gaijin_body_free(f.told.body[4]);
  gaijin_flush(f.g, false);
  ck_assert(fake_idle(&f));
}
END_TEST

START_TEST(calls_that_do_not_count_are_not_reported) {
  static int object;
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_FUNCTION, &object);
  fake_take(&f, t);
  for (int i = 0; i < 4; i++) forward(t, 0);
  fake_bytes(&f, f.out.bytes, f.out.size);
  f.out.size = 0;
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  for (int i = 0; i < 4; i++) gaijin_body_free(f.told.body[i]);
  gaijin_flush(f.g, false);
  ck_assert(fake_idle(&f));
}
END_TEST

START_TEST(what_will_not_be_done_is_reported_with_the_next_flush) {
  uint32_t size = arrive(3);
  for (int i = 0; i < 3; i++) {
    if (i != 2) gaijin_body_not_done(f.told.body[i]);
    gaijin_body_free(f.told.body[i]);
  }
  expect_report(3, 3 * size, 2);
}
END_TEST

static uint64_t next_reported(void) {
  uint64_t host = 0;
  ck_assert_int_eq(fake_next(&f)->op, OP_taken);
  struct reader r = fake_values(&f.m);
  ck_assert(reader_uint(&r, &host));
  return host;
}

START_TEST(all_that_are_due_are_reported_at_once) {
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&f.p, THIRD_HOST);
  pack_text(&f.p, "till");
  fake_deliver(&f);
  gj_window_taken(f.g, OTHER_HOST, 100, true);
  gj_window_taken(f.g, THIRD_HOST, 100, true);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert_uint_eq(next_reported(), OTHER_HOST);
  ck_assert_uint_eq(next_reported(), THIRD_HOST);
}
END_TEST

START_TEST(what_the_library_refuses_is_taken) {
  struct gaijin_pt gone = fake_pt(FAKE_HOST, 77);
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_len, .id = 43, .peer = OTHER_HOST, .flags = MESSAGE_ONE_WAY,
                      .target = OP_PT, .pt = gj_pt_wire(&gone)};
  for (int i = 0; i < 2; i++) {
    pack_begin(&f.p, &f.out, f.max_message, &m, 0);
    fake_end(&f);
  }
  uint32_t size = f.out.size;
  fake_bytes(&f, f.out.bytes, size);
  f.out.size = 0;
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  ck_assert_int_eq(f.told.refused, GAIJIN_STATUS_STALE);
  expect_report(2, size, 0);
}
END_TEST

START_TEST(a_caller_that_has_ended_is_told_nothing) {
  arrive(4);
  gaijin_body_free(f.told.body[0]);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&f.p, OTHER_HOST);
  fake_deliver(&f);
  for (int i = 1; i < 4; i++) gaijin_body_free(f.told.body[i]);
  gaijin_flush(f.g, false);
  ck_assert(fake_idle(&f));
}
END_TEST

/* ---- Pausing ---- */

static void pausing_request(void *user, const struct gaijin_request *request, gaijin_body *body) {
  told_request(user, request, body);
  gaijin_pause(((struct fake *)user)->g);
}

START_TEST(a_dispatch_pauses) {
  struct gaijin_events events = fake_events;
  events.request = pausing_request;
  f.g->events = events;
  gaijin_pause(f.g); /* not in a call-back */
  ck_assert(!gaijin_paused(f.g));
  arrive(3);
  for (unsigned i = 1; i <= 3; i++) {
    ck_assert_uint_eq(f.told.requests, i);
    ck_assert(gaijin_paused(f.g));
    ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  }
  ck_assert(!gaijin_paused(f.g));
  for (int i = 0; i < 3; i++) gaijin_body_free(f.told.body[i]);
}
END_TEST

START_TEST(who_awaits_is_not_kept_from_what_was_read) {
  f.g->events.request = pausing_request;
  static int object;
  uint64_t id;
  struct gaijin_answer answer;
  gaijin_token *t = gaijin_token_new(f.g, GAIJIN_KIND_FUNCTION, &object);
  fake_take(&f, t);
  gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(f.g, NULL, NULL, &id), 0);
  for (int i = 0; i < 3; i++) forward(t, true);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 0);
  fake_send(&f);
  ck_assert_int_eq(gaijin_await(f.g, id, 10, &answer), 0);
  gaijin_body_free(answer.body);
  for (int i = 0; i < 3; i++) gaijin_body_free(f.told.body[i]);
}
END_TEST

START_TEST(a_broker_without_windows_bounds_nothing) {
  struct fake old;
  fake_open(&old);
  ck_assert_uint_eq(gaijin_post_window(old.g), 0);
  ck_assert_uint_eq(gaijin_post_room(old.g, OTHER_HOST), SIZE_MAX);
  for (int i = 0; i < 2 * POSTS; i++) ck_assert_int_eq(by_name(old.g, false), 0);
  fake_close(&old);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client window");
  TCase *t = tcase_create("window");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, the_sender_is_kept_to_the_window);
  tcase_add_test(t, bytes_count_and_a_large_one_goes_alone);
  tcase_add_test(t, what_just_fits_is_sent);
  tcase_add_test(t, requests_that_are_answered_count);
  tcase_add_test(t, of_an_older_broker_only_posts_count);
  tcase_add_test(t, requests_by_name_are_not_counted);
  tcase_add_test(t, no_more_is_told_not_done_than_was_sent);
  tcase_add_test(t, more_room_than_was_used_is_no_harm);
  tcase_add_test(t, what_is_not_done_is_told);
  tcase_add_test(t, a_host_that_dies_wakes_who_waits);
  tcase_add_loop_test(t, a_host_that_dies_wakes_nobody_who_sent_it_nothing, 0, 2);
  tcase_add_test(t, a_host_that_dies_with_a_report_due_is_not_reported_to);
  tcase_add_test(t, a_loss_wakes_who_waits);
  tcase_add_test(t, room_is_awaited);
  tcase_add_test(t, a_quarter_is_reported);
  tcase_add_test(t, calls_that_do_not_count_are_not_reported);
  tcase_add_test(t, what_will_not_be_done_is_reported_with_the_next_flush);
  tcase_add_test(t, all_that_are_due_are_reported_at_once);
  tcase_add_test(t, what_the_library_refuses_is_taken);
  tcase_add_test(t, a_caller_that_has_ended_is_told_nothing);
  tcase_add_test(t, a_dispatch_pauses);
  tcase_add_test(t, who_awaits_is_not_kept_from_what_was_read);
  tcase_add_test(t, a_broker_without_windows_bounds_nothing);
  return run_suite(s);
}
