/* SPDX-License-Identifier: MIT
 *
 * What a worker says of its objects (lua/serve/describe.h), to whom it says nothing, and what is remembered of where they
 * were sent from (lua/ref/origin.h).
 */
#include "tests/unit/vm.h"

#include "proto/ops.h"

static struct vm v;

static void setup(void) {
  vm_connect(&v);
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&v.f.p, OTHER_HOST);
  pack_text(&v.f.p, "@looker");
  vm_deliver(&v);
}
static void teardown(void) { vm_close(&v); }

static struct pack *begin(uint32_t count, bool one_way) {
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_describe, .id = 42, .peer = OTHER_HOST, .depth = 1,
                      .flags = one_way ? MESSAGE_ONE_WAY : 0, .target = OP_NAME, .name = "shop", .name_size = 4};
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, count);
  return &v.f.p;
}
static struct reader answer(void) {
  vm_deliver(&v);
  ck_assert_uint_eq(fake_next(&v.f)->id, 42);
  ck_assert_int_eq(v.f.m.op, OP_describe);
  return fake_values(&v.f.m);
}

/* The value of a key of the first row; false: it has none. */
static bool find(struct reader r, const char *key, struct value *out) {
  struct value v0, k;
  ck_assert(reader_next(&r, &v0) && v0.type == VALUE_ARRAY);
  uint32_t pairs = v0.count / 2;
  ck_assert_uint_eq(v0.count % 2, 1);
  ck_assert(reader_next(&r, &v0) && v0.type == VALUE_NUMBER);
  for (uint32_t i = 0; i < pairs; i++) {
    ck_assert(reader_next(&r, &k) && k.type == VALUE_STRING);
    ck_assert(reader_next(&r, out));
    if (k.size == strlen(key) && memcmp(k.bytes, key, k.size) == 0) return true;
    for (uint32_t n = out->type == VALUE_ARRAY ? out->count : 0; n; n--) ck_assert(reader_next(&r, &k));
  }
  return false;
}
static void expect_text(struct reader r, const char *key, const char *text) {
  struct value got;
  ck_assert_msg(find(r, key, &got), "no %s", key);
  ck_assert_msg(got.size == strlen(text) && memcmp(got.bytes, text, got.size) == 0, "%s is %.*s", key, (int)got.size, got.bytes);
}
static void expect_number(struct reader r, const char *key, double number) {
  struct value got;
  ck_assert_msg(find(r, key, &got), "no %s", key);
  ck_assert_msg(got.number == number, "%s is %g", key, got.number);
}

/* A home token of the object that the expression gives. */
static uint64_t export(const char *expression, enum gaijin_kind kind) {
  char code[512];
  snprintf(code, sizeof code, "return %s", expression);
  ck_assert_int_eq(luaL_loadbuffer(v.w.L, code, strlen(code), "=made"), 0);
  ck_assert_int_eq(lua_pcall(v.w.L, 0, 1, 0), 0);
  gaijin_token *t = pool_token(v.w.L, &v.w, -1, kind);
  lua_pop(v.w.L, 1);
  return gaijin_token_pt(v.w.g, t).id;
}
static struct reader describe(uint64_t id) {
  pack_uint(begin(1, false), id);
  return answer();
}

START_TEST(a_table) {
  struct value got;
  struct reader r = describe(export("{a = 1}", GAIJIN_KIND_TABLE));
  expect_text(r, "type", "table");
  expect_number(r, "entries", 1);
  ck_assert(find(r, "keys", &got) && got.count == 1);
  ck_assert(!find(r, "more", &got) && !find(r, "name", &got) && !find(r, "op", &got) && !find(r, "line", &got));
}
END_TEST

/* What may be seen of a table's keys is bounded: four, each of 60 bytes and dots, whole characters. */
START_TEST(long_keys_are_cut) {
  struct value key;
  struct reader r = describe(export("{[('\\195\\164'):rep(200)] = 1}", GAIJIN_KIND_TABLE));
  ck_assert(find(r, "keys", &key));
  for (int i = 0; i < 7; i++) ck_assert(reader_next(&r, &key)); /* row, id, type, table, entries, 1, keys */
  ck_assert(reader_next(&r, &key) && reader_next(&r, &key));
  ck_assert_int_eq(key.type, VALUE_STRING);
  ck_assert_uint_eq(key.size, 63);
  ck_assert_int_eq(memcmp(key.bytes + 58, "\303\244...", 5), 0);
  r = describe(export("{[('a' .. ('\\195\\164'):rep(200))] = 1}", GAIJIN_KIND_TABLE));
  for (int i = 0; i < 9; i++) ck_assert(reader_next(&r, &key));
  ck_assert_uint_eq(key.size, 62);
  ck_assert_int_eq(memcmp(key.bytes + 57, "\303\244...", 5), 0);
}
END_TEST

