/* SPDX-License-Identifier: MIT
 *
 * Active tokens (lua/ref/at.c): interning, the finaliser, resurrection. The broker is played by the test, so what leaves
 * and when is seen message by message.
 */
#define _GNU_SOURCE
#include "lua/ref/at.h"

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, A2 = {OTHER_HOST, 2, 12, GAIJIN_KIND_TABLE}, F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION},
                       F2 = {OTHER_HOST, 4, 14, GAIJIN_KIND_FUNCTION};
static const struct gaijin_pt *const both[] = {&A, &F};

/* The next message is an unsub of this PT with this count. */
static void expect_unsub(const struct gaijin_pt *pt, uint64_t count) {
  struct gaijin_pt got;
  uint64_t n;
  ck_assert_int_eq(gaijin_flush(v.w.g, true), 0);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_UNSUB);
  struct reader r = fake_values(&v.f.m);
  ck_assert(fake_read_pt(&r, &got) && reader_uint(&r, &n));
  ck_assert(gaijin_pt_equal(&got, pt));
  ck_assert_uint_eq(n, count);
}

/* Answers the request read last, with nothing or an error of the system's. */
static void reply(void) {
  fake_begin(&v.f, MESSAGE_REPLY, (enum gaijin_op)v.f.m.op, v.f.m.id, v.f.m.op == OP_get ? 1 : 0);
  if (v.f.m.op == OP_get) pack_number(&v.f.p, 5);
  vm_deliver(&v);
}
static void reply_error(enum gaijin_status status, const char *text) {
  fake_begin(&v.f, MESSAGE_ERROR, (enum gaijin_op)v.f.m.op, v.f.m.id, 2);
  pack_uint(&v.f.p, status);
  pack_text(&v.f.p, text);
  vm_deliver(&v);
}

/* ---- Interning ---- */

START_TEST(one_object_is_one_at) {
  vm_connect(&v);
  for (int i = 0; i < 2; i++) {
    v.log[0] = '\0';
    vm_give(&v, "a", both[i]);
    vm_give(&v, "b", both[i]);
    vm_give(&v, "other", i ? &F2 : &A2);
    vm_do(&v, "note(rawequal(a, b), rawequal(a, other), isBaka(a), type(a))");
    ck_assert_str_eq(v.log, i ? "truefalsetruefunction" : "truefalsetruetable");
    vm_do(&v, "a, b, other = nil");
  }
  vm_collect(&v);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 4);
  vm_close(&v);
}
END_TEST

START_TEST(what_is_no_at) {
  vm_connect(&v);
  lua_State *L = v.w.L;
  static const char *const others[] = {"nil", "true", "1", "'x'", "{}", "print", "function() end", "newproxy(true)", "io.stdout", "coroutine.create(print)",
                                       "(function(u) return function() return u end end)(io.stdout)", "setmetatable({}, {})"};
  for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
    char code[128];
    snprintf(code, sizeof code, "return %s", others[i]);
    luaL_dostring(L, code);
    int top = lua_gettop(L);
    ck_assert_msg(!at_get(L, &v.w, top), "%s", others[i]);
    ck_assert_int_eq(lua_gettop(L), top);
  }
  lua_settop(L, 0);
  ck_assert_ptr_null(at_get(L, &v.w, 1)); /* beyond the top */
  vm_close(&v);
}
END_TEST

START_TEST(every_kind) {
  vm_connect(&v);
  static const uint8_t kinds[] = {GAIJIN_KIND_TABLE, GAIJIN_KIND_FUNCTION, GAIJIN_KIND_THREAD, GAIJIN_KIND_USERDATA};
  for (unsigned i = 0; i < 4; i++) {
    struct gaijin_pt pt = {OTHER_HOST, 70 + i, 5, kinds[i]};
    v.log[0] = '\0';
    vm_give(&v, "x", &pt);
    vm_do(&v, "note(type(x), ' ', raw_type(x), ' ', isBaka(x)) x = nil");
    char expected[64];
    snprintf(expected, sizeof expected, "%s %s true", gaijin_kind_name(pt.kind), pt.kind == GAIJIN_KIND_FUNCTION ? "function" : "userdata");
    ck_assert_str_eq(v.log, expected);
    vm_collect(&v);
    expect_unsub(&pt, 1);
  }
  vm_close(&v);
}
END_TEST

