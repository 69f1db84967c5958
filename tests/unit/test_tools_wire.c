/* SPDX-License-Identifier: MIT
 *
 * Values that people have typed as messages carry them, and what a worker may answer with (tools/touch/wire.h).
 */
#include "tools/touch/wire.h"

#include <math.h>

#include "tests/unit/fake_broker.h"
#include "tools/touch/literal.h"
#include "tools/touch/print.h"

static struct fake f;
static struct data d;
static struct text t;

static void setup(void) {
  fake_open(&f);
  d = (struct data){0};
  t = (struct text){0};
}
static void teardown(void) {
  data_deinit(&d);
  text_deinit(&t);
  fake_close(&f);
}

/* ---- What is sent ---- */

/* Begins a request of one value; sends it, which is in f.m then. */
static void begin(void) { gaijin_begin_request(f.g, &(struct gaijin_send){.op = GAIJIN_OP_DESCRIBE, .name = "shop"}, 1); }
static void end(void) {
  uint64_t id;
  ck_assert_int_eq(gaijin_end_request(f.g, NULL, NULL, &id), 0);
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  ck_assert_uint_eq(fake_next(&f)->id, id);
}

/* The bytes of the body, whose one value is the literal's, in hexadecimal. */
static void sends(const char *literal, const char *expected) {
  struct scan s = scan_of(literal);
  struct datum v;
  ck_assert(literal_parse(&s, &d, &v));
  begin();
  wire_put(f.g, &d, &v);
  end();
  t.size = 0;
  for (uint32_t i = 0; i < f.m.body_size; i++) text_print(&t, "%02x", f.m.body[i]);
  ck_assert_msg(strcmp(t.bytes, expected) == 0, "%s is sent as %s", literal, t.bytes);
}

START_TEST(plain_values_are_sent) {
  sends("nil", "91c0");
  sends("true", "91c3");
  sends("false", "91c2");
  sends("7", "9107");
  sends("1.5", "91cb3ff8000000000000");
  sends("'ab'", "91a26162");
  sends("''", "91a0");
}
END_TEST

/* Tables in the order in which they are met, key before value. */
START_TEST(tables_are_sent) {
  sends("{}", "919190");
  sends("{1, 2}", "919194" "0101" "0202");
  sends("{a = {b = {}}}", "9193" "92a1619102" "92a1629103" "90");
  sends("{{}, {}}", "9193" "94" "019102" "029103" "90" "90");
  sends("{[{}] = {}}", "9193" "92" "9102" "9103" "90" "90");
}
END_TEST

/* Others that were typed before are no part of it. */
START_TEST(one_of_several_is_sent) {
  struct datum outer = datum_table_new(&d), own = datum_table_new(&d), key = datum_number(1), value = datum_number(2);
  datum_put(&d, own.number_of, &key, &own); /* itself */
  datum_put(&d, own.number_of, &value, &own);
  datum_put(&d, outer.number_of, &key, &value);
  begin();
  wire_put(f.g, &d, &own);
  end();
  static const uint8_t bytes[] = {0x91, 0x91, 0x94, 1, 0x91, 1, 2, 0x91, 1};
  ck_assert_uint_eq(f.m.body_size, sizeof bytes);
  ck_assert_int_eq(memcmp(f.m.body, bytes, sizeof bytes), 0);
}
END_TEST

/* ---- What is answered ---- */

/* Reads a body of these values (bytes of msgpack); what it is, or NULL: it has another form. */
static const char *reads(const void *bytes, uint32_t size, uint32_t count) {
  struct datum v;
  uint64_t id = fake_ask(&f, told_answer);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, count);
  pack_raw(&f.p, bytes, size);
  fake_deliver(&f);
  gaijin_body *b = f.told.answer[f.told.answers - 1].body;
  bool good = true;
  t.size = 0;
  text_add(&t, "", 0);
  for (uint32_t i = 0; i < count && good; i++) {
    struct print how = {.depth = 9, .width = 1000};
    good = wire_read(f.g, b, &d, &v);
    if (good && i) text_add(&t, " ", 1);
    if (good) print_datum(&t, &how, &d, &v);
  }
  good = good && !wire_read(f.g, b, &d, &v); /* the end */
  gaijin_body_free(b);
  return good ? t.bytes : NULL;
}
#define IS(bytes, count, text) ck_assert_str_eq(reads(bytes, sizeof bytes - 1, count), text)
#define IS_NONE(bytes) ck_assert_ptr_null(reads(bytes, sizeof bytes - 1, 1))

START_TEST(answers) {
  IS("\xc0\xc3\xc2\x07\xa2" "ab\xd4\x00\x00", 6, "nil true false 7 \"ab\" null pointer");
  IS("\x91\x94\x01\x05\x02\x06\x08", 2, "{5, 6} 8");
  IS("\x92\x92\xa1" "a\x91\x02\x92\xa1" "b\xc3", 1, "{a = {b = true}}");
  /* Those of the second are counted from its own first. */
  IS("\x91\x92\x01\x05\x92\x92\x01\x91\x02\x92\x01\x07", 2, "{5} {{7}}");
  ck_assert_ptr_nonnull(reads("\x91\x92\x01\x91\x01", 5, 1)); /* it has itself */
}
END_TEST

START_TEST(objects) {
  const struct gaijin_pt pt = fake_pt(OTHER_HOST, 5);
  struct datum v;
  uint64_t id = fake_ask(&f, told_answer);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 1);
  fake_put_pt(&f, &pt);
  fake_deliver(&f);
  gaijin_body *b = f.told.answer[f.told.answers - 1].body;
  ck_assert(wire_read(f.g, b, &d, &v));
  gaijin_body_free(b);
  ck_assert_int_eq(v.type, DATUM_REFERENCE);
  ck_assert_uint_eq(datum_reference_at(&d, &v)->id, 5);
  ck_assert_str_eq(datum_type_name(&d, &v), "table");
  ck_assert_uint_eq(gaijin_holding_count(f.g), 1); /* it is held on */
}
END_TEST

START_TEST(what_is_no_value) {
  IS_NONE("\x90");                         /* no table at all */
  IS_NONE("\x91\x91\x01");                 /* a key without a value */
  IS_NONE("\x91\x01");                     /* no list */
  IS_NONE("\x91\xa1" "a");
  IS_NONE("\x91\x92\x01\x90");             /* tables by no number, two, none of theirs */
  IS_NONE("\x91\x92\x01\x92\x01\x01");
  IS_NONE("\x91\x92\x01\x91\x00");
  IS_NONE("\x91\x92\x01\x91\x02");
  IS_NONE("\x91\x92\x01\x91\xff");
  IS_NONE("\x91\x92\x01\x91\xa1" "1");
  IS_NONE("\x91\x92\x01\x91\xcb\x3f\xf8\0\0\0\0\0\0"); /* 1.5 */
  IS_NONE("\x91\x92\x01\x91\xcb\x7f\xf8\0\0\0\0\0\0"); /* nan */
  IS_NONE("\x91\x92\x91\x02\x01");         /* nor as keys */
  IS_NONE("\x91\x92\xc0\x01");             /* no keys */
  IS_NONE("\x91\x92\xcb\x7f\xf8\0\0\0\0\0\0\x01");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools wire");
  TCase *c = tcase_create("wire");
  suite_add_tcase(suite, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, plain_values_are_sent);
  tcase_add_test(c, tables_are_sent);
  tcase_add_test(c, one_of_several_is_sent);
  tcase_add_test(c, answers);
  tcase_add_test(c, objects);
  tcase_add_test(c, what_is_no_value);
  return run_suite(suite);
}
