/* SPDX-License-Identifier: MIT
 *
 * What a peer that keeps no rule of the Lua side can reach (lua/serve/): raw requests for
 * operators, and answers that would have the client do something for their sender.
 */
#define _GNU_SOURCE
#include "lua/serve/access.h"

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE},
                              F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION},
                              THIRDS = {THIRD_HOST, 7, 17, GAIJIN_KIND_FUNCTION};

/* What open_host exports: an object with handlers that note that they run, one like it, and a
 * function. */
enum { OBJECT, OTHER, FUNCTION, OURS };
static struct gaijin_pt ours[OURS];

static void open_host(void) {
  vm_connect(&v);
  vm_give(&v, "f", &F);
  vm_give(&v, "a", &A);
  vm_do(
      &v,
      "local meta = {} for _, e in ipairs {'__add', '__eq', '__lt', '__index', '__newindex', "
      "'__call', '__tostring', 'plain'} do meta[e] = function() note(e, ' ') return true end end "
      "meta.__metatable = 'hidden' "
      "object, other, mine = setmetatable({}, meta), setmetatable({}, meta), "
      "function() note('mine ') end gaijin.post(f, object, other, mine)");
  struct reader r = fake_values(fake_next(&v.f));
  for (int i = 0; i < OURS; i++) ck_assert(fake_read_pt(&r, &ours[i]));
}

/* Sends the operator to OBJECT with two operands (NULL: the text "x") and returns the kind of the
 * answer, whose status is then in *status, if it is an error. */
static enum message_kind ask_operator(const char *name, const struct gaijin_pt *left,
                                      const struct gaijin_pt *right, uint64_t *status) {
  const struct gaijin_pt *operands[] = {left, right};
  fake_begin_to(&v.f, GAIJIN_OP_OPERATOR, 42, &ours[OBJECT], 3);
  pack_text(&v.f.p, name);
  for (int i = 0; i < 2; i++) {
    if (operands[i])
      fake_put_pt(&v.f, operands[i]);
    else
      pack_text(&v.f.p, "x");
  }
  vm_deliver(&v);
  struct reader r = fake_values(fake_next(&v.f));
  *status = 0;
  if (v.f.m.kind == MESSAGE_ERROR) ck_assert(reader_uint(&r, status));
  return v.f.m.kind;
}

/* The answer is an error that reads "gaijin: CODE: ...", which is one value raised. */
static void answer_is(const char *text) {
  struct reader r = fake_values(&v.f.m);
  uint64_t status;
  const char *raised;
  uint32_t size;
  ck_assert_int_eq(v.f.m.kind, MESSAGE_ERROR);
  ck_assert(reader_uint(&r, &status) && status == GAIJIN_STATUS_RAISED &&
            reader_string(&r, &raised, &size));
  ck_assert_msg(size >= strlen(text) && memcmp(raised, text, strlen(text)) == 0, "%.*s", (int)size,
                raised);
}

START_TEST(an_operator_works_on_its_target) {
  uint64_t status;
  open_host();
  ck_assert_int_eq(ask_operator("add", &ours[OBJECT], NULL, &status), MESSAGE_REPLY);
  ck_assert_int_eq(ask_operator("add", NULL, &ours[OBJECT], &status), MESSAGE_REPLY);
  ck_assert_str_eq(v.log, "__add __add ");
  v.log[0] = '\0';
  static const char *const names[] = {"add", "eq", "lt", "le", "unm"};
  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    char text[80];
    snprintf(text, sizeof text, "gaijin: denied: operator %s: the target is no operand", names[i]);
    ask_operator(names[i], &ours[OTHER], NULL, &status);
    answer_is(text);
    ask_operator(names[i], NULL, &ours[OTHER], &status);
    answer_is(text);
    ask_operator(names[i], &ours[OTHER], &ours[OTHER], &status);
    answer_is(text);
  }
  ck_assert_str_eq(v.log, "");
  vm_close(&v);
}
END_TEST

/* The name is no event of the asker's choice: "index" would be a read, "newindex" a write, "call" a
 * call. */
START_TEST(an_operator_is_one_of_lua) {
  static const char *const names[] = {"index",     "newindex", "call",  "tostring", "gc",
                                      "metatable", "",         "__add", "adder"};
  uint64_t status;
  open_host();
  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    ask_operator(names[i], &ours[OBJECT], NULL, &status);
    answer_is("gaijin: unsupported: shop knows no operator ");
  }
  ck_assert_str_eq(v.log, "");
  vm_close(&v);
}
END_TEST

