/* SPDX-License-Identifier: MIT
 *
 * Who monitors sees what is routed, what it chose of it, and no stamp (core/seen.c, ops/monitor.c).
 */
#include "broker/core/seen.h"
#include "proto/base.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end shop, till, eye;

static void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_join_as(&w, &eye, "eye", true);
}
static void teardown(void) {
  wire_leave(&shop);
  wire_leave(&till);
  wire_leave(&eye);
  wire_close(&w);
}

/* ---- Rows ---- */

struct row {
  uint64_t time_us, kind, op, id, from, to, size, took_ns, target_kind, target, count;
  uint8_t bytes[256];
  uint32_t n;
};
enum { ROWS_MOST = 256 };
static struct row rows[ROWS_MOST];
static uint32_t n_rows;
static uint64_t lost;
static struct { uint64_t id; char name[80]; } known[16];
static uint32_t n_known;

static uint64_t number(struct end *e) {
  struct value v;
  ck_assert(reader_next(&e->r, &v));
  ck_assert(v.type == VALUE_NIL || (v.type == VALUE_NUMBER && v.is_uint));
  return v.type == VALUE_NIL ? 0 : v.integer;
}

static void read_row(struct end *e) {
  ck_assert_uint_lt(n_rows, ROWS_MOST);
  struct row *r = &rows[n_rows++];
  uint64_t *const all[] = {&r->time_us, &r->kind, &r->op, &r->id, &r->from, &r->to, &r->size, &r->took_ns, &r->target_kind,
                           &r->target, &r->count};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) *all[i] = number(e);
  const char *bytes;
  ck_assert(reader_string(&e->r, &bytes, &r->n));
  memcpy(r->bytes, bytes, r->n);
}

static void read_seen(struct end *e) {
  struct value v;
  lost += number(e);
  while (reader_next(&e->r, &v)) {
    ck_assert_int_eq(v.type, VALUE_ARRAY);
    if (v.count == 12) {
      read_row(e);
      continue;
    }
    const char *name;
    uint32_t size;
    ck_assert_uint_eq(v.count, 2);
    known[n_known].id = number(e);
    ck_assert(reader_string(&e->r, &name, &size));
    snprintf(known[n_known++].name, sizeof known->name, "%.*s", (int)size, name);
  }
}

/* All that waits is sent now, as if the time had passed. */
static void look(struct end *e) {
  uv_timer_t *later = &w.broker.monitors.later;
  n_rows = n_known = 0;
  if (uv_is_active((uv_handle_t *)later)) later->timer_cb(later);
  while (wire_next(&w, e) == 1) {
    ck_assert_msg(e->m.op == OP_seen || e->m.op == OP_ping, "got '%s'", op_name(e->m.op));
    if (e->m.op == OP_seen) read_seen(e);
  }
}

static bool knows(const struct end *e, const char *name) {
  for (uint32_t i = 0; i < n_known; i++)
    if (known[i].id == e->host) return strcmp(known[i].name, name) == 0;
  return false;
}

/* ---- Asking ---- */

/* Begins to monitor with one key; NULL: all. */
static struct pack *begin(struct end *e, const char *key) {
  struct pack *p = wire_ask(e, OP_monitor, NULL, NULL, key ? 2 : 0);
  if (key) pack_text(p, key);
  return p;
}
static void begun(struct end *e) {
  wire_send(&w, e);
  wire_expect(&w, e, MESSAGE_NOTICE, OP_seen); /* at once, without rows */
  ck_assert_uint_eq(e->m.body_count, 1);
  ck_assert_uint_eq(wire_uint(e), 0);
}
static void monitor(const char *key, const char *text) {
  begin(&eye, key);
  if (key) pack_text(&eye.p, text);
  begun(&eye);
}

static void ask(const char *label) {
  pack_text(wire_ask(&till, OP_s2t, "shop", NULL, 1), label);
  wire_send(&w, &till);
  do
    ck_assert_int_eq(wire_next(&w, &shop), 1);
  while (shop.m.op != OP_s2t);
}
static void answer_text(const char *text) {
  pack_text(wire_begin(&shop, MESSAGE_REPLY, OP_s2t, shop.m.id, 1), text);
  wire_send(&w, &shop);
  wire_past_peers(&w, &till);
}

/* ---- Tests ---- */

