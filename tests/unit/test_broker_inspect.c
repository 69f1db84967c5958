/* SPDX-License-Identifier: MIT
 *
 * The books.
 */
#include "tests/unit/broker_three.h"

static void setup(void) {
  struct broker_config config = wire_config();
  config.max_message = 64 << 10;
  three_open(&config);
}

/* Asks for a page; the cursor of the next, 0 at the end. The reader stands before the first row of
 * *rows. */
static uint64_t page(const char *what, uint64_t cursor, const char *host, const char *holder,
                     uint32_t *rows) {
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

static void expect_nil(void) {
  struct value v;
  ck_assert(reader_next(&o.r, &v));
  ck_assert_int_eq(v.type, VALUE_NIL);
}

static void expect_bool(bool wanted) {
  bool v;
  ck_assert(reader_bool(&o.r, &v));
  ck_assert_int_eq(v, wanted);
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
    expect_row(18);
    ck_assert(reader_string(&o.r, &name, &size) && size == 1);
    bool is_a = name[0] == 'a';
    ck_assert_uint_eq(wire_uint(&o), is_a ? a.host : b.host);
    ck_assert_uint_eq(wire_uint(&o), (uint64_t)getpid());
    ck_assert_uint_eq(wire_uint(&o), getuid());
    wire_uint(&o);                             /* uptime */
    ck_assert_uint_eq(wire_uint(&o), is_a);    /* exports */
    ck_assert_uint_eq(wire_uint(&o), !is_a);   /* holds */
    ck_assert_uint_eq(wire_uint(&o), !is_a);   /* in flight */
    ck_assert_uint_eq(wire_uint(&o), 0);       /* queued */
    /* In: hello and answer; hello and two requests. */
    ck_assert_uint_eq(wire_uint(&o), is_a ? 2 : 3);
    /* Out: hello, peer, two requests; hello, peer, answer. */
    ck_assert_uint_eq(wire_uint(&o), is_a ? 4 : 3);
    expect_bool(false); /* ready */
    expect_bool(true);  /* answering */
    for (int k = 0; k < 3; k++) ck_assert_uint_eq(wire_uint(&o), 0); /* bytes, waits, refused */
    wire_expect_text(&o, "socket");
    wire_expect_text(&o, "named");
  }
}
END_TEST

/* Whether the books say that the client answers. */
static bool answering(const struct end *e) {
  uint32_t rows;
  struct value v;
  bool answers = true, found = false;
  page("clients", 0, NULL, NULL, &rows);
  while (rows-- > 0) {
    expect_row(18);
    reader_next(&o.r, &v);
    bool it = wire_uint(&o) == e->host;
    for (int i = 0; i < 10; i++) ck_assert(reader_next(&o.r, &v));
    ck_assert(reader_bool(&o.r, &v.boolean));
    for (int i = 0; i < 3; i++) wire_uint(&o);
    wire_expect_text(&o, "socket");
    wire_expect_text(&o, "named");
    if (it) answers = v.boolean;
    found = found || it;
  }
  ck_assert(found);
  return answers;
}

/* As if so much time had passed since the client was last heard of. */
static void silent_for(const struct end *e, uint64_t ms) {
  wire_client(&w, e)->active_ms = uv_now(&w.loop) - ms;
}

START_TEST(who_lets_a_request_wait_does_not_answer) {
  silent_for(&a, 5000);
  ck_assert(answering(&a)); /* nothing waits */
  wire_ask(&b, OP_labels, "a", NULL, 0);
  wire_send(&w, &b);
  ck_assert(answering(&a)); /* not for long */
  silent_for(&a, RESPONSIVE_MS + 1);
  ck_assert(!answering(&a));
  ck_assert(answering(&b));
  wire_ask(&b, OP_labels, "a", NULL, 0); /* a second one makes it no better */
  wire_send(&w, &b);
  ck_assert(!answering(&a));
  wire_quiet(&w, &b);
  wire_ask(&a, OP_ping, NULL, NULL, 0); /* it lives */
  wire_send(&w, &a);
  ck_assert(answering(&a));
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
  expect_row(9);
  wire_expect_text(&o, "a");
  ck_assert_uint_eq(wire_uint(&o), 5);
  wire_expect_text(&o, "table");
  wire_uint(&o);
  ck_assert(reader_bool(&o.r, &dead) && !dead);
  expect_row(2);
  wire_expect_text(&o, "b");
  ck_assert_uint_eq(wire_uint(&o), 2);
  expect_row(1); /* since when it holds it */
  ck_assert_uint_le(wire_uint(&o), 60);
  page("tokens", 0, "b", NULL, &rows);
  ck_assert_uint_eq(rows, 0);
  page("tokens", 0, NULL, "a", &rows);
  ck_assert_uint_eq(rows, 0);
  page("tokens", 0, NULL, "nobody", &rows);
  ck_assert_uint_eq(rows, 0);
  struct pt y = wire_token(&a, 6);
  wire_fetch(&w, &b, &a, "a", &y);
  page("tokens", 0, NULL, "b", &rows);
  ck_assert_uint_eq(rows, 2); /* to be held once is enough */
  wire_leave(&a);
  wire_turn(&w);
  page("tokens", 0, "a", NULL, &rows);
  ck_assert_uint_eq(rows, 2);
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
      expect_row(9);
      wire_expect_text(&o, "a");
      uint64_t id = wire_uint(&o);
      ck_assert(!met[id]);
      met[id] = true;
      for (int k = 0; k < 10; k++) reader_next(&o.r, &v); /* kind, age, dead, [holder, count], [age], quiet, trial */
    }
    pages++;
  } while (cursor);
  ck_assert_uint_eq(seen, TOKENS);
  ck_assert_uint_gt(pages, 1);
}
END_TEST

