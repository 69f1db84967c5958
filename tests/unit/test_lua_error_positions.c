/* SPDX-License-Identifier: MIT
 *
 * What a worker that keeps no rules may answer in the place of an error (lua/ask/remote.c, lua/fiber/position.c): any level for the
 * position, any text, any values. The caller gets an error, not much longer than what came.
 */
#define _GNU_SOURCE
#include "lua/ask/remote.h"

#include "lua/fiber/position.h"
#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION};

/* A few calls deep; notes what the error is, or of a long one its begin and its length. */
static const char ask[] = "local t = {f = f} local function first() t:f() end local function second() first() end "
                          "local ok, e = pcall(function() second() end) assert(not ok) "
                          "note(type(e) == 'string' and #e > 200 and e:sub(1, 60) .. '...' .. #e or (tostring(e):gsub('%z', '<zero>')))";

static void open_all(void) {
  vm_connect(&v);
  vm_give(&v, "a", &A);
  vm_give(&v, "f", &F);
  v.expected_error = true;
}

static void begin_error(uint16_t level, uint32_t values) {
  struct message m = {.kind = MESSAGE_ERROR, .op = OP_call, .id = v.f.m.id, .depth = level};
  v.log[0] = '\0';
  pack_begin(&v.f.p, &v.f.out, v.f.max_message, &m, values + 1);
  pack_uint(&v.f.p, GAIJIN_STATUS_RAISED);
}

/* As vm_deliver, of a message that a socket does not hold. */
static void deliver(void) {
  enum { PIECE = 64 << 10 };
  fake_end(&v.f);
  for (size_t at = 0; at < v.f.out.size; at += PIECE) {
    size_t left = v.f.out.size - at;
    fake_bytes(&v.f, v.f.out.bytes + at, left < PIECE ? left : PIECE);
    int status = gaijin_dispatch(v.f.g);
    ck_assert_msg(status == 0, "%s", gaijin_error(v.f.g));
  }
  v.f.out.size = 0;
  vm_run(&v);
}

/* What the caller gets of a text with this level. */
static const char *got(uint16_t level, const char *text, size_t n) {
  vm_ask(&v, ask, GAIJIN_OP_CALL);
  begin_error(level, 1);
  pack_string(&v.f.p, text, (uint32_t)n);
  deliver();
  return v.log;
}

static const char *got_text(uint16_t level, const char *text) { return got(level, text, strlen(text)); }

START_TEST(a_level_beyond_the_stack_gives_no_position) {
  open_all();
  ck_assert_str_eq(got_text(0, "no"), "no");
  const char *one = got_text(1, "no");
  ck_assert_msg(strlen(one) < 100 && strstr(one, ":1: no"), "%s", one);
  static const uint16_t levels[] = {2, 3, 4, 5, 6, 7, POSITION_LEVELS_MOST, POSITION_LEVELS_MOST + 1, 1000, UINT16_MAX};
  for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
    const char *e = got_text(levels[i], "no");
    size_t n = strlen(e);
    ck_assert_msg(n < 100 && strcmp(e + n - 2, "no") == 0, "level %u: %s", levels[i], e);
    if (levels[i] > 5) ck_assert_msg(n == 2, "level %u: %s", levels[i], e);
  }
  vm_close(&v);
}
END_TEST

/* To look for a level takes the square of it. */
START_TEST(no_level_above_the_limit_is_looked_for) {
  open_all();
  for (unsigned level = POSITION_LEVELS_MOST - 1; level <= POSITION_LEVELS_MOST + 2; level++) {
    vm_ask(&v, "local function down(n) if n == 0 then f() end down(n - 1) end local ok, e = pcall(down, 150) note(e)", GAIJIN_OP_CALL);
    begin_error((uint16_t)level, 1);
    pack_text(&v.f.p, "no");
    deliver();
    ck_assert_str_eq(v.log, level <= POSITION_LEVELS_MOST ? "test:1: no" : "no");
  }
  vm_close(&v);
}
END_TEST

/* A worker that takes what looks like a level for one would count it down, or put its own name in. */
START_TEST(a_level_in_the_text_is_text) {
  open_all();
  static const char *const texts[] = {"till:?: no", "till:?2: no", "shop:?: no", "shop:?64: no", "x.lua:1: no", ":?: no", "?: no"};
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
    const char *e = got_text(1, texts[i]);
    size_t n = strlen(e), wanted = strlen(texts[i]);
    ck_assert_msg(n < wanted + 60 && strcmp(e + n - wanted, texts[i]) == 0, "%s: %s", texts[i], e);
  }
  vm_close(&v);
}
END_TEST

