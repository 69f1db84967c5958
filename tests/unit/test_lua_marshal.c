/* SPDX-License-Identifier: MIT
 *
 * Values to messages and back (lua/ref/marshal.c, lua/ref/copy.c). The test's broker sends a message's values back as its
 * answer (`echo`), so what Lua gets is compared with what it sent.
 */
#define _GNU_SOURCE
#include "lua/ref/marshal.h"

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION}, A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE};

static void open_all(void) {
  vm_connect(&v);
  vm_give(&v, "f", &F);
}

/* Answers the request read last with its own body. */
static void echo(void) {
  struct message reply = {.kind = MESSAGE_REPLY, .op = v.f.m.op, .id = v.f.m.id};
  uint8_t *out = malloc(MESSAGE_HEADER_MOST + v.f.m.body_size);
  ck_assert_ptr_nonnull(out);
  uint32_t size = message_write_header(out, &reply);
  memcpy(out + size, v.f.m.body, v.f.m.body_size);
  size += v.f.m.body_size;
  message_set_size(out, size);
  fake_bytes(&v.f, out, size);
  free(out);
  ck_assert_int_eq(gaijin_dispatch(v.w.g), 0);
  vm_run(&v);
}

/* Runs the code, each of whose calls of f is echoed. */
static void run_echoed(const char *code) {
  vm_start(&v, code);
  vm_run(&v);
  while (v.running) {
    ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CALL);
    echo();
  }
}

#define SAME                                                                                                                         \
  "local function same(x, y) return raw_type(x) == raw_type(y) and (rawequal(x, y) or x ~= x and y ~= y) and (x ~= 0 or 1 / x == 1 / y) end "

START_TEST(every_value_comes_back) {
  static const char *const values[] = {
      "nil", "true", "false", "0", "-0", "1", "-1", "127", "128", "-32", "-33", "255", "256", "65535", "65536", "2^31", "2^32", "-2^31 - 1",
      "2^53", "-2^53", "2^53 + 2", "2^64", "-2^63", "1e300", "1.5", "-1e-300", "5e-324", "math.huge", "-math.huge", "0/0", "math.pi",
      "''", "'a'", "'a\\0b'", "('x'):rep(31)", "('x'):rep(32)", "('x'):rep(255)", "('x'):rep(256)", "('x'):rep(65535)", "('x'):rep(65536)",
      "'\\255\\254'", "'gr\\195\\252n'", "'\\195'", "'\\237\\160\\128'", "'nan'", "'5'", "string.char(128):rep(300)",
      "{}", "print", "function() end", "coroutine.create(function() end)", "io.stdout", "newproxy()", "f", "_G", "string"};
  open_all();
  for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
    char code[512];
    snprintf(code, sizeof code, SAME "local x = %s assert(same(x, (f(x))), [[%s]]) collectgarbage()", values[i], values[i]);
    run_echoed(code);
  }
  vm_close(&v);
}
END_TEST

/* Light userdata comes back as it is; NULL as a value of its own, or, where the broker does not know
 * that, as a token like others. */
START_TEST(light_userdata_keeps_its_identity) {
  for (uint32_t version = WIRE_VERSION_NULL; version >= WIRE_VERSION_NULL - 1; version--) {
    open_all();
    v.w.g->version = version;
    for (uintptr_t address = 0; address <= 4; address += 4) {
      lua_pushlightuserdata(v.w.L, (void *)address);
      lua_setglobal(v.w.L, "light");
      vm_start(&v, "assert(rawequal(f(light), light)) collectgarbage()");
      vm_run(&v);
      ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CALL);
      struct reader r = fake_values(&v.f.m);
      struct value sent;
      bool null = address == 0 && version == WIRE_VERSION_NULL;
      ck_assert(reader_next(&r, &sent));
      ck_assert_int_eq(sent.type, null ? VALUE_NULL : VALUE_PT);
      echo();
      ck_assert(!v.running);
    }
    vm_close(&v);
  }
}
END_TEST

