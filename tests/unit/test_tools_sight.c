/* SPDX-License-Identifier: MIT
 *
 * Messages that a monitor has seen, read from the broker's rows and shown as lines (tools/watch/sight.h).
 */
#include "tools/watch/sight.h"

#include "proto/pt.h"
#include "proto/status.h"
#include "tests/unit/fake_broker.h"

enum { SHOP = 100, TILL = 200, PRICE = 5, BOX = 6 };

static struct fake f;
static struct sights s;
static struct text t;

static void setup(void) {
  s = (struct sights){.lost = 0};
  t = (struct text){0};
  known_put(&s.names, SHOP, 0, "shop", 4);
  known_put(&s.names, TILL, 0, "till", 4);
  known_put(&s.labels, SHOP, PRICE, "price\n", 6);
}
static void teardown(void) {
  sights_deinit(&s);
  ck_assert(!s.names.places && !s.labels.places && !s.asked.places);
  text_deinit(&t);
}

/* ---- Lines ---- */

/* A request of till for shop's `price`, at 23:59:59.000007 of the first day of 1970, whose values have these bytes. */
static struct sight request(const void *bytes, uint32_t size, uint64_t count) {
  struct sight m = {.time_us = 86399000007, .kind = SIGHT_REQUEST, .op = OP_call, .request = 3, .from = TILL, .to = SHOP, .size = 40,
                    .target_kind = PT_FUNCTION, .target = PRICE, .count = count, .n_bytes = size};
  memcpy(m.bytes, bytes, size);
  return m;
}
/* Its answer. */
static struct sight answer(enum sight_kind kind, const void *bytes, uint32_t size, uint64_t count) {
  struct sight m = request(bytes, size, count);
  m.kind = kind;
  m.from = SHOP;
  m.to = TILL;
  m.took_ns = 1500000;
  return m;
}
static void expect_line(const struct sight *m, const char *line) {
  t.size = 0;
  sight_add_line(&t, &s, m);
  ck_assert_str_eq(t.bytes, line);
}
static void expect_json(const struct sight *m, const char *line) {
  t.size = 0;
  sight_add_json(&t, &s, m);
  ck_assert_str_eq(t.bytes, line);
}

START_TEST(a_request_and_its_answers) {
  struct sight m = request("\x02", 1, 1);
  expect_line(&m, "23:59:59.000007 till -> shop  call function:5 price\\x0a (2)  40 B\n");
  m.kind = SIGHT_POST;
  expect_line(&m, "23:59:59.000007 till => shop  call function:5 price\\x0a (2)  40 B\n");
  m = answer(SIGHT_REPLY, "\x04\xc0", 2, 2);
  expect_line(&m, "23:59:59.000007 till <- shop  call function:5 price\\x0a = 4, nil  1.5 ms, 40 B\n");
  m = answer(SIGHT_ERROR, "\x03\xa2no", 4, 2);
  m.target = BOX;
  expect_line(&m, "23:59:59.000007 till <! shop  call function:6 denied: \"no\"  1.5 ms, 40 B\n");
  m.target = 0;
  m.bytes[0] = STATUS_dead;
  m.count = m.n_bytes = 1;
  m.size = 0;
  expect_line(&m, "23:59:59.000007 till <! shop  call dead:   1.5 ms, -\n");
}
END_TEST

START_TEST(an_error_without_a_status) {
  struct sight m = answer(SIGHT_ERROR, "\xa2no", 3, 1);
  m.target = m.took_ns = 0;
  expect_line(&m, "23:59:59.000007 till <! shop  call  40 B\n");
  m.n_bytes = 0;
  expect_line(&m, "23:59:59.000007 till <! shop  call  40 B\n");
  m.n_bytes = 1;
  m.bytes[0] = STATUS_dead;
  m.count = 0;
  expect_line(&m, "23:59:59.000007 till <! shop  call  40 B\n");
}
END_TEST

START_TEST(who_is_not_known) {
  struct sight m = request("", 0, 0);
  m.target = 0;
  m.from = m.to = 0;
  expect_line(&m, "23:59:59.000007 (gone) -> (broker)  call ()  40 B\n");
  m.from = m.to = 300;
  expect_line(&m, "23:59:59.000007 ? -> ?  call ()  40 B\n");
}
END_TEST