START_TEST(a_large_table_is_not_counted_to_its_end) {
  struct value got;
  struct reader r = describe(export("(function() local t = {} for i = 1, 10000 do t[i] = i end return t end)()", GAIJIN_KIND_TABLE));
  expect_number(r, "entries", 10000);
  ck_assert(!find(r, "more", &got));
  r = describe(export("(function() local t = {} for i = 1, 10001 do t[i] = i end return t end)()", GAIJIN_KIND_TABLE));
  expect_number(r, "entries", 10000);
  ck_assert(find(r, "more", &got) && got.boolean);
  ck_assert(find(r, "keys", &got) && got.count == 4);
}
END_TEST

START_TEST(no_code_of_the_script_runs) {
  vm_do(&v, "local function f() note('ran ') end meta = {__index = f, __len = f, __tostring = f, __eq = f, __call = f, __name = 'Shy'} "
            "setmetatable(meta, {__index = f})");
  expect_text(describe(export("setmetatable({}, meta)", GAIJIN_KIND_TABLE)), "name", "Shy");
  vm_do(&v, "meta.__name = nil");
  struct value got;
  ck_assert(!find(describe(export("setmetatable({}, meta)", GAIJIN_KIND_TABLE)), "name", &got));
  vm_do(&v, "meta.__name = setmetatable({}, meta)");
  ck_assert(!find(describe(export("setmetatable({}, meta)", GAIJIN_KIND_TABLE)), "name", &got));
  ck_assert_str_eq(v.log, "");
}
END_TEST

START_TEST(functions_and_coroutines) {
  struct reader r = describe(export("(function()\nreturn function() end end)()", GAIJIN_KIND_FUNCTION));
  expect_text(r, "source", "made");
  expect_number(r, "line", 2);
  r = describe(export("math.floor", GAIJIN_KIND_FUNCTION));
  expect_text(r, "source", "[C]");
  expect_text(r, "name", "math.floor");
  r = describe(export("print", GAIJIN_KIND_FUNCTION));
  expect_text(r, "name", "print");
  r = describe(export("coroutine.create(function() end)", GAIJIN_KIND_THREAD));
  expect_text(r, "status", "suspended");
  expect_number(r, "line", 1);
  r = describe(export("io.stdout", GAIJIN_KIND_USERDATA));
  expect_text(r, "name", "FILE*");
}
END_TEST

/* Even of a file whose name is one letter; a line is told where there is one. */
START_TEST(places_of_code) {
  struct code_place place;
  struct value got;
  static const char code[] = "return function() end";
  ck_assert_int_eq(luaL_loadbuffer(v.w.L, code, strlen(code), "=a"), 0);
  origin_place(v.w.L, -1, &place); /* of a whole file, which begins nowhere */
  ck_assert_str_eq(place.source, "a");
  ck_assert_int_eq(place.line, 0);
  lua_call(v.w.L, 0, 1);
  origin_place(v.w.L, -1, &place);
  ck_assert_int_eq(place.line, 1);
  lua_setglobal(v.w.L, "made");
  struct reader r = describe(export("made", GAIJIN_KIND_FUNCTION));
  expect_text(r, "source", "a");
  ck_assert(!find(r, "entries", &got) && !find(r, "status", &got));
  lua_getglobal(v.w.L, "print");
  origin_place(v.w.L, -1, &place);
  ck_assert_str_eq(place.source, "[C]");
  ck_assert_int_eq(place.line, 0);
  ck_assert(!find(describe(export("print", GAIJIN_KIND_FUNCTION)), "line", &got));
  lua_pushboolean(v.w.L, true);
  origin_place(v.w.L, -1, &place);
  ck_assert_str_eq(place.source, "");
  lua_settop(v.w.L, 0);
}
END_TEST

/* A row for each, in their order. */
START_TEST(what_there_is_not_is_only_an_id) {
  struct value got;
  uint64_t id = export("{}", GAIJIN_KIND_TABLE);
  struct pack *p = begin(6, false);
  pack_uint(p, id);
  pack_uint(p, 999);
  pack_uint(p, 0);
  pack_uint(p, UINT64_MAX);
  pack_number(p, 1.5);
  pack_uint(p, id);
  struct reader r = answer();
  ck_assert_uint_eq(v.f.m.body_count, 6);
  ck_assert(find(r, "type", &got));
  for (int i = 0; i < 6; i++) {
    struct value row;
    ck_assert(reader_next(&r, &row) && row.type == VALUE_ARRAY);
    ck_assert(i == 0 || i == 5 ? row.count > 1 : row.count == 1);
    for (uint32_t n = row.count; n; n--) {
      ck_assert(reader_next(&r, &got));
      if (got.type == VALUE_ARRAY) n += got.count;
    }
  }
}
END_TEST