START_TEST(numbers_of_values_are_exact) {
  open_all();
  run_echoed("for n = 0, 20 do assert(select('#', f(unpack({}, 1, n))) == n) end");
  run_echoed("local t = {} for i = 1, 3900 do t[i] = i end local r = {f(unpack(t))} assert(#r == 3900 and r[3900] == 3900)");
  run_echoed("local a, b, c = f(nil, 1, nil) assert(a == nil and b == 1 and c == nil)");
  vm_close(&v);
}
END_TEST

START_TEST(forms_of_other_writers) {
  open_all();
  uint64_t id = vm_ask(&v, "local a, b, c = f() note(a, ' ', b == 2^64, ' ', c)", GAIJIN_OP_CALL);
  fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, id, 3);
  static const uint8_t float32[] = {0xca, 0x3f, 0xc0, 0, 0}, wide_int[] = {0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
  ck_assert_int_eq(buffer_append(&v.f.out, float32, sizeof float32), BUFFER_OK);
  pack_uint(&v.f.p, UINT64_MAX);
  ck_assert_int_eq(buffer_append(&v.f.out, wide_int, sizeof wide_int), BUFFER_OK);
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "1.5 true -2");
  vm_close(&v);
}
END_TEST

START_TEST(light_userdata_are_values_too) {
  open_all();
  lua_pushlightuserdata(v.w.L, &v);
  lua_setglobal(v.w.L, "light");
  run_echoed("assert(rawequal(f(light), light))");
  vm_close(&v);
}
END_TEST

/* ---- More than fits ---- */

static void begin_reply(uint64_t id, uint32_t count) { fake_begin(&v.f, MESSAGE_REPLY, GAIJIN_OP_CALL, id, count); }

START_TEST(too_many_values_are_refused) {
  open_all();
  v.expected_error = true;
  uint64_t id = vm_ask(&v, "f()", GAIJIN_OP_CALL);
  begin_reply(id, 9000);
  for (int i = 0; i < 8999; i++) pack_nil(&v.f.p);
  fake_put_pt(&v.f, &A);
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "gaijin: too_large: 9000 values are more than the Lua stack holds");
  ck_assert_uint_eq(gaijin_releases(v.w.g), 1); /* the AT nobody got */
  vm_close(&v);
}
END_TEST

START_TEST(what_was_not_decoded_is_given_back_while_the_fiber_lives) {
  open_all();
  vm_start(&v, "for i = 1, 5 do local ok, e = pcall(f) note(ok and 'ok' or e:match '^gaijin: (%a+)', ' ') end park()");
  vm_run(&v);
  struct gaijin_pt gone = fake_pt(FAKE_HOST, 77);
  for (unsigned i = 0; i < 5; i++) {
    struct gaijin_pt pt = {OTHER_HOST, 100 + i, 5, GAIJIN_KIND_TABLE};
    while (fake_next(&v.f)->op != OP_call) continue;
    begin_reply(v.f.m.id, i < 4 ? 2 : 1);
    if (i < 4) fake_put_pt(&v.f, &gone);
    fake_put_pt(&v.f, &pt);
    vm_deliver(&v);
  }
  ck_assert_str_eq(v.log, "stale stale stale stale ok ");
  gaijin_flush(v.w.g, true);
  ck_assert_uint_eq(gaijin_holding_count(v.w.g), 2); /* f and the last one */
  vm_close(&v);
}
END_TEST

/* ---- By value ---- */

