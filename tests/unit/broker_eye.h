/* SPDX-License-Identifier: MIT
 *
 * A broker (broker_wire.h) with workers shop and till, and an observer, eye, that monitors.
 */
#ifndef GAIJIN_TESTS_BROKER_EYE_H
#define GAIJIN_TESTS_BROKER_EYE_H

#include "broker/core/seen.h"
#include "proto/base.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end shop, till, eye;

static inline void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_join_as(&w, &eye, "eye", true);
}
static inline void teardown(void) {
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

static inline uint64_t number(struct end *e) {
  struct value v;
  ck_assert(reader_next(&e->r, &v));
  ck_assert(v.type == VALUE_NIL || (v.type == VALUE_NUMBER && v.is_uint));
  return v.type == VALUE_NIL ? 0 : v.integer;
}

static inline void read_row(struct end *e) {
  ck_assert_uint_lt(n_rows, ROWS_MOST);
  struct row *r = &rows[n_rows++];
  uint64_t *const all[] = {&r->time_us, &r->kind, &r->op, &r->id, &r->from, &r->to, &r->size, &r->took_ns, &r->target_kind,
                           &r->target, &r->count};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) *all[i] = number(e);
  const char *bytes;
  ck_assert(reader_string(&e->r, &bytes, &r->n));
  memcpy(r->bytes, bytes, r->n);
}

static inline void read_seen(struct end *e) {
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
static inline void look(struct end *e) {
  uv_timer_t *later = &w.broker.monitors.later;
  n_rows = n_known = 0;
  if (uv_is_active((uv_handle_t *)later)) later->timer_cb(later);
  while (wire_next(&w, e) == 1) {
    ck_assert_msg(e->m.op == OP_seen || e->m.op == OP_ping, "got '%s'", op_name(e->m.op));
    if (e->m.op == OP_seen) read_seen(e);
  }
}

static inline bool knows(const struct end *e, const char *name) {
  for (uint32_t i = 0; i < n_known; i++)
    if (known[i].id == e->host) return strcmp(known[i].name, name) == 0;
  return false;
}

/* ---- Asking ---- */

/* Begins to monitor with one key; NULL: all. */
static inline struct pack *begin(struct end *e, const char *key) {
  struct pack *p = wire_ask(e, OP_monitor, NULL, NULL, key ? 2 : 0);
  if (key) pack_text(p, key);
  return p;
}
static inline void begun(struct end *e) {
  wire_send(&w, e);
  wire_expect(&w, e, MESSAGE_NOTICE, OP_seen); /* at once, without rows */
  ck_assert_uint_eq(e->m.body_count, 1);
  ck_assert_uint_eq(wire_uint(e), 0);
}
static inline void monitor(const char *key, const char *text) {
  begin(&eye, key);
  if (key) pack_text(&eye.p, text);
  begun(&eye);
}

static inline void ask(const char *label) {
  pack_text(wire_ask(&till, OP_s2t, "shop", NULL, 1), label);
  wire_send(&w, &till);
  do
    ck_assert_int_eq(wire_next(&w, &shop), 1);
  while (shop.m.op != OP_s2t);
}
static inline void answer_text(const char *text) {
  pack_text(wire_begin(&shop, MESSAGE_REPLY, OP_s2t, shop.m.id, 1), text);
  wire_send(&w, &shop);
  wire_past_peers(&w, &till);
}

#endif
