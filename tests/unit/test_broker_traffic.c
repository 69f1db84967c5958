/* SPDX-License-Identifier: MIT
 *
 * What went through the broker is counted and timed (books/traffic.c, core/meter.h), and told in pages (ops/show_traffic.c).
 */
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end shop, till, o;

static void setup(void) {
  struct broker_config config = wire_config();
  config.max_message = 4096; /* the least there is: pages are small */
  wire_open(&w, &config);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_join_as(&w, &o, "o", true);
}
static void teardown(void) {
  wire_leave(&shop);
  wire_leave(&till);
  wire_leave(&o);
  wire_close(&w);
}

static struct pack *begin_ask(struct end *from, const char *to, bool one_way, uint32_t count) {
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = ++from->last_id, .target = OP_NAME,
                      .flags = one_way ? MESSAGE_ONE_WAY : 0, .name = to, .name_size = (uint8_t)strlen(to)};
  return wire_begin_to(from, &h, count);
}

/* `from` asks `to`, which gets it. */
static void ask(struct end *from, struct end *to, const char *name) {
  pack_text(begin_ask(from, name, false, 1), "label");
  wire_send(&w, from);
  do
    ck_assert_int_eq(wire_next(&w, to), 1);
  while (to->m.op != OP_s2t); /* past introductions and deaths */
}

static void answer(struct end *from, struct end *to, enum message_kind kind) {
  struct pack *p = wire_begin(to, kind, OP_s2t, to->m.id, kind == MESSAGE_ERROR ? 2 : 1);
  if (kind == MESSAGE_ERROR) pack_uint(p, STATUS_raised);
  pack_text(p, "no");
  wire_send(&w, to);
  wire_past_peers(&w, from);
  ck_assert_int_eq(from->m.op, OP_s2t);
}

static void ask_and_answer(struct end *from, struct end *to, const char *name) {
  ask(from, to, name);
  answer(from, to, MESSAGE_REPLY);
}

static uint64_t page(const char *what, uint64_t cursor, uint32_t *rows) {
  struct value v;
  struct pack *p = wire_ask(&o, OP_inspect, NULL, NULL, 2);
  pack_text(p, what);
  if (cursor)
    pack_uint(p, cursor);
  else
    pack_nil(p);
  wire_send(&w, &o);
  wire_expect(&w, &o, MESSAGE_REPLY, OP_inspect);
  *rows = o.m.body_count - 1;
  ck_assert(reader_next(&o.r, &v));
  return v.type == VALUE_NIL ? 0 : v.integer;
}

static void skip(uint32_t n) {
  struct value v;
  for (; n; n--) {
    ck_assert(reader_next(&o.r, &v));
    if (v.type == VALUE_ARRAY) n += v.count;
  }
}

static void expect(const uint64_t *values, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    uint64_t got = wire_uint(&o);
    ck_assert_msg(got == values[i], "value %u is %llu, not %llu", i, (unsigned long long)got, (unsigned long long)values[i]);
  }
}

/* The row whose first value, or two, are these; the reader stands behind them. */
static void find_row(const char *what, const char *first, const char *second) {
  uint32_t rows;
  uint64_t cursor = 0;
  do {
    cursor = page(what, cursor, &rows);
    for (; rows; rows--) {
      struct value row, v[2];
      ck_assert(reader_next(&o.r, &row));
      ck_assert_int_eq(row.type, VALUE_ARRAY);
      uint32_t n = second ? 2 : 1;
      bool found = true;
      for (uint32_t i = 0; i < n; i++) {
        const char *text = i ? second : first;
        ck_assert(reader_next(&o.r, &v[i]));
        found = found && v[i].type == VALUE_STRING && v[i].size == strlen(text) && memcmp(v[i].bytes, text, v[i].size) == 0;
      }
      if (found) return;
      skip(row.count - n);
    }
  } while (cursor);
  ck_abort_msg("no row %s %s of %s", first, second ? second : "", what);
}

START_TEST(messages_of_each_op) {
  ask_and_answer(&till, &shop, "shop");
  ask(&till, &shop, "shop");
  answer(&till, &shop, MESSAGE_ERROR);
  begin_ask(&till, "nobody", false, 1);
  pack_text(&till.p, "label");
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_dead);
  find_row("stats", "s2t", NULL);
  expect((uint64_t[]){3, 1, 1, 0}, 4);
  expect((uint64_t[]){0, 0, 1, 0}, 4); /* the broker's own refusal */
  find_row("stats", "peer", NULL);
  expect((uint64_t[]){0, 0, 0, 0, 0, 0, 0, 1}, 8);
}
END_TEST