/* ---- A collection in the middle of the making of an AT ---- */

static gaijin_holding *arriving;

/* A finaliser that is given the same object. */
static int receive_too(lua_State *L) {
  at_push(L, &v.w, arriving);
  lua_setglobal(L, "inner");
  return 0;
}

/* Makes the next allocation run a whole cycle, in which receive_too is a finaliser. */
static int receive_while_collecting(lua_State *L) {
  lua_pushcfunction(L, receive_too);
  lua_setglobal(L, "receive_too");
  lua_gc(L, LUA_GCCOLLECT, 0);
  lua_gc(L, LUA_GCSTOP, 0);
  if (luaL_dostring(L, "getmetatable(newproxy(true)).__gc = receive_too") != 0) return lua_error(L);
  int usual = lua_gc(L, LUA_GCSETSTEPMUL, 1 << 24);
  lua_gc(L, LUA_GCRESTART, 0);
  at_push(L, &v.w, arriving);
  lua_gc(L, LUA_GCSETSTEPMUL, usual);
  lua_setglobal(L, "outer");
  return 0;
}

START_TEST(received_by_a_finaliser_meanwhile_it_is_still_one) {
  vm_connect(&v);
  unsigned n = fake_give(&v.f, both[_i]);
  gaijin_body *body = v.f.told.answer[n].body;
  struct gaijin_value value;
  ck_assert(gaijin_body_next(body, &value));
  arriving = value.holding;
  vm_do_c(&v, receive_while_collecting);
  gaijin_body_free(body);
  vm_do(&v, "note(isBaka(inner), rawequal(inner, outer))");
  ck_assert_str_eq(v.log, "truetrue");
  vm_do(&v, "outer = nil");
  vm_collect(&v);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  vm_do(&v, "inner = nil");
  vm_collect(&v);
  expect_unsub(both[_i], 1);
  vm_close(&v);
}
END_TEST

/* ---- The finaliser ---- */

START_TEST(the_finaliser_only_queues) {
  vm_connect(&v);
  vm_give(&v, "a", both[_i]);
  vm_give(&v, "a", both[_i]);
  vm_do(&v, "a = nil");
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  vm_collect(&v);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  ck_assert_uint_eq(gaijin_queued_bytes(v.w.g), 0);
  ck_assert(fake_idle(&v.f));
  expect_unsub(both[_i], 2);
  ck_assert_uint_eq(gaijin_holding_count(v.w.g), 0);
  vm_close(&v);
}
END_TEST

/* The answer to the request `id` is this PT. */
static void answer(uint64_t id, const struct gaijin_pt *pt) {
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_S2T, id, 1);
  fake_put_pt(&v.f, pt);
  vm_deliver(&v);
}

START_TEST(received_again_before_its_release_left) {
  vm_connect(&v);
  vm_give(&v, "a", both[_i]);
  uint64_t id = vm_ask(&v, "b = bakaGaijin('bank').x", GAIJIN_OP_S2T);
  vm_do(&v, "a = nil");
  vm_collect(&v);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  answer(id, both[_i]);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  vm_do(&v, "note(isBaka(b)) b = nil");
  ck_assert_str_eq(v.log, "true");
  vm_collect(&v);
  expect_unsub(both[_i], 2);
  vm_close(&v);
}
END_TEST

START_TEST(closing_lets_all_go) {
  vm_connect(&v);
  vm_give(&v, "a", &A);
  vm_give(&v, "f", &F);
  fiber_discard_all(&v.w);
  lua_close(v.w.L);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 2);
  v.w.L = luaL_newstate(); /* for vm_close */
  vm_close(&v);
}
END_TEST

/* ---- Resurrection ---- */

/* The global a (and the AT's only reference) becomes garbage together with a finaliser that keeps it: then it is out.a. */
static void resurrect(void) {
  vm_do(&v, "local box = {a = a} a, out = nil local u = newproxy(true) getmetatable(u).__gc = function() out = box end");
  vm_collect(&v);
  vm_do(&v, "assert(out and isBaka(out.a)) a = out.a out = nil");
}

