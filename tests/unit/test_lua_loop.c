/* SPDX-License-Identifier: MIT
 *
 * The worker's loop (lua/fiber/loop.c), its connection, and how it ends.
 */
#define _GNU_SOURCE
#include "lua/fiber/connection.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/loop.h"
#include "lua/fiber/timer.h"

#include "lua/serve/begin.h"
#include "tests/unit/captured.h"
#include "tests/unit/vm.h"

static struct vm v;

/* ---- The loop ---- */

static void open_loop(void) {
  vm_connect(&v);
  ck_assert_int_eq(loop_watch(&v.w), 0);
  ck_assert_int_eq(ending_watch_signals(&v.w, true), 0);
}

/* Runs the loop while `broker` plays the other end in a thread of its own. */
static void run_with(void *(*broker)(void *user)) {
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, broker, NULL), 0);
  loop_run(&v.w);
  pthread_join(thread, NULL);
}

START_TEST(fibers_sleep) {
  open_loop();
  vm_start(&v, "gaijin.sleep(0.2) note 'c'");
  vm_start(&v, "gaijin.sleep(0.1) note 'b' gaijin.sleep(0.2) note 'd' gaijin.stop()");
  vm_start(&v, "local t = gaijin.now() gaijin.sleep(-5) gaijin.sleep(0) note 'a' gaijin.sleep(0.003) assert(gaijin.now() >= t + 0.003)");
  vm_start(&v, "gaijin.sleep(1e300) note 'never'");
  loop_run(&v.w);
  ck_assert_str_eq(v.log, "abcd");
  vm_close(&v);
}
END_TEST

START_TEST(what_a_timer_wakes_runs_before_the_wait) {
  open_loop();
  vm_start(&v, "for i = 1, 5 do gaijin.sleep(0.001) note(i) end gaijin.spawn(function() gaijin.spawn(function() gaijin.stop(3) end) end)");
  loop_run(&v.w); /* nothing comes from the socket; a fiber that waited for it would never run */
  ck_assert_str_eq(v.log, "12345");
  ck_assert_int_eq(v.w.exit_code, 3);
  ck_assert(!v.w.lost);
  vm_close(&v);
}
END_TEST

static unsigned turns;
static void count_turn(struct worker *w) {
  (void)w;
  turns++;
}

START_TEST(a_loop_with_nothing_to_do_waits) {
  static const struct loop_hooks counting = {.begin = begin_waiting, .turn = count_turn};
  open_loop();
  v.w.loop.hooks = &counting;
  turns = 0;
  vm_start(&v, "for i = 1, 5 do gaijin.yield() end gaijin.sleep(0.05) gaijin.stop()");
  loop_run(&v.w);
  ck_assert_uint_lt(turns, 20);
  vm_close(&v);
}
END_TEST

static void *answer_s2t(void *user) {
  (void)user;
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_S2T);
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_S2T, v.f.m.id, 1);
  pack_text(&v.f.p, "answer");
  fake_send(&v.f);
  return NULL;
}

START_TEST(what_fibers_write_leaves_before_the_wait) {
  open_loop();
  vm_start(&v, "note(bakaGaijin('bank').x) gaijin.stop()");
  run_with(answer_s2t);
  ck_assert_str_eq(v.log, "answer");
  vm_close(&v);
}
END_TEST

static void *await_unsub_and_leave(void *user) {
  (void)user;
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_UNSUB);
  shutdown(v.f.fd, SHUT_RDWR);
  return NULL;
}

START_TEST(releases_leave_without_company) {
  open_loop();
  vm_give(&v, "a", &(struct gaijin_pt){OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE});
  vm_start(&v, "a = nil collectgarbage()");
  run_with(await_unsub_and_leave);
  ck_assert(v.w.lost);
  vm_close(&v);
}
END_TEST

enum { POSTS = 64 };

static void *read_posts(void *user) {
  for (unsigned n = 0; n < POSTS; n++) ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CALL);
  return user;
}