/* Its buckets hold what it took; a fixed time, for the clock of a call is set back. */
START_TEST(answers_are_timed) {
  ask(&till, &shop, "shop");
  struct calls *calls = &w.broker.calls;
  calls_at(calls, slab_next(&calls->all, 0))->begun_ns -= 5000000000;
  answer(&till, &shop, MESSAGE_REPLY);
  find_row("stats", "s2t", NULL);
  skip(8);
  struct value v;
  ck_assert(reader_next(&o.r, &v));
  ck_assert_int_eq(v.type, VALUE_ARRAY);
  ck_assert_uint_eq(v.count, 3);
  uint64_t sum = wire_uint(&o), upper = wire_uint(&o);
  ck_assert_uint_ge(sum, 5000000000);
  unsigned bucket = histogram_of_upper(upper);
  ck_assert(histogram_lower(bucket) <= sum && sum < upper);
  ck_assert_uint_eq(wire_uint(&o), 1);
}
END_TEST

START_TEST(who_waits_for_a_label_is_not_timed) {
  pack_text(begin_ask(&till, "shop", false, 2), "label");
  pack_bool(&till.p, true);
  wire_send(&w, &till);
  wire_past_peers(&w, &shop);
  answer(&till, &shop, MESSAGE_REPLY);
  ck_assert_uint_eq(histogram_count(&w.broker.traffic.took[OP_s2t]), 0);
  find_row("pairs", "till", "shop");
  expect((uint64_t[]){1, 0, 1, 0}, 4);
}
END_TEST

START_TEST(pairs_of_workers) {
  ask_and_answer(&till, &shop, "shop");
  ask_and_answer(&till, &shop, "shop");
  ask(&till, &shop, "shop");
  answer(&till, &shop, MESSAGE_ERROR);
  ask_and_answer(&shop, &till, "till");
  pack_text(begin_ask(&till, "shop", true, 1), "label");
  wire_send(&w, &till);
  find_row("pairs", "till", "shop");
  expect((uint64_t[]){3, 1, 2, 1}, 4);
  uint64_t there = wire_uint(&o), back = wire_uint(&o);
  ck_assert(there > 4 * MESSAGE_LEAST_BYTES && back > 3 * MESSAGE_LEAST_BYTES && back < there);
  find_row("pairs", "shop", "till");
  expect((uint64_t[]){1, 0, 1, 0}, 4);
}
END_TEST

START_TEST(observers_are_one_asker) {
  struct end other = {0};
  wire_join_as(&w, &other, "other", true);
  ask_and_answer(&o, &shop, "shop");
  ask_and_answer(&other, &shop, "shop");
  find_row("pairs", "@", "shop");
  expect((uint64_t[]){2, 0, 2, 0}, 4);
  wire_leave(&other);
}
END_TEST

START_TEST(a_pair_goes_on_when_its_worker_was_started_again) {
  ask_and_answer(&till, &shop, "shop");
  wire_leave(&till);
  for (int i = 0; i < 4; i++) wire_turn(&w);
  memset(&till, 0, sizeof till);
  wire_join(&w, &till, "till");
  ask_and_answer(&till, &shop, "shop");
  find_row("pairs", "till", "shop");
  expect((uint64_t[]){2, 0, 2, 0}, 4);
  ck_assert_uint_eq(w.broker.traffic.count, 1);
}
END_TEST

/* An answer that comes after its asker has ended has no pair any more. */
START_TEST(what_came_too_late_counts_with_the_others) {
  ask(&till, &shop, "shop");
  wire_leave(&till);
  for (int i = 0; i < 4; i++) wire_turn(&w);
  memset(&till, 0, sizeof till);
  wire_join(&w, &till, "till");
  pack_text(wire_begin(&shop, MESSAGE_REPLY, OP_s2t, shop.m.id, 1), "late");
  wire_send(&w, &shop);
  ck_assert_uint_eq(w.broker.traffic.others.answers[MESSAGE_REPLY] + w.broker.traffic.pairs[0]->answers[MESSAGE_REPLY], 1);
}
END_TEST

/* A message that is walked in slices comes again and again to be handled, and is one. */
START_TEST(a_large_message_is_one) {
  struct broker *b = &w.broker;
  uint64_t before = b->traffic.read[OP_unsub].messages[MESSAGE_NOTICE];
  b->connections.max_message = 1 << 20;
  struct pack *p = wire_begin(&till, MESSAGE_NOTICE, OP_unsub, 0, 60000);
  struct pt pt = wire_token(&shop, 1);
  for (int i = 0; i < 60000; i++) pack_uint(p, i % 2 ? 1 : pt.id);
  wire_end(&till);
  wire_bytes(&w, &till, till.out.bytes, till.out.size);
  till.out.size = 0;
  for (int i = 0; i < 100; i++) wire_turn(&w);
  ck_assert_uint_eq(b->traffic.read[OP_unsub].messages[MESSAGE_NOTICE], before + 1);
}
END_TEST