START_TEST(a_request_and_its_answer) {
  monitor(NULL, NULL);
  ask("price");
  uint64_t asked = till.last_id;
  answer_text("cheap");
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  ck_assert(knows(&shop, "shop") && knows(&till, "till"));
  const struct row *q = &rows[0], *a = &rows[1];
  ck_assert(q->kind == MESSAGE_REQUEST && q->op == OP_s2t && q->id == asked && q->from == till.host && q->to == shop.host);
  ck_assert(q->took_ns == 0 && q->target == 0 && q->count == 1 && q->n == 6);
  ck_assert_mem_eq(q->bytes, "\xa5price", 6);
  ck_assert(a->kind == MESSAGE_REPLY && a->op == OP_s2t && a->id == asked && a->from == shop.host && a->to == till.host);
  ck_assert(a->took_ns > 0 && a->time_us >= q->time_us && a->size > 0 && q->size > 0);
  ck_assert_mem_eq(a->bytes, "\xa5" "cheap", 6);
  ask("price");
  look(&eye);
  ck_assert_uint_eq(n_known, 0); /* each host once */
}
END_TEST

static bool has_bytes(const void *all, size_t n, uint64_t wanted) {
  uint8_t bytes[8];
  store_be64(bytes, wanted);
  for (size_t i = 0; i + 8 <= n; i++)
    if (memcmp((const uint8_t *)all + i, bytes, 8) == 0) return true;
  return false;
}

START_TEST(stamps_are_not_shown) {
  struct pt pt = wire_token(&shop, 7), own = wire_token(&till, 9);
  pt.stamp = 0x1122334455667788;
  own.stamp = 0x99aabbccddeeff00;
  monitor(NULL, NULL);
  wire_fetch(&w, &till, &shop, "shop", &pt);
  struct pack *p = wire_ask(&till, OP_call, NULL, &pt, 3);
  pack_pt(p, &pt);
  pack_array(p, 2);
  pack_pt(p, &own);
  pack_text(p, "x");
  pack_pt(p, &own);
  wire_send(&w, &till);
  n_rows = n_known = 0;
  bool has_tokens = false;
  w.broker.monitors.later.timer_cb(&w.broker.monitors.later);
  while (n_rows < 3) {
    wire_expect(&w, &eye, MESSAGE_NOTICE, OP_seen);
    ck_assert(!has_bytes(eye.m.bytes, eye.m.size, pt.stamp));
    ck_assert(!has_bytes(eye.m.bytes, eye.m.size, own.stamp));
    has_tokens = has_tokens || has_bytes(eye.m.bytes, eye.m.size, pt.host);
    read_seen(&eye);
  }
  ck_assert(has_tokens && n_rows == 3);
  ck_assert(rows[2].target == 7 && rows[2].target_kind == PT_TABLE && rows[2].count == 3);
}
END_TEST

START_TEST(long_values_are_cut) {
  static char text[5000];
  memset(text, 'x', sizeof text - 1);
  monitor(NULL, NULL);
  ask(text);
  answer_text("y");
  look(&eye);
  ck_assert_uint_eq(rows[0].n, SEEN_BYTES);
  ck_assert_uint_eq(rows[0].bytes[0], 0xda); /* the header says how long it is */
  ck_assert_uint_gt(rows[0].size, 5000);
}
END_TEST

START_TEST(errors_of_the_broker_itself) {
  monitor(NULL, NULL);
  pack_text(wire_ask(&till, OP_s2t, "nobody", NULL, 1), "x");
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_dead);
  look(&eye);
  ck_assert_uint_eq(n_rows, 1);
  ck_assert(rows[0].kind == MESSAGE_ERROR && rows[0].from == 0 && rows[0].to == till.host && rows[0].op == OP_s2t);
  ck_assert(rows[0].bytes[0] == STATUS_dead && rows[0].count == 2 && rows[0].id == till.last_id);
  ask("x");
  wire_leave(&shop); /* it dies with the request */
  for (int i = 0; i < 4; i++) wire_turn(&w);
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  ck_assert(rows[1].kind == MESSAGE_ERROR && rows[1].from == 0 && rows[1].id == till.last_id && rows[1].took_ns > 0);
}
END_TEST

START_TEST(one_way_requests) {
  monitor(NULL, NULL);
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = 77, .target = OP_NAME, .flags = MESSAGE_ONE_WAY,
                      .name = "shop", .name_size = 4};
  pack_text(wire_begin_to(&till, &h, 1), "x");
  wire_send(&w, &till);
  look(&eye);
  ck_assert(n_rows == 1 && rows[0].kind == SEEN_POST);
}
END_TEST

