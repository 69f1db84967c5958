/* SPDX-License-Identifier: MIT
 *
 * A broker (broker_wire.h) with workers that answer `cycle` as they are told, and an observer, o, that has it look for garbage in
 * cycles.
 */
#ifndef GAIJIN_TESTS_BROKER_CYCLES_H
#define GAIJIN_TESTS_BROKER_CYCLES_H

#include "broker/cycles/internal.h"
#include "tests/unit/broker_wire.h"
#include "tests/unit/slow_clock.h"

enum { WORKERS = 3, LIST_MOST = 64 };

static struct wire w;
static struct end all[WORKERS], o;
static struct end d; /* another one, for those who have it join */
static struct end *const a = &all[0], *const b = &all[1], *const c = &all[2];

/* What the last `cycle` asked, of whomever. */
static struct asked {
  uint64_t round, phase, id;
  uint32_t hosted, held;
  uint64_t ids[LIST_MOST];
  struct pt pts[LIST_MOST];
} q;

/* The time that they tell it took. It is waited for twice in halt: so that a busy machine has all of it. */
static uint64_t told_ms = 700;

static inline void cycles_setup_with(uint64_t time_ms, uint32_t quiet_s) {
  struct broker_config config = wire_config();
  config.cycle_ms = time_ms;
  config.cycle_quiet_s = quiet_s;
  config.max_message = MAX_MESSAGE_DEFAULT;
  memset(all, 0, sizeof all);
  o = d = (struct end){0};
  wire_open(&w, &config);
  wire_join(&w, a, "a");
  wire_join(&w, b, "b");
  wire_join(&w, c, "c");
  wire_join_as(&w, &o, "o", true);
  for (int i = 0; i < WORKERS; i++) wire_client(&w, &all[i])->cycle_pause_ms = 1500;
}
static inline void cycles_setup(void) { cycles_setup_with(0, 0); }
static inline void cycles_teardown(void) {
  for (int i = 0; i < WORKERS; i++)
    if (all[i].fd >= 0) wire_leave(&all[i]);
  wire_leave(&o);
  for (int i = 0; i < 1000 && w.broker.refs.tokens.count; i++) wire_turn(&w);
  ck_assert_uint_eq(w.broker.refs.trials, 0);
  wire_close(&w);
}

static inline const char *name_of(const struct end *e) { return e == a ? "a" : e == b ? "b" : e == c ? "c" : "d"; }

/* `holder` gets the object of `host` with this id. */
static inline void cycles_hold(struct end *holder, struct end *host, uint64_t id) {
  struct pt pt = wire_token(host, id);
  wire_fetch(&w, holder, host, name_of(host), &pt);
}
/* a has an object that holds one of b, which holds the first. */
static inline void cycles_pair(void) {
  cycles_hold(b, a, 1);
  cycles_hold(a, b, 2);
}

static inline void cycles_begin_round(void) {
  pack_text(wire_ask(&o, OP_act, NULL, NULL, 2), "cycles");
  pack_text(&o.p, "");
  wire_send(&w, &o);
}

/* Has the round begin that is due next, by time. */
static inline void cycles_begin_by_time(void) {
  struct cycles *k = w.broker.cycles;
  k->time_ms = 3600000;
  when_schedule(k);
  uv_timer_start(&k->timer, k->timer.timer_cb, 0, 0);
  k->due_ms = k->not_before_ms = 0;
}

/* What `cycle` asks, which has come. */
static inline void cycles_read_question(struct end *e) {
  struct value v;
  q.round = wire_uint(e);
  q.phase = wire_uint(e);
  q.id = e->m.id;
  ck_assert(reader_next(&e->r, &v) && v.type == VALUE_ARRAY);
  q.hosted = v.count;
  for (uint32_t i = 0; i < v.count; i++) {
    uint64_t id = wire_uint(e);
    if (i < LIST_MOST) q.ids[i] = id;
  }
  ck_assert(reader_next(&e->r, &v) && v.type == VALUE_ARRAY);
  q.held = v.count;
  for (uint32_t i = 0; i < v.count; i++) {
    struct pt pt = wire_pt(e);
    if (i < LIST_MOST) q.pts[i] = pt;
  }
}
/* The next message is `cycle` of this phase. */
static inline void cycles_asked(struct end *e, enum cycles_phase phase) {
  wire_past_peers(&w, e);
  ck_assert_msg(e->m.op == OP_cycle && e->m.kind == MESSAGE_REQUEST, "expected 'cycle', got '%s'", op_name(e->m.op));
  cycles_read_question(e);
  ck_assert_uint_eq(q.phase, phase);
}

/* Answers what was asked last: `live` has a bit for each object; `edges`: n pairs. */
static inline void cycles_put_answer(struct end *e, uint64_t ms, uint64_t live, unsigned n, const uint32_t *edges) {
  static char bits[1 << 15];
  uint32_t bytes = (q.hosted + q.held + 7) / 8;
  uint8_t pairs[512];
  memset(bits, 0, sizeof bits);
  for (uint32_t i = 0; i < bytes && i < 8; i++) bits[i] = (char)(live >> (8 * i));
  for (unsigned i = 0; i < 2 * n; i++)
    for (unsigned k = 0; k < 4; k++) pairs[4 * i + k] = (uint8_t)(edges[i] >> (24 - 8 * k));
  struct pack *p = wire_begin(e, MESSAGE_REPLY, OP_cycle, q.id, 3);
  pack_uint(p, ms);
  pack_string(p, bits, bytes);
  pack_string(p, (const char *)pairs, 8 * n);
  wire_end(e);
}
static inline void cycles_answer(struct end *e, uint64_t live) {
  cycles_put_answer(e, told_ms, live, 0, NULL);
  wire_flush(&w, e);
}

/* One worker is asked, and answers that nothing is live. */
static inline void cycles_clear(struct end *e, enum cycles_phase phase) {
  cycles_asked(e, phase);
  cycles_answer(e, 0);
}
/* Both, in scan and check: they are asked to halt next. */
static inline void cycles_to_halt(void) {
  for (int phase = CYCLES_SCAN; phase <= CYCLES_CHECK; phase++) {
    cycles_clear(a, (enum cycles_phase)phase);
    cycles_clear(b, (enum cycles_phase)phase);
  }
}

static inline void cycles_expect_resume(struct end *e) {
  wire_expect(&w, e, MESSAGE_NOTICE, OP_resume);
  ck_assert_uint_eq(wire_uint(e), q.round);
}
/* `condemn` of this one id. */
static inline void cycles_expect_condemn(struct end *e, uint64_t id) {
  wire_expect(&w, e, MESSAGE_NOTICE, OP_condemn);
  ck_assert_uint_eq(wire_uint(e), q.round);
  ck_assert_uint_eq(e->m.body_count, id ? 2 : 1);
  if (id) ck_assert_uint_eq(wire_uint(e), id);
}

/* The observer's round is over; `outcome` NULL: anyhow. */
static inline void cycles_expect_end(uint64_t condemned, const char *outcome) {
  wire_past_peers(&w, &o);
  ck_assert_int_eq(o.m.kind, MESSAGE_REPLY);
  ck_assert_int_eq(o.m.op, OP_act);
  ck_assert_uint_eq(wire_uint(&o), condemned);
  for (int i = 0; i < 3; i++) wire_uint(&o);
  if (outcome) wire_expect_text(&o, outcome);
}

#endif
