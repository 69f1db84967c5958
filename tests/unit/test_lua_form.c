/* SPDX-License-Identifier: MIT
 *
 * A worker may answer anything (lua/ask/form.c): what has not the form of the op's answer is an
 * error at its caller, with the status `protocol`, and never a value, a crash or an assert. For each
 * op every list of up to three values is tried: all combinations of all types.
 */
#define _GNU_SOURCE
#include "lua/ask/form.h"

#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE},
                              F = {OTHER_HOST, 3, 13, GAIJIN_KIND_FUNCTION},
                              U = {OTHER_HOST, 4, 14, GAIJIN_KIND_USERDATA};

/* A value of each type that a message can carry. */
enum { NIL, TRUE_, FALSE_, NUMBER, NAN_, TEXT, TABLE, COPY, FUNCTION, USERDATA, TYPES };

static void put(unsigned type) {
  switch (type) {
    case NIL: pack_nil(&v.f.p); break;
    case TRUE_: pack_bool(&v.f.p, true); break;
    case FALSE_: pack_bool(&v.f.p, false); break;
    case NUMBER: pack_uint(&v.f.p, 1); break;
    case NAN_: pack_number(&v.f.p, __builtin_nan("")); break;
    case TEXT: pack_text(&v.f.p, "k"); break;
    case TABLE: fake_put_pt(&v.f, &A); break;
    case COPY:
      pack_array(&v.f.p, 1);
      pack_array(&v.f.p, 0);
      break;
    case FUNCTION: fake_put_pt(&v.f, &F); break;
    default: fake_put_pt(&v.f, &U); break;
  }
}

static bool is_key(unsigned type) { return type != NIL && type != NAN_; }
static bool is_text(unsigned type) { return type == NUMBER || type == NAN_ || type == TEXT; }

static bool one(const unsigned *t, unsigned n) {
  (void)t;
  return n == 1;
}
static bool none(const unsigned *t, unsigned n) {
  (void)t;
  return n == 0;
}
static bool text(const unsigned *t, unsigned n) { return n == 1 && is_text(t[0]); }
static bool number(const unsigned *t, unsigned n) {
  return n == 1 && (t[0] == NUMBER || t[0] == NAN_);
}
static bool entry(const unsigned *t, unsigned n) {
  return (n == 1 && t[0] == NIL) || (n == 2 && is_key(t[0]) && t[1] != NIL);
}
static bool done(const unsigned *t, unsigned n) {
  return (n == 1 && t[0] == FALSE_) || (n == 2 && t[0] == TRUE_);
}
static bool compared(const unsigned *t, unsigned n) { return n == 2 && t[0] == TRUE_; }
static bool page(const unsigned *t, unsigned n) {
  if (n == 0 || (t[0] != NIL && t[0] != FUNCTION)) return false;
  return n == 1 || (n == 3 && is_key(t[1]) && t[2] != NIL);
}
static bool labels(const unsigned *t, unsigned n) {
  return page(t, n) && (n == 1 || t[1] == NUMBER || t[1] == TEXT);
}
static bool more_page(const unsigned *t, unsigned n) {
  return (n == 1 && t[0] == FALSE_) ||
         (n == 3 && (t[0] == TRUE_ || t[0] == FALSE_) && is_key(t[1]) && t[2] != NIL);
}
static bool sequence(const unsigned *t, unsigned n) {
  if (n == 0 || (t[0] != FALSE_ && !(t[0] == TRUE_ && n > 1))) return false;
  for (unsigned i = 1; i < n; i++)
    if (t[i] == NIL) return false;
  return true;
}

static const struct {
  const char *code; /* asks; then notes "ok", unless what it got is an error */
  enum gaijin_op op;
  bool (*right)(const unsigned *types, unsigned n);
  const char *name; /* in the error */
} cases[] = {
    {"local x = bakaGaijin('bank').x", GAIJIN_OP_S2T, one, "s2t"},
    {"local x = a.x", GAIJIN_OP_GET, one, "get"},
    {"a.x = 1", GAIJIN_OP_SET, none, "set"},
    {"local x = next(a)", GAIJIN_OP_NEXT, entry, "next"},
    {"local x = len(a)", GAIJIN_OP_LEN, number, "len"},
    {"local x = #u", GAIJIN_OP_LEN, one, "len"},
    {"local x = tostring(a)", GAIJIN_OP_STR, text, "str"},
    {"pcall_ok(function() return a + 1 end)", GAIJIN_OP_OPERATOR, done, "operator"},
    {"local x = a == b", GAIJIN_OP_OPERATOR, compared, NULL},
    {"local x = pairs(a)", GAIJIN_OP_PAIRS, page, "pairs"},
    {"local x = pairs(bakaGaijin('bank'))", GAIJIN_OP_LABELS, labels, "labels"},
    {"local f, t, i = ipairs(a) f(t, i)", GAIJIN_OP_IPAIRS, sequence, "ipairs"},
    {"local x = gaijin.fetch(a)", GAIJIN_OP_APPLY, one, "fetch"},
    {"local x = rawget(a, 1)", GAIJIN_OP_APPLY, one, "rawget"},
    {"local x = table.concat(a)", GAIJIN_OP_APPLY, text, "table.concat"},
    {"table.insert(a, 1)", GAIJIN_OP_APPLY, none, "table.insert"},
};

