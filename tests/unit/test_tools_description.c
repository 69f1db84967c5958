/* SPDX-License-Identifier: MIT
 *
 * What a worker says of objects, read and shown (tools/ask/description.h): whatever it says.
 */
#include "tools/ask/description.h"

#include <math.h>

#include "tests/unit/fake_broker.h"
#include "tools/base/command.h"

static struct fake f;
static struct description d[3];
static struct text t;

static void setup(void) { fake_open(&f); }
static void teardown(void) {
  for (unsigned i = 0; i < f.told.answers; i++) gaijin_body_free(f.told.answer[i].body);
  text_deinit(&t);
  fake_close(&f);
}

/* The answer's values are put then. */
static struct pack *begin(uint32_t count) {
  uint64_t id = fake_ask(&f, told_answer);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, count);
  return &f.p;
}
static bool read_rows(uint64_t count) {
  static const uint64_t ids[] = {7, 8, 9};
  fake_deliver(&f);
  return description_read(f.told.answer[f.told.answers - 1].body, ids, count, d);
}
static void expect(const char *plain, const char *json) {
  text_deinit(&t);
  t = (struct text){0};
  description_text(&t, &d[0]);
  ck_assert_str_eq(t.bytes, plain);
  text_deinit(&t);
  t = (struct text){0};
  description_json(&t, &d[0]);
  ck_assert_str_eq(t.bytes, json);
}
static void expect_origin(const char *origin) {
  text_deinit(&t);
  t = (struct text){0};
  bool told = description_origin(&t, &d[0]);
  ck_assert(told == (origin != NULL));
  if (origin) ck_assert_str_eq(t.bytes, origin);
}
/* A row of so many pairs begins. */
static void row(struct pack *p, uint64_t id, uint32_t pairs) {
  pack_array(p, 1 + 2 * pairs);
  pack_uint(p, id);
}
static void put_pair(struct pack *p, const char *key, const char *text) {
  pack_text(p, key);
  pack_text(p, text);
}

START_TEST(a_table_with_all_that_may_be) {
  struct pack *p = begin(1);
  row(p, 7, 7);
  put_pair(p, "type", "table");
  put_pair(p, "name", "Acc\nount");
  pack_text(p, "entries");
  pack_uint(p, 5);
  pack_text(p, "keys");
  pack_array(p, 5);
  pack_text(p, "a\033[31m");
  pack_number(p, 1.5);
  pack_bool(p, true);
  pack_number(p, -INFINITY);
  pack_array(p, 1); /* no key for people */
  pack_text(p, "hidden");
  put_pair(p, "from", "till.lua:3");
  put_pair(p, "op", "call");
  put_pair(p, "to", "shop");
  ck_assert(read_rows(1));
  expect("Acc\\x0aount, 5 entries: a\\x1b[31m, [1.5], [true], [-inf], ...; sent from till.lua:3 (call to shop)",
         "{\"held\":true,\"type\":\"table\",\"name\":\"Acc\\u000aount\",\"entries\":5,\"more\":false,\"keys\":[\"a\\u001b[31m\",1.5,true,\"-inf\"],"
         "\"from\":\"till.lua:3\",\"op\":\"call\",\"to\":\"shop\",\"answer\":false}");
  expect_origin("till.lua:3");
}
END_TEST

START_TEST(kinds) {
  struct pack *p = begin(1);
  row(p, 7, 4);
  put_pair(p, "type", "function");
  put_pair(p, "source", "shop.lua");
  pack_text(p, "line");
  pack_uint(p, 12);
  put_pair(p, "from", "till.lua:3");
  ck_assert(read_rows(1));
  expect("shop.lua:12; sent from till.lua:3", "{\"held\":true,\"type\":\"function\",\"source\":\"shop.lua\",\"line\":12,\"from\":\"till.lua:3\"}");
  expect_origin("shop.lua:12"); /* where it was defined says more */
  p = begin(1);
  row(p, 7, 3);
  put_pair(p, "type", "function");
  put_pair(p, "source", "[C]");
  put_pair(p, "name", "print");
  ck_assert(read_rows(1));
  expect_origin("print [C]");
  p = begin(1);
  row(p, 7, 4);
  put_pair(p, "type", "thread");
  put_pair(p, "status", "suspended");
  put_pair(p, "source", "a.lua");
  pack_text(p, "line");
  pack_uint(p, 2);
  ck_assert(read_rows(1));
  expect("suspended at a.lua:2", "{\"held\":true,\"type\":\"thread\",\"status\":\"suspended\",\"source\":\"a.lua\",\"line\":2}");
  expect_origin(NULL);
  p = begin(1);
  row(p, 7, 4);
  put_pair(p, "type", "userdata");
  put_pair(p, "op", "get");
  put_pair(p, "to", "till");
  pack_text(p, "answer");
  pack_bool(p, true);
  ck_assert(read_rows(1));
  expect("sent (get of till)", "{\"held\":true,\"type\":\"userdata\",\"op\":\"get\",\"to\":\"till\",\"answer\":true}");
  expect_origin("get of till");
  p = begin(1);
  row(p, 7, 2);
  put_pair(p, "type", "table");
  put_pair(p, "op", "call");
  ck_assert(read_rows(1));
  expect("sent (call)", "{\"held\":true,\"type\":\"table\",\"op\":\"call\",\"answer\":false}");
  expect_origin("too many places");
  p = begin(1);
  row(p, 7, 0);
  ck_assert(read_rows(1));
  expect("given back meanwhile", "{\"held\":false}");
  expect_origin(NULL);
  d[0] = (struct description){0};
  expect("-", "null");
  expect_origin(NULL);
}
END_TEST

