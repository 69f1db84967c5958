/* SPDX-License-Identifier: MIT
 *
 * Requests and their answers (lua/ask/remote.c): what is refused before it is sent, what an answer becomes, time limits.
 */
#define _GNU_SOURCE
#include "lua/ask/remote.h"

#include "tests/unit/captured.h"
#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};

static void open_all(void) {
  vm_connect(&v);
  vm_give(&v, "a", &A);
  vm_give(&v, "f", &F);
  v.expected_error = true;
}

static void begin(enum message_kind kind, uint32_t count) { fake_begin(&v.f, kind, (enum gaijin_op)v.f.m.op, v.f.m.id, count); }

START_TEST(answers_come_in_any_order) {
  open_all();
  for (int i = 0; i < 3; i++) vm_start(&v, "n = (n or 0) + 1 local me = n note(me, ' gets ', f(me), ' ')");
  vm_run(&v);
  uint64_t ids[3];
  for (int i = 0; i < 3; i++) ids[i] = fake_next(&v.f)->id;
  static const int order[] = {2, 0, 1};
  for (int i = 0; i < 3; i++) {
    fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, ids[order[i]], 1);
    pack_uint(&v.f.p, 10u + (unsigned)order[i]);
    vm_deliver(&v);
  }
  ck_assert_str_eq(v.log, "3 gets 12 1 gets 10 2 gets 11 ");
  vm_close(&v);
}
END_TEST

START_TEST(what_was_raised_is_raised) {
  open_all();
  vm_ask(&v, "f()", GAIJIN_OP_CALL);
  begin(MESSAGE_ERROR, 2);
  pack_uint(&v.f.p, GAIJIN_STATUS_RAISED);
  pack_text(&v.f.p, "shop.lua:1: no");
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "shop.lua:1: no");
  v.log[0] = '\0';
  vm_ask(&v, "local ok, e = pcall(f) note(ok, rawequal(e, a))", GAIJIN_OP_CALL);
  begin(MESSAGE_ERROR, 3);
  pack_uint(&v.f.p, GAIJIN_STATUS_RAISED);
  fake_put_pt(&v.f, &A);
  pack_text(&v.f.p, "a traceback");
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "falsetrue");
  v.log[0] = '\0';
  vm_ask(&v, "note(pcall(f))", GAIJIN_OP_CALL);
  begin(MESSAGE_ERROR, 2);
  pack_uint(&v.f.p, GAIJIN_STATUS_RAISED);
  pack_nil(&v.f.p);
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "falsenil");
  v.log[0] = '\0';
  vm_ask(&v, "f()", GAIJIN_OP_CALL);
  begin(MESSAGE_ERROR, 2);
  pack_uint(&v.f.p, GAIJIN_STATUS_DENIED);
  pack_text(&v.f.p, "bank refuses call to shop");
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "gaijin: denied: bank refuses call to shop");
  vm_close(&v);
}
END_TEST

START_TEST(the_dead_are_not_asked) {
  open_all();
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&v.f.p, OTHER_HOST);
  pack_text(&v.f.p, "bank");
  fake_deliver(&v.f);
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&v.f.p, OTHER_HOST);
  fake_deliver(&v.f);
  static const char *const codes[] = {"f()", "return a.x", "a.x = 1", "return #a", "for k in pairs(a) do end", "return a + 1", "table.insert(a, 1)"};
  for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
    v.log[0] = '\0';
    vm_do(&v, codes[i]);
    ck_assert_msg(strcmp(v.log, "gaijin: dead: Gaijin tried accessing dead resource. (bank)") == 0, "%s: %s", codes[i], v.log);
  }
  v.log[0] = '\0';
  vm_do(&v, "note(tostring(a), ' ', tostring(f))");
  ck_assert_str_eq(v.log, "table: bank:1 (dead) function: bank:3 (dead)");
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

START_TEST(outside_a_fiber_nothing_is_asked) {
  open_all();
  static const char *const codes[] = {"f()", "return a.x", "gaijin.sleep(0)", "return bakaGaijin('bank').x"};
  for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
    ck_assert_int_ne(luaL_dostring(v.w.L, codes[i]), 0);
    ck_assert_msg(strncmp(lua_tostring(v.w.L, -1), "gaijin: unsupported: ", 21) == 0, "%s", lua_tostring(v.w.L, -1));
    lua_settop(v.w.L, 0);
  }
  ck_assert_int_eq(luaL_dostring(v.w.L, "return tostring(a)"), 0); /* describes the AT */
  ck_assert_str_eq(lua_tostring(v.w.L, -1), "table: ?:1");
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