START_TEST(json) {
  struct sight m = answer(SIGHT_REPLY, "\x04", 1, 1);
  expect_json(&m, "{\"time\":\"1970-01-01T23:59:59.000007Z\",\"kind\":\"reply\",\"op\":\"call\",\"request\":3,\"from\":\"shop\",\"to\":\"till\","
                  "\"target\":{\"kind\":\"function\",\"id\":5,\"label\":\"price\\u000a\"},\"values\":\"4\",\"count\":1,\"size\":40,\"took_us\":1500.000}\n");
  m = request("", 0, 0);
  m.target = BOX;
  m.from = 0;
  m.to = 300;
  expect_json(&m, "{\"time\":\"1970-01-01T23:59:59.000007Z\",\"kind\":\"request\",\"op\":\"call\",\"request\":3,\"from\":null,\"to\":\"?\","
                  "\"target\":{\"kind\":\"function\",\"id\":6,\"label\":null},\"values\":\"\",\"count\":0,\"size\":40,\"took_us\":null}\n");
  m.target = 0;
  expect_json(&m, "{\"time\":\"1970-01-01T23:59:59.000007Z\",\"kind\":\"request\",\"op\":\"call\",\"request\":3,\"from\":null,\"to\":\"?\","
                  "\"target\":null,\"values\":\"\",\"count\":0,\"size\":40,\"took_us\":null}\n");
}
END_TEST

START_TEST(how_long_it_took) {
  static const struct { double ns; const char *text; } times[] = {
      {12000, "12 us"}, {999400, "999 us"}, {1e6, "1 ms"}, {3.456e6, "3.46 ms"}, {1e9, "1 s"}, {12.345e9, "12.35 s"}};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    t.size = 0;
    sight_add_time(&t, times[i].ns);
    ck_assert_str_eq(t.bytes, times[i].text);
  }
}
END_TEST

/* ---- Values ---- */

static void expect_values(const void *bytes, uint32_t size, uint64_t count, const char *text) {
  struct sight m = request(bytes, size, count);
  t.size = 0;
  text_add(&t, "", 0);
  sight_add_values(&t, &s, &m);
  ck_assert_str_eq(t.bytes ? t.bytes : "", text);
}
#define VALUES(bytes, count, text) expect_values(bytes, sizeof bytes - 1, count, text)

START_TEST(values_of_each_type) {
  uint8_t pts[2 * PT_WIRE_BYTES];
  pt_write(pts, &(struct pt){.host = SHOP, .id = PRICE, .kind = PT_FUNCTION});
  pt_write(pts + PT_WIRE_BYTES, &(struct pt){.host = 300, .id = BOX, .kind = PT_TABLE});
  expect_values(pts, sizeof pts, 2, "function shop:5 (price\\x0a), table ?:6");
  VALUES("\xc0\xc3\xc2\x07\xa3" "a\"\x1b", 5, "nil, true, false, 7, \"a\\\"\\x1b\"");
  VALUES("\x92\x01\x90\x03", 2, "{2}, 1, {0}, 3");
  VALUES("\xd4\x00\x00", 1, "null");
  VALUES("\x01", 3, "1, ...");
  VALUES("", 0, "");
  VALUES("", 1, "...");
}
END_TEST

/* However its length is written, as many of its bytes as there are, one less than all of them, too. */
START_TEST(a_string_that_is_cut) {
  VALUES("\xa3" "ab", 1, "\"ab\"... (3 bytes)");
  VALUES("\xa3", 1, "\"\"... (3 bytes)");
  VALUES("\xd9\x03" "ab", 1, "\"ab\"... (3 bytes)");
  VALUES("\xd9\x20", 1, "\"\"... (32 bytes)");
  VALUES("\xc4\x20" "a", 1, "\"a\"... (32 bytes)");
  VALUES("\xda\x01\x00" "ab", 1, "\"ab\"... (256 bytes)");
  VALUES("\xda\x01\x00", 1, "\"\"... (256 bytes)");
  VALUES("\xc5\x01\x00" "ab", 1, "\"ab\"... (256 bytes)");
  VALUES("\xdb\x00\x01\x00\x00" "ab", 1, "\"ab\"... (65536 bytes)");
  VALUES("\xdb\x00\x01\x00\x00", 1, "\"\"... (65536 bytes)");
  VALUES("\xc6\x00\x01\x00\x00" "ab", 1, "\"ab\"... (65536 bytes)");
  VALUES("\x01\xa3" "ab", 2, "1, \"ab\"... (3 bytes)");
  VALUES("\xa3" "ab", 2, "\"ab\"... (3 bytes), ...");
}
END_TEST

/* Not even how long it is is known. */
START_TEST(a_length_that_is_cut) {
  VALUES("\xd9", 1, "...");
  VALUES("\xda\x01", 1, "...");
  VALUES("\xdb\x00\x01\x00", 1, "...");
  VALUES("\xcd\x01", 1, "..."); /* no string */
}
END_TEST