START_TEST(only_a_library_function_is_named_by_its_caller) {
  open_all();
  ck_assert_str_eq(got_text(1, "bad argument #2 to '?' (no)"), "test:1: bad argument #1 to 'f' (no)");
  ck_assert_str_eq(got_text(1, "bad argument #1 to '?' (no)"), "test:1: calling 'f' on bad self (no)");
  ck_assert_str_eq(got_text(1, "bad argument #8000 to '?' (no)"), "test:1: bad argument #7999 to 'f' (no)");
  static const char *const texts[] = {
      "bad argument #", "bad argument #0 to '?' (no)", "bad argument #8001 to '?' (no)", "bad argument #18446744073709551617 to '?' (no)",
      "bad argument #-1 to '?' (no)", "bad argument #+1 to '?' (no)", "bad argument # 1 to '?' (no)", "bad argument #1", "bad argument #1 to '?'",
      "bad argument #1 to '?' [", "bad argument #1 to 'x' (no)", "Bad argument #1 to '?' (no)", "bad argument #99999999999999999999999999999999",
  };
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
    const char *e = got_text(1, texts[i]);
    size_t n = strlen(e), wanted = strlen(texts[i]);
    ck_assert_msg(n > wanted && strcmp(e + n - wanted, texts[i]) == 0, "%s: %s", texts[i], e);
  }
  ck_assert_str_eq(got_text(2, "bad argument #1 to '?' (no)") + strlen(v.log) - 27, "bad argument #1 to '?' (no)");
  ck_assert_str_eq(got(1, "bad argument #1 to '?' (\0no)", 28), "test:1: calling 'f' on bad self (<zero>no)");
  vm_close(&v);
}
END_TEST

START_TEST(a_long_text_becomes_little_longer) {
  enum { SIZE = 900000 };
  static const char *const starts[] = {"", "bad argument #1 to '?' (", "bad argument #1", "till:?2: ", "\n\n\n\n", "\001\033[2J\r"};
  char *text = malloc(SIZE);
  open_all();
  for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
    memset(text, starts[i][0] == '\n' ? '\n' : '1', SIZE);
    memcpy(text, starts[i], strlen(starts[i]));
    for (unsigned level = 0; level <= 3; level++) {
      size_t before = (size_t)lua_gc(v.w.L, LUA_GCCOUNT, 0);
      const char *e = got((uint16_t)level, text, SIZE);
      const char *dots = strstr(e, "...");
      ck_assert_msg(dots != NULL, "%s", e);
      long n = strtol(dots + 3, NULL, 10);
      ck_assert_msg(n > SIZE - 100 && n < SIZE + 100, "%s", e);
      ck_assert_uint_lt((size_t)lua_gc(v.w.L, LUA_GCCOUNT, 0), before + 8 * (SIZE >> 10));
      vm_collect(&v);
    }
  }
  free(text);
  vm_close(&v);
}
END_TEST

static void put(const char *kinds) {
  for (; *kinds; kinds++) {
    switch (*kinds) {
      case 'n': pack_nil(&v.f.p); break;
      case '5': pack_uint(&v.f.p, 5); break;
      case 'd': pack_number(&v.f.p, 0.5); break;
      case 'b': pack_bool(&v.f.p, true); break;
      case 'a': fake_put_pt(&v.f, &A); break;
      case 's': pack_text(&v.f.p, "no"); break;
      case 't':
        pack_array(&v.f.p, 1);
        pack_text(&v.f.p, "no");
        break;
      default: ck_abort();
    }
  }
}

/* Only a text gets a position. A traceback is a text. (With fewer values, or more, the broker lets no error pass: proto/message.c.) */
START_TEST(a_value_of_another_type_is_raised_as_it_is) {
  static const struct {
    const char *kinds, *error;
  } cases[] = {
      {"n", "nil"}, {"5", "5"}, {"d", "0.5"}, {"b", "true"}, {"ns", "nil"}, {"5s", "5"}, {"as", "table: "}, {"a", "table: "},
      {"s5", NULL}, {"sn", "gaijin: protocol: "}, {"sa", "gaijin: protocol: "}, {"st", "gaijin: protocol: "}, {"ss", NULL},
  };
  open_all();
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    for (unsigned level = 0; level < 3; level++) {
      vm_ask(&v, "local ok, e = pcall(function() f() end) assert(not ok) note(rawequal(e, a) and 'table: ' or tostring(e))", GAIJIN_OP_CALL);
      begin_error((uint16_t)level, (uint32_t)strlen(cases[i].kinds));
      put(cases[i].kinds);
      deliver();
      size_t n = cases[i].error ? strlen(cases[i].error) : 0;
      ck_assert_msg(v.log[0] && strncmp(v.log, n ? cases[i].error : "", n) == 0, "'%s' at level %u: %s", cases[i].kinds, level, v.log);
      ck_assert_uint_lt(strlen(v.log), 200);
    }
  }
  vm_close(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_error_positions");
  TCase *c = tcase_create("positions");
  tcase_add_test(c, a_level_beyond_the_stack_gives_no_position);
  tcase_add_test(c, no_level_above_the_limit_is_looked_for);
  tcase_add_test(c, a_level_in_the_text_is_text);
  tcase_add_test(c, only_a_library_function_is_named_by_its_caller);
  tcase_add_test(c, a_long_text_becomes_little_longer);
  tcase_add_test(c, a_value_of_another_type_is_raised_as_it_is);
  suite_add_tcase(s, c);
  return run_suite(s);
}
