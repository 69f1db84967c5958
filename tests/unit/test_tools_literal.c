/* SPDX-License-Identifier: MIT
 *
 * Values and paths as people type them, how they are printed, and that what is printed is read as the same.
 */
#include <math.h>
#include <string.h>

#include "tests/unit/random.h"
#include "tests/unit/run.h"
#include "tools/touch/literal.h"
#include "tools/touch/path.h"
#include "tools/touch/print.h"

static struct data d;
static uint64_t state;
static struct text shown;

static void setup(void) { d = (struct data){0}; }
static void teardown(void) {
  data_deinit(&d);
  text_deinit(&shown);
}

static const char *print(const struct datum *v, bool json, int depth, int width) {
  struct print how = {.json = json, .depth = depth, .width = width};
  shown.size = 0;
  print_datum(&shown, &how, &d, v);
  return shown.bytes;
}

static struct datum parse(const char *text) {
  struct scan s = scan_of(text);
  struct datum v;
  ck_assert_msg(literal_parse(&s, &d, &v), "%s: column %zu: %s", text, scan_column(&s), s.fault);
  return v;
}

/* A text and how its value is printed. */
static void reads(const char *text, const char *printed) {
  struct datum v = parse(text);
  ck_assert_str_eq(print(&v, false, 99, 1000), printed);
}
static void is_json(const char *text, const char *printed) {
  struct datum v = parse(text);
  ck_assert_str_eq(print(&v, true, 99, 0), printed);
}
static void bad(const char *text, size_t column, const char *fault, bool unfinished) {
  struct scan s = scan_of(text);
  struct datum v;
  ck_assert_msg(!literal_parse(&s, &d, &v), "%s is a value", text);
  ck_assert_msg(strcmp(s.fault, fault) == 0 && scan_column(&s) == column && s.unfinished == unfinished,
                "%s: column %zu: %s%s", text, scan_column(&s), s.fault, s.unfinished ? " (unfinished)" : "");
}

START_TEST(plain_values) {
  reads("nil", "nil");
  reads(" null ", "nil");
  reads("true", "true");
  reads("\n\tfalse", "false");
  reads("12", "12");
  reads("-0.5", "-0.5");
  reads("-0", "-0");
  reads(".5", "0.5");
  reads("1e3", "1000");
  reads("1E-2", "0.01");
  reads("0x1F", "31");
  reads("-0x10", "-16");
  reads("0.1", "0.1");
  reads("9007199254740993", "9007199254740992");
  reads("inf", "inf");
  reads("-inf", "-inf");
  struct datum v = parse("-nan");
  ck_assert(isnan(v.number));
  reads("nan", "nan");
}
END_TEST