/* ---- The table ---- */

static struct traffic t;
static uint32_t links[2 * TRAFFIC_PAIRS];

static struct traffic_pair *find(unsigned i) {
  char name[16];
  snprintf(name, sizeof name, "w%u", i);
  return traffic_find(&t, &links[i], name, i % 4, "shop");
}

START_TEST(pairs_beyond_the_table_count_together) {
  traffic_init(&t);
  t.now_ns = t.began_ns;
  for (unsigned i = 0; i < TRAFFIC_PAIRS; i++) ck_assert_ptr_ne(find(i), &t.others);
  for (unsigned i = TRAFFIC_PAIRS; i < 2 * TRAFFIC_PAIRS; i++) {
    ck_assert_ptr_eq(find(i), &t.others);
    ck_assert_uint_eq(links[i], 0);
  }
  ck_assert_ptr_eq(find(7), traffic_of_link(&t, links[7]));
  ck_assert_ptr_null(traffic_check(&t));
  traffic_deinit(&t);
}
END_TEST

START_TEST(the_one_that_was_used_least_lately_gives_way) {
  traffic_init(&t);
  t.now_ns = t.began_ns;
  for (unsigned i = 0; i < TRAFFIC_PAIRS; i++) {
    struct traffic_pair *p = find(i);
    p->used_ns = t.now_ns + (i + 200) % TRAFFIC_PAIRS;
    p->answers[MESSAGE_REPLY] = i;
  }
  uint32_t oldest = TRAFFIC_PAIRS - 200;
  struct traffic_pair *place = find(oldest);
  t.now_ns += TRAFFIC_IDLE_NS - 1;
  ck_assert_ptr_eq(find(300), &t.others); /* all were used not long ago */
  t.now_ns += 1;
  ck_assert_ptr_eq(find(300), &t.others); /* it is not looked for again so soon */
  t.now_ns += TRAFFIC_RETRY_NS;
  ck_assert_ptr_eq(find(300), place);
  ck_assert_uint_eq(t.folded, 1);
  ck_assert_uint_eq(t.others.answers[MESSAGE_REPLY], oldest);
  ck_assert_ptr_null(traffic_of_link(&t, links[oldest]));
  ck_assert_str_eq(place->asker, "w300");
  ck_assert_uint_eq(place->answers[MESSAGE_REPLY], 0);
  traffic_deinit(&t);
}
END_TEST

/* All that a pair has counted is the others' when it gives way. */
START_TEST(one_that_gives_way_leaves_all_that_it_counted) {
  traffic_init(&t);
  t.now_ns = t.began_ns;
  for (unsigned i = 0; i < TRAFFIC_PAIRS; i++) find(i)->used_ns = t.now_ns + i;
  for (unsigned gone = 0; gone < 2; gone++) {
    struct traffic_pair *p = find(gone);
    *p = (struct traffic_pair){.serial = p->serial, .used_ns = p->used_ns, .requests = 10, .posts = 20, .bytes = 30,
                               .bytes_back = 40, .answers = {[MESSAGE_REPLY] = 50, [MESSAGE_ERROR] = 60}};
    histogram_add(&p->took, histogram_bucket(7000), 7000);
    t.now_ns += TRAFFIC_IDLE_NS + TRAFFIC_RETRY_NS + gone;
    ck_assert_ptr_eq(find(300 + gone), p);
    p->used_ns = t.now_ns;
  }
  const struct traffic_pair *rest = &t.others;
  ck_assert(rest->requests == 20 && rest->posts == 40 && rest->bytes == 60 && rest->bytes_back == 80);
  ck_assert(rest->answers[MESSAGE_REPLY] == 100 && rest->answers[MESSAGE_ERROR] == 120);
  ck_assert_uint_eq(histogram_count(&rest->took), 2);
  ck_assert_uint_eq(rest->used_ns, t.began_ns + 1); /* the latest */
  t.read[OP_call].messages[MESSAGE_REQUEST] = 20;
  ck_assert_ptr_null(traffic_check(&t));
  t.read[OP_call].messages[MESSAGE_REQUEST] = 19;
  ck_assert_ptr_nonnull(traffic_check(&t));
  traffic_deinit(&t);
}
END_TEST