START_TEST(copies) {
  static const char *const checks[] = {
      "local t = f(gaijin.copy {}) assert(raw_type(t) == 'table' and next(t) == nil)",
      "local o = {1, 2, {3, {4}}, x = 'y'} local t = f(gaijin.copy(o)) assert(t ~= o and t[2] == 2 and t[3][2][1] == 4 and t.x == 'y')",
      "local o = {} o.me = o o[1] = {o} local t = f(gaijin.copy(o)) assert(t ~= o and t.me == t and t[1][1] == t)",
      "local s = {} local t = f(gaijin.copy {s, s, k = {s}}) assert(t[1] == t[2] and t.k[1] == t[1] and t[1] ~= s)",
      "local k = {'key'} local t = f(gaijin.copy {[k] = 1}) local kk = next(t) assert(kk ~= k and kk[1] == 'key' and t[kk] == 1)",
      "local g, c = function() end, coroutine.create(print and function() end) local t = f(gaijin.copy {g, f, c, io.stdout}) "
      "assert(t[1] == g and t[2] == f and t[3] == c and t[4] == io.stdout)",
      "local d = {} local t = f(gaijin.copy({{{d}}}, 2)) assert(t[1] ~= nil and t[1][1][1] == d)",
      "local d = {{}} local t = f(gaijin.copy({d, {d}}, 1)) assert(t[1] == d and t[2][1] == d)",
      "local t = f(gaijin.copy(setmetatable({1}, {__index = error}))) assert(getmetatable(t) == nil and t[1] == 1)",
      "local t = f(gaijin.copy {nan = 1, inf = 2, ['5'] = 3, [5] = 4, [true] = 5, [1.5] = 6, [math.huge] = 7, [-0] = 8, x = 0/0}) "
      "assert(t.nan == 1 and t.inf == 2 and t['5'] == 3 and t[5] == 4 and t[true] == 5 and t[1.5] == 6 and t[math.huge] == 7 and t[0] == 8 and t.x ~= t.x)",
      "local o = {} local a, b, c, d = f(o, gaijin.copy(o), nil, gaijin.copy {o}) assert(a == o and b ~= o and c == nil and d[1] ~= o)",
      "local o = {} for i = 1, 3000 do o = {o} end local t, n = f(gaijin.copy(o)), 0 while t do t, n = t[1], n + 1 end assert(n == 3001)",
      "local o = {} for i = 1, 5000 do o[i] = {i} end local t = f(gaijin.copy(o)) assert(#t == 5000 and t[5000][1] == 5000)",
      "local c = gaijin.copy {1} for i = 1, 3 do local t = f(c) assert(t[1] == 1) end",
      "local o = {1} local c = gaijin.copy(o) o[1] = 2 assert(f(c)[1] == 2)",
      /* what begins as if all of it travelled as it is */
      "local o = {} for i = 1, 100 do o[i], o['k' .. i] = i * 1.5, i % 2 == 0 end local t, n = f(gaijin.copy(o)), 0 "
      "for k, x in pairs(t) do n = n + 1 assert(o[k] == x) end assert(n == 200)",
      "for at = 1, 70 do local o = {} for i = 1, 70 do o[i] = i end o[at] = {at} local c = gaijin.copy(o) for twice = 1, 2 do local t = f(c, c) "
      "assert(#t == 70 and t[at][1] == at and t[at] ~= o[at] and (t[70] == 70 or at == 70)) end end",
      "local o = {} for i = 1, 20 do o[i] = i end o[print] = 5 local t, u = f(gaijin.copy(o), gaijin.copy {7}) assert(t[print] == 5 and t[20] == 20 and u[1] == 7)",
      "local o, p = {}, {} for i = 1, 20 do o[i] = 'x' end local c = gaijin.copy(o) assert(f(c)[20] == 'x') o[20] = p assert(raw_type(f(c)[20]) == 'table') "
      "o[20] = nil assert(#f(c) == 19)",
      /* copies within copies */
      "local t = f(gaijin.copy {gaijin.copy {7}}) assert(raw_type(t[1]) == 'table' and t[1][1] == 7)",
      "local o = {8} local t = f(gaijin.copy {o, gaijin.copy(o), gaijin.copy(o)}) assert(t[1] == t[2] and t[2] == t[3])",
      "local o = {} local c = gaijin.copy(o) o.me = c local t = f(c) assert(t.me == t)",
      "local o = {} local c = gaijin.copy(o, 1) o.me = c o.other = {c} local t = f(c) assert(t.me == t and t.other == o.other)",
      "local t = f(gaijin.copy({gaijin.copy {9}, {}}, 1)) assert(t[1][1] == 9)",
      "local t = f(gaijin.copy {[gaijin.copy {'k'}] = 1}) assert(next(t)[1] == 'k')",
  };
  open_all();
  run_echoed(checks[_i]);
  run_echoed("for k in pairs(_G) do assert(type(k) == 'string') end");
  vm_close(&v);
}
END_TEST

