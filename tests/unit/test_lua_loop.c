/* SPDX-License-Identifier: MIT
 *
 * The worker's loop and its timers (lua/fiber/loop.c). The kernel's clocks are replaced by this file's, so that a coarse
 * clock, which libuv prefers where it ticks each millisecond, is there on every machine.
 */
#define _GNU_SOURCE
#include "lua/fiber/connection.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/loop.h"
#include "lua/fiber/timer.h"

#include <math.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/unit/captured.h"
#include "tests/unit/vm.h"

static struct vm v;

/* ---- Clocks ---- */

#define FOR_LIBUV __attribute__((visibility("default")))

/* Every clock of the program; the coarse one lags by up to a millisecond. */
FOR_LIBUV int clock_gettime(clockid_t clock, struct timespec *t) {
  if (clock != CLOCK_MONOTONIC_COARSE) return (int)syscall(SYS_clock_gettime, clock, t);
  int r = (int)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, t);
  long lag = (t->tv_nsec + 400000) % 1000000; /* its ticks are not those of whole milliseconds */
  t->tv_nsec -= lag;
  if (t->tv_nsec < 0) t->tv_nsec += 1000000000, t->tv_sec--;
  return r;
}

FOR_LIBUV int clock_getres(clockid_t clock, struct timespec *t) {
  if (clock != CLOCK_MONOTONIC_COARSE) return (int)syscall(SYS_clock_getres, clock, t);
  *t = (struct timespec){0, 1000000};
  return 0;
}

/* ---- Timers ---- */

struct alarm {
  double due;
  unsigned number;
};

static void on_alarm(struct timer *t) {
  struct alarm *a = timer_user(t);
  char text[16];
  ck_assert_double_ge(clock_seconds(), a->due);
  snprintf(text, sizeof text, "%u ", a->number);
  vm_note(vm_of(timer_worker(t)), text);
  timer_stop(t);
}

static void start(struct alarm *a, unsigned number, double seconds) {
  a->number = number;
  a->due = clock_seconds() + seconds;
  ck_assert_ptr_nonnull(timer_start(&v.w, seconds, on_alarm, a));
}

/* Until no timer is left. */
static void run_timers(void) { uv_run(&v.w.loop.uv, UV_RUN_DEFAULT); }

START_TEST(timers_are_never_early) {
  static struct alarm alarms[400];
  vm_open(&v);
  for (unsigned i = 0; i < 400; i++) {
    start(&alarms[i], i, 0.0001 * (i % 100) + 1e-7 * i);
    for (volatile int spin = 0; spin < 2000; spin++) continue; /* at all phases of the clock */
  }
  run_timers();
  size_t n = 0;
  for (const char *c = v.log; *c; c++) n += *c == ' ';
  ck_assert_uint_eq(n, 400);
  vm_close(&v);
}
END_TEST

START_TEST(timers_fire_in_the_order_of_their_time) {
  struct alarm alarms[5];
  vm_open(&v);
  start(&alarms[0], 0, 0.3);
  start(&alarms[1], 1, 0.1);
  start(&alarms[2], 2, 0);
  start(&alarms[3], 3, 0.2);
  start(&alarms[4], 4, 0);
  run_timers();
  ck_assert_str_eq(v.log, "2 4 1 3 0 ");
  vm_close(&v);
}
END_TEST

START_TEST(a_stopped_timer_is_used_again_and_does_not_fire) {
  struct alarm alarms[2];
  vm_open(&v);
  struct timer *first = timer_start(&v.w, 0.001, on_alarm, &alarms[0]);
  timer_stop(first);
  start(&alarms[1], 1, 0.002);
  ck_assert_ptr_eq(v.w.loop.all_timers, first);
  ck_assert_ptr_null(v.w.loop.idle_timers);
  run_timers();
  ck_assert_str_eq(v.log, "1 ");
  ck_assert_ptr_eq(v.w.loop.idle_timers, first);
  for (int i = 0; i < 100; i++) {
    ck_assert_ptr_eq(timer_start(&v.w, 100, on_alarm, NULL), first);
    timer_stop(first);
  }
  vm_close(&v);
}
END_TEST