START_TEST(strings) {
  reads("\"a b\"", "\"a b\"");
  reads("'it\"s'", "\"it\\\"s\"");
  reads("\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\'\\/\"", "\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"'/\"");
  reads("\"\\065\\0661\\0\"", "\"AB1\\000\"");
  reads("\"\\x41\\u{e9}\\u00e9\\ud83d\\ude00\"", "\"A\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80\"");
  reads("'\xff\x1b[31m\xe2\x80\xae'", "\"\\255\\027[31m\\226\\128\\174\"");
  reads("''", "\"\"");
  reads("'a\nb\\\nc'", "\"a\\nb\\nc\"");
  struct datum v = parse("'a\\0b'");
  ck_assert_uint_eq(v.size, 3);
}
END_TEST

START_TEST(tables) {
  reads("{}", "{}");
  reads("[]", "{}");
  reads("{1, 2, x = 3, [\"a b\"] = 4, [true] = 5; [10]=6,}", "{1, 2, [10] = 6, [\"a b\"] = 4, x = 3, [true] = 5}");
  reads("{\"x\": 1, \"y\" : [1, null, {\"z\":[]}]}", "{x = 1, y = {1, [3] = {z = {}}}}");
  reads("{'a', \"b\", nil, 'd'}", "{\"a\", \"b\", [4] = \"d\"}");
  reads("{nil,}", "{}");
  reads("{[{1}] = {{}}}", "{[{1}] = {{}}}");
  reads("{x = nil, y = null}", "{}");
  reads("{end_ = 1, [\"end\"] = 2, [\"\"] = 3}", "{[\"\"] = 3, [\"end\"] = 2, end_ = 1}");
  reads("{-1, [-1] = 2, [0.5] = 3}", "{[-1] = 2, [0.5] = 3, -1}");
}
END_TEST

START_TEST(faults_have_places) {
  bad("", 1, "a value is missing", true);
  bad("apple", 1, "'apple' is no value; a text needs quotes", false);
  bad("nilx", 1, "'nilx' is no value; a text needs quotes", false);
  bad("1 2", 3, "something stands behind the value", false);
  bad("12abc", 1, "'12abc' is no number", false);
  bad("- 1", 1, "a number is missing behind '-'", false);
  bad("-x", 1, "a number is missing behind '-'", false);
  bad("=", 1, "no value begins with '='", false);
  bad("\xc3\xa9", 1, "no value begins with ''", false);
  bad("\"ab", 4, "the text ends before its closing \"", true);
  bad("\"\xc3\xa9\xc3\xa9\\q\"", 4, "there is no escape \\q", false);
  bad("'\\300'", 2, "a byte is 255 at most", false);
  bad("'\\xg0'", 2, "\\x takes two hex digits", false);
  bad("'\\ud800'", 2, "there is no such character", false);
  bad("'\\ud800\\u0041'", 2, "there is no such character", false);
  bad("'\\u{110000}'", 2, "there is no such character", false);
  bad("'\\u{}'", 2, "\\u{...} takes hex digits", false);
  bad("{1, 2", 6, "'}' is missing", true);
  bad("{1 2}", 4, "',' or '}' is missing", false);
  bad("{x = }", 6, "no value begins with '}'", false);
  bad("{x 1}", 2, "'x' is no value; a text needs quotes", false);
  bad("{x == 1}", 2, "'x' is no value; a text needs quotes", false);
  bad("{[nil] = 1}", 3, "nil is no key", false);
  bad("{[nan] = 1}", 3, "nan is no key", false);
  bad("{[1 = 2}", 5, "']' is missing behind the key", false);
  bad("{[1] 2}", 6, "'=' is missing behind the key", false);
  bad("[1; 2]", 3, "',' or ']' is missing", false);
  bad("{\"a\": 1 \"b\"}", 9, "',' or '}' is missing", false);
}
END_TEST

START_TEST(depth_is_bounded) {
  static char text[100001];
  memset(text, '{', 100);
  memset(text + 100, '}', 100);
  text[200] = '\0';
  parse(text);
  memset(text, '[', 100000);
  bad(text, 101, "tables in tables are 100 deep at most", false);
  memset(text, '{', 100000);
  bad(text, 101, "tables in tables are 100 deep at most", false);
  for (int i = 0; i < 50000; i++) memcpy(text + 2 * i, "{[", 2);
  bad(text, 201, "tables in tables are 100 deep at most", false);
}
END_TEST

START_TEST(json) {
  is_json("nil", "null");
  is_json("{1, 2, 'x'}", "[1,2,\"x\"]");
  is_json("{}", "{}");
  is_json("{a = {}, b = true}", "{\"a\":{},\"b\":true}");
  is_json("{1, x = 2}", "{\"$table\":[[1,1],[\"x\",2]]}");
  is_json("{['$ref'] = 1}", "{\"$table\":[[\"$ref\",1]]}");
  is_json("inf", "{\"$number\":\"inf\"}");
  is_json("'\\255'", "{\"$bytes\":\"ff\"}");
  is_json("'\\27'", "\"\\u001b\"");
}
END_TEST

/* What fits into a line is one, else one line for each entry. */
START_TEST(lines) {
  struct datum v = parse("{name = 'shop', list = {1, 2, 3}, more = {aaaaaaaaaa = 1, bbbbbbbbbb = 2}}");
  ck_assert_str_eq(print(&v, false, 9, 80), "{list = {1, 2, 3}, more = {aaaaaaaaaa = 1, bbbbbbbbbb = 2}, name = \"shop\"}");
  ck_assert_str_eq(print(&v, false, 9, 50),
                   "{\n  list = {1, 2, 3},\n  more = {aaaaaaaaaa = 1, bbbbbbbbbb = 2},\n  name = \"shop\",\n}");
  ck_assert_str_eq(print(&v, false, 9, 20),
                   "{\n  list = {1, 2, 3},\n  more = {\n    aaaaaaaaaa = 1,\n    bbbbbbbbbb = 2,\n  },\n  name = \"shop\",\n}");
  ck_assert_str_eq(print(&v, false, 1, 80), "{list = {...}, more = {...}, name = \"shop\"}");
  ck_assert_str_eq(print(&v, false, 0, 80), "{...}");
  ck_assert_str_eq(print(&v, true, 1, 80), "{\"list\":{\"$deeper\":3},\"more\":{\"$deeper\":2},\"name\":\"shop\"}");
}
END_TEST

START_TEST(cycles_and_tables_that_occur_twice) {
  struct datum root = parse("{}"), other = parse("{1}"), a = parse("'a'"), b = parse("'b'"), self = parse("'self'");
  datum_put(&d, root.number_of, &self, &root);
  datum_put(&d, root.number_of, &a, &other);
  datum_put(&d, root.number_of, &b, &other);
  ck_assert_str_eq(print(&root, false, 9, 80), "<1>{a = <2>{1}, b = <table 2>, self = <table 1>}");
  ck_assert_str_eq(print(&root, false, 9, 30), "<1>{\n  a = <2>{1},\n  b = <table 2>,\n  self = <table 1>,\n}");
  ck_assert_str_eq(print(&root, true, 9, 80),
                   "{\"$id\":1,\"$value\":{\"a\":{\"$id\":2,\"$value\":[1]},\"b\":{\"$same\":2},\"self\":{\"$same\":1}}}");
  ck_assert_str_eq(print(&other, false, 9, 80), "{1}"); /* alone it occurs once */
}
END_TEST

/* Each of 60 tables has the next one twice. */
START_TEST(what_is_shared_is_shown_once) {
  struct datum v = parse("{}"), l = parse("'l'"), r = parse("'r'");
  for (int i = 0; i < 60; i++) {
    struct datum above = datum_table_new(&d);
    datum_put(&d, above.number_of, &l, &v);
    datum_put(&d, above.number_of, &r, &v);
    v = above;
  }
  ck_assert_uint_lt(strlen(print(&v, false, 100, 80)), 20000);
  ck_assert_uint_lt(strlen(print(&v, true, 100, 80)), 20000);
}
END_TEST

/* ---- Round trips ---- */

static uint32_t below(uint32_t n) { return random_below(&state, n); }

static void random_text(struct text *t) {
  static const char *const pieces[] = {"a", "end", "\"", "\\", "\n", "\xff", "\x1b", "\xc3\xa9", "\xe2\x80\xae", "0", "9", "'", "x y", "$"};
  for (uint32_t n = below(5); n > 0; n--) {
    const char *piece = pieces[below(sizeof pieces / sizeof pieces[0])];
    text_add(t, piece, strlen(piece));
    if (below(20) == 0) text_add(t, "", 1);
  }
}

static struct datum random_datum(int depth) {
  struct text t = {0};
  struct datum v = {.type = DATUM_NIL};
  switch (below(depth > 0 ? 7 : 5)) {
    case 0: return (struct datum){.type = DATUM_BOOL, .boolean = below(2)};
    case 1: return datum_number((double)below(20) - 5);
    case 2: return datum_number(ldexp((double)below(UINT32_MAX), (int)below(200) - 100));
    case 3: return datum_number(below(2) ? INFINITY : -0.0);
    case 4:
      random_text(&t);
      text_add(&t, "", 0);
      v = datum_string(&d, t.bytes, t.size);
      text_deinit(&t);
      return v;
    default: break;
  }
  v = datum_table_new(&d);
  for (uint32_t n = below(6); n > 0; n--) {
    struct datum key = random_datum(depth - 4), value = random_datum(depth - 1);
    if (key.type != DATUM_TABLE && datum_index(&d, &v, &key).type == DATUM_NIL) datum_put(&d, v.number_of, &key, &value);
  }
  return v;
}

START_TEST(what_is_printed_is_read_as_the_same) {
  state = random_seed("literals");
  for (int i = 0; i < 3000; i++) {
    struct datum v = random_datum(5);
    char *first = strdup(print(&v, false, 99, 1 + (int)below(100)));
    struct datum again = parse(first);
    char *whole = strdup(print(&v, false, 99, 1000000));
    ck_assert_msg(strcmp(print(&again, false, 99, 1000000), whole) == 0, "%s\nis read as\n%s", first, shown.bytes);
    for (const char *c = first; *c; c++) ck_assert(*c == '\n' || ((unsigned char)*c >= ' ' && *c != 127));
    free(first);
    free(whole);
    data_deinit(&d);
  }
}
END_TEST

/* Damaged texts are read or refused with a place in them. */
START_TEST(damaged_texts) {
  state = random_seed("damage");
  for (int i = 0; i < 5000; i++) {
    struct datum v = random_datum(4);
    char *text = strdup(print(&v, false, 99, 60));
    size_t n = strlen(text);
    for (uint32_t hits = below(4); hits > 0 && n; hits--) text[below((uint32_t)n)] = (char)(1 + below(255));
    struct scan s = scan_of(text);
    if (!literal_parse(&s, &d, &v)) ck_assert(s.failed && s.fault_at <= n && *s.fault);
    s = scan_of(text);
    struct path p;
    if (!path_parse(&s, below(2) ? "shop" : NULL, &p)) ck_assert(s.failed && s.fault_at <= n && *s.fault);
    path_deinit(&p);
    free(text);
    data_deinit(&d);
  }
}
END_TEST

/* ---- Paths ---- */

static void path_is(const char *text, const char *worker, uint64_t id, const char *keys) {
  struct scan s = scan_of(text);
  struct path p;
  struct text t = {0};
  struct print how = {.depth = 9, .width = 1000};
  ck_assert_msg(path_parse(&s, "here", &p), "%s: column %zu: %s", text, scan_column(&s), s.fault);
  ck_assert_str_eq(p.worker, worker);
  ck_assert_uint_eq(p.id, id);
  ck_assert(p.has_id == (id != 0));
  text_add(&t, "", 0);
  for (size_t i = 0; i < p.count; i++) {
    if (i) text_add(&t, " ", 1);
    print_datum(&t, &how, &p.data, &p.keys[i]);
  }
  ck_assert_str_eq(t.bytes, keys);
  if (p.count) ck_assert_uint_le(p.ends[p.count - 1], strlen(text));
  text_deinit(&t);
  path_deinit(&p);
}
static void no_path(const char *text, size_t column, const char *fault) {
  struct scan s = scan_of(text);
  struct path p;
  ck_assert_msg(!path_parse(&s, NULL, &p), "%s is a path", text);
  ck_assert_msg(strcmp(s.fault, fault) == 0 && scan_column(&s) == column, "%s: column %zu: %s", text, scan_column(&s), s.fault);
  path_deinit(&p);
}

/* A text need not be terminated: what stands behind it is not read. */
START_TEST(a_part_of_a_text) {
  static const struct { const char *text; size_t size; uint64_t id; const char *key; } parts[] = {
      {"shop:123", 6, 1, NULL}, {"shop:12.price", 11, 12, "pri"}, {"shop.price", 8, 0, "pri"}, {"shop[12]34", 8, 0, NULL}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    struct scan s = {.text = parts[i].text, .size = parts[i].size};
    struct path p;
    ck_assert_msg(path_parse(&s, NULL, &p), "%s: %s", parts[i].text, s.fault);
    ck_assert_str_eq(p.worker, "shop");
    ck_assert(p.id == parts[i].id && s.at == s.size);
    if (parts[i].key) ck_assert(p.count == 1 && p.keys[0].size == 3 && memcmp(p.keys[0].bytes, parts[i].key, 3) == 0);
    path_deinit(&p);
  }
  struct scan number = {.text = "1234", .size = 2}, ended = {.text = "'ab'", .size = 3};
  struct datum v;
  ck_assert(literal_parse(&number, &d, &v) && v.number == 12);
  ck_assert(!literal_parse(&ended, &d, &v) && ended.unfinished);
}
END_TEST

START_TEST(paths) {
  path_is("shop", "shop", 0, "");
  path_is(" shop.price ", "shop", 0, "\"price\"");
  path_is("till-1.cart[3].name", "till-1", 0, "\"cart\" 3 \"name\"");
  path_is("shop[\"any label\"][true][ -1.5 ]", "shop", 0, "\"any label\" true -1.5");
  path_is("shop[7]", "shop", 0, "7");
  path_is("shop.end.nil", "shop", 0, "\"end\" \"nil\"");
  path_is("\"my.till:1\".x", "my.till:1", 0, "\"x\"");
  path_is("'a b'", "a b", 0, "");
  path_is("shop:12", "shop", 12, "");
  path_is("shop:9007199254740992.x", "shop", UINT64_C(1) << 53, "\"x\"");
  path_is(".x", "here", 0, "\"x\"");
  path_is(":3[1]", "here", 3, "1");
  path_is("b\xc3\xbc" "cher.x", "b\xc3\xbc" "cher", 0, "\"x\"");
}
END_TEST

START_TEST(no_paths) {
  no_path("", 1, "a worker's name is missing");
  no_path(".x", 1, "a path begins with the name of a worker");
  no_path("shop.", 6, "behind '.' stands a key like in Lua; others are written [\"...\"]");
  no_path("shop.red-apple", 9, "a path goes on with .key or [key]");
  no_path("shop:x", 6, "behind ':' stands the id of an object, a number; `gaijinctl tokens` lists them");
  no_path("shop:9007199254740993", 6, "no object has such an id; they count up from 1");
  no_path("shop.x:3", 7, "an id stands right behind the worker's name");
  no_path("shop[x]", 6, "'x' is no value; a text needs quotes");
  no_path("shop[nil]", 6, "a key is a text in quotes, a number, true or false");
  no_path("shop.x[{}]", 8, "a key is a text in quotes, a number, true or false");
  no_path("shop[true]", 11, "a label is a text or a number");
  no_path("shop.x[1", 9, "']' is missing behind the key");
  no_path("shop.x[1.y", 8, "'1.y' is no number");
  no_path("shop.x y", 8, "a path goes on with .key or [key]");
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools literal");
  TCase *t = tcase_create("literal");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, plain_values);
  tcase_add_test(t, strings);
  tcase_add_test(t, tables);
  tcase_add_test(t, faults_have_places);
  tcase_add_test(t, depth_is_bounded);
  tcase_add_test(t, json);
  tcase_add_test(t, lines);
  tcase_add_test(t, cycles_and_tables_that_occur_twice);
  tcase_add_test(t, what_is_shared_is_shown_once);
  tcase_add_test(t, what_is_printed_is_read_as_the_same);
  tcase_add_test(t, damaged_texts);
  tcase_add_test(t, a_part_of_a_text);
  tcase_add_test(t, paths);
  tcase_add_test(t, no_paths);
  return run_suite(s);
}
