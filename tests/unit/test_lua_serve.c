/* SPDX-License-Identifier: MIT
 *
 * Serving requests (lua/serve/serve.c): each is answered exactly once, whatever a script raises
 * and whenever.
 */
#define _GNU_SOURCE
#include "lua/serve/begin.h"

#include "tests/unit/address_limit.h"
#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};
static struct gaijin_pt ours; /* a function that counts its calls in the global n */

static void open_host(void) {
  vm_connect(&v);
  vm_give(&v, "f", &F);
  vm_do(&v, "n = 0 gaijin.post(f, function() n = n + 1 return n end)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
}

static void call(uint64_t id, bool one_way) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = id, .peer = OTHER_HOST,
                      .depth = 1, .target = OP_PT, .pt = gj_pt_wire(&ours),
                      .flags = one_way ? MESSAGE_ONE_WAY : 0};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 0);
  vm_deliver(&v);
}

/* A hook of the script's runs when a function returns; this one raises once the answer has left. */
static unsigned raised;
static void raise_after_answer(lua_State *L, lua_Debug *ar) {
  (void)ar;
  const struct fiber *f = v.w.sched.current;
  if (!f || !f->serving.answered) return;
  raised++;
  luaL_error(L, "raised by a hook");
}

START_TEST(what_is_raised_after_the_answer_changes_nothing) {
  open_host();
  lua_sethook(v.w.L, raise_after_answer, LUA_MASKRET, 0); /* new fibers have it too */
  call(42, false);
  lua_sethook(v.w.L, NULL, 0, 0);
  ck_assert_uint_gt(raised, 0);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  ck_assert_uint_eq(v.f.m.id, 42);
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

/* No memory for C stacks: a call is refused after a while, for the stacks may be with those who wait for it. A post is done
 * when there is memory again. */
START_TEST(without_memory_for_a_stack_a_call_is_refused) {
  struct rlimit limit;
  struct stack *all[64] = {NULL}, **k = all;
  if (!address_limit_holds()) return;
  open_host();
  address_limit_begin(&limit);
  while (k < all + 63 && (*k = stack_get(&v.w.sched.stacks))) k++;
  call(43, true);
  call(42, false);
  for (int turns = 0; fake_idle(&v.f) && turns < 1000; turns++) {
    uv_run(&v.w.loop.uv, UV_RUN_ONCE);
    fiber_run_ready(&v.w);
    gaijin_flush(v.w.g, true);
  }
  address_limit_end(&limit);
  ck_assert_ptr_null(*k);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_ERROR);
  ck_assert_uint_eq(v.f.m.id, 42);
  struct reader r = fake_values(&v.f.m);
  uint64_t status;
  ck_assert(reader_uint(&r, &status) && status == GAIJIN_STATUS_BUSY);
  ck_assert_uint_eq(v.w.sched.n_fibers, 1); /* the post's */
  while (k-- > all) stack_put(&v.w.sched.stacks, *k);
  for (int turns = 0; v.w.sched.n_fibers && turns < 1000; turns++) {
    uv_run(&v.w.loop.uv, UV_RUN_ONCE);
    fiber_run_ready(&v.w);
  }
  vm_do(&v, "assert(n == 1)");
  vm_close(&v);
}
END_TEST

START_TEST(a_post_is_counted_when_it_fails_and_never_answered) {
  open_host();
  call(43, true);
  vm_do(&v, "assert(n == 1)");
  ck_assert_uint_eq(v.w.posts_failed, 0);
  vm_do(&v, "function gaijin.access() return false end");
  call(43, true);
  vm_do(&v, "assert(n == 1)");
  ck_assert_uint_eq(v.w.posts_failed, 1);
  ck_assert(fake_idle(&v.f));
  vm_close(&v);
}
END_TEST

/* Asks for the labels, or for a traversal of them; the reply has so many values. */
static struct reader ask_labels(bool traversal, uint32_t expected) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_labels, .id = 42, .peer = OTHER_HOST, .depth = 1,
                      .target = OP_NAME, .name = "shop", .name_size = 4};
  struct reader r;
  uint32_t count;
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, traversal ? 1 : 0);
  if (traversal) pack_bool(&v.f.p, true);
  vm_deliver(&v);
  ck_assert_int_eq(fake_next(&v.f)->kind, MESSAGE_REPLY);
  ck_assert(reader_open(&r, v.f.m.body, v.f.m.body_size, &count));
  ck_assert_uint_eq(count, expected);
  return r;
}