static void refused(const char *text) {
  struct value status, raised;
  struct reader r = answer();
  ck_assert_int_eq(v.f.m.kind, MESSAGE_ERROR);
  ck_assert(reader_next(&r, &status) && reader_next(&r, &raised));
  ck_assert_msg(raised.size == strlen(text) && memcmp(raised.bytes, text, raised.size) == 0, "%.*s", (int)raised.size, raised.bytes);
}

START_TEST(what_is_no_id) {
  static const char text[] = "gaijin: unsupported: shop describes 1 to 64 objects, by their ids";
  pack_text(begin(1, false), "1");
  refused(text);
  pack_nil(begin(1, false));
  refused(text);
  struct pack *p = begin(2, false);
  pack_uint(p, 1);
  pack_array(p, 1); /* a table by value */
  pack_array(p, 0);
  refused(text);
}
END_TEST

START_TEST(access_is_asked) {
  vm_do(&v, "function gaijin.access(who, op, object, key) note(who, ' ', op, ' ', object, ' ', key) return false end");
  pack_uint(begin(1, false), 1);
  refused("gaijin: denied: shop refuses describe to @looker");
  ck_assert_str_eq(v.log, "@looker describe nil nil");
}
END_TEST

/* Nobody reads what it would say. */
START_TEST(one_way_is_refused) {
  pack_uint(begin(1, true), export("{}", GAIJIN_KIND_TABLE));
  vm_deliver(&v);
  ck_assert(fake_idle(&v.f));
  ck_assert_uint_eq(v.w.posts_failed, 1);
}
END_TEST

/* ---- Where they were sent from ---- */

static gaijin_token *sent(int line) {
  char code[200];
  snprintf(code, sizeof code, "%.*sgaijin.post(x.f, {})", line - 1, "\n\n\n\n\n\n\n\n\n\n");
  vm_do(&v, code);
  while (fake_next(&v.f)->op != OP_call) continue;
  struct reader r = fake_values(&v.f.m);
  struct gaijin_pt pt;
  ck_assert(fake_read_pt(&r, &pt));
  return gaijin_token_find(v.w.g, pt.id);
}
static void give_function(void) {
  struct gaijin_pt pt = {.host = OTHER_HOST, .id = 7, .stamp = 7, .kind = GAIJIN_KIND_FUNCTION};
  vm_give(&v, "given", &pt);
  vm_do(&v, "x = {f = given}");
}

START_TEST(nothing_is_remembered_without_the_flag) {
  give_function();
  ck_assert_ptr_null(origin_of(&v.w, sent(3)));
  ck_assert_ptr_null(v.w.origins);
}
END_TEST

START_TEST(a_line_is_remembered) {
  v.w.traces_tokens = true;
  give_function();
  gaijin_token *a = sent(3), *b = sent(5);
  const struct origin *o = origin_of(&v.w, a);
  ck_assert_str_eq(o->where, "test:3");
  ck_assert_str_eq(o->to, "@"); /* any observer */
  ck_assert_int_eq(o->op, OP_call);
  ck_assert(!o->answer);
  ck_assert_str_eq(origin_of(&v.w, b)->where, "test:5");
  ck_assert_ptr_eq(origin_of(&v.w, sent(3)), o); /* kept once */
  ck_assert_ptr_null(origins_check(&v.w));
  pack_uint(begin(1, false), gaijin_token_pt(v.w.g, a).id);
  struct reader r = answer();
  expect_text(r, "from", "test:3");
  expect_text(r, "op", "call");
  expect_text(r, "to", "@");
}
END_TEST

/* Another object gets the place of one that has gone, and its own origin. */
START_TEST(what_goes_takes_its_origin_along) {
  v.w.traces_tokens = true;
  give_function();
  gaijin_token *a = sent(3);
  void *slot = gaijin_token_tag(a);
  fake_drop(&v.f, gaijin_token_pt(v.w.g, a).id, 1);
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  gaijin_token *b = sent(4);
  ck_assert_ptr_eq(gaijin_token_tag(b), slot);
  ck_assert_str_eq(origin_of(&v.w, b)->where, "test:4");
}
END_TEST

/* A token in this slot of the pool is sent to somebody, by the answer of a function in this line if there is one. */
static void send_to(const char *to, int line, int slot) {
  struct code_place called = {.source = "shop.lua", .line = line};
  origin_begin(v.w.L, &v.w, &(struct origin_sending){.op = GAIJIN_OP_CALL, .to = to, .called = line ? &called : NULL});
  origin_note(v.w.L, &v.w, slot);
}
static const struct origin *origin_at(int slot) {
  return origin_of(&v.w, gaijin_token_new(v.w.g, GAIJIN_KIND_TABLE, (void *)(intptr_t)slot));
}