/* What a later version adds is skipped, and what has another type than it should is not told. */
START_TEST(unknown_keys_and_types) {
  struct pack *p = begin(1);
  row(p, 7, 9);
  pack_text(p, "later");
  pack_array(p, 2);
  pack_array(p, 1);
  pack_uint(p, 1);
  pack_text(p, "type");
  put_pair(p, "type", "table");
  pack_text(p, "name");
  pack_uint(p, 5);
  pack_text(p, "source");
  pack_array(p, 1);
  pack_text(p, "x");
  put_pair(p, "entries", "many");
  put_pair(p, "line", "3");
  pack_text(p, "keys");
  pack_uint(p, 3);
  pack_text(p, "more");
  pack_uint(p, 1);
  pack_text(p, "status");
  pack_nil(p);
  ck_assert(read_rows(1));
  expect("table", "{\"held\":true,\"type\":\"table\"}");
  p = begin(1);
  row(p, 7, 3);
  put_pair(p, "type", "table");
  pack_text(p, "entries");
  pack_number(p, NAN);
  pack_text(p, "line");
  pack_number(p, INFINITY);
  ck_assert(read_rows(1));
  expect("table", "{\"held\":true,\"type\":\"table\"}");
}
END_TEST

START_TEST(more_keys_than_are_shown) {
  struct pack *p = begin(1);
  row(p, 7, 3);
  put_pair(p, "type", "table");
  pack_text(p, "keys");
  pack_array(p, 500);
  for (int i = 0; i < 500; i++) pack_uint(p, 1);
  pack_text(p, "entries");
  pack_uint(p, 500);
  ck_assert(read_rows(1));
  ck_assert_uint_eq(d[0].n_keys, DESCRIPTION_KEYS);
}
END_TEST

/* Each of these is no answer to what was asked. */
START_TEST(other_forms) {
  struct pack *p;
  switch (_i) {
    case 0: begin(0); break;
    case 1: /* too few */
      row(begin(1), 7, 0);
      ck_assert(!read_rows(2));
      return;
    case 2: /* too many */
      p = begin(2);
      row(p, 7, 0);
      row(p, 8, 0);
      break;
    case 3: row(begin(1), 8, 0); break; /* another object */
    case 4: pack_array(begin(1), 0); break;
    case 5: /* a key without a value */
      p = begin(1);
      pack_array(p, 2);
      pack_uint(p, 7);
      pack_text(p, "type");
      break;
    case 6: pack_uint(begin(1), 7); break;
    case 7: /* a key that is none */
      p = begin(1);
      row(p, 7, 1);
      pack_uint(p, 1);
      pack_text(p, "x");
      break;
    case 8:
      p = begin(1);
      pack_array(p, 1);
      pack_text(p, "7");
      break;
  }
  ck_assert(!read_rows(1));
}
END_TEST

/* What lies about one object has no more room than the truth. */
START_TEST(longer_than_rows_are) {
  char name[2 * DESCRIPTION_BYTES];
  memset(name, 'x', sizeof name - 1);
  for (int over = 0; over < 2; over++) {
    struct pack *p = begin(1);
    row(p, 7, 2);
    put_pair(p, "type", "table");
    name[over ? DESCRIPTION_BYTES : DESCRIPTION_BYTES - 100] = '\0';
    put_pair(p, "name", name);
    name[over ? DESCRIPTION_BYTES : DESCRIPTION_BYTES - 100] = 'x';
    ck_assert(read_rows(1) == !over);
  }
}
END_TEST

START_TEST(several) {
  struct pack *p = begin(3);
  row(p, 7, 1);
  put_pair(p, "type", "table");
  row(p, 8, 0);
  row(p, 9, 2);
  pack_text(p, "keys");
  pack_array(p, 1);
  pack_array(p, 1);
  pack_array(p, 0);
  put_pair(p, "type", "thread");
  ck_assert(read_rows(3));
  ck_assert_int_eq(d[0].state, DESCRIPTION_TOLD);
  ck_assert_int_eq(d[1].state, DESCRIPTION_GONE);
  ck_assert_int_eq(d[2].state, DESCRIPTION_TOLD);
  ck_assert_uint_eq(d[2].n_keys, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools description");
  TCase *c = tcase_create("description");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_table_with_all_that_may_be);
  tcase_add_test(c, kinds);
  tcase_add_test(c, unknown_keys_and_types);
  tcase_add_test(c, more_keys_than_are_shown);
  tcase_add_loop_test(c, other_forms, 0, 9);
  tcase_add_test(c, longer_than_rows_are);
  tcase_add_test(c, several);
  suite_add_tcase(s, c);
  return run_suite(s);
}