START_TEST(the_first_value) {
  const char *label;
  uint32_t size;
  uint64_t host, id;
  uint8_t pt[PT_WIRE_BYTES];
  struct sight m = request("\xa3" "ab", 3, 1);
  ck_assert(sight_first_string(&m, &label, &size));
  ck_assert_uint_eq(size, 2);
  ck_assert(!sight_first_object(&m, &host, &id));
  pt_write(pt, &(struct pt){.host = SHOP, .id = BOX, .kind = PT_TABLE});
  m = request(pt, sizeof pt, 1);
  ck_assert(!sight_first_string(&m, &label, &size));
  ck_assert(sight_first_object(&m, &host, &id) && host == SHOP && id == BOX);
  m.n_bytes = 0;
  ck_assert(!sight_first_string(&m, &label, &size) && !sight_first_object(&m, &host, &id));
}
END_TEST

/* ---- Labels and counts ---- */

/* An s2t is answered with an object: a label is learnt once, and of its host only. */
START_TEST(labels_are_learnt) {
  uint8_t pt[PT_WIRE_BYTES];
  pt_write(pt, &(struct pt){.host = SHOP, .id = BOX, .kind = PT_TABLE});
  struct sight asked = request("\xa3" "box", 4, 1), m = answer(SIGHT_REPLY, pt, sizeof pt, 1), other;
  ck_assert(!sight_note(&s, &asked)); /* another op */
  m.op = asked.op = OP_s2t;
  ck_assert(!sight_note(&s, &m)); /* nobody has asked */
  ck_assert(!sight_note(&s, &asked));
  other = m;
  other.request = 4;
  ck_assert(!sight_note(&s, &other));
  other = m;
  other.from = 300; /* which shows what is shop's */
  ck_assert(!sight_note(&s, &other));
  ck_assert_ptr_null(known_get(&s.labels, SHOP, BOX));
  ck_assert(sight_note(&s, &m));
  ck_assert_str_eq(known_get(&s.labels, SHOP, BOX), "box");
  ck_assert(!sight_note(&s, &m));
}
END_TEST

START_TEST(the_summary) {
  struct sight m = request("", 0, 0);
  m.time_us = 1000000;
  sight_note(&s, &m);
  sights_add_summary(&t, &s, 0);
  ck_assert_str_eq(t.bytes, "1 messages (1 requests, 0 posts, 0 replies, 0 errors) in 0.0 s, 0 lost");
  m = answer(SIGHT_REPLY, "", 0, 0);
  m.time_us = 3500000;
  sight_note(&s, &m);
  m.kind = SIGHT_POST;
  m.took_ns = 0;
  sight_note(&s, &m);
  sight_note(&s, &m);
  s.lost = 9;
  t.size = 0;
  sights_add_summary(&t, &s, 2.5);
  ck_assert_str_eq(t.bytes, "4 messages (1 requests, 2 posts, 1 replies, 0 errors) in 2.5 s, 9 lost; "
                            "answers took 1.44 ms (half), 1.57 ms (99 of 100), 1.57 ms (all)");
}
END_TEST

/* ---- Rows ---- */

/* What a row of so many values is; `changed`, from 0, is put by the caller instead, as are all after it. */
static struct pack *begin_row(uint32_t values, uint32_t changed) {
  uint64_t id = fake_ask(&f, told_answer);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 1);
  pack_array(&f.p, values);
  for (uint32_t i = 0; i < changed && i < 11; i++) pack_uint(&f.p, i == 1 ? SIGHT_REQUEST : 10 + i);
  return &f.p;
}
static int read_row(struct sight *m) {
  struct gaijin_value v;
  fake_deliver(&f);
  gaijin_body *b = f.told.answer[f.told.answers - 1].body;
  ck_assert(gaijin_body_next(b, &v) && v.type == GAIJIN_ARRAY);
  int r = sight_read(&s, b, v.count, m);
  gaijin_body_free(b);
  return r;
}
static void finish_row(struct pack *p, uint32_t from) {
  for (uint32_t i = from; i < 11; i++) pack_uint(p, i == 1 ? SIGHT_REQUEST : 10 + i);
  pack_text(p, "\x02");
}