/* The numbers of a row of loads whose names have been read. */
static void expect_load(uint64_t held, uint64_t shadow, uint64_t allowance, bool outstanding) {
  ck_assert_uint_eq(wire_uint(&o), held);
  ck_assert_uint_eq(wire_uint(&o), shadow);
  ck_assert_uint_eq(wire_uint(&o), allowance);
  expect_bool(outstanding);
}

/* The one load there is, up to its allowance. */
static void expect_one_load(bool outstanding) {
  uint32_t rows;
  page("loads", 0, NULL, NULL, &rows);
  ck_assert_uint_eq(rows, 1);
  expect_row(10);
  wire_expect_text(&o, "a");
  wire_expect_text(&o, "b");
  expect_load(1, 0, 100, outstanding);
}

START_TEST(loads_of_pairs_that_hold_something) {
  uint32_t rows;
  struct pt x = wire_token(&a, 5);
  page("loads", 0, NULL, NULL, &rows);
  ck_assert_uint_eq(rows, 0);
  wire_fetch(&w, &b, &a, "a", &x);
  expect_one_load(false);
  expect_nil(); /* budget_ms, put_off: never asked */
  expect_nil();
  expect_nil(); /* free_waiting_s */
  expect_bool(false);
  wire_leave(&a);
  wire_turn(&w);
  expect_one_load(false);
  for (int i = 0; i < 3; i++) expect_nil();
  expect_bool(true); /* the host is dead */
}
END_TEST

/* b, who holds a token of a, is asked to collect and answers with `count` of the values
 * (UINT64_MAX: one that is no number). */
static void collect(const uint64_t *values, uint32_t count) {
  wire_ask(&o, OP_gc, "b", NULL, 0);
  wire_send(&w, &o);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  wire_begin(&b, MESSAGE_REPLY, OP_free, b.m.id, count);
  for (uint32_t i = 0; i < count; i++) {
    if (values[i] == UINT64_MAX)
      pack_text(&b.p, "much");
    else
      pack_uint(&b.p, values[i]);
  }
  wire_send(&w, &b);
  wire_expect(&w, &o, MESSAGE_REPLY, OP_gc);
}

START_TEST(loads_tell_how_the_client_collects) {
  static const uint64_t odd[] = {UINT64_MAX, 3}, good[] = {97, 12, 4};
  struct pt x = wire_token(&a, 5);
  struct value v;
  wire_fetch(&w, &b, &a, "a", &x);
  wire_ask(&o, OP_gc, "b", NULL, 0);
  wire_send(&w, &o);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  wire_client(&w, &b)->free_ms = uv_now(&w.loop) - 1500;
  expect_one_load(true);
  expect_nil();
  expect_nil();
  ck_assert(reader_next(&o.r, &v));
  ck_assert_int_eq(v.type, VALUE_NUMBER);
  ck_assert_double_ge(v.number, 1.5);
  ck_assert_double_lt(v.number, 100);
  wire_begin(&b, MESSAGE_REPLY, OP_free, b.m.id, 0);
  wire_send(&w, &b);
  wire_expect(&w, &o, MESSAGE_REPLY, OP_gc);
  collect(good, 3); /* what a later version adds is not looked at */
  page("loads", 0, NULL, NULL, &(uint32_t){0});
  for (int i = 0; i < 7; i++)
    ck_assert(reader_next(&o.r, &v)); /* the row, two names, four numbers of the load */
  ck_assert_uint_eq(wire_uint(&o), 97);
  ck_assert_uint_eq(wire_uint(&o), 12);
  expect_nil();
  for (int i = 0; i < 3; i++) { /* nothing, too little, no number: unknown again */
    collect(odd, (uint32_t)i);
    page("loads", 0, NULL, NULL, &(uint32_t){0});
    for (int k = 0; k < 7; k++) ck_assert(reader_next(&o.r, &v));
    expect_nil();
    expect_nil();
  }
}
END_TEST