static enum message_kind ask_handler(const char *event) {
  fake_begin_to(&v.f, GAIJIN_OP_OPERATOR, 43, &ours[OBJECT], 2);
  pack_text(&v.f.p, "handler");
  pack_text(&v.f.p, event);
  vm_deliver(&v);
  return fake_next(&v.f)->kind;
}

START_TEST(handlers_are_given_out_for_comparisons_only) {
  static const char *const refused[] = {"__index",     "__newindex", "__call", "__add",
                                        "__metatable", "__gc",       "plain",  ""};
  open_host();
  ck_assert_int_eq(ask_handler("__eq"), MESSAGE_REPLY);
  ck_assert_int_eq(ask_handler("__lt"), MESSAGE_REPLY);
  ck_assert_int_eq(ask_handler("__le"), MESSAGE_REPLY);
  for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
    ck_assert_msg(ask_handler(refused[i]) == MESSAGE_ERROR, "%s", refused[i]);
    answer_is("gaijin: denied: the handler of ");
  }
  vm_close(&v);
}
END_TEST

/* ---- Who is refused costs nothing ---- */

enum { EMPTY_TABLES = 100000 }; /* a byte each on the wire, 80 in Lua */

static void put_tables(void) {
  pack_array(&v.f.p, EMPTY_TABLES);
  for (int i = 0; i < EMPTY_TABLES; i++) pack_array(&v.f.p, 0);
}

/* Delivers the request and returns the KiB that Lua has allocated for it. */
static int memory_taken(void) {
  lua_gc(v.w.L, LUA_GCSTOP, 0);
  int before = lua_gc(v.w.L, LUA_GCCOUNT, 0);
  vm_deliver(&v);
  int taken = lua_gc(v.w.L, LUA_GCCOUNT, 0) - before;
  lua_gc(v.w.L, LUA_GCRESTART, 0);
  while (fake_next(&v.f)->kind == MESSAGE_NOTICE) continue; /* what it gives back */
  return taken;
}

START_TEST(refused_before_it_is_decoded) {
  static const struct gaijin_pt theirs = {OTHER_HOST, 9, 19, GAIJIN_KIND_TABLE};
  open_host();
  vm_do(&v, "function gaijin.access(_, op, _, key) note(op, ' ', key, ' ') return key == 1 end");
  size_t held = gaijin_holding_count(v.w.g);
  fake_begin_to(&v.f, GAIJIN_OP_CALL, 42, &ours[FUNCTION], 2);
  put_tables();
  fake_put_pt(&v.f, &theirs);
  ck_assert_int_lt(memory_taken(), 1000);
  answer_is("gaijin: denied: shop refuses call to ");
  fake_begin_to(&v.f, GAIJIN_OP_SET, 43, &ours[OBJECT], 2);
  pack_text(&v.f.p, "key");
  put_tables();
  ck_assert_int_lt(memory_taken(), 1000);
  answer_is("gaijin: denied: shop refuses set to ");
  ck_assert_str_eq(v.log, "call nil set key ");
  gaijin_flush(v.w.g, true);
  ck_assert_uint_eq(gaijin_holding_count(v.w.g), held); /* what came with it was given back */
  fake_begin_to(&v.f, GAIJIN_OP_SET, 44, &ours[OBJECT], 2);
  pack_uint(&v.f.p, 1);
  put_tables();
  ck_assert_int_gt(memory_taken(), 5000); /* it is decoded for who may */
  vm_close(&v);
}
END_TEST

START_TEST(a_key_by_value_is_not_shown) {
  open_host();
  vm_do(&v, "function gaijin.access() note('asked') return true end");
  static const enum gaijin_op keyed[] = {GAIJIN_OP_GET, GAIJIN_OP_SET, GAIJIN_OP_NEXT,
                                         GAIJIN_OP_OPERATOR, GAIJIN_OP_APPLY};
  for (size_t i = 0; i < ARRAY_SIZE(keyed); i++) {
    bool two = keyed[i] == GAIJIN_OP_SET || keyed[i] == GAIJIN_OP_OPERATOR;
    fake_begin_to(&v.f, keyed[i], 42 + i, &ours[OBJECT], two ? 2 : 1);
    put_tables();
    if (two) pack_nil(&v.f.p);
    ck_assert_int_lt(memory_taken(), 1000);
    answer_is("gaijin: unsupported: ");
  }
  ck_assert_str_eq(v.log, "");
  vm_close(&v);
}
END_TEST