/* Only so many are kept: of more, first the receiver is not known, then the line. */
START_TEST(origins_are_bounded) {
  char to[32];
  v.w.traces_tokens = true;
  for (int i = 1; i <= ORIGINS_NAMED + 100; i++) {
    snprintf(to, sizeof to, "till-%d", i);
    send_to(to, 7, i);
  }
  ck_assert_ptr_null(origins_check(&v.w));
  snprintf(to, sizeof to, "till-%d", (int)ORIGINS_NAMED);
  ck_assert_str_eq(origin_at(ORIGINS_NAMED)->to, to);
  ck_assert_str_eq(origin_at(ORIGINS_NAMED + 1)->to, "");
  ck_assert_str_eq(origin_at(ORIGINS_NAMED + 1)->where, "shop.lua:7");
  ck_assert_ptr_eq(origin_at(ORIGINS_NAMED + 2), origin_at(ORIGINS_NAMED + 1));
  for (int i = 8; i <= ORIGINS_MOST; i++) send_to("till", i, ORIGINS_MOST + i);
  ck_assert_ptr_null(origins_check(&v.w));
  ck_assert_str_eq(origin_at(ORIGINS_MOST + 8)->where, "shop.lua:8");
  ck_assert_str_eq(origin_at(2 * ORIGINS_MOST)->where, "");
  ck_assert_int_eq(origin_at(2 * ORIGINS_MOST)->op, OP_call);
  ck_assert_ptr_null(origin_at(1000000));
  /* Those that are known are still found. */
  send_to("till-1", 7, ORIGINS_NAMED + 1);
  ck_assert_str_eq(origin_at(ORIGINS_NAMED + 1)->to, "till-1");
  ck_assert_ptr_null(origins_check(&v.w));
}
END_TEST

/* Whoever comes and goes leaves nothing behind. */
START_TEST(what_nobody_has_is_forgotten) {
  char to[32];
  v.w.traces_tokens = true;
  send_to("stays", 7, 1);
  for (int i = 0; i <= 2 * ORIGINS_MOST; i++) {
    snprintf(to, sizeof to, "till-%d", i);
    send_to(to, 7, 2);
    ck_assert_str_eq(origin_at(2)->to, to);
    origin_forget(&v.w, 2);
    ck_assert_ptr_null(origin_at(2));
  }
  ck_assert_str_eq(origin_at(1)->to, "stays");
  /* Two objects of one message, the first of which goes meanwhile. */
  send_to("both", 7, 2);
  origin_forget(&v.w, 2);
  origin_note(v.w.L, &v.w, 3);
  ck_assert_str_eq(origin_at(3)->to, "both");
  ck_assert_ptr_null(origins_check(&v.w));
}
END_TEST

/* A call that takes long keeps nothing of what came. */
START_TEST(a_call_keeps_no_message) {
  v.w.traces_tokens = true;
  vm_do(&v, "function f() park() return {} end");
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = 42, .peer = OTHER_HOST, .depth = 1, .target = OP_PT};
  struct gaijin_pt f = gaijin_token_pt(v.w.g, gaijin_token_find(v.w.g, export("f", GAIJIN_KIND_FUNCTION)));
  m.pt = gj_pt_wire(&f);
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, 1);
  pack_text(&v.f.p, "a large one");
  vm_deliver(&v);
  ck_assert_uint_eq(v.n_parked, 1);
  ck_assert_ptr_null(v.parked[0]->serving.body);
  fiber_wake(v.parked[0]);
  vm_run(&v);
  ck_assert_uint_eq(fake_next(&v.f)->id, 42);
  struct reader r = fake_values(&v.f.m);
  struct gaijin_pt made;
  ck_assert(fake_read_pt(&r, &made));
  ck_assert_str_eq(origin_of(&v.w, gaijin_token_find(v.w.g, made.id))->where, "test:1");
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua describe");
  TCase *t = tcase_create("describe");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_table);
  tcase_add_test(t, long_keys_are_cut);
  tcase_add_test(t, a_large_table_is_not_counted_to_its_end);
  tcase_add_test(t, no_code_of_the_script_runs);
  tcase_add_test(t, functions_and_coroutines);
  tcase_add_test(t, places_of_code);
  tcase_add_test(t, what_there_is_not_is_only_an_id);
  tcase_add_test(t, what_is_no_id);
  tcase_add_test(t, access_is_asked);
  tcase_add_test(t, one_way_is_refused);
  tcase_add_test(t, nothing_is_remembered_without_the_flag);
  tcase_add_test(t, a_line_is_remembered);
  tcase_add_test(t, what_goes_takes_its_origin_along);
  tcase_add_test(t, origins_are_bounded);
  tcase_add_test(t, what_nobody_has_is_forgotten);
  tcase_add_test(t, a_call_keeps_no_message);
  suite_add_tcase(s, t);
  return run_suite(s);
}
