/* SPDX-License-Identifier: MIT
 *
 * What the broker has counted: its rows as they are read (tools/ask/stats.h), and the text for monitoring systems
 * (tools/ask/openmetrics.h).
 */
#define _GNU_SOURCE /* captured.h */
#include "tools/ask/stats.h"

#include "tests/unit/captured.h"
#include "tests/unit/fake_broker.h"
#include "tools/ask/openmetrics.h"

static struct fake f;
static struct stats s;
static struct text t;
static const struct invocation in = {.command = COMMAND_stats};

static void setup(void) {
  s = (struct stats){.n_ops = 0};
  t = (struct text){0};
}
static void teardown(void) {
  stats_deinit(&s);
  text_deinit(&t);
}
static void setup_rows(void) {
  setup();
  fake_open(&f);
}
static void teardown_rows(void) {
  fake_close(&f);
  teardown();
}

/* ---- Rows ---- */

static struct pack *begin(uint32_t values) {
  uint64_t id = fake_ask(&f, told_answer);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, values);
  return &f.p;
}
static void put_uints(struct pack *p, uint64_t first, unsigned n) {
  for (unsigned i = 0; i < n; i++) pack_uint(p, first + i);
}
static bool read_row(const struct observe_book *book) {
  struct observer o = {.g = f.g, .in = &in};
  fake_deliver(&f);
  gaijin_body *b = f.told.answer[f.told.answers - 1].body;
  bool good = book->row(&o, b, book->user);
  gaijin_body_free(b);
  return good;
}

START_TEST(a_row_of_an_op) {
  const struct observe_book book = stats_book_ops(&s);
  ck_assert_uint_eq(book.columns, 10);
  for (unsigned i = 0; i < 100; i++) { /* room grows */
    struct pack *p = begin(10);
    pack_text(p, "call");
    put_uints(p, 10, 8);
    pack_array(p, 7);
    pack_uint(p, 5000 + i);
    pack_uint(p, histogram_upper(2));
    pack_uint(p, 3);
    pack_uint(p, histogram_upper(2) + 1); /* of a later version */
    pack_uint(p, 4);
    pack_uint(p, histogram_upper(HISTOGRAM_BUCKETS - 1));
    pack_uint(p, 5);
    ck_assert(read_row(&book));
    f.told.answers = 0;
  }
  ck_assert_uint_eq(s.n_ops, 100);
  const struct stats_op *o = &s.ops[99];
  ck_assert_str_eq(o->op, "call");
  for (unsigned i = 0; i < STATS_KINDS; i++) {
    ck_assert_uint_eq(o->read[i], 10 + i);
    ck_assert_uint_eq(o->made[i], 14 + i);
  }
  ck_assert_uint_eq(o->took.sum, 5099);
  ck_assert_uint_eq(o->took.counts[2], 3);
  ck_assert_uint_eq(o->took.counts[HISTOGRAM_BUCKETS - 1], 5);
  ck_assert_uint_eq(histogram_count(&o->took), 8);
}
END_TEST

START_TEST(a_row_of_a_pair) {
  const struct observe_book book = stats_book_pairs(&s);
  ck_assert_uint_eq(book.columns, 10);
  for (int i = 0; i < 2; i++) {
    struct pack *p = begin(10);
    if (i)
      pack_nil(p);
    else
      pack_text(p, "till");
    pack_text(p, "shop");
    put_uints(p, 10, 6);
    pack_text(p, "no number");
    pack_array(p, 1);
    pack_uint(p, 7);
    ck_assert(read_row(&book));
  }
  const struct stats_pair *p = &s.pairs[0];
  ck_assert_str_eq(p->asker, "till");
  ck_assert_str_eq(p->host, "shop");
  ck_assert(p->requests == 10 && p->posts == 11 && p->replies == 12 && p->errors == 13 && p->bytes == 14 && p->bytes_back == 15);
  ck_assert_uint_eq(p->idle_s, 0);
  ck_assert_uint_eq(p->took.sum, 7);
  ck_assert_uint_eq(histogram_count(&p->took), 0);
  ck_assert_ptr_null(s.pairs[1].asker);
}
END_TEST

START_TEST(a_row_of_sums) {
  const struct observe_book book = stats_book_sums(&s, WIRE_VERSION_MOST);
  ck_assert_uint_eq(book.columns, 14);
  ck_assert_uint_eq(stats_book_sums(&s, 6).columns, 13);
  pack_number(begin(14), 1.5);
  put_uints(&f.p, 10, 13);
  ck_assert(read_row(&book));
  ck_assert(s.sums.seconds == 1.5);
  const struct stats_sums *u = &s.sums;
  ck_assert(u->workers == 10 && u->observers == 11 && u->objects == 12 && u->holdings == 13 && u->requests == 14 && u->waits == 15);
  ck_assert(u->memory == 16 && u->memory_most == 17 && u->refused == 18 && u->log_lost == 19 && u->folded == 20 && u->generation == 21 && u->rings == 22);
}
END_TEST