static void *read_posts_and_leave(void *user) {
  read_posts(user);
  shutdown(v.f.fd, SHUT_RDWR);
  return NULL;
}

/* More than the socket takes at once: the loop goes on when it has been read, and nothing else
 * wakes it. */
START_TEST(what_the_socket_does_not_take_leaves_later) {
  open_loop();
  vm_give(&v, "f", &(struct gaijin_pt){OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION});
  vm_do(&v, "local big = ('x'):rep(2^16) for i = 1, 64 do gaijin.post(f, big) end");
  ck_assert(gaijin_wants_write(v.w.g));
  run_with(read_posts_and_leave);
  ck_assert(v.w.lost);
  vm_close(&v);
}
END_TEST

static void *answer_and_leave(void *user) {
  answer_s2t(user);
  shutdown(v.f.fd, SHUT_RDWR);
  return NULL;
}

START_TEST(what_came_before_a_loss_is_handled) {
  open_loop();
  vm_start(&v, "note(bakaGaijin('bank').x) note(pcall(bakaGaijin, 'bank'))");
  run_with(answer_and_leave);
  ck_assert(v.w.lost);
  ck_assert_msg(strncmp(v.log, "answer", 6) == 0, "%s", v.log);
  vm_close(&v);
}
END_TEST

/* The broker leaves with unread input while some of what it has sent is unread too: the socket reports an error, and libuv
 * watches it no more. Nothing is asked, so no pulse would look. */
START_TEST(a_loss_with_unread_input_on_both_sides_is_noticed) {
  open_loop();
  vm_start(&v, "gaijin.ready()");
  vm_run(&v);
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&v.f.p, OTHER_HOST);
  pack_text(&v.f.p, "bank");
  fake_send(&v.f);
  close(v.f.fd);
  v.f.fd = -1;
  loop_run(&v.w); /* for ever, if it is not noticed */
  ck_assert(v.w.lost);
  ck_assert_str_eq(worker_host_name(&v.w, OTHER_HOST), "bank"); /* what came before it is handled */
  vm_close(&v);
}
END_TEST

/* ---- The pulse ---- */

static void *answer_two_pings(void *user) {
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(fake_next(&v.f)->op, OP_ping);
    fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_PING, v.f.m.id, 0);
    fake_send(&v.f);
  }
  shutdown(v.f.fd, SHUT_RDWR);
  return user;
}

/* Of what has come, up to the notice of the worker's end, so many are pings. */
static void expect_pings(unsigned expected) {
  unsigned pings = 0;
  while (fake_next(&v.f)->op != OP_retire) pings += v.f.m.op == OP_ping;
  ck_assert_uint_eq(pings, expected);
}

/* Defined below. */
static void serve_function(const char *body);

START_TEST(who_serves_long_says_that_it_lives) {
  open_loop();
  serve_function("gaijin.sleep(1000)");
  run_with(answer_two_pings);
  ck_assert(v.w.lost);
  vm_close(&v);
}
END_TEST

START_TEST(a_ping_that_is_not_answered_is_the_last) {
  open_loop();
  serve_function("gaijin.sleep(1.2) gaijin.stop()"); /* two pulses */
  loop_run(&v.w);
  expect_pings(1);
  vm_close(&v);
}
END_TEST

START_TEST(who_only_asks_sends_none) {
  open_loop();
  vm_start(&v, "note(bakaGaijin('bank').x)");
  vm_start(&v, "gaijin.sleep(0.7) gaijin.stop()");
  loop_run(&v.w);
  expect_pings(0);
  vm_close(&v);
}
END_TEST

/* The broker lives and says nothing: its answer is overdue a second after the request's time. */
START_TEST(a_broker_that_hangs_lets_nobody_wait_for_ever) {
  open_loop();
  v.w.call_timeout = 0.01;
  vm_start(&v, "note(pcall(function() return bakaGaijin('bank').x end)) gaijin.stop()");
  loop_run(&v.w); /* for ever, if nobody looks */
  ck_assert_ptr_nonnull(strstr(v.log, "falsegaijin: timeout: "));
  vm_close(&v);
}
END_TEST