START_TEST(depth_counts_along_the_chain) {
  open_all();
  v.w.max_depth = 3;
  vm_start(&v, "f(function() return f() end)");
  vm_run(&v);
  struct gaijin_pt ours;
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert_uint_eq(v.f.m.depth, 1);
  ck_assert(fake_read_pt(&r, &ours));
  for (uint16_t depth = 2; depth <= 3; depth++) {
    struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = depth, .peer = OTHER_HOST, .depth = depth, .target = OP_PT,
                        .pt = gj_pt_wire(&ours)};
    pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 0);
    vm_deliver(&v);
    fake_next(&v.f);
    if (depth == 2) {
      ck_assert_int_eq(v.f.m.op, GAIJIN_OP_CALL);
      ck_assert_uint_eq(v.f.m.depth, 3);
    } else {
      ck_assert_int_eq(v.f.m.kind, MESSAGE_ERROR);
      ck_assert_uint_eq(v.f.m.id, 3);
    }
  }
  vm_close(&v);
}
END_TEST

/* ---- Time limits ---- */

static double limit;

/* Asks bank for x within the limit and notes what came of it. */
static int ask_within(lua_State *L) {
  lua_pushliteral(L, "x");
  struct remote r = {.op = GAIJIN_OP_S2T, .name = "bank", .first = 1, .count = 1, .seconds = limit};
  int n = 0;
  if (remote_ask(L, &v.w, &r, &n) == REMOTE_TIMED_OUT) {
    vm_note(&v, "timed out");
    return 0;
  }
  ck_assert_int_eq(n, 1);
  lua_getglobal(L, "a");
  vm_note(&v, lua_rawequal(L, -1, -2) ? "a" : lua_tostring(L, -2));
  return 0;
}

/* Its request is v.f.m. */
static void start_asking(double seconds) {
  limit = seconds;
  vm_start_c(&v, ask_within);
  vm_run(&v);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_S2T);
}

/* Waits for the timers: nothing else is in the loop. */
static void run_timers(void) {
  uv_run(&v.w.loop.uv, UV_RUN_DEFAULT);
}

START_TEST(a_time_limit_cancels) {
  open_all();
  start_asking(0.01);
  uint64_t id = v.f.m.id, cancelled;
  run_timers();
  vm_run(&v);
  ck_assert_str_eq(v.log, "timed out");
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CANCEL);
  struct reader r = fake_values(&v.f.m);
  ck_assert(reader_uint(&r, &cancelled));
  ck_assert_uint_eq(cancelled, id);
  /* The late answer is given back. */
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_S2T, id, 1);
  fake_put_pt(&v.f, &(struct gaijin_pt){OTHER_HOST, 9, 9, GAIJIN_KIND_TABLE});
  vm_deliver(&v);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  vm_close(&v);
}
END_TEST

START_TEST(an_answer_in_time_stops_the_timer) {
  open_all();
  start_asking(1000);
  begin(MESSAGE_REPLY, 1);
  pack_uint(&v.f.p, 5);
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "5");
  ck_assert(!uv_loop_alive(&v.w.loop.uv));
  vm_close(&v);
}
END_TEST

START_TEST(an_answer_before_the_fibers_turn_is_in_time) {
  open_all();
  start_asking(0.01);
  begin(MESSAGE_REPLY, 1);
  fake_put_pt(&v.f, &A);
  fake_deliver(&v.f); /* it has arrived; the fiber has not run when the time is over */
  run_timers();
  vm_run(&v);
  ck_assert_str_eq(v.log, "a");
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

/* The answer to the request in v.f.m, of more values than a fiber's Lua stack takes: decoding raises. */
static void answer_too_much(void) {
  begin(MESSAGE_REPLY, LUAI_MAXCSTACK + 1);
  for (int i = 0; i <= LUAI_MAXCSTACK; i++) pack_nil(&v.f.p);
  vm_deliver(&v);
}

START_TEST(an_answer_whose_decoding_raised_is_freed_at_the_next_wait) {
  open_all();
  vm_ask(&v, "for i = 1, 3 do note(pcall(f)) end", GAIJIN_OP_CALL);
  const struct fiber *waits = v.w.sched.all;
  for (int i = 0; i < 3; i++) {
    ck_assert_uint_eq(waits->request, v.f.m.id);
    ck_assert_ptr_null(waits->answers);
    answer_too_much();
    static const char text[] = "falsegaijin: too_large: ";
    ck_assert_msg(strncmp(v.log, text, sizeof text - 1) == 0, "%s", v.log);
    v.log[0] = '\0';
    if (i < 2) ck_assert_int_eq(fake_next(&v.f)->op, OP_call);
  }
  ck_assert_uint_eq(v.running, 0);
  vm_close(&v);
}
END_TEST

/* A finaliser that runs while an answer is decoded may ask and wait; the answer is still there. */
START_TEST(an_answer_outlives_a_wait_amid_its_decoding) {
  open_all();
  vm_do(&v, "guard = newproxy(true) getmetatable(guard).__gc = function() note('[', f(2), ']') end");
  lua_gc(v.w.L, LUA_GCSTOP, 0);
  vm_ask(&v, "guard = nil note(#f(1))", GAIJIN_OP_CALL);
  const struct fiber *waits = v.w.sched.all;
  lua_gc(v.w.L, LUA_GCSETSTEPMUL, 1000000); /* a whole round in one step */
  lua_gc(v.w.L, LUA_GCRESTART, 0);
  static char large[1 << 16];
  begin(MESSAGE_REPLY, 1);
  pack_string(&v.f.p, large, sizeof large);
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "");
  ck_assert_ptr_nonnull(waits->answers); /* half decoded */
  ck_assert_int_eq(fake_next(&v.f)->op, OP_call);
  begin(MESSAGE_REPLY, 1);
  pack_uint(&v.f.p, 2);
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "[2]65536");
  vm_close(&v);
}
END_TEST