START_TEST(of_a_worker) {
  struct end bank = {0};
  wire_join(&w, &bank, "bank");
  monitor("worker", "till");
  ask("x");
  answer_text("y");
  pack_text(wire_ask(&bank, OP_s2t, "shop", NULL, 1), "x");
  wire_send(&w, &bank);
  wire_past_peers(&w, &shop);
  pack_text(wire_begin(&shop, MESSAGE_REPLY, OP_s2t, shop.m.id, 1), "y");
  wire_send(&w, &shop);
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  ck_assert(rows[0].from == till.host && rows[1].to == till.host);
  wire_leave(&bank);
}
END_TEST

START_TEST(of_an_op_or_label) {
  struct end other = {0};
  wire_join_as(&w, &other, "other", true);
  begin(&other, "label");
  pack_text(&other.p, "tax");
  begun(&other);
  monitor("op", "get");
  ask("price");
  answer_text("y");
  look(&eye);
  ck_assert_uint_eq(n_rows, 0);
  ask("tax");
  answer_text("y");
  look(&other);
  ck_assert_uint_eq(n_rows, 2); /* the answer belongs to the request */
  wire_leave(&other);
}
END_TEST

static void monitor_token(const char *worker, uint64_t id) {
  struct pack *p = begin(&eye, "token");
  pack_array(p, 2);
  pack_text(p, worker);
  pack_uint(p, id);
  begun(&eye);
}

START_TEST(of_a_token) {
  struct pt seven = wire_token(&shop, 7), eight = wire_token(&shop, 8);
  monitor_token("shop", 7);
  wire_fetch(&w, &till, &shop, "shop", &seven); /* its answer carries the token */
  wire_fetch(&w, &till, &shop, "shop", &eight);
  look(&eye);
  ck_assert_uint_eq(n_rows, 1);
  ck_assert(rows[0].kind == MESSAGE_REPLY);
  for (int i = 0; i < 2; i++) {
    wire_ask(&till, OP_len, NULL, i ? &eight : &seven, 0);
    wire_send(&w, &till);
    wire_past_peers(&w, &shop);
    pack_uint(wire_begin(&shop, MESSAGE_REPLY, OP_len, shop.m.id, 1), 3);
    wire_send(&w, &shop);
    wire_expect(&w, &till, MESSAGE_REPLY, OP_len);
  }
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  ck_assert(rows[0].target == 7 && rows[1].target == 7 && rows[1].kind == MESSAGE_REPLY);
}
END_TEST

START_TEST(slower_than) {
  begin(&eye, "slower_us");
  pack_uint(&eye.p, 1000000);
  begun(&eye);
  ask("x");
  answer_text("y");
  ask("x");
  struct calls *calls = &w.broker.calls;
  calls_at(calls, slab_next(&calls->all, 0))->begun_ns -= 1000000000;
  answer_text("slow");
  look(&eye);
  ck_assert_uint_eq(n_rows, 1);
  ck_assert(rows[0].kind == MESSAGE_REPLY && rows[0].took_ns >= 1000000000);
}
END_TEST

START_TEST(wishes_that_cannot_be) {
  static const char *const keys[] = {"op", "weather", "token"};
  for (int i = 0; i < 3; i++) {
    pack_text(begin(&eye, keys[i]), "hello");
    wire_send(&w, &eye);
    wire_expect_error(&w, &eye, STATUS_unsupported);
  }
  for (int i = 0; i <= SEEN_WORKERS_MOST; i++) {
    if (i == 0) wire_ask(&eye, OP_monitor, NULL, NULL, 2 * (SEEN_WORKERS_MOST + 1));
    pack_text(&eye.p, "worker");
    pack_text(&eye.p, "x");
  }
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_unsupported);
  ck_assert_uint_eq(w.broker.monitors.count, 0);
  pack_nil(wire_ask(&eye, OP_monitor, NULL, NULL, 1));
  wire_send(&w, &eye);
  wire_expect_end(&w, &eye);
}
END_TEST

START_TEST(who_may_not) {
  begin(&till, NULL);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  wire_client(&w, &eye)->uid = 12345;
  begin(&eye, NULL);
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_denied);
  wire_client(&w, &eye)->uid = 0;
  wire_client(&w, &eye)->sandboxed = true;
  begin(&eye, NULL);
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_denied);
  ck_assert_uint_eq(w.broker.monitors.count, 0);
}
END_TEST