/* ---- Stopping ---- */

/* Lets OTHER_HOST call a function of ours with this body; the request's id is 42. */
static void serve_function(const char *body) {
  char code[256];
  struct gaijin_pt ours;
  vm_give(&v, "f", &(struct gaijin_pt){OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION});
  snprintf(code, sizeof code, "gaijin.post(f, function() %s end)", body);
  vm_do(&v, code);
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
  fake_begin_to(&v.f, GAIJIN_OP_CALL, 42, &ours, 0);
  fake_send(&v.f);
}

START_TEST(requests_under_way_are_finished) {
  open_loop();
  serve_function("gaijin.stop(1) for i = 1, 5 do gaijin.sleep(0.001) end return 'done'");
  loop_run(&v.w);
  ending_leave(&v.w);
  const char *text;
  uint32_t size;
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_RETIRE);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(v.f.m.id, 42);
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_string(&r, &text, &size) && size == 4 && memcmp(text, "done", 4) == 0);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_LEAVE);
  vm_close(&v);
}
END_TEST

static void expect_error(uint64_t id, enum gaijin_status expected) {
  uint64_t status;
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_uint(&r, &status));
  ck_assert_msg(v.f.m.id == id && status == expected, "request %llu: %s",
                (unsigned long long)v.f.m.id, status_name(status));
}

/* What it had begun it may have done; what waits for a label, or has had no turn, it has not. */
START_TEST(what_is_open_at_the_very_end_is_answered) {
  open_loop();
  serve_function("gaijin.sleep(60)");
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  vm_run(&v);
  for (uint64_t id = 43; id <= 44; id++) {
    struct message m = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = id, .peer = OTHER_HOST, .depth = 1, .target = OP_NAME, .name = "shop", .name_size = 4};
    pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 2);
    pack_text(&v.f.p, "x");
    pack_bool(&v.f.p, true);
    fake_send(&v.f);
    ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
    if (id == 43) vm_run(&v);
  }
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_labels, .id = 45, .peer = OTHER_HOST, .depth = 1, .target = OP_NAME, .name = "shop", .name_size = 4};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 0);
  fake_send(&v.f);
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  ending_leave(&v.w);
  expect_error(45, GAIJIN_STATUS_DEAD); /* it has a fiber, which has had no turn */
  expect_error(42, GAIJIN_STATUS_LOST);
  expect_error(43, GAIJIN_STATUS_DEAD);
  expect_error(44, GAIJIN_STATUS_DEAD); /* it is due */
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_LEAVE);
  vm_close(&v);
}
END_TEST

START_TEST(but_not_for_ever) {
  struct captured err;
  open_loop();
  v.w.grace = 0.005;
  serve_function("gaijin.stop(0) gaijin.sleep(1000)");
  captured_begin(&err, STDERR_FILENO);
  loop_run(&v.w);
  captured_end(&err);
  captured_one_line(err.text, "gaijin-worker warn: shop: 1 requests still under way after 0.005 s; they are cancelled");
  ck_assert_uint_eq(v.w.sched.n_serving, 0);
  vm_close(&v);
}
END_TEST

/* What others are told of says nothing in our name: one line, whatever it has. A script's own error keeps its lines. */
START_TEST(lines_about_others_are_lines) {
  struct captured err;
  open_loop();
  captured_begin(&err, STDERR_FILENO);
  worker_post_failed(&v.w, GAIJIN_OP_CALL, GAIJIN_STATUS_DENIED, "a\ngaijin-worker: shop: forged\x1b[2J\xe2\x80\xae");
  captured_end(&err);
  captured_one_line(err.text, "denied: a\\x0agaijin-worker: shop: forged\\x1b[2J\\u{202e}\n");
  captured_begin(&err, STDERR_FILENO);
  worker_log_often(&v.w, LINE_ERROR, "%s%0*d|", "one\n\ttwo\x1b", 2000, 0);
  captured_end(&err);
  ck_assert_ptr_nonnull(strstr(err.text, "gaijin-worker error: shop: one\n\ttwo\\x1b000"));
  ck_assert_uint_gt(strlen(err.text), 2000);
  ck_assert_str_eq(err.text + strlen(err.text) - 3, "0|\n");
  vm_close(&v);
}
END_TEST