START_TEST(what_cannot_fit_is_not_walked_to_its_end) {
  enum { MAX_MESSAGE = 65536 };
  vm_connect_limited(&v, MAX_MESSAGE);
  vm_give(&v, "f", &A);
  vm_do(&v, "many = {} for i = 1, 32768 do many[i] = 1 end");
  vm_do(&v, "local ok, e = pcall(f, gaijin.copy(many)) note(e)");
  ck_assert_str_eq(v.log, "gaijin: too_large: the tables sent by value have more entries than fit into a message of 65536 bytes "
                          "(the broker's --max-message)");
  v.log[0] = 0; /* one less is walked, and its message is too large */
  vm_do(&v, "many[32768] = nil local ok, e = pcall(f, gaijin.copy(many)) note(e)");
  ck_assert_msg(strncmp(v.log, "gaijin: too_large: ", 19) == 0 && !strstr(v.log, "entries"), "%s", v.log);
  vm_close(&v);
}
END_TEST

/* The only value of the answer is an array of these bytes, of which a table by value is made. */
static void expect_malformed(const uint8_t *bytes, uint32_t size) {
  open_all();
  v.expected_error = true;
  uint64_t id = vm_ask(&v, "f()", GAIJIN_OP_CALL);
  begin_reply(id, 1);
  ck_assert_int_eq(buffer_append(&v.f.out, bytes, size), BUFFER_OK);
  vm_deliver(&v);
  ck_assert_str_eq(v.log, "gaijin: protocol: a table sent by value is malformed");
  vm_close(&v);
}

START_TEST(malformed_copies_are_refused) {
  static const struct {
    uint8_t size, bytes[16];
  } cases[] = {
      {1, {0x90}},                            /* no table */
      {2, {0x91, 0x01}},                      /* a table that is no array */
      {3, {0x91, 0x91, 0x01}},                /* a key without value */
      {4, {0x91, 0x92, 0xc0, 0x01}},          /* key nil */
      {12, {0x91, 0x92, 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0, 0x01}}, /* key NaN */
      {5, {0x91, 0x92, 0x01, 0x91, 0x00}},    /* place 0 */
      {5, {0x91, 0x92, 0x01, 0x91, 0x02}},    /* beyond the list */
      {5, {0x91, 0x92, 0x01, 0x91, 0xff}},    /* -1 */
      {4, {0x91, 0x92, 0x01, 0x90}},          /* no place */
      {6, {0x91, 0x92, 0x01, 0x92, 0x01, 0x01}}, /* two */
      {5, {0x91, 0x92, 0x01, 0x91, 0xc3}},    /* true */
      {6, {0x91, 0x92, 0x01, 0x91, 0x91, 0x01}}, /* an array */
  };
  expect_malformed(cases[_i].bytes, cases[_i].size);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_marshal");
  TCase *c = tcase_create("marshal");
  tcase_add_test(c, every_value_comes_back);
  tcase_add_test(c, light_userdata_keeps_its_identity);
  tcase_add_test(c, numbers_of_values_are_exact);
  tcase_add_test(c, forms_of_other_writers);
  tcase_add_test(c, light_userdata_are_values_too);
  tcase_add_test(c, too_many_values_are_refused);
  tcase_add_test(c, what_was_not_decoded_is_given_back_while_the_fiber_lives);
  tcase_add_loop_test(c, copies, 0, 25);
  tcase_add_test(c, what_cannot_fit_is_not_walked_to_its_end);
  tcase_add_loop_test(c, malformed_copies_are_refused, 0, 12);
  suite_add_tcase(s, c);
  return run_suite(s);
}