static void note_due(uv_handle_t *handle, void *user) {
  if (handle->type == UV_TIMER && uv_is_active(handle)) *(uint64_t *)user = uv_timer_get_due_in((uv_timer_t *)handle);
}

/* Milliseconds until a timer of so many seconds fires. */
static uint64_t due_in(double seconds) {
  uint64_t due = UINT64_MAX;
  struct timer *t = timer_start(&v.w, seconds, on_alarm, NULL);
  uv_walk(&v.w.loop.uv, note_due, &due);
  timer_stop(t);
  return due;
}

START_TEST(any_number_of_seconds) {
  vm_open(&v);
  ck_assert_uint_eq(due_in(0), 0);
  ck_assert_uint_eq(due_in(-1), 0);
  ck_assert_uint_eq(due_in(-1e300), 0);
  ck_assert_uint_eq(due_in(-INFINITY), 0);
  ck_assert_uint_eq(due_in(NAN), 0);
  ck_assert_uint_gt(due_in(1e9), 900000000000u);
  ck_assert_uint_gt(due_in(1e300), 900000000000u);
  ck_assert_uint_gt(due_in(INFINITY), 900000000000u);
  ck_assert_uint_ge(due_in(1e-9), 1);
  ck_assert_uint_le(due_in(1), 1010);
  vm_close(&v);
}
END_TEST

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
  static const struct loop_hooks counting = {.turn = count_turn};
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

static int terminate(lua_State *L) {
  (void)L;
  kill(getpid(), SIGTERM);
  return 0;
}

START_TEST(sigterm_stops) {
  open_loop();
  lua_register(v.w.L, "terminate", terminate);
  vm_start(&v, "terminate() gaijin.sleep(1000)");
  loop_run(&v.w);
  ck_assert(v.w.stopping);
  ck_assert_int_eq(v.w.exit_code, 0);
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
  ending_leave(&v.w);
  expect_error(44, GAIJIN_STATUS_DEAD);
  expect_error(43, GAIJIN_STATUS_DEAD);
  expect_error(42, GAIJIN_STATUS_LOST);
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
  captured_one_line(err.text, "gaijin-worker: shop: 1 requests still under way after 0.005 s; they are cancelled");
  ck_assert_uint_eq(v.w.sched.n_serving, 0);
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
  ck_assert_ptr_nonnull(v.w.sched.label_waiters);
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
  tcase_add_test(c, timers_are_never_early);
  tcase_add_test(c, timers_fire_in_the_order_of_their_time);
  tcase_add_test(c, a_stopped_timer_is_used_again_and_does_not_fire);
  tcase_add_test(c, any_number_of_seconds);
  tcase_add_test(c, fibers_sleep);
  tcase_add_test(c, what_a_timer_wakes_runs_before_the_wait);
  tcase_add_test(c, a_loop_with_nothing_to_do_waits);
  tcase_add_test(c, what_fibers_write_leaves_before_the_wait);
  tcase_add_test(c, releases_leave_without_company);
  tcase_add_test(c, what_the_socket_does_not_take_leaves_later);
  tcase_add_test(c, what_came_before_a_loss_is_handled);
  tcase_add_test(c, a_loss_with_unread_input_on_both_sides_is_noticed);
  tcase_add_test(c, sigterm_stops);
  tcase_add_test(c, requests_under_way_are_finished);
  tcase_add_test(c, what_is_open_at_the_very_end_is_answered);
  tcase_add_test(c, but_not_for_ever);
  tcase_add_test(c, no_grace_at_all);
  tcase_add_test(c, a_wait_for_a_label_holds_nobody_up);
  tcase_add_test(c, stopping_it_serves_nobody_new);
  tcase_add_test(c, draining_waits_for_the_reader);
  suite_add_tcase(s, c);
  return run_suite(s);
}