START_TEST(no_grace_at_all) {
  open_loop();
  v.w.grace = 0;
  serve_function("gaijin.stop(0) gaijin.sleep(1000)");
  loop_run(&v.w);
  ck_assert_uint_eq(v.w.sched.n_serving, 0); /* cancelled at once */
  vm_close(&v);
}
END_TEST

START_TEST(a_wait_for_a_label_holds_nobody_up) {
  open_loop();
  vm_ask_label(&v, 42, "never set");
  vm_start(&v, "gaijin.sleep(0.005) gaijin.stop()");
  loop_run(&v.w);
  ck_assert_uint_eq(label_waits_count(&v.w), 1);
  vm_close(&v);
}
END_TEST

START_TEST(stopping_it_serves_nobody_new) {
  open_loop();
  serve_function("gaijin.stop(0) gaijin.sleep(0.005)");
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  vm_run(&v);
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_labels, .id = 43, .peer = OTHER_HOST, .depth = 1, .target = OP_NAME, .name = "shop", .name_size = 4};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 0);
  vm_deliver(&v);
  uint64_t status;
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(v.f.m.id, 43);
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_uint(&r, &status));
  ck_assert_uint_eq(status, GAIJIN_STATUS_DEAD);
  loop_run(&v.w);
  vm_close(&v);
}
END_TEST

START_TEST(draining_waits_for_the_reader) {
  vm_connect(&v);
  vm_give(&v, "f", &(struct gaijin_pt){OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION});
  vm_do(&v, "local big = ('x'):rep(2^16) for i = 1, 64 do gaijin.post(f, big) end");
  ck_assert(gaijin_wants_write(v.w.g));
  pthread_t reader;
  ck_assert_int_eq(pthread_create(&reader, NULL, read_posts, NULL), 0);
  connection_drain(&v.w);
  ck_assert(!gaijin_wants_write(v.w.g));
  pthread_join(reader, NULL); /* it has read them all */
  shutdown(v.f.fd, SHUT_RDWR);
  vm_start(&v, "gaijin.post(f, ('x'):rep(2^20))");
  while (fiber_run_ready(&v.w)) continue;
  connection_drain(&v.w); /* nobody to wait for */
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_loop");
  TCase *c = tcase_create("loop");
  tcase_add_test(c, fibers_sleep);
  tcase_add_test(c, what_a_timer_wakes_runs_before_the_wait);
  tcase_add_test(c, a_loop_with_nothing_to_do_waits);
  tcase_add_test(c, what_fibers_write_leaves_before_the_wait);
  tcase_add_test(c, releases_leave_without_company);
  tcase_add_test(c, what_the_socket_does_not_take_leaves_later);
  tcase_add_test(c, what_came_before_a_loss_is_handled);
  tcase_add_test(c, a_loss_with_unread_input_on_both_sides_is_noticed);
  tcase_add_test(c, who_serves_long_says_that_it_lives);
  tcase_add_test(c, a_ping_that_is_not_answered_is_the_last);
  tcase_add_test(c, who_only_asks_sends_none);
  tcase_add_test(c, a_broker_that_hangs_lets_nobody_wait_for_ever);
  tcase_add_test(c, requests_under_way_are_finished);
  tcase_add_test(c, what_is_open_at_the_very_end_is_answered);
  tcase_add_test(c, but_not_for_ever);
  tcase_add_test(c, no_grace_at_all);
  tcase_add_test(c, lines_about_others_are_lines);
  tcase_add_test(c, a_wait_for_a_label_holds_nobody_up);
  tcase_add_test(c, stopping_it_serves_nobody_new);
  tcase_add_test(c, draining_waits_for_the_reader);
  suite_add_tcase(s, c);
  return run_suite(s);
}
