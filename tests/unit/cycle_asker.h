/* SPDX-License-Identifier: MIT
 *
 * A VM whose test is the broker that asks about suspects: one object of ours and one AT of another's.
 */
#ifndef GAIJIN_TESTS_CYCLE_ASKER_H
#define GAIJIN_TESTS_CYCLE_ASKER_H

#include "lua/cycles/state.h"
#include "tests/unit/vm.h"

static struct vm v;
static const struct gaijin_pt A = {OTHER_HOST, 1, 11, GAIJIN_KIND_TABLE}, F = {OTHER_HOST, 2, 12, GAIJIN_KIND_FUNCTION};
static uint64_t request_number;
static uint32_t told_edges; /* of the last answer read */
enum { ROUND = 5 };

/* ---- The broker ---- */

/* The global u becomes known to others and is no label any more; its id. */
static inline uint64_t export(void) {
  struct gaijin_pt pt;
  vm_do(&v, "bakaGaijin.suspect = u");
  vm_ask_label(&v, ++request_number + 1000, "suspect");
  struct message *m = fake_next(&v.f);
  while (m->op != OP_s2t || m->kind != MESSAGE_REPLY) m = fake_next(&v.f);
  struct reader r = fake_values(m);
  ck_assert(fake_read_pt(&r, &pt));
  vm_do(&v, "bakaGaijin.suspect = nil");
  return pt.id;
}

static inline void begin_question(unsigned phase, const uint64_t *ids, uint32_t n) {
  fake_begin(&v.f, MESSAGE_REQUEST, GAIJIN_OP_CYCLE, ++request_number, 4);
  pack_uint(&v.f.p, ROUND);
  pack_uint(&v.f.p, phase);
  pack_array(&v.f.p, n);
  for (uint32_t i = 0; i < n; i++) pack_uint(&v.f.p, ids[i]);
}

/* Asks about one of ours and one of others. */
static inline void ask(unsigned phase, uint64_t id, const struct gaijin_pt *pt) {
  begin_question(phase, &id, 1);
  pack_array(&v.f.p, 1);
  fake_put_pt(&v.f, pt);
  fake_deliver(&v.f);
}

/* Lets the loop turn until the question is answered. */
static inline void await_answer(void) {
  while (v.w.cycles->is_asked) uv_run(&v.w.loop.uv, UV_RUN_ONCE);
  ck_assert_int_eq(gaijin_flush(v.w.g, false), 0);
}

enum { LIVE_HERE = 1, LIVE_THERE = 2, REFUSED = 4 };

/* The bits of the next answer, of one of ours and one of others. */
static inline unsigned read_answer(void) {
  struct message *m = fake_next(&v.f);
  while (m->op != OP_cycle) m = fake_next(&v.f);
  ck_assert_uint_eq(m->id, request_number);
  if (m->kind == MESSAGE_ERROR) return REFUSED;
  uint64_t ms;
  const char *live, *edges;
  uint32_t n_live, n_edges;
  struct reader r = fake_values(m);
  ck_assert(reader_uint(&r, &ms) && reader_string(&r, &live, &n_live) && reader_string(&r, &edges, &n_edges));
  ck_assert_uint_eq(n_live, 1);
  ck_assert_uint_eq(n_edges % 8, 0);
  told_edges = n_edges / 8;
  for (uint32_t i = 0; i < n_edges; i++) ck_assert_int_eq(edges[i], 0); /* there is one of each */
  return (unsigned char)*live;
}

static inline unsigned asked(unsigned phase, uint64_t id, const struct gaijin_pt *pt) {
  ask(phase, id, pt);
  await_answer();
  return read_answer();
}

static inline void decide(enum gaijin_op op, const uint64_t *ids, uint32_t n) {
  fake_begin(&v.f, MESSAGE_NOTICE, op, 0, n + 1);
  pack_uint(&v.f.p, ROUND);
  for (uint32_t i = 0; i < n; i++) pack_uint(&v.f.p, ids[i]);
  fake_deliver(&v.f);
}
static inline void resume(void) { decide(GAIJIN_OP_RESUME, NULL, 0); }

static inline void open_vm(void) {
  vm_connect(&v);
  request_number = 0;
}

#endif
