/* SPDX-License-Identifier: MIT
 *
 * The books.
 */
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, o;

static void setup(void) {
  struct broker_config config = {.load_min = 100, .load_gain = 1.4, .max_message = 64 << 10, .log_level = LOG_ERROR};
  wire_open(&w, &config);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  wire_join_as(&w, &o, "o", true);
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&o);
  wire_close(&w);
}

/* Asks for a page; the cursor of the next, 0 at the end. The reader stands before the first row of *rows. */
static uint64_t page(const char *what, uint64_t cursor, const char *host, const char *holder, uint32_t *rows) {
  struct value v;
  struct pack *p = wire_ask(&o, OP_inspect, NULL, NULL, 4);
  pack_text(p, what);
  if (cursor)
    pack_uint(p, cursor);
  else
    pack_nil(p);
  if (host)
    pack_text(p, host);
  else
    pack_nil(p);
  if (holder)
    pack_text(p, holder);
  else
    pack_nil(p);
  wire_send(&w, &o);
  wire_expect(&w, &o, MESSAGE_REPLY, OP_inspect);
  *rows = o.m.body_count - 1;
  ck_assert(reader_next(&o.r, &v));
  return v.type == VALUE_NIL ? 0 : v.integer;
}

static void expect_row(uint32_t values) {
  struct value v;
  ck_assert(reader_next(&o.r, &v));
  ck_assert_int_eq(v.type, VALUE_ARRAY);
  ck_assert_uint_eq(v.count, values);
}

START_TEST(clients_without_observers) {
  uint32_t rows;
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_ask(&b, OP_labels, "a", NULL, 0);
  wire_send(&w, &b);
  ck_assert_uint_eq(page("clients", 0, NULL, NULL, &rows), 0);
  ck_assert_uint_eq(rows, 2);
  for (uint32_t i = 0; i < rows; i++) {
    const char *name;
    uint32_t size;
    expect_row(12);
    ck_assert(reader_string(&o.r, &name, &size) && size == 1);
    bool is_a = name[0] == 'a', ready;
    ck_assert_uint_eq(wire_uint(&o), is_a ? a.host : b.host);
    ck_assert_uint_eq(wire_uint(&o), (uint64_t)getpid());
    ck_assert_uint_eq(wire_uint(&o), getuid());
    wire_uint(&o);                             /* uptime */
    ck_assert_uint_eq(wire_uint(&o), is_a);    /* exports */
    ck_assert_uint_eq(wire_uint(&o), !is_a);   /* holds */
    ck_assert_uint_eq(wire_uint(&o), !is_a);   /* in flight */
    ck_assert_uint_eq(wire_uint(&o), 0);       /* queued */
    ck_assert_uint_eq(wire_uint(&o), is_a ? 2 : 3); /* in: hello and answer; hello and two requests */
    ck_assert_uint_eq(wire_uint(&o), is_a ? 4 : 3); /* out: hello, peer, two requests; hello, peer, answer */
    ck_assert(reader_bool(&o.r, &ready) && !ready);
  }
}
END_TEST

START_TEST(tokens_with_their_holders) {
  uint32_t rows;
  bool dead;
  struct pt x = wire_token(&a, 5);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_fetch(&w, &b, &a, "a", &x);
  ck_assert_uint_eq(page("tokens", 0, "a", "b", &rows), 0);
  ck_assert_uint_eq(rows, 1);
  expect_row(6);
  wire_expect_text(&o, "a");
  ck_assert_uint_eq(wire_uint(&o), 5);
  wire_expect_text(&o, "table");
  wire_uint(&o);
  ck_assert(reader_bool(&o.r, &dead) && !dead);
  expect_row(2);
  wire_expect_text(&o, "b");
  ck_assert_uint_eq(wire_uint(&o), 2);
  page("tokens", 0, "b", NULL, &rows);
  ck_assert_uint_eq(rows, 0);
  page("tokens", 0, NULL, "a", &rows);
  ck_assert_uint_eq(rows, 0);
  page("tokens", 0, NULL, "nobody", &rows);
  ck_assert_uint_eq(rows, 0);
  wire_leave(&a);
  wire_turn(&w);
  page("tokens", 0, "a", NULL, &rows);
  ck_assert_uint_eq(rows, 1);
}
END_TEST

START_TEST(tokens_come_in_pages_each_once) {
  enum { TOKENS = 3000 };
  static bool met[TOKENS + 1];
  memset(met, 0, sizeof met);
  for (uint64_t id = 1; id <= TOKENS;) {
    pack_text(wire_ask(&b, OP_s2t, "a", NULL, 1), "x");
    wire_send(&w, &b);
    do
      ck_assert_int_eq(wire_next(&w, &a), 1);
    while (a.m.op != OP_s2t);
    wire_begin(&a, MESSAGE_REPLY, OP_s2t, a.m.id, 100);
    for (int i = 0; i < 100; i++) {
      struct pt x = wire_token(&a, id++);
      pack_pt(&a.p, &x);
    }
    wire_send(&w, &a);
    while (wire_next(&w, &b) == 1) continue;
  }
  uint32_t rows, seen = 0, pages = 0;
  uint64_t cursor = 0;
  do {
    cursor = page("tokens", cursor, NULL, NULL, &rows);
    ck_assert_uint_le(o.m.size, 64 << 10);
    for (uint32_t i = 0; i < rows; i++, seen++) {
      struct value v;
      expect_row(6);
      wire_expect_text(&o, "a");
      uint64_t id = wire_uint(&o);
      ck_assert(!met[id]);
      met[id] = true;
      for (int k = 0; k < 6; k++) reader_next(&o.r, &v); /* kind, age, dead, [holder, count] */
    }
    pages++;
  } while (cursor);
  ck_assert_uint_eq(seen, TOKENS);
  ck_assert_uint_gt(pages, 1);
}
END_TEST

START_TEST(loads_of_pairs_that_hold_something) {
  uint32_t rows;
  bool outstanding;
  struct pt x = wire_token(&a, 5);
  page("loads", 0, NULL, NULL, &rows);
  ck_assert_uint_eq(rows, 0);
  wire_fetch(&w, &b, &a, "a", &x);
  page("loads", 0, NULL, NULL, &rows);
  ck_assert_uint_eq(rows, 1);
  expect_row(6);
  wire_expect_text(&o, "a");
  wire_expect_text(&o, "b");
  ck_assert_uint_eq(wire_uint(&o), 1);
  ck_assert_uint_eq(wire_uint(&o), 0);
  ck_assert_uint_eq(wire_uint(&o), 100);
  ck_assert(reader_bool(&o.r, &outstanding) && !outstanding);
}
END_TEST

START_TEST(unknown_books_and_absurd_cursors) {
  uint32_t rows;
  pack_text(wire_ask(&o, OP_inspect, NULL, NULL, 1), "weather");
  wire_send(&w, &o);
  wire_expect_error(&w, &o, STATUS_unsupported);
  ck_assert_uint_eq(page("clients", UINT64_MAX, NULL, NULL, &rows), 0);
  ck_assert_uint_eq(rows, 0);
  pack_uint(wire_ask(&o, OP_inspect, NULL, NULL, 1), 3);
  wire_send(&w, &o);
  wire_expect_end(&w, &o);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker inspect");
  TCase *t = tcase_create("inspect");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, clients_without_observers);
  tcase_add_test(t, tokens_with_their_holders);
  tcase_add_test(t, tokens_come_in_pages_each_once);
  tcase_add_test(t, loads_of_pairs_that_hold_something);
  tcase_add_test(t, unknown_books_and_absurd_cursors);
  return run_suite(s);
}
