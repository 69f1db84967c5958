/* SPDX-License-Identifier: MIT
 *
 * Home objects that others hold (lua/ref/pool.c), and their tokens' life as far as lua/ has a part in it.
 */
#define _GNU_SOURCE
#include "lua/ref/pool.h"

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};
static struct gaijin_pt sent[8]; /* what the last call carried */

static void open_all(uint32_t max_message) {
  vm_connect_limited(&v, max_message);
  vm_give(&v, "f", &F);
  vm_do(&v, "weak = setmetatable({}, {__mode = 'v'})");
}

/* Runs the code, which calls f: the PTs it sends go to `sent`. Returns the request's id. */
static uint64_t send_pts(const char *code, unsigned n) {
  uint64_t id = vm_ask(&v, code, GAIJIN_OP_CALL);
  struct reader r = fake_values(&v.f.m);
  for (unsigned i = 0; i < n; i++) ck_assert(fake_read_pt(&r, &sent[i]));
  return id;
}

static void reply(uint64_t id) {
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, id, 0);
  vm_deliver(&v);
}

static void drop(uint64_t id, uint64_t seen) {
  fake_drop(&v.f, id, seen);
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
}

/* The weak table still has something after a collection. */
static bool kept(void) {
  vm_collect(&v);
  lua_getglobal(v.w.L, "weak");
  lua_pushnil(v.w.L);
  bool some = lua_next(v.w.L, -2);
  lua_settop(v.w.L, 0);
  return some;
}

START_TEST(an_object_is_kept_until_its_last_sending_is_dropped) {
  open_all(MAX_MESSAGE_DEFAULT);
  reply(send_pts("local t = {} weak[1] = t f(t, t)", 2));
  ck_assert(gaijin_pt_equal(&sent[0], &sent[1]));
  ck_assert_uint_eq(sent[0].host, FAKE_HOST);
  ck_assert_int_eq(sent[0].kind, GAIJIN_KIND_TABLE);
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 1);
  ck_assert(kept());
  drop(sent[0].id, 1);
  ck_assert(kept());
  drop(sent[0].id, 1);
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 0);
  ck_assert(!kept());
  vm_close(&v);
}
END_TEST

START_TEST(an_object_has_one_token_while_it_is_kept) {
  open_all(MAX_MESSAGE_DEFAULT);
  reply(send_pts("t, g = {}, function() end f(t, g, print)", 3));
  struct gaijin_pt first[3];
  memcpy(first, sent, sizeof first);
  ck_assert_int_eq(first[1].kind, GAIJIN_KIND_FUNCTION);
  ck_assert_int_eq(first[2].kind, GAIJIN_KIND_FUNCTION);
  reply(send_pts("f(print, t, g)", 3));
  ck_assert(gaijin_pt_equal(&sent[0], &first[2]) && gaijin_pt_equal(&sent[1], &first[0]) && gaijin_pt_equal(&sent[2], &first[1]));
  drop(first[0].id, 2);
  reply(send_pts("f(t)", 1));
  ck_assert_uint_ne(sent[0].id, first[0].id); /* a new life, a new token */
  ck_assert_uint_ne(sent[0].stamp, first[0].stamp);
  vm_close(&v);
}
END_TEST

START_TEST(it_comes_home_as_itself) {
  open_all(MAX_MESSAGE_DEFAULT);
  uint64_t id = send_pts("local t, g = {}, function() end local a, b, c = f(t, g) note(rawequal(a, t), rawequal(b, g), rawequal(c, t))", 2);
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, id, 3);
  fake_put_pt(&v.f, &sent[0]);
  fake_put_pt(&v.f, &sent[1]);
  fake_put_pt(&v.f, &sent[0]);
  fake_end(&v.f);
  fake_drop(&v.f, sent[0].id, 1); /* the answer pins what it carries until it is decoded */
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 2);
  vm_run(&v);
  ck_assert_str_eq(v.log, "truetruetrue");
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 1);
  vm_close(&v);
}
END_TEST