/* What is short, or has no list where one belongs, is told in one line. */
START_TEST(rows_of_another_form) {
  const struct observe_book books[] = {stats_book_ops(&s), stats_book_pairs(&s), stats_book_sums(&s, WIRE_VERSION_MOST)};
  struct captured c;
  for (int i = 0; i < 3; i++) {
    for (uint32_t n = 0; n < books[i].columns; n++) {
      put_uints(begin(n), 1, n);
      captured_begin(&c, STDERR_FILENO);
      bool good = read_row(&books[i]);
      captured_one_line(captured_end(&c), books[i].what);
      ck_assert(!good);
      f.told.answers = 0;
    }
  }
  for (uint32_t n = 0; n < 4; n++) {
    struct pack *p = begin(10);
    put_uints(p, 1, 9);
    if (n == 3)
      pack_uint(p, 1);
    else
      pack_array(p, n);
    put_uints(p, 1, n == 3 ? 0 : n);
    captured_begin(&c, STDERR_FILENO);
    bool good = read_row(&books[0]);
    const char *said = captured_end(&c);
    ck_assert(good == (n == 1)); /* an odd number: the sum, and pairs */
    if (!good) captured_one_line(said, "stats");
    f.told.answers = 0;
  }
}
END_TEST

/* ---- The text ---- */

static void expect_has(const char *lines) { ck_assert_msg(strstr(t.bytes, lines), "no %s", lines); }
static unsigned count(const char *part) {
  unsigned n = 0;
  for (const char *at = t.bytes; (at = strstr(at, part)); at += strlen(part)) n++;
  return n;
}

START_TEST(the_text) {
  struct stats_op ops[] = {{.op = "call", .read = {1, 2, 0, 4}, .made = {0, 0, 7, 0}, .took = {.counts = {[0] = 1, [3] = 2, [4] = 3, [HISTOGRAM_BUCKETS - 1] = 4}, .sum = 1500000000}},
                           {.op = "bye", .read = {1}}};
  struct stats_pair pairs[] = {{.asker = "ti\"ll\\", .host = "sh\nop", .requests = 1, .posts = 2, .replies = 3, .errors = 4, .bytes = 5, .bytes_back = 6}, {.requests = 9}};
  const struct stats made = {.ops = ops, .n_ops = 2, .pairs = pairs, .n_pairs = 2, .sums = {.seconds = 1.5, .workers = 1, .refused = 9007199254740993, .folded = 3}};
  openmetrics_write(&t, &made, "1.0\"");
  expect_has("# TYPE gaijin_broker info\n# HELP gaijin_broker The program.\ngaijin_broker_info{version=\"1.0\\\"\"} 1\n");
  ck_assert_int_eq(strncmp(t.bytes, "# TYPE gaijin_broker info\n", 26), 0);
  expect_has("# TYPE gaijin_counted_seconds gauge\n# UNIT gaijin_counted_seconds seconds\n# HELP gaijin_counted_seconds Since when the counters count.\ngaijin_counted_seconds 1.5\n");
  expect_has("# HELP gaijin_workers Workers that are connected.\ngaijin_workers 1\n");
  expect_has("gaijin_pairs_folded_total 3\n");
  expect_has("gaijin_messages_total{op=\"call\",kind=\"request\",from=\"client\"} 1\n"
             "gaijin_messages_total{op=\"call\",kind=\"reply\",from=\"client\"} 2\n"
             "gaijin_messages_total{op=\"call\",kind=\"notice\",from=\"client\"} 4\n"
             "gaijin_messages_total{op=\"call\",kind=\"error\",from=\"broker\"} 7\n"
             "gaijin_messages_total{op=\"bye\",kind=\"request\",from=\"client\"} 1\n#");
  /* By doublings; nothing of what has no answers. */
  expect_has("gaijin_request_seconds_bucket{op=\"call\",le=\"4.096e-06\"} 3\n"
             "gaijin_request_seconds_bucket{op=\"call\",le=\"1.2288e-05\"} 6\n");
  expect_has("gaijin_request_seconds_bucket{op=\"call\",le=\"+Inf\"} 10\n"
             "gaijin_request_seconds_count{op=\"call\"} 10\n"
             "gaijin_request_seconds_sum{op=\"call\"} 1.5\n#");
  ck_assert_uint_eq(count("gaijin_request_seconds_bucket{"), HISTOGRAM_BUCKETS / 4);
  expect_has("# TYPE gaijin_pair_request_bytes counter\n# UNIT gaijin_pair_request_bytes bytes\n# HELP gaijin_pair_request_bytes Bytes of the requests.\n"
             "gaijin_pair_request_bytes_total{asker=\"ti\\\"ll\\\\\",host=\"sh\\\\x0aop\"} 5\n"
             "gaijin_pair_request_bytes_total{asker=\"\",host=\"\"} 0\n");
  expect_has("gaijin_pair_requests_total{asker=\"\",host=\"\"} 9\n");
  expect_has("gaijin_pair_answer_bytes_total{asker=\"ti\\\"ll\\\\\",host=\"sh\\\\x0aop\"} 6\n");
  expect_has("gaijin_pair_request_seconds_count{asker=\"\",host=\"\"} 0\n");
  ck_assert_str_eq(t.bytes + t.size - 7, "\n# EOF\n");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools stats");
  TCase *rows = tcase_create("rows"), *c = tcase_create("text");
  tcase_add_checked_fixture(rows, setup_rows, teardown_rows);
  tcase_add_test(rows, a_row_of_an_op);
  tcase_add_test(rows, a_row_of_a_pair);
  tcase_add_test(rows, a_row_of_sums);
  tcase_add_test(rows, rows_of_another_form);
  suite_add_tcase(suite, rows);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, the_text);
  suite_add_tcase(suite, c);
  return run_suite(suite);
}