/* Of a request to the broker; of others, the broker says that their time is over. */
START_TEST(whose_time_limit_was_over_is_said) {
  open_all();
  v.w.call_timeout = 0.01;
  vm_ask(&v, "gaijin.peers()", GAIJIN_OP_INSPECT);
  run_timers();
  vm_run(&v);
  ck_assert_str_eq(v.log, "gaijin: timeout: inspect to the broker got no answer in 0.01 s; whether it was "
                          "done is not known");
  v.log[0] = '\0';
  v.w.call_timeout = 25;
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CANCEL);
  vm_ask(&v, "gaijin.timeout(0.01, gaijin.peers)", GAIJIN_OP_INSPECT);
  run_timers();
  vm_run(&v);
  ck_assert_str_eq(v.log, "gaijin: timeout: inspect to the broker: the time limit of 0.01 s is over");
  v.log[0] = '\0';
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CANCEL);
  vm_ask(&v, "gaijin.peers()", GAIJIN_OP_INSPECT);
  fiber_cancel(v.w.sched.all, "for a test");
  vm_run(&v);
  ck_assert_str_eq(v.log, "gaijin: cancelled: inspect to the broker: for a test");
  vm_close(&v);
}
END_TEST

/* ---- One way ---- */

START_TEST(a_post_waits_for_nothing) {
  open_all();
  v.expected_error = false;
  vm_do(&v, "gaijin.post(f, 1) gaijin.post(f, 2) note 'on'");
  ck_assert_str_eq(v.log, "on");
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CALL);
    ck_assert_int_eq(v.f.m.flags, MESSAGE_ONE_WAY);
  }
  vm_close(&v);
}
END_TEST

START_TEST(after_a_loss_every_request_says_so) {
  open_all();
  vm_start(&v, "note(pcall(f))");
  vm_run(&v);
  close(v.f.fd);
  v.f.fd = -1;
  ck_assert_int_eq(gaijin_dispatch(v.w.g), GAIJIN_STATUS_LOST);
  while (fiber_run_ready(&v.w)) continue;
  ck_assert_ptr_nonnull(strstr(v.log, "falsegaijin: lost: "));
  v.log[0] = '\0';
  vm_start(&v, "note(pcall(f))");
  while (fiber_run_ready(&v.w)) continue;
  ck_assert_ptr_nonnull(strstr(v.log, "falsegaijin: lost: "));
  v.connected = false;
  vm_close(&v);
  fake_close(&v.f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_remote");
  TCase *c = tcase_create("remote");
  tcase_add_test(c, answers_come_in_any_order);
  tcase_add_test(c, what_was_raised_is_raised);
  tcase_add_test(c, the_dead_are_not_asked);
  tcase_add_test(c, outside_a_fiber_nothing_is_asked);
  tcase_add_test(c, depth_counts_along_the_chain);
  tcase_add_test(c, a_time_limit_cancels);
  tcase_add_test(c, an_answer_in_time_stops_the_timer);
  tcase_add_test(c, an_answer_before_the_fibers_turn_is_in_time);
  tcase_add_test(c, an_answer_whose_decoding_raised_is_freed_at_the_next_wait);
  tcase_add_test(c, an_answer_outlives_a_wait_amid_its_decoding);
  tcase_add_test(c, whose_time_limit_was_over_is_said);
  tcase_add_test(c, a_post_waits_for_nothing);
  tcase_add_test(c, after_a_loss_every_request_says_so);
  suite_add_tcase(s, c);
  return run_suite(s);
}
