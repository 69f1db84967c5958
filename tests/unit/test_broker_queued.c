/* SPDX-License-Identifier: MIT
 *
 * What waits in the broker's own queues: inspect of "queued" (broker/ops/show/show_queued.c).
 */
#include <stdlib.h>

#include "proto/base.h"
#include "tests/unit/broker_wire.h"

/* Answers, of which some fill the socket's buffer; bytes of each. */
enum { ANSWERS = 16, BYTES = 60000 };

static struct wire w;
static struct end a, b, o;
static char *bytes;

static void open_wire(uint32_t max_message) {
  struct broker_config config = wire_config();
  config.max_message = max_message;
  bytes = calloc(BYTES, 1);
  wire_open(&w, &config);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  wire_join_as(&w, &o, "o", true);
}
static void setup(void) { open_wire(1 << 20); }
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&o);
  wire_close(&w);
  free(bytes);
}

/* b asks a for a label, and does not read the answer: so many objects of a's, from `id` on, and so many
 * bytes. */
static void answer(uint64_t id, uint32_t objects, uint32_t size) {
  pack_text(wire_ask(&b, OP_s2t, "a", NULL, 1), "x");
  wire_send(&w, &b);
  wire_past_peers(&w, &a);
  struct pack *p = wire_begin(&a, MESSAGE_REPLY, OP_s2t, a.m.id, 1);
  pack_array(p, objects + 1);
  for (uint32_t i = 0; i < objects; i++) {
    struct pt pt = wire_token(&a, id + i);
    pack_pt(p, &pt);
  }
  pack_string(p, bytes, size);
  wire_send(&w, &a);
}
/* Many of one object each: objects 1, 2, ... */
static void fill(void) {
  for (uint64_t i = 1; i <= ANSWERS; i++) answer(i, 1, BYTES);
}

struct queued {
  uint64_t ids[5000];
  uint32_t count, pages;
  uint64_t more; /* not told */
  uint32_t rests;
};

static void read_row(struct queued *q) {
  struct value v;
  ck_assert(reader_next(&o.r, &v));
  ck_assert_int_eq(v.type, VALUE_ARRAY);
  ck_assert_uint_eq(v.count, 7);
  wire_expect_text(&o, "b");
  wire_expect_text(&o, "a");
  ck_assert_uint_eq(wire_uint(&o), MESSAGE_REPLY);
  wire_expect_text(&o, "s2t");
  ck_assert(reader_next(&o.r, &v));
  if (v.type == VALUE_NIL) {
    ck_assert(reader_next(&o.r, &v) && v.type == VALUE_NIL);
    q->more += wire_uint(&o);
    q->rests++;
    return;
  }
  ck_assert(v.size == 1 && *v.bytes == 'a');
  ck_assert_uint_lt(q->count, ARRAY_SIZE(q->ids));
  q->ids[q->count++] = wire_uint(&o);
  ck_assert_uint_eq(wire_uint(&o), 1);
}

/* All pages. Calls `between` after each. */
static struct queued *read_all(const char *host, const char *holder, void (*between)(void)) {
  static struct queued q;
  struct value v = {.type = VALUE_NIL};
  q = (struct queued){0};
  do {
    struct pack *p = wire_ask(&o, OP_inspect, NULL, NULL, 4);
    pack_text(p, "queued");
    if (v.type == VALUE_NIL)
      pack_nil(p);
    else
      pack_uint(p, v.integer);
    for (int i = 0; i < 2; i++) {
      const char *name = i ? holder : host;
      if (name)
        pack_text(p, name);
      else
        pack_nil(p);
    }
    wire_send(&w, &o);
    wire_expect(&w, &o, MESSAGE_REPLY, OP_inspect);
    uint32_t rows = o.m.body_count - 1;
    ck_assert(reader_next(&o.r, &v));
    ck_assert_uint_lt(v.integer, UINT64_C(1) << 53); /* clients keep it as a double */
    for (uint32_t i = 0; i < rows; i++) read_row(&q);
    ck_assert_uint_lt(++q.pages, 200);
    if (between) between();
  } while (v.type != VALUE_NIL);
  return &q;
}

START_TEST(what_waits_is_told_in_order) {
  fill();
  struct queued *q = read_all(NULL, NULL, NULL);
  ck_assert_uint_gt(q->count, 3);
  ck_assert_uint_lt(q->count, ANSWERS); /* some are in the socket */
  for (uint32_t i = 0; i < q->count; i++)
    ck_assert_uint_eq(q->ids[i], ANSWERS - q->count + 1 + i);
  uint32_t all = q->count;
  ck_assert_uint_eq(read_all("a", "b", NULL)->count, all);
  ck_assert_uint_eq(read_all("b", NULL, NULL)->count, 0);
  ck_assert_uint_eq(read_all(NULL, "a", NULL)->count, 0);
  for (int i = 0; i < ANSWERS; i++) {
    wire_past_peers(&w, &b);
    ck_assert_int_eq(b.m.op, OP_s2t);
  }
  ck_assert_uint_eq(read_all(NULL, NULL, NULL)->count, 0);
}
END_TEST

static void setup_small(void) { open_wire(80 << 10); }
static void read_one(void) {
  if (wire_next(&w, &b) == 1 && b.m.op == OP_peer) wire_next(&w, &b);
}

/* A page has room for some 170 objects: of what stays each is told once. */
START_TEST(pages_go_on_where_they_ended) {
  fill();
  for (uint64_t i = 0; i < 20; i++) answer(1000 + 100 * i, 100, 10);
  struct queued *q = read_all(NULL, NULL, NULL);
  ck_assert_uint_ge(q->pages, 10);
  uint32_t all = q->count;
  for (uint32_t i = 1; i < all; i++)
    ck_assert(q->ids[i] == q->ids[i - 1] + 1 || (q->ids[i - 1] == ANSWERS && q->ids[i] == 1000));
  ck_assert_uint_eq(q->ids[all - 1], 1000 + 100 * 20 - 1);
  /* While b reads. */
  q = read_all(NULL, NULL, read_one);
  for (uint32_t i = 1; i < q->count; i++) ck_assert_uint_gt(q->ids[i], q->ids[i - 1]);
}
END_TEST

START_TEST(one_message_with_more_than_a_page_has) {
  fill();
  answer(1000, 1000, 10);
  struct queued *q = read_all("a", NULL, NULL);
  ck_assert_uint_eq(q->rests, 1);
  uint32_t told = 0;
  for (uint32_t i = 0; i < q->count; i++) told += q->ids[i] >= 1000;
  ck_assert_uint_gt(told, 100);
  ck_assert_uint_eq(told + q->more, 1000);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker queued");
  TCase *t = tcase_create("queued");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, what_waits_is_told_in_order);
  TCase *small = tcase_create("small pages");
  suite_add_tcase(s, small);
  tcase_add_checked_fixture(small, setup_small, teardown);
  tcase_add_test(small, pages_go_on_where_they_ended);
  tcase_add_test(small, one_message_with_more_than_a_page_has);
  return run_suite(s);
}
