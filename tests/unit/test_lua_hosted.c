/* SPDX-License-Identifier: MIT
 *
 * A VM in a stock interpreter (lua/fiber/hosted.c): the test is the interpreter, whose stack is the guest; a thread is the
 * broker.
 */
#define _GNU_SOURCE
#include "lua/fiber/hosted.h"

#include <signal.h>
#include <stdatomic.h>

#include "tests/unit/vm.h"

static struct vm v;
static pthread_t interpreter;
static atomic_bool interrupted;

static void open_hosted(void) {
  vm_connect(&v);
  ck_assert_int_eq(loop_watch(&v.w), 0);
  hosted_open(v.w.L, &v.w);
  ck_assert(hosted_init(&v.w));
  v.w.sched.guest_state = v.w.L;
  interpreter = pthread_self();
}

static void close_hosted(void) {
  hosted_deinit(&v.w);
  vm_close(&v);
}

/* Runs the code as the interpreter does, while `broker` plays the other end. */
static void run_with(const char *code, void *(*broker)(void *user)) {
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, broker, NULL), 0);
  ck_assert_msg(luaL_dostring(v.w.L, code) == 0, "%s", lua_tostring(v.w.L, -1));
  pthread_join(thread, NULL);
}

/* The next request of the guest's. */
static uint64_t next_s2t(void) {
  while (fake_next(&v.f)->op != OP_s2t) continue;
  return v.f.m.id;
}

static void answer(uint64_t id, const char *text) {
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_S2T, id, 1);
  pack_text(&v.f.p, text);
  fake_send(&v.f);
}

static void *answer_two(void *user) {
  answer(next_s2t(), "one");
  answer(next_s2t(), "two");
  return user;
}

START_TEST(the_guest_waits_on_its_own_stack) {
  open_hosted();
  run_with("local bank = bakaGaijin('bank') note(bank.x, bank.y)", answer_two);
  ck_assert_str_eq(v.log, "onetwo");
  ck_assert_ptr_null(v.w.sched.stacks.all);
  close_hosted();
}
END_TEST

START_TEST(the_guest_sleeps_and_others_run_meanwhile) {
  open_hosted();
  ck_assert_int_eq(luaL_dostring(v.w.L, "gaijin.spawn(function() for i = 1, 3 do note(i) gaijin.sleep(0.001) end done = true end) note 'a' "
                                        "while not done do gaijin.sleep(0.001) end note 'b'"), 0);
  ck_assert_str_eq(v.log, "a123b");
  close_hosted();
}
END_TEST

START_TEST(a_guest_that_computes_lets_nobody_run) {
  open_hosted();
  ck_assert_int_eq(luaL_dostring(v.w.L, "gaijin.spawn(note, 'b') for i = 1, 1000 do local t = {} end note 'a'"), 0);
  ck_assert_str_eq(v.log, "a");
  ck_assert_double_ge(hosted_turn(&v.w), 0); /* a timer is there, of the sweeps */
  ck_assert_str_eq(v.log, "ab");
  ck_assert_double_gt(hosted_turn(&v.w), 1); /* there is nothing to do before */
  ck_assert_ptr_eq(v.w.sched.current, v.w.sched.guest);
  close_hosted();
}
END_TEST

/* What came in the turn is answered in it, and the next need not wait for the socket. */
START_TEST(who_waits_for_a_label_is_heard_in_the_turn) {
  open_hosted();
  ck_assert_int_eq(luaL_dostring(v.w.L, "bakaGaijin.x = 1"), 0);
  for (uint64_t id = 1; id <= 100; id++) {
    struct message m = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = id, .peer = OTHER_HOST,
                        .depth = 1, .target = OP_NAME, .name = "shop", .name_size = 4};
    pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 2);
    pack_text(&v.f.p, "x");
    pack_bool(&v.f.p, true);
    fake_end(&v.f);
  }
  fake_bytes(&v.f, v.f.out.bytes, v.f.out.size);
  v.f.out.size = 0;
  double seconds = hosted_turn(&v.w);
  ck_assert(!fake_idle(&v.f));
  ck_assert(seconds == 0 || v.w.backlog.n_due == 0);
  while (hosted_turn(&v.w) == 0) continue;
  for (uint64_t id = 1; id <= 100; id++) {
    ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
    ck_assert_uint_eq(v.f.m.id, id);
  }
  close_hosted();
}
END_TEST

/* A turn that finds the end of the broker, with unread input on both sides, has noticed it when it returns. */
START_TEST(the_broker_ends_while_the_guest_computes) {
  open_hosted();
  ck_assert_int_eq(luaL_dostring(v.w.L, "gaijin.ready()"), 0);
  ck_assert_int_eq(gaijin_flush(v.w.g, false), 0);
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&v.f.p, OTHER_HOST);
  pack_text(&v.f.p, "bank");
  fake_send(&v.f);
  close(v.f.fd);
  v.f.fd = -1;
  hosted_turn(&v.w);
  ck_assert(v.w.lost);
  ck_assert_str_eq(worker_host_name(&v.w, OTHER_HOST), "bank");
  close_hosted();
}
END_TEST