/* One user's pairs leave places to those of others, and give way to each other. */
START_TEST(a_user_leaves_places_to_others) {
  uint32_t link = 0, mine[TRAFFIC_PAIRS + 1] = {0};
  char name[16];
  traffic_init(&t);
  t.now_ns = t.began_ns;
  for (unsigned i = 0; i <= TRAFFIC_PAIRS; i++) {
    snprintf(name, sizeof name, "w%u", i);
    struct traffic_pair *p = traffic_find(&t, &mine[i], name, 7, "shop");
    ck_assert_int_eq(p == &t.others, i >= TRAFFIC_PAIRS - TRAFFIC_SPARED);
  }
  ck_assert_ptr_ne(traffic_find(&t, &link, "theirs", 8, "shop"), &t.others); /* at once, whatever the other tries */
  t.now_ns += TRAFFIC_IDLE_NS + TRAFFIC_RETRY_NS;
  traffic_of_link(&t, link)->used_ns = t.began_ns - 1;
  ck_assert_ptr_ne(traffic_find(&t, &mine[TRAFFIC_PAIRS], "w256", 7, "shop"), &t.others);
  ck_assert_ptr_nonnull(traffic_of_link(&t, link)); /* it is older, and another's */
  traffic_deinit(&t);
}
END_TEST

START_TEST(names_are_not_taken_for_one_another) {
  uint32_t a = 0, b = 0, c = 0;
  traffic_init(&t);
  struct traffic_pair *p = traffic_find(&t, &a, "ab", 7, "c");
  ck_assert_ptr_ne(traffic_find(&t, &b, "a", 7, "bc"), p);
  ck_assert_ptr_ne(traffic_find(&t, &c, "c", 7, "ab"), p);
  traffic_deinit(&t);
}
END_TEST

/* ---- Pages ---- */

START_TEST(pairs_come_in_pages_each_once) {
  enum { MANY = 100 };
  struct traffic *k = &w.broker.traffic;
  for (unsigned i = 0; i < MANY; i++) {
    char name[16];
    uint32_t link = 0;
    snprintf(name, sizeof name, "w%u", i);
    struct traffic_pair *p = traffic_find(k, &link, name, 7, "shop");
    for (unsigned j = 0; j < HISTOGRAM_BUCKETS; j++) p->took.counts[j] = UINT64_MAX; /* as large as a row may be */
  }
  k->others.posts = 5;
  uint32_t rows, all = 0, pages = 0;
  uint64_t cursor = 0;
  do {
    cursor = page("pairs", cursor, &rows);
    all += rows;
    pages++;
  } while (cursor);
  k->others.posts = 0;
  ck_assert_uint_eq(all, MANY + 1);
  ck_assert_uint_ge(pages, MANY / 2);
  ck_assert_uint_eq(page("pairs", UINT64_MAX, &rows), 0);
  ck_assert_uint_eq(rows, 0);
}
END_TEST

START_TEST(sums_are_one_row) {
  uint32_t rows;
  struct pt pt = wire_token(&shop, 1);
  wire_fetch(&w, &till, &shop, "shop", &pt);
  ask(&till, &shop, "shop");
  ck_assert_uint_eq(page("sums", 0, &rows), 0);
  ck_assert_uint_eq(rows, 1);
  struct value v;
  ck_assert(reader_next(&o.r, &v));
  ck_assert_uint_eq(v.count, 14);
  ck_assert(reader_next(&o.r, &v));
  ck_assert_double_ge(v.number, 0);
  expect((uint64_t[]){2, 1, 1, 1, 1, 0}, 6);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker traffic");
  TCase *c = tcase_create("traffic");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, messages_of_each_op);
  tcase_add_test(c, answers_are_timed);
  tcase_add_test(c, who_waits_for_a_label_is_not_timed);
  tcase_add_test(c, pairs_of_workers);
  tcase_add_test(c, observers_are_one_asker);
  tcase_add_test(c, a_pair_goes_on_when_its_worker_was_started_again);
  tcase_add_test(c, what_came_too_late_counts_with_the_others);
  tcase_add_test(c, a_large_message_is_one);
  tcase_add_test(c, pairs_come_in_pages_each_once);
  tcase_add_test(c, sums_are_one_row);
  TCase *k = tcase_create("table");
  suite_add_tcase(s, k);
  tcase_add_test(k, pairs_beyond_the_table_count_together);
  tcase_add_test(k, the_one_that_was_used_least_lately_gives_way);
  tcase_add_test(k, one_that_gives_way_leaves_all_that_it_counted);
  tcase_add_test(k, a_user_leaves_places_to_others);
  tcase_add_test(k, names_are_not_taken_for_one_another);
  return run_suite(s);
}