START_TEST(loads_of_one_host_or_client) {
  uint32_t rows;
  struct pt x = wire_token(&a, 5), y = wire_token(&b, 6);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_fetch(&w, &a, &b, "b", &y);
  wire_fetch(&w, &o, &a, "a", &x);
  page("loads", 0, NULL, NULL, &rows);
  ck_assert_uint_eq(rows, 3);
  page("loads", 0, "a", NULL, &rows);
  ck_assert_uint_eq(rows, 2);
  page("loads", 0, NULL, "a", &rows);
  ck_assert_uint_eq(rows, 1);
  expect_row(10);
  wire_expect_text(&o, "b");
  page("loads", 0, "a", "@o", &rows); /* an observer */
  ck_assert_uint_eq(rows, 1);
  page("loads", 0, "a", "o", &rows);
  ck_assert_uint_eq(rows, 0);
  page("loads", 0, "a", "a", &rows);
  ck_assert_uint_eq(rows, 0);
  page("loads", 0, NULL, "nobody", &rows);
  ck_assert_uint_eq(rows, 0);
}
END_TEST

/* So many more workers that the books of 64 KiB messages have several pages; each holds a token of
 * a. */
START_TEST(clients_and_loads_come_in_pages_each_once) {
  enum { MORE = 300 };
  static struct end more[MORE];
  static bool met[MORE];
  struct pt x = wire_token(&a, 1);
  memset(more, 0, sizeof more);
  for (int i = 0; i < MORE; i++) {
    char name[16];
    snprintf(name, sizeof name, "m%d", i);
    wire_join(&w, &more[i], name);
    wire_fetch(&w, &more[i], &a, "a", &x);
  }
  static const char *const books[] = {"clients", "loads"};
  for (int k = 0; k < 2; k++) {
    uint32_t rows, pages = 0;
    uint64_t cursor = 0;
    memset(met, 0, sizeof met);
    do {
      cursor = page(books[k], cursor, NULL, NULL, &rows);
      ck_assert_uint_le(o.m.size, 64 << 10);
      while (rows-- > 0) {
        const char *name;
        uint32_t size;
        struct value v;
        expect_row(k ? 10 : 18);
        if (k) wire_expect_text(&o, "a");
        ck_assert(reader_string(&o.r, &name, &size));
        int n = name[0] == 'm' ? atoi(name + 1) : -1; /* names are followed by other values */
        if (n >= 0) {
          ck_assert(!met[n]);
          met[n] = true;
        }
        for (int i = k ? 2 : 1; i < (k ? 10 : 18); i++) ck_assert(reader_next(&o.r, &v));
      }
      pages++;
    } while (cursor);
    ck_assert_uint_gt(pages, 2);
    for (int i = 0; i < MORE; i++) ck_assert_msg(met[i], "%s: worker m%d is missing", books[k], i);
  }
  for (int i = 0; i < MORE; i++) wire_leave(&more[i]);
}
END_TEST

/* So many objects of a that b holds, of the ids from 1 on; a multiple of 1,000. */
static void give_tokens(uint64_t n) {
  for (uint64_t first = 1; first <= n; first += 1000) {
    pack_text(wire_ask(&b, OP_s2t, "a", NULL, 1), "x");
    wire_send(&w, &b);
    do
      ck_assert_int_eq(wire_next(&w, &a), 1);
    while (a.m.op != OP_s2t);
    struct pack *p = wire_begin(&a, MESSAGE_REPLY, OP_s2t, a.m.id, 1000);
    for (uint64_t i = 0; i < 1000; i++) {
      struct pt pt = wire_token(&a, first + i);
      pack_pt(p, &pt);
    }
    wire_send(&w, &a);
    while (wire_next(&w, &b) == 1 && b.m.op != OP_s2t) continue;
  }
}

/* A filter that nothing passes: pages without rows, each of bounded work. */
START_TEST(a_page_examines_a_bounded_number_of_rows) {
  enum { TOKENS = 6000, MOST = 2000 };
  give_tokens(TOKENS);
  uint32_t rows;
  uint64_t cursor = 0, pages = 0;
  do {
    cursor = page("tokens", cursor, "nobody", NULL, &rows);
    ck_assert_uint_eq(rows, 0);
    pages++;
  } while (cursor);
  ck_assert_uint_ge(pages, TOKENS / MOST);
  ck_assert_uint_le(pages, TOKENS / MOST + 1);
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
  tcase_add_test(t, who_lets_a_request_wait_does_not_answer);
  tcase_add_test(t, loads_of_pairs_that_hold_something);
  tcase_add_test(t, loads_tell_how_the_client_collects);
  tcase_add_test(t, loads_of_one_host_or_client);
  tcase_add_test(t, clients_and_loads_come_in_pages_each_once);
  tcase_add_test(t, a_page_examines_a_bounded_number_of_rows);
  tcase_add_test(t, unknown_books_and_absurd_cursors);
  return run_suite(s);
}