START_TEST(it_ends_as_a_worker_does) {
  open_hosted();
  ck_assert_int_eq(luaL_dostring(v.w.L, "gaijin.spawn(function() note(select(2, pcall(gaijin.sleep, 1e6))) end)"), 0);
  hosted_finish(&v.w);
  ck_assert_str_eq(v.log, "gaijin: cancelled: gaijin.sleep: the worker is stopping");
  ck_assert_uint_eq(v.w.sched.n_fibers, 0);
  ck_assert_uint_eq(v.w.sched.n_serving, 0);
  close_hosted();
}
END_TEST

/* ---- Ctrl-C ---- */

/* As lua.c does it. */
static void hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  interrupted = true; /* first: a signal from now on does nothing */
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted!");
}

static void on_signal(int sig) {
  (void)sig;
  if (!interrupted) lua_sethook(v.w.L, hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

/* Interrupts the interpreter until it has noticed: the first time it may not yet be in its wait. */
static void interrupt(void) {
  while (!interrupted) {
    pthread_kill(interpreter, SIGINT);
    poll(NULL, 0, 1);
  }
}

static void *interrupt_and_answer_late(void *user) {
  uint64_t first = next_s2t();
  interrupt();
  uint64_t second = next_s2t();
  answer(first, "the first one's");
  /* Once it has served this, it has handled that. */
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_labels, .id = 9, .peer = OTHER_HOST, .depth = 1, .target = OP_NAME, .name = "shop", .name_size = 4};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 0);
  fake_send(&v.f);
  while (fake_next(&v.f)->op != OP_labels) continue;
  answer(second, "the second one's");
  return user;
}

static void *interrupt_a_sleep(void *user) {
  while (fake_next(&v.f)->op != OP_ready) continue;
  interrupt();
  answer(next_s2t(), "the second one's");
  return user;
}

static void count_timers(uv_handle_t *handle, void *user) {
  if (handle->type == UV_TIMER && uv_is_active(handle)) ++*(unsigned *)user;
}

static void interrupt_while(const char *wait, void *(*broker)(void *user)) {
  char code[256];
  struct sigaction action = {.sa_handler = on_signal};
  open_hosted();
  sigaction(SIGINT, &action, NULL);
  interrupted = false;
  snprintf(code, sizeof code, "note(pcall(function() %s end)) note(' ', bakaGaijin('bank').second) gaijin.sleep(0.02) note ' end'", wait);
  run_with(code, broker);
  ck_assert_msg(strncmp(v.log, "false", 5) == 0 && strstr(v.log, "interrupted! the second one's end"), "%s", v.log);
  ck_assert_ptr_null(v.w.sched.guest->answers);
  unsigned timers = 0;
  uv_walk(&v.w.loop.uv, count_timers, &timers);
  ck_assert_uint_eq(timers, v.w.loop.pulse_timer ? 2 : 1); /* that of the sweeps, and of the pulse */
  close_hosted();
}

START_TEST(interrupted_it_does_not_take_the_old_answer_for_the_next) {
  interrupt_while("return bakaGaijin('bank').first", interrupt_and_answer_late);
}
END_TEST

START_TEST(interrupted_its_timer_is_gone) {
  interrupt_while("gaijin.ready() gaijin.sleep(1e6)", interrupt_a_sleep);
}
END_TEST

/* What the loop was about to wait for is not what it has to do now. */
START_TEST(an_end_that_a_look_finds_is_not_slept_over) {
  open_hosted();
  hosted_turn(&v.w);
  v.w.poll_us = 1000;
  polling_init(&v.w.g->polling, v.w.poll_us);
  v.w.g->polling.share = 1;
  struct fiber *guest = v.w.sched.current;
  v.w.sched.current = NULL;
  shutdown(v.f.fd, SHUT_RDWR);
  ck_assert(loop_linger(&v.w));
  v.w.sched.current = guest;
  ck_assert(v.w.lost);
  close_hosted();
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_hosted");
  TCase *c = tcase_create("hosted");
  tcase_add_test(c, the_guest_waits_on_its_own_stack);
  tcase_add_test(c, the_guest_sleeps_and_others_run_meanwhile);
  tcase_add_test(c, a_guest_that_computes_lets_nobody_run);
  tcase_add_test(c, who_waits_for_a_label_is_heard_in_the_turn);
  tcase_add_test(c, the_broker_ends_while_the_guest_computes);
  tcase_add_test(c, it_ends_as_a_worker_does);
  tcase_add_test(c, interrupted_it_does_not_take_the_old_answer_for_the_next);
  tcase_add_test(c, interrupted_its_timer_is_gone);
  tcase_add_test(c, an_end_that_a_look_finds_is_not_slept_over);
  suite_add_tcase(s, c);
  return run_suite(s);
}
