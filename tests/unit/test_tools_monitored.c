/* SPDX-License-Identifier: MIT
 *
 * What a monitor asks the broker for, and which messages of a record fit (tools/watch/monitored.h).
 */
#define _GNU_SOURCE /* captured.h */
#include "tools/watch/monitored.h"

#include "tests/unit/asked_broker.h"
#include "tests/unit/captured.h"

enum { SHOP = 100, TILL = 200, PRICE = 5 };
/* Objects that a request may choose, as docs/protocol.md says. */
enum { OBJECTS_MOST = 32 };

static struct fake f;
static struct sights s;
static struct invocation in;

static void setup(void) {
  s = (struct sights){.lost = 0};
  in = (struct invocation){.command = COMMAND_monitor};
  settings_init(&in.settings, SETTINGS_CTL);
  known_put(&s.names, SHOP, 0, "shop", 4);
  known_put(&s.names, TILL, 0, "till", 4);
  known_put(&s.labels, SHOP, PRICE, "price", 5);
}
static void teardown(void) { sights_deinit(&s); }
static void setup_request(void) {
  setup();
  fake_open(&f);
}
static void teardown_request(void) {
  fake_close(&f);
  teardown();
}

static void set(enum setting id, const char *text) {
  ck_assert(setting_info(id)->type == SETTING_TEXT ? settings_put_text(&in.settings, id, text) : settings_parse(&in.settings, id, text));
}

/* ---- The request ---- */

static void begin(void) {
  struct observer o = {.g = f.g, .in = &in};
  uint64_t id;
  ck_assert(monitored_begin(&o, &s, told_answer, &f, &id));
  ck_assert_int_eq(gaijin_flush(f.g, false), 0);
  while (fake_next(&f)->op != OP_monitor) continue;
  ck_assert_uint_eq(f.m.id, id);
}
static void expect_text(struct reader *r, const char *text) {
  struct value v;
  ck_assert(reader_next(r, &v) && v.type == VALUE_STRING);
  ck_assert_msg(v.size == strlen(text) && memcmp(v.bytes, text, v.size) == 0, "%.*s and not %s", (int)v.size, v.bytes, text);
}
static uint64_t expect_object(struct reader *r, const char *worker) {
  struct value v;
  uint64_t id;
  expect_text(r, "token");
  ck_assert(reader_next(r, &v) && v.type == VALUE_ARRAY && v.count == 2);
  expect_text(r, worker);
  ck_assert(reader_uint(r, &id));
  return id;
}

START_TEST(all_that_may_be_chosen) {
  uint64_t us;
  set(SETTING_worker, "shop");
  set(SETTING_label, "price");
  set(SETTING_ops, "get,call");
  set(SETTING_slower, "0.25");
  set(SETTING_object, "till:7");
  begin();
  struct reader r = fake_values(&f.m);
  ck_assert_uint_eq(f.m.body_count, 14);
  expect_text(&r, "worker");
  expect_text(&r, "shop");
  expect_text(&r, "label");
  expect_text(&r, "price");
  expect_text(&r, "op");
  expect_text(&r, "get");
  expect_text(&r, "op");
  expect_text(&r, "call");
  expect_text(&r, "slower_us");
  ck_assert(reader_uint(&r, &us) && us == 250000);
  ck_assert_uint_eq(expect_object(&r, "till"), 7);
  ck_assert_uint_eq(expect_object(&r, "shop"), PRICE);
}
END_TEST

START_TEST(nothing_is_chosen) {
  begin();
  ck_assert_uint_eq(f.m.body_count, 0);
}
END_TEST

START_TEST(a_label_that_nobody_has) {
  set(SETTING_label, "prices");
  begin();
  ck_assert_uint_eq(f.m.body_count, 2);
}
END_TEST

/* Of a label that more workers have than a request may have objects, no more are asked for; nor of hosts without a name. */
START_TEST(objects_are_bounded) {
  bool seen[3 * OBJECTS_MOST] = {false};
  known_put(&s.labels, TILL + 1, 1, "price", 5); /* whose name is not known */
  set(SETTING_label, "price");
  set(SETTING_object, "till:7");
  begin();
  ck_assert_uint_eq(f.m.body_count, 6);
  for (uint64_t id = 10; id < 10 + 2 * OBJECTS_MOST; id++) known_put(&s.labels, SHOP, id, "price", 5);
  begin();
  ck_assert_uint_eq(f.m.body_count, 2 * (1 + OBJECTS_MOST));
  struct reader r = fake_values(&f.m);
  expect_text(&r, "label");
  expect_text(&r, "price");
  ck_assert_uint_eq(expect_object(&r, "till"), 7);
  for (int i = 1; i < OBJECTS_MOST; i++) {
    uint64_t id = expect_object(&r, "shop");
    ck_assert_uint_lt(id, sizeof seen);
    ck_assert(!seen[id]);
    seen[id] = true;
  }
}
END_TEST

START_TEST(what_is_no_object) {
  struct observer o = {.g = f.g, .in = &in};
  struct captured c;
  uint64_t id;
  set(SETTING_object, "till");
  captured_begin(&c, STDERR_FILENO);
  bool begun = monitored_begin(&o, &s, told_answer, &f, &id);
  captured_one_line(captured_end(&c), "monitor: --object takes WORKER:ID, as `gaijinctl tokens` shows them, not 'till'");
  ck_assert(!begun && !o.no_broker);
}
END_TEST