START_TEST(one_that_is_gone_is_stale) {
  open_all(MAX_MESSAGE_DEFAULT);
  reply(send_pts("local t = {} f(t)", 1));
  drop(sent[0].id, 1);
  v.expected_error = true;
  struct gaijin_pt gone = sent[0];
  uint64_t id = send_pts("f()", 0);
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, id, 1);
  fake_put_pt(&v.f, &gone);
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "gaijin: stale: a token of shop names an object it no longer keeps");
  vm_close(&v);
}
END_TEST

START_TEST(a_refused_message_makes_no_token) {
  open_all(4096);
  v.expected_error = true;
  vm_do(&v, "local t = {} weak[1] = t f(t, function() end, ('x'):rep(5000))");
  ck_assert_ptr_nonnull(strstr(v.log, "gaijin: too_large: "));
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 0);
  ck_assert(!kept());
  ck_assert(fake_idle(&v.f));
  /* One that is known already stays. */
  reply(send_pts("t = {} f(t)", 1));
  vm_do(&v, "f(t, {}, ('x'):rep(5000))");
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 1);
  drop(sent[0].id, 1);
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 0);
  vm_close(&v);
}
END_TEST

START_TEST(nor_does_one_whose_values_cannot_all_be_sent) {
  static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE};
  open_all(MAX_MESSAGE_DEFAULT);
  vm_give(&v, "a", &A);
  vm_do(&v, "local box = {a = a} a = nil getmetatable(newproxy(true)).__gc = function() out = box end");
  vm_collect(&v);
  gaijin_flush(v.w.g, true);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_UNSUB); /* a resurrected AT, which must be claimed and cannot be */
  v.expected_error = true;
  static const char *const codes[] = {"f({}, out.a)", "f(gaijin.copy {print, out.a})", "f(print, gaijin.copy {out.a})", "f(gaijin.copy {{print}, {{out.a}}})"};
  for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
    v.log[0] = '\0';
    uint64_t id = vm_ask(&v, codes[i], GAIJIN_OP_SUB);
    fake_begin(&v.f, MESSAGE_ERROR, GAIJIN_OP_SUB, id, 2);
    pack_uint(&v.f.p, GAIJIN_STATUS_STALE);
    pack_text(&v.f.p, "gone");
    vm_deliver(&v);
    ck_assert_str_eq(v.log, "gaijin: stale: gone");
    ck_assert_msg(gaijin_token_count(v.w.g) == 0, "%s", codes[i]);
  }
  vm_close(&v);
}
END_TEST

START_TEST(a_refused_copy_makes_no_token) {
  open_all(4096);
  v.expected_error = true;
  vm_do(&v, "f(gaijin.copy {print, {function() end, ('x'):rep(5000)}, [io.stdout] = coroutine.create(function() end)})");
  ck_assert_ptr_nonnull(strstr(v.log, "gaijin: too_large: "));
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 0);
  vm_close(&v);
}
END_TEST

START_TEST(a_refused_answer_makes_no_token) {
  open_all(4096);
  reply(send_pts("f(function(n) local t = {} weak[1] = t return t, ('x'):rep(n) end)", 1));
  fake_begin_to(&v.f, GAIJIN_OP_CALL, 7, &sent[0], 1);
  pack_uint(&v.f.p, 5000);
  vm_deliver(&v);
  struct message *m = fake_next(&v.f);
  ck_assert_int_eq(m->kind, MESSAGE_ERROR);
  struct reader r = fake_values(m);
  uint64_t status;
  ck_assert(reader_uint(&r, &status));
  ck_assert_uint_eq(status, GAIJIN_STATUS_TOO_LARGE);
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 1);
  ck_assert(!kept());
  vm_close(&v);
}
END_TEST