static void expect_text(struct reader *r, const char *expected) {
  const char *text;
  uint32_t size;
  ck_assert(reader_string(r, &text, &size));
  ck_assert_uint_eq(size, strlen(expected));
  ck_assert_int_eq(memcmp(text, expected, size), 0);
}

static void expect_nil(struct reader *r) {
  struct value value;
  ck_assert(reader_next(r, &value));
  ck_assert_int_eq(value.type, VALUE_NIL);
}

START_TEST(labels_are_listed_with_kind_and_number) {
  open_host();
  vm_do(&v, "bakaGaijin.sold = 5");
  struct reader r = ask_labels(false, 3);
  expect_text(&r, "sold");
  expect_text(&r, "number");
  expect_nil(&r);
  lua_getglobal(v.w.L, "bakaGaijin");
  pool_push(v.w.L, &v.w, gaijin_token_find(v.w.g, ours.id)); /* its function has been sent */
  lua_setfield(v.w.L, -2, "sold");
  lua_settop(v.w.L, 0);
  r = ask_labels(false, 3);
  expect_text(&r, "sold");
  expect_text(&r, "function");
  uint64_t id;
  ck_assert(reader_uint(&r, &id));
  ck_assert_uint_eq(id, ours.id);
  vm_close(&v);
}
END_TEST

START_TEST(who_may_not_read_a_label_traverses_without_it) {
  open_host();
  vm_do(&v, "bakaGaijin.secret = 5 function gaijin.access(_, op, _, key) return op ~= 's2t' or key ~= 'secret' end");
  struct reader r = ask_labels(true, 1); /* no cursor, no label */
  vm_do(&v, "gaijin.access = nil");
  r = ask_labels(true, 3);
  expect_nil(&r);
  expect_text(&r, "secret");
  vm_do(&v, "function gaijin.access(_, op, _, key) return op ~= 's2t' or key == 'secret' end");
  ask_labels(true, 3);
  vm_close(&v);
}
END_TEST

/* Requests are looked up by their ids, whichever of those that share a bucket ends first. */
START_TEST(each_is_found_by_its_id_while_it_lasts) {
  enum { REQUESTS = 3 };
  open_host();
  vm_do(&v, "gaijin.post(f, function() pcall(gaijin.sleep, 1000) end)");
  struct reader r = fake_values(fake_next(&v.f));
  ck_assert(fake_read_pt(&r, &ours));
  for (int last = 0; last < REQUESTS; last++) {
    bool there[REQUESTS] = {true, true, true};
    for (uint64_t i = 0; i < REQUESTS; i++) call(42 + i * FIBER_BUCKETS, false);
    ck_assert_uint_eq(v.w.sched.n_requests, REQUESTS);
    for (int n = 0; n < REQUESTS; n++) {
      int ends = (last + 1 + n) % REQUESTS;
      fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_CANCEL, 0, 1);
      pack_uint(&v.f.p, 42 + (uint64_t)ends * FIBER_BUCKETS);
      vm_deliver(&v);
      there[ends] = false;
      for (uint64_t i = 0; i < REQUESTS; i++)
        ck_assert_int_eq(fiber_serving(&v.w, 42 + i * FIBER_BUCKETS) != NULL, there[i]);
    }
    ck_assert_ptr_null(v.w.sched.by_request[42]);
    ck_assert_uint_eq(v.w.sched.n_requests, 0);
  }
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_serve");
  TCase *c = tcase_create("serve");
  tcase_add_test(c, what_is_raised_after_the_answer_changes_nothing);
  tcase_add_test(c, without_memory_for_a_stack_a_call_is_refused);
  tcase_add_test(c, a_post_is_counted_when_it_fails_and_never_answered);
  tcase_add_test(c, labels_are_listed_with_kind_and_number);
  tcase_add_test(c, who_may_not_read_a_label_traverses_without_it);
  tcase_add_test(c, each_is_found_by_its_id_while_it_lasts);
  suite_add_tcase(s, c);
  return run_suite(s);
}