START_TEST(only_some_at_a_time_and_each_ends) {
  struct end e[HOSTS_MONITORS] = {0};
  for (int i = 0; i < HOSTS_MONITORS; i++) {
    wire_join_as(&w, &e[i], "e", true);
    begin(&e[i], NULL);
    begun(&e[i]);
  }
  uint64_t charged = wire_client(&w, &e[0])->account->used[ACCOUNT_OTHER];
  ck_assert_uint_ge(charged, SEEN_BUFFER);
  begin(&eye, NULL);
  wire_send(&w, &eye);
  wire_expect_error(&w, &eye, STATUS_busy);
  pack_uint(wire_begin(&e[0], MESSAGE_NOTICE, OP_cancel, 0, 1), e[0].last_id);
  wire_send(&w, &e[0]);
  wire_quiet(&w, &e[0]);
  ck_assert_uint_lt(wire_client(&w, &e[0])->account->used[ACCOUNT_OTHER], SEEN_BUFFER);
  monitor(NULL, NULL);
  for (int i = 1; i < HOSTS_MONITORS; i++) wire_leave(&e[i]);
  for (int i = 0; i < 4; i++) wire_turn(&w);
  ck_assert_uint_eq(w.broker.monitors.count, 1);
  ask("x");
  answer_text("y");
  look(&eye);
  ck_assert_uint_eq(n_rows, 2);
  wire_leave(&e[0]);
}
END_TEST

/* Rows and what was lost are together what there was, and little waits for who does not read. */
START_TEST(who_does_not_read_loses_rows_and_is_told) {
  enum { MANY = 20000 };
  lost = 0;
  monitor(NULL, NULL);
  for (int i = 0; i < MANY; i++) {
    ask("x");
    answer_text("y");
    ck_assert_uint_le(wire_client(&w, &eye)->outbox.bytes, SEEN_UNREAD_MOST);
  }
  uint64_t seen = 0;
  for (int quiet = 0; quiet < 3;) {
    n_rows = n_known = 0;
    uv_timer_t *later = &w.broker.monitors.later;
    later->timer_cb(later);
    int r = wire_next(&w, &eye);
    quiet = r ? 0 : quiet + 1;
    for (; r; r = 0) {
      struct value v;
      lost += number(&eye);
      while (reader_next(&eye.r, &v)) {
        seen += v.count == 12;
        struct value inside;
        for (uint32_t i = 0; i < v.count; i++) ck_assert(reader_next(&eye.r, &inside));
      }
    }
  }
  ck_assert_uint_gt(lost, 0);
  ck_assert_uint_eq(seen + lost, 2 * MANY);
}
END_TEST

START_TEST(who_was_in_a_lost_row_is_introduced_again) {
  lost = 0;
  monitor(NULL, NULL);
  ask("x");
  struct client *c = wire_client(&w, &eye);
  c->outbox.bytes += SEEN_UNREAD_MOST; /* as if so much waited */
  w.broker.monitors.later.timer_cb(&w.broker.monitors.later);
  c->outbox.bytes -= SEEN_UNREAD_MOST;
  answer_text("y");
  look(&eye);
  ck_assert(lost == 1 && n_rows == 1 && knows(&shop, "shop") && knows(&till, "till"));
}
END_TEST

START_TEST(ends_when_another_program_goes_on) {
  monitor(NULL, NULL);
  ask("x");
  seen_end_all(&w.broker);
  wire_expect(&w, &eye, MESSAGE_NOTICE, OP_seen);
  wire_expect_error(&w, &eye, STATUS_away);
  ck_assert_uint_eq(w.broker.monitors.count, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker monitor");
  TCase *c = tcase_create("monitor");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_request_and_its_answer);
  tcase_add_test(c, stamps_are_not_shown);
  tcase_add_test(c, long_values_are_cut);
  tcase_add_test(c, errors_of_the_broker_itself);
  tcase_add_test(c, one_way_requests);
  tcase_add_test(c, of_a_worker);
  tcase_add_test(c, of_an_op_or_label);
  tcase_add_test(c, of_a_token);
  tcase_add_test(c, slower_than);
  tcase_add_test(c, wishes_that_cannot_be);
  tcase_add_test(c, who_may_not);
  tcase_add_test(c, only_some_at_a_time_and_each_ends);
  tcase_add_test(c, who_does_not_read_loses_rows_and_is_told);
  tcase_add_test(c, who_was_in_a_lost_row_is_introduced_again);
  tcase_add_test(c, ends_when_another_program_goes_on);
  return run_suite(s);
}