/* ---- What is known before ---- */

static struct asked a;

static void put_client(const char *name, uint64_t host) {
  pack_array(&a.f.p, 2);
  if (name)
    pack_text(&a.f.p, name);
  else
    pack_nil(&a.f.p);
  pack_uint(&a.f.p, host);
}
/* Workers shop and till, of which till refuses; a connection that has not said its name. */
static void answer(struct asked *of, const struct message *m) {
  if (m->op != OP_labels) {
    asked_page(of, m, 3);
    put_client(NULL, 300);
    put_client("shop", SHOP);
    put_client("till", TILL);
  } else if (m->name_size == 4 && memcmp(m->name, "shop", 4) == 0) {
    static const char *const labels[] = {"open", NULL, "size"}; /* NULL: 7 */
    fake_begin(&of->f, MESSAGE_REPLY, GAIJIN_OP_LABELS, m->id, 9);
    for (unsigned i = 0; i < 3; i++) {
      if (labels[i])
        pack_text(&of->f.p, labels[i]);
      else
        pack_uint(&of->f.p, 7);
      pack_text(&of->f.p, "table");
      if (i < 2)
        pack_uint(&of->f.p, PRICE + 1 + i);
      else
        pack_nil(&of->f.p); /* nobody holds it */
    }
  } else {
    fake_begin(&of->f, MESSAGE_ERROR, GAIJIN_OP_LABELS, m->id, 2);
    pack_uint(&of->f.p, STATUS_denied);
    pack_text(&of->f.p, "no");
  }
}
static void setup_learn(void) {
  s = (struct sights){.lost = 0};
  asked_begin(&a, COMMAND_monitor, answer);
}
static void teardown_learn(void) {
  asked_end(&a);
  sights_deinit(&s);
}

/* What is said while it is learnt. */
static const char *learn(const char *worker, const char *label) {
  static struct captured c;
  if (worker) ck_assert(settings_put_text(&a.in.settings, SETTING_worker, worker));
  if (label) ck_assert(settings_put_text(&a.in.settings, SETTING_label, label));
  captured_begin(&c, STDERR_FILENO);
  bool good = monitored_learn(&a.o, &s);
  captured_end(&c);
  ck_assert(good);
  return c.text;
}

START_TEST(names_and_labels_are_learnt) {
  ck_assert_str_eq(learn("till", "open"), "");
  ck_assert_str_eq(known_get(&s.names, SHOP, 0), "shop");
  ck_assert_str_eq(known_get(&s.names, TILL, 0), "till");
  ck_assert_uint_eq(s.names.count, 2);
  ck_assert_str_eq(known_get(&s.labels, SHOP, PRICE + 1), "open");
  ck_assert_str_eq(known_get(&s.labels, SHOP, PRICE + 2), "7");
  ck_assert_uint_eq(s.labels.count, 2);
  ck_assert_str_eq(learn("shop", "size"), ""); /* it may be asked for */
  ck_assert_str_eq(learn("@gaijinctl", "7"), "");
}
END_TEST

START_TEST(who_is_not_there_is_told) {
  captured_one_line(learn("bank", NULL), "monitor: no worker bank is there now; its messages are shown when it comes");
  captured_one_line(learn("shop", "price"), "monitor: no worker exposes 'price' now; only requests for that label are shown");
}
END_TEST

/* ---- Records ---- */

static const struct sight message = {.kind = SIGHT_REPLY, .op = OP_call, .from = SHOP, .to = TILL, .took_ns = 250000000};

static bool fits(enum setting id, const char *text) {
  settings_init(&in.settings, SETTINGS_CTL);
  set(id, text);
  return monitored_fits(&in, &s, &message);
}

START_TEST(which_of_a_record_fit) {
  ck_assert(monitored_fits(&in, &s, &message));
  ck_assert(fits(SETTING_ops, "get,call,set") && fits(SETTING_ops, "call"));
  ck_assert(!fits(SETTING_ops, "get,cal,calls"));
  ck_assert(fits(SETTING_worker, "shop") && fits(SETTING_worker, "till"));
  ck_assert(!fits(SETTING_worker, "sho"));
  ck_assert(fits(SETTING_slower, "0.25") && !fits(SETTING_slower, "0.26") && fits(SETTING_slower, "0"));
  set(SETTING_ops, "get");
  ck_assert(!monitored_fits(&in, &s, &message));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("tools monitored");
  TCase *c = tcase_create("request"), *known = tcase_create("known"), *records = tcase_create("records");
  tcase_add_checked_fixture(c, setup_request, teardown_request);
  tcase_add_test(c, all_that_may_be_chosen);
  tcase_add_test(c, nothing_is_chosen);
  tcase_add_test(c, a_label_that_nobody_has);
  tcase_add_test(c, objects_are_bounded);
  tcase_add_test(c, what_is_no_object);
  suite_add_tcase(suite, c);
  tcase_add_checked_fixture(known, setup_learn, teardown_learn);
  tcase_add_test(known, names_and_labels_are_learnt);
  tcase_add_test(known, who_is_not_there_is_told);
  suite_add_tcase(suite, known);
  tcase_add_checked_fixture(records, setup, teardown);
  tcase_add_test(records, which_of_a_record_fit);
  suite_add_tcase(suite, records);
  return run_suite(suite);
}