START_TEST(slots_are_used_again) {
  open_all(MAX_MESSAGE_DEFAULT);
  for (int round = 0; round < 50; round++) {
    reply(send_pts("f({}, {}, {})", 3));
    for (int i = 0; i < 3; i++) drop(sent[i].id, 1);
  }
  lua_rawgeti(v.w.L, LUA_REGISTRYINDEX, v.w.anchors.pool);
  ck_assert_uint_le(lua_objlen(v.w.L, -1), 4);
  lua_rawgeti(v.w.L, LUA_REGISTRYINDEX, v.w.anchors.lookup);
  lua_pushnil(v.w.L);
  ck_assert(!lua_next(v.w.L, -2));
  vm_close(&v);
}
END_TEST

/* ---- Short of memory ---- */

struct shortage {
  lua_Alloc usual;
  void *ud;
  int left; /* so many growing allocations succeed yet; below 0: all */
};

static struct shortage s;

static void *allocate(void *ud, void *block, size_t old, size_t size) {
  struct shortage *short_of = ud;
  if (size > old && short_of->left == 0) return NULL;
  if (size > old && short_of->left > 0) short_of->left--;
  return short_of->usual(short_of->ud, block, old, size);
}

static void limit(int left) {
  s.left = left;
  if (!s.usual) s.usual = lua_getallocf(v.w.L, &s.ud);
  lua_setallocf(v.w.L, allocate, &s);
}

START_TEST(forgetting_needs_no_memory) {
  open_all(MAX_MESSAGE_DEFAULT);
  static struct gaijin_pt all[200];
  for (int i = 0; i < 200; i++) {
    reply(send_pts("f({})", 1));
    all[i] = sent[0];
  }
  limit(0);
  for (int i = 199; i >= 0; i--) drop(all[i].id, 1);
  limit(-1);
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 0);
  vm_close(&v);
}
END_TEST

static int lua_limit(lua_State *L) {
  limit((int)luaL_checkinteger(L, 1));
  return 0;
}

START_TEST(sending_fails_clean_wherever_memory_is_short) {
  open_all(MAX_MESSAGE_DEFAULT);
  lua_register(v.w.L, "limit", lua_limit);
  vm_do(&v, "function send(n) local t, ok = {} for i = 1, 40 do t[i] = i end limit(n) ok = pcall(f, t) limit(-1) assert(not ok) u = t end");
  for (int n = 0;; n++) {
    ck_assert_int_lt(n, 100);
    char code[32];
    snprintf(code, sizeof code, "send(%d)", n);
    vm_start(&v, code);
    vm_run(&v);
    limit(-1);
    if (v.running) break; /* it waits for the answer: the message was sent */
    ck_assert_uint_eq(gaijin_token_count(v.w.g), 0);
    ck_assert(fake_idle(&v.f));
    reply(send_pts("f(u)", 1)); /* nothing of the failure is in the way */
    ck_assert_uint_eq(gaijin_token_count(v.w.g), 1);
    drop(sent[0].id, 1);
    ck_assert_uint_eq(gaijin_token_count(v.w.g), 0);
  }
  ck_assert_uint_eq(gaijin_token_count(v.w.g), 1);
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("lua_pool");
  TCase *c = tcase_create("pool");
  tcase_add_test(c, an_object_is_kept_until_its_last_sending_is_dropped);
  tcase_add_test(c, an_object_has_one_token_while_it_is_kept);
  tcase_add_test(c, it_comes_home_as_itself);
  tcase_add_test(c, one_that_is_gone_is_stale);
  tcase_add_test(c, a_refused_message_makes_no_token);
  tcase_add_test(c, nor_does_one_whose_values_cannot_all_be_sent);
  tcase_add_test(c, a_refused_copy_makes_no_token);
  tcase_add_test(c, a_refused_answer_makes_no_token);
  tcase_add_test(c, slots_are_used_again);
  tcase_add_test(c, forgetting_needs_no_memory);
  tcase_add_test(c, sending_fails_clean_wherever_memory_is_short);
  suite_add_tcase(suite, c);
  return run_suite(suite);
}