START_TEST(a_row) {
  struct sight m;
  finish_row(begin_row(12, 0), 0);
  ck_assert_int_eq(read_row(&m), 1);
  ck_assert_uint_eq(m.time_us, 10);
  ck_assert_uint_eq(m.kind, SIGHT_REQUEST);
  ck_assert_uint_eq(m.op, 12);
  ck_assert_uint_eq(m.from, 14);
  ck_assert_uint_eq(m.took_ns, 17);
  ck_assert_uint_eq(m.count, 20);
  ck_assert_uint_eq(m.n_bytes, 1);
  ck_assert_uint_eq(m.bytes[0], 2);
  /* A value that is not known is nil. */
  struct pack *p = begin_row(12, 7);
  pack_nil(p);
  finish_row(p, 8);
  ck_assert_int_eq(read_row(&m), 1);
  ck_assert_uint_eq(m.took_ns, 0);
  /* What a later version adds. */
  p = begin_row(14, 11);
  pack_text(p, "");
  pack_nil(p);
  pack_text(p, "later");
  ck_assert_int_eq(read_row(&m), 1);
  ck_assert_uint_eq(m.n_bytes, 0);
}
END_TEST

START_TEST(rows_of_another_form) {
  struct sight m;
  for (uint32_t i = 0; i < 11; i++) {
    static const double numbers[] = {-1, 0.5};
    for (int k = 0; k < 3; k++) {
      struct pack *p = begin_row(12, i);
      if (k < 2)
        pack_number(p, numbers[k]);
      else
        pack_text(p, "1");
      finish_row(p, i + 1);
      ck_assert_int_eq(read_row(&m), -1);
    }
  }
  pack_nil(begin_row(12, 11)); /* no bytes */
  ck_assert_int_eq(read_row(&m), -1);
  struct pack *p = begin_row(12, 1);
  pack_uint(p, SIGHT_POST + 1);
  finish_row(p, 2);
  ck_assert_int_eq(read_row(&m), -1);
  p = begin_row(13, 11); /* an array has values of its own */
  pack_text(p, "");
  pack_array(p, 0);
  ck_assert_int_eq(read_row(&m), -1);
  begin_row(11, 11); /* too few */
  ck_assert_int_eq(read_row(&m), -1);
}
END_TEST

START_TEST(bytes_of_a_row) {
  struct sight m;
  char bytes[SIGHT_BYTES_MOST + 1];
  memset(bytes, 'x', sizeof bytes);
  pack_string(begin_row(12, 11), bytes, SIGHT_BYTES_MOST);
  ck_assert_int_eq(read_row(&m), 1);
  ck_assert_uint_eq(m.n_bytes, SIGHT_BYTES_MOST);
  pack_string(begin_row(12, 11), bytes, SIGHT_BYTES_MOST + 1);
  ck_assert_int_eq(read_row(&m), -1);
}
END_TEST

static struct pack *introduce(uint64_t host) {
  struct pack *p = begin_row(2, 0);
  pack_uint(p, host);
  return p;
}

START_TEST(an_introduction) {
  struct sight m;
  pack_text(introduce(300), "bank");
  ck_assert_int_eq(read_row(&m), 0);
  ck_assert_uint_eq(m.from, 300);
  ck_assert_str_eq(known_get(&s.names, 300, 0), "bank");
  pack_text(introduce(300), "bank");
  ck_assert_int_eq(read_row(&m), 0);
  ck_assert_uint_eq(m.from, 0);
  pack_uint(introduce(301), 1);
  ck_assert_int_eq(read_row(&m), -1);
  struct pack *p = begin_row(2, 0);
  pack_text(p, "x");
  pack_text(p, "bank");
  ck_assert_int_eq(read_row(&m), -1);
}
END_TEST

static void setup_rows(void) {
  setup();
  fake_open(&f);
}
static void teardown_rows(void) {
  fake_close(&f);
  teardown();
}

int main(void) {
  Suite *suite = suite_create("tools sight");
  TCase *c = tcase_create("shown"), *rows = tcase_create("read");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_request_and_its_answers);
  tcase_add_test(c, an_error_without_a_status);
  tcase_add_test(c, who_is_not_known);
  tcase_add_test(c, json);
  tcase_add_test(c, how_long_it_took);
  tcase_add_test(c, values_of_each_type);
  tcase_add_test(c, a_string_that_is_cut);
  tcase_add_test(c, a_length_that_is_cut);
  tcase_add_test(c, the_first_value);
  tcase_add_test(c, labels_are_learnt);
  tcase_add_test(c, the_summary);
  suite_add_tcase(suite, c);
  tcase_add_checked_fixture(rows, setup_rows, teardown_rows);
  tcase_add_test(rows, a_row);
  tcase_add_test(rows, rows_of_another_form);
  tcase_add_test(rows, bytes_of_a_row);
  tcase_add_test(rows, an_introduction);
  suite_add_tcase(suite, rows);
  return run_suite(suite);
}