static void open_all(void) {
  static const struct gaijin_pt b = {OTHER_HOST, 2, 12, GAIJIN_KIND_TABLE};
  vm_connect(&v);
  fake_begin(&v.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&v.f.p, OTHER_HOST);
  pack_text(&v.f.p, "bank");
  vm_deliver(&v);
  vm_give(&v, "a", &A);
  vm_give(&v, "b", &b);
  vm_give(&v, "f", &F);
  vm_give(&v, "u", &U);
  /* An operator that nobody has is Lua's own error, as it should be. */
  vm_do(&v, "function pcall_ok(f) local ok, e = pcall(f) "
            "if not ok and not e:find('attempt to', 1, true) then error(e, 0) end end");
  v.expected_error = true;
}

/* Calls fn with each list of up to `most` types. */
static void each_list(unsigned most, void (*fn)(const unsigned *types, unsigned n)) {
  unsigned types[4] = {0};
  for (unsigned n = 0; n <= most; n++) {
    unsigned lists = 1;
    for (unsigned i = 0; i < n; i++) lists *= TYPES;
    for (unsigned k = 0; k < lists; k++) {
      for (unsigned i = 0, rest = k; i < n; i++, rest /= TYPES) types[i] = rest % TYPES;
      fn(types, n);
    }
  }
}

static void reply(const unsigned *types, unsigned n) {
  fake_begin(&v.f, MESSAGE_REPLY, (enum gaijin_op)v.f.m.op, v.f.m.id, n);
  for (unsigned i = 0; i < n; i++) put(types[i]);
  vm_deliver(&v);
}

static void expect(bool right, const char *who, const unsigned *t, unsigned n) {
  static const char wrong[] = "gaijin: protocol: worker bank ";
  bool refused = strncmp(v.log, wrong, sizeof wrong - 1) == 0;
  ck_assert_msg(v.running == 0 && refused != right && (refused || strcmp(v.log, "ok") == 0),
                "%s: %u values (%u, %u, %u): %s", who, n, n > 0 ? t[0] : 99, n > 1 ? t[1] : 99,
                n > 2 ? t[2] : 99, v.log);
  if (refused) ck_assert(strstr(v.log, who) != NULL);
}

static unsigned now; /* the case being tried */

static void try_case(const unsigned *types, unsigned n) {
  char code[256];
  const char *who = cases[now].name;
  snprintf(code, sizeof code, "%s note('ok')", cases[now].code);
  v.log[0] = '\0';
  vm_ask(&v, code, cases[now].op);
  reply(types, n);
  expect(cases[now].right(types, n), who ? who : "", types, n);
}

START_TEST(an_answer_has_the_form_of_its_op) {
  open_all();
  now = (unsigned)_i;
  each_list(3, try_case);
  vm_close(&v);
}
END_TEST

static void try_page(const unsigned *types, unsigned n) {
  static const unsigned first[] = {FUNCTION, TEXT, NUMBER};
  v.log[0] = '\0';
  vm_ask(&v, "local n = 0 for k in pairs(a) do n = n + 1 if n == 2 then break end end note('ok')",
         GAIJIN_OP_PAIRS);
  reply(first, 3);
  ck_assert_int_eq(fake_next(&v.f)->op, GAIJIN_OP_CALL);
  reply(types, n);
  expect(more_page(types, n), "pairs", types, n);
}

START_TEST(so_has_each_further_page) {
  open_all();
  each_list(3, try_page);
  vm_close(&v);
}
END_TEST

static void try_raised(const unsigned *types, unsigned n) {
  if (n == 0) return; /* that breaks the protocol already */
  v.log[0] = '\0';
  vm_ask(&v, "local ok, e = pcall(f) if type(e) == 'string' and e:find('^gaijin') then error(e, 0) "
             "end note('ok')", GAIJIN_OP_CALL);
  fake_begin(&v.f, MESSAGE_ERROR, GAIJIN_OP_CALL, v.f.m.id, n + 1);
  pack_uint(&v.f.p, GAIJIN_STATUS_RAISED);
  for (unsigned i = 0; i < n; i++) put(types[i]);
  vm_deliver(&v);
  bool right = n == 1 || (n == 2 && is_text(types[1]));
  ck_assert_msg(strcmp(v.log, right ? "ok" : "gaijin: protocol: an error came with a traceback that is no text") == 0,
                "%u values: %s", n, v.log);
}

START_TEST(so_has_what_was_raised) {
  open_all();
  each_list(2, try_raised); /* the broker lets no more through */
  vm_close(&v);
}
END_TEST

/* The list in form.c has all that a worker asks of another one. */
START_TEST(every_routed_op_is_tried) {
  for (int op = 1; op < GAIJIN_OP_COUNT; op++) {
    /* Any values; and what workers never ask each other. */
    bool tried = op == GAIJIN_OP_CALL || op == GAIJIN_OP_EVAL || op == GAIJIN_OP_ALIVE || op == GAIJIN_OP_PATHS ||
                 op == GAIJIN_OP_DESCRIBE;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) tried |= cases[i].op == (enum gaijin_op)op;
    ck_assert_msg(tried || !gaijin_op_is_routed((enum gaijin_op)op), "%s",
                  gaijin_op_name((enum gaijin_op)op));
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("lua_form");
  TCase *c = tcase_create("form");
  tcase_add_loop_test(c, an_answer_has_the_form_of_its_op, 0, ARRAY_SIZE(cases));
  tcase_add_test(c, so_has_each_further_page);
  tcase_add_test(c, so_has_what_was_raised);
  tcase_add_test(c, every_routed_op_is_tried);
  suite_add_tcase(s, c);
  return run_suite(s);
}
