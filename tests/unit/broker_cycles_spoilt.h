/* SPDX-License-Identifier: MIT
 *
 * Rounds (broker_cycles.h) that are spoilt in halt: a and b have a cycle of the objects 1 and 2; the one who spoils it, c, has 3, in
 * a cycle with 4 of a, or with 4 of d.
 */
#ifndef GAIJIN_TESTS_BROKER_CYCLES_SPOILT_H
#define GAIJIN_TESTS_BROKER_CYCLES_SPOILT_H

#include "tests/unit/broker_cycles.h"

static inline void setup(void) {
  cycles_setup();
  told_ms = 400; /* they are waited for less long than they wait */
  wire_join(&w, &d, "d");
  for (int i = 0; i < WORKERS; i++) wire_client(&w, &all[i])->cycle_pause_ms = 1000;
  wire_client(&w, &d)->cycle_pause_ms = 1000;
}
static inline void teardown(void) {
  if (d.fd >= 0) wire_leave(&d);
  cycles_teardown();
}

/* c has 3 and holds 4 of the other, who holds 3. */
static inline void spoilers_cycle(struct end *other) {
  cycles_hold(other, c, 3);
  cycles_hold(c, other, 4);
}

/* Has the round begin that is due: all was mentioned last 40 s ago. */
static inline void begin_by_time(void) {
  struct refs *r = &w.broker.refs;
  w.broker.cycles->quiet_s = 30;
  for (uint32_t i = slab_next(&r->tokens, 0); i != SLAB_NONE; i = slab_next(&r->tokens, i + 1))
    refs_token(r, i)->last = (uint16_t)(broker_now(&w.broker) - 40);
  cycles_begin_by_time();
}

/* ---- Ways to spoil it, by c, which was asked last ---- */

static inline void use(void) {
  struct pt y = q.pts[0];
  pack_text(wire_ask(c, OP_get, NULL, &y, 1), "k");
  wire_send(&w, c);
}
static inline void release(void) {
  wire_begin(c, MESSAGE_NOTICE, OP_unsub, 0, 2);
  struct pt y = q.pts[0];
  pack_pt(&c->p, &y);
  pack_uint(&c->p, 1);
  wire_send(&w, c);
}
static inline void say_live(void) { cycles_answer(c, 1); }
static inline void withdraw(void) {
  pack_uint(wire_begin(c, MESSAGE_NOTICE, OP_withdraw, 0, 1), q.round);
  wire_send(&w, c);
}
static inline void refuse(void) {
  pack_uint(wire_begin(c, MESSAGE_ERROR, OP_cycle, q.id, 2), STATUS_busy);
  pack_text(&c->p, "no");
  wire_send(&w, c);
}
static inline void be_late(void) {
  struct cycles *k = w.broker.cycles;
  for (uint32_t i = 0; i < k->member_count; i++) k->members[i].asked_ms -= k->halt_ms;
  uv_timer_start(&w.broker.cycles->timer, w.broker.cycles->timer.timer_cb, 0, 0);
  wire_turn(&w);
}
static inline void die(void) {
  wire_leave(c);
  c->fd = -1;
  wire_turn(&w);
}
static inline void claim(void) {
  struct pt y = q.pts[0];
  pack_pt(wire_begin(c, MESSAGE_REQUEST, OP_sub, 77, 1), &y);
  wire_send(&w, c);
}
enum { WAYS = 8 };
static inline void spoil(int way) {
  static void (*const ways[WAYS])(void) = {use, release, say_live, withdraw, refuse, be_late, die, claim};
  ways[way]();
}
static inline const char *text_of(int way) {
  static const char *const texts[WAYS] = {"worker c used a suspected object meanwhile", "worker c used a suspected object meanwhile",
                                          "worker c uses a suspected object", "worker c could not stand still for so long",
                                          "worker c could not look; left out: c (could not look)", "worker c did not answer in time",
                                          "worker c has ended", "worker c used a suspected object meanwhile"};
  return texts[way];
}
enum { USE, RELEASE, SAY_LIVE, WITHDRAW, REFUSE, BE_LATE, DIE, CLAIM }; /* the ways */

/* Whatever else comes, until the next of the round. */
static inline void asked(struct end *e, enum cycles_phase phase) {
  do
    ck_assert_int_eq(wire_next(&w, e), 1);
  while (e->m.op != OP_cycle);
  cycles_read_question(e);
  ck_assert_uint_eq(q.phase, phase);
}
static inline void clear(struct end *e, enum cycles_phase phase) {
  asked(e, phase);
  cycles_answer(e, 0);
}
static inline void expect_op(struct end *e, enum op op) {
  do
    ck_assert_int_eq(wire_next(&w, e), 1);
  while (e->m.op != op && e->m.op != OP_cycle);
  ck_assert_int_eq(e->m.op, op);
}
static inline void await_end(void) {
  for (int n = 0; n < 20; n++) wire_turn(&w);
  ck_assert_uint_eq(w.broker.cycles->stage, CYCLES_IDLE);
}
static inline void expect_end(uint64_t condemned, const char *outcome, const char *text) {
  cycles_expect_end(condemned, outcome);
  if (text) wire_expect_text(&o, text);
}

#endif