/* What uses the AT a: an index of a table, a call of a function. */
static void use(void) { vm_start(&v, "if type(a) == 'table' then note(a.x) else note('called', a()) end"); }

/* Uses it; it must then ask for it with nothing else before. */
static void expect_use(bool is_function) {
  v.log[0] = '\0';
  use();
  vm_run(&v);
  ck_assert_int_eq(fake_next(&v.f)->op, is_function ? GAIJIN_OP_CALL : GAIJIN_OP_GET);
  reply();
  ck_assert_str_eq(v.log, is_function ? "called" : "5");
}

/* Uses it; it must first be claimed; then all is well. */
static void expect_claim(const struct gaijin_pt *pt) {
  struct gaijin_pt got;
  v.log[0] = '\0';
  use();
  vm_run(&v);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_SUB);
  struct reader r = fake_values(&v.f.m);
  ck_assert(fake_read_pt(&r, &got) && gaijin_pt_equal(&got, pt));
  reply();
  ck_assert_int_eq(fake_next(&v.f)->op, pt->kind == GAIJIN_KIND_FUNCTION ? GAIJIN_OP_CALL : GAIJIN_OP_GET);
  ck_assert(fake_same_pt(&v.f.m.pt, pt));
  reply();
  ck_assert_str_eq(v.log, pt->kind == GAIJIN_KIND_FUNCTION ? "called" : "5");
}

START_TEST(touched_it_takes_its_queued_release_back) {
  vm_connect(&v);
  vm_give(&v, "a", both[_i]);
  resurrect();
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  expect_use(_i);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  vm_collect(&v);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0); /* held as before */
  vm_do(&v, "a = nil");
  vm_collect(&v);
  expect_unsub(both[_i], 1);
  vm_close(&v);
}
END_TEST

START_TEST(touched_after_its_release_left_it_is_claimed) {
  vm_connect(&v);
  vm_give(&v, "a", both[_i]);
  resurrect();
  expect_unsub(both[_i], 1);
  expect_claim(both[_i]);
  vm_collect(&v);
  expect_use(_i);
  vm_do(&v, "a = nil");
  vm_collect(&v);
  expect_unsub(both[_i], 1);
  vm_close(&v);
}
END_TEST

START_TEST(what_cannot_be_claimed_is_stale) {
  vm_connect(&v);
  vm_give(&v, "a", both[_i]);
  resurrect();
  expect_unsub(both[_i], 1);
  v.expected_error = true;
  for (int n = 0; n < 2; n++) {
    v.log[0] = '\0';
    use();
    vm_run(&v);
    ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_SUB);
    reply_error(GAIJIN_STATUS_STALE, "gone");
    ck_assert_str_eq(v.log, "gaijin: stale: gone");
  }
  vm_close(&v);
}
END_TEST

START_TEST(it_can_be_resurrected_again_and_again) {
  vm_connect(&v);
  vm_give(&v, "a", both[_i]);
  for (int round = 0; round < 6; round++) {
    resurrect();
    if (round % 2) {
      expect_unsub(both[_i], 1);
      expect_claim(both[_i]);
    } else {
      expect_use(_i);
    }
  }
  resurrect();
  resurrect(); /* untouched in between: nothing to be finalised */
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  vm_do(&v, "a = nil");
  vm_collect(&v);
  expect_unsub(both[_i], 1);
  vm_close(&v);
}
END_TEST

START_TEST(two_fibers_that_claim_at_once_hold_it_once) {
  vm_connect(&v);
  vm_give(&v, "a", both[_i]);
  resurrect();
  expect_unsub(both[_i], 1);
  use();
  use();
  vm_run(&v);
  uint64_t first = fake_next(&v.f)->id;
  ck_assert_int_eq(v.f.m.op, GAIJIN_OP_SUB);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_SUB);
  reply();
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_SUB, first, 0);
  vm_deliver(&v);
  for (int n = 0; n < 2; n++) {
    fake_next(&v.f);
    reply();
  }
  ck_assert_uint_eq(v.running, 0);
  vm_collect(&v);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  expect_use(_i);
  vm_do(&v, "a = nil");
  vm_collect(&v);
  expect_unsub(both[_i], 2);
  vm_close(&v);
}
END_TEST