/* ---- Answers ---- */

/* Answers the request for the first page of pairs with this cursor and one entry. */
static void answer_page(uint64_t id, const struct gaijin_pt *cursor) {
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_PAIRS, id, 3);
  fake_put_pt(&v.f, cursor);
  pack_text(&v.f.p, "k");
  pack_uint(&v.f.p, 1);
  vm_deliver(&v);
}

/* Else a host could have the client call what the host itself may not. */
START_TEST(a_cursor_is_a_function_of_its_tables_host) {
  open_host();
  static const struct gaijin_pt table = {OTHER_HOST, 8, 18, GAIJIN_KIND_TABLE};
  const struct gaijin_pt *wrong[] = {&ours[FUNCTION], &ours[OBJECT], &THIRDS, &table};
  v.expected_error = true;
  for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
    v.log[0] = '\0';
    answer_page(vm_ask(&v, "for k in pairs(a) do end", GAIJIN_OP_PAIRS), wrong[i]);
    ck_assert_uint_eq(v.running, 0);
    bool function = i % 2 == 0; /* another thing has not even the form of an answer */
    ck_assert_str_eq(v.log, function ? "gaijin: protocol: worker ? answered 'pairs' with a cursor "
                                       "that is no function of its own"
                                     : i == 1 ? "gaijin: protocol: worker ? answered 'pairs' with "
                                                "[table, string, number]"
                                              : "gaijin: protocol: worker ? answered 'pairs' with "
                                                "[userdata, string, number]");
    ck_assert(fake_idle(&v.f));
  }
  vm_close(&v);
}
END_TEST

/* Compares objects of two hosts, which both name our function as their handler. */
static void compare(const char *code) {
  v.log[0] = '\0';
  uint64_t id = vm_ask(&v, code, GAIJIN_OP_OPERATOR);
  for (int i = 0; i < 2; i++) {
    if (i == 1) id = fake_next(&v.f)->id;
    fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_OPERATOR, id, 2);
    pack_bool(&v.f.p, true);
    fake_put_pt(&v.f, &ours[FUNCTION]);
    vm_deliver(&v);
  }
  ck_assert_uint_eq(v.running, 0);
}

START_TEST(a_handler_of_ours_is_one_that_the_hosts_may_call) {
  open_host();
  static const struct gaijin_pt third = {THIRD_HOST, 8, 18, GAIJIN_KIND_TABLE};
  vm_give(&v, "b", &third);
  compare("note(a == b)");
  ck_assert_str_eq(v.log, "mine false");
  vm_do(&v, "function gaijin.access(_, op, object) note(op, object == mine, ' ') return false end");
  v.expected_error = true;
  compare("note(a == b)");
  ck_assert_str_eq(v.log, "calltrue gaijin: denied: shop refuses call to ?");
  vm_close(&v);
}
END_TEST

/* A host that takes no step would be asked for ever. */
START_TEST(a_path_goes_on) {
  static const int taken[] = {0, 3, -1};
  open_host();
  v.expected_error = true;
  for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
    v.log[0] = '\0';
    uint64_t id = vm_ask(&v, "gaijin.path(a, 1, 2)", GAIJIN_OP_APPLY);
    fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_APPLY, id, 2);
    fake_put_pt(&v.f, &A);
    pack_number(&v.f.p, taken[i]);
    vm_deliver(&v);
    ck_assert_uint_eq(v.running, 0);
    ck_assert_str_eq(v.log, "gaijin: protocol: worker ? took a wrong number of steps on a path");
  }
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_access");
  TCase *c = tcase_create("access");
  tcase_add_test(c, an_operator_works_on_its_target);
  tcase_add_test(c, an_operator_is_one_of_lua);
  tcase_add_test(c, handlers_are_given_out_for_comparisons_only);
  tcase_add_test(c, refused_before_it_is_decoded);
  tcase_add_test(c, a_key_by_value_is_not_shown);
  tcase_add_test(c, a_cursor_is_a_function_of_its_tables_host);
  tcase_add_test(c, a_handler_of_ours_is_one_that_the_hosts_may_call);
  tcase_add_test(c, a_path_goes_on);
  suite_add_tcase(s, c);
  return run_suite(s);
}