START_TEST(received_again_a_resurrected_one_is_whole) {
  vm_connect(&v);
  vm_give(&v, "a", both[_i]);
  uint64_t id = vm_ask(&v, "again = bakaGaijin('bank').x", GAIJIN_OP_S2T);
  resurrect();
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1);
  answer(id, both[_i]);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  vm_do(&v, "note(rawequal(again, a), again == a)"); /* a table's identity is not promised, its equality is */
  ck_assert_str_eq(v.log, _i ? "truetrue" : "falsetrue");
  expect_use(_i);
  vm_do(&v, "a = nil");
  vm_collect(&v);
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  vm_do(&v, "a, again = again");
  expect_use(_i);
  vm_do(&v, "a = nil");
  vm_collect(&v);
  expect_unsub(both[_i], 2);
  vm_close(&v);
}
END_TEST

START_TEST(sent_it_is_whole_too) {
  vm_connect(&v);
  vm_give(&v, "f", &F2);
  vm_give(&v, "a", both[_i]);
  resurrect();
  vm_start(&v, "f(a)");
  vm_run(&v);
  struct gaijin_pt got;
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert_int_eq(v.f.m.op, GAIJIN_OP_CALL);
  ck_assert(fake_read_pt(&r, &got) && gaijin_pt_equal(&got, both[_i]));
  ck_assert_uint_eq(gaijin_releases(v.w.g), 0);
  reply();
  vm_close(&v);
}
END_TEST

/* The holdings of many functions come and go while resurrected ones of earlier holdings are still interned. */
START_TEST(an_old_one_is_never_taken_for_a_new_holding) {
  vm_connect(&v);
  for (unsigned i = 0; i < 30; i++) {
    struct gaijin_pt pt = {OTHER_HOST, 100 + i, 1000 + i, GAIJIN_KIND_FUNCTION};
    vm_do(&v, "keep = keep or {}");
    vm_give(&v, "a", &pt);
    vm_do(&v, "note(keep[a] and 'taken for another' or '') keep[a] = true");
    vm_do(&v, "local box = keep a, keep = nil local u = newproxy(true) getmetatable(u).__gc = function() keep = box end");
    vm_collect(&v);
    gaijin_flush(v.w.g, true); /* the holding is freed, and its address used by the next one */
    while (fake_next(&v.f)->op != OP_unsub) continue;
  }
  ck_assert_str_eq(v.log, "");
  vm_do(&v, "local n = 0 for _ in pairs(keep) do n = n + 1 end note(n)");
  ck_assert_str_eq(v.log, "30");
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_at");
  TCase *c = tcase_create("at");
  tcase_add_test(c, one_object_is_one_at);
  tcase_add_test(c, what_is_no_at);
  tcase_add_test(c, every_kind);
  tcase_add_loop_test(c, received_by_a_finaliser_meanwhile_it_is_still_one, 0, 2);
  tcase_add_loop_test(c, the_finaliser_only_queues, 0, 2);
  tcase_add_loop_test(c, received_again_before_its_release_left, 0, 2);
  tcase_add_test(c, closing_lets_all_go);
  tcase_add_loop_test(c, touched_it_takes_its_queued_release_back, 0, 2);
  tcase_add_loop_test(c, touched_after_its_release_left_it_is_claimed, 0, 2);
  tcase_add_loop_test(c, what_cannot_be_claimed_is_stale, 0, 2);
  tcase_add_loop_test(c, it_can_be_resurrected_again_and_again, 0, 2);
  tcase_add_loop_test(c, two_fibers_that_claim_at_once_hold_it_once, 0, 2);
  tcase_add_loop_test(c, received_again_a_resurrected_one_is_whole, 0, 2);
  tcase_add_loop_test(c, sent_it_is_whole_too, 0, 2);
  tcase_add_test(c, an_old_one_is_never_taken_for_a_new_holding);
  suite_add_tcase(s, c);
  return run_suite(s);
}
