/* SPDX-License-Identifier: MIT
 *
 * For tests of rounds for garbage in cycles: a member of them that is the test itself. It holds an object of the worker `w`, which
 * holds one of the test's.
 */
#ifndef GAIJIN_TESTS_FLOW_CYCLES_H
#define GAIJIN_TESTS_FLOW_CYCLES_H

#include <poll.h>
#include <string.h>

#include "tests/bed/bed.h"
#include "tests/unit/run.h"

static const char worker[] =
    "bakaGaijin.keep = function(other) return {other = other} end\n"
    "bakaGaijin.ping = function() return 'here' end\n";

static struct bed *bed;
static struct member {
  gaijin *g, *observer;
  gaijin_token *own;
  gaijin_holding *of_worker;
  bool answers, is_asked; /* it answers by itself; a question waits for its answer */
  void (*spoil)(void);    /* what it does instead, in halt */
  bool is_over;           /* the round; then: */
  double found;           /* so many objects were condemned */
  unsigned phase;
  uint64_t id, round;
  size_t bytes;
  unsigned condemned, resumed;
} m;

static inline void answer_with(int byte) {
  uint8_t live[64];
  memset(live, byte, sizeof live);
  m.is_asked = false;
  ck_assert_int_eq(gaijin_answer_cycle(m.g, m.id, 1, live, m.bytes, NULL, 0), 0);
  ck_assert_int_eq(gaijin_flush(m.g, false), 0);
}
static inline void answer(void) { answer_with(0); }
static inline void on_cycle(void *user, const struct gaijin_cycle *c) {
  (void)user;
  m.is_asked = true;
  m.phase = c->phase;
  m.id = c->id;
  m.round = c->round;
  m.bytes = (c->n_hosted + c->n_held + 7) / 8;
  if (m.answers && m.spoil && c->phase == GAIJIN_CYCLE_HALT)
    m.spoil();
  else if (m.answers)
    answer();
}
static inline void on_condemn(void *user, uint64_t round, const uint64_t *ids, uint32_t n) {
  (void)user;
  (void)round;
  for (uint32_t i = 0; i < n; i++) gaijin_token_condemn(m.g, gaijin_token_find(m.g, ids[i]));
  m.condemned += n;
  gaijin_let_go(m.g, m.of_worker);
}
static inline void on_resume(void *user, uint64_t round) {
  (void)user;
  (void)round;
  m.resumed++;
}
static const struct gaijin_events events = {.cycle = on_cycle, .condemn = on_condemn, .resume = on_resume};

/* The first value of the answer, held. */
static inline gaijin_holding *await_object(uint64_t id) {
  struct gaijin_answer a = {0};
  struct gaijin_value v;
  ck_assert_int_eq(gaijin_await(m.g, id, bed_limit(bed), &a), 0);
  ck_assert_msg(a.ok, "%s", a.text);
  ck_assert(gaijin_body_next(a.body, &v) && v.holding);
  gaijin_hold(m.g, v.holding);
  gaijin_holding *h = v.holding;
  gaijin_body_free(a.body);
  return h;
}

static inline void tie(void) {
  uint64_t id;
  static int tag;
  m.own = gaijin_token_new(m.g, GAIJIN_KIND_TABLE, &tag);
  gaijin_begin_request(m.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "w"}, 1);
  gaijin_put_text(m.g, "keep");
  ck_assert_int_eq(gaijin_end_request(m.g, NULL, NULL, &id), 0);
  gaijin_holding *keep = await_object(id);
  gaijin_begin_request(m.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = keep}, 1);
  gaijin_put_token(m.g, m.own);
  ck_assert_int_eq(gaijin_end_request(m.g, NULL, NULL, &id), 0);
  m.of_worker = await_object(id);
  gaijin_let_go(m.g, keep);
  ck_assert_int_eq(gaijin_flush(m.g, false), 0);
}

static inline void on_over(void *user, const struct gaijin_answer *a) {
  struct gaijin_value v;
  (void)user;
  m.is_over = a->ok;
  m.found = a->ok && gaijin_body_next(a->body, &v) ? v.number : 0;
  gaijin_body_free(a->body);
}

static inline void begin_round(void) {
  if (m.observer) gaijin_close(m.observer);
  m.is_over = false;
  m.observer = bed_connect(bed, "o", true, NULL, NULL);
  gaijin_begin_request(m.observer, &(struct gaijin_send){.op = GAIJIN_OP_ACT}, 2);
  gaijin_put_text(m.observer, "cycles");
  gaijin_put_text(m.observer, "");
  ck_assert_int_eq(gaijin_end_request(m.observer, on_over, NULL, NULL), 0);
  ck_assert_int_eq(gaijin_flush(m.observer, false), 0);
}

/* ---- Waiting ---- */

static inline void turn(void) {
  struct pollfd p = {.fd = gaijin_fd(m.g), .events = POLLIN};
  gaijin_flush(m.g, true);
  if (poll(&p, 1, 10) == 1) ck_assert_msg(gaijin_dispatch(m.g) == 0, "%s", gaijin_error(m.g));
}
static inline bool is_over(void *unused) {
  struct pollfd p = {.fd = gaijin_fd(m.observer), .events = POLLIN};
  (void)unused;
  turn();
  if (poll(&p, 1, 0) == 1) ck_assert_msg(gaijin_dispatch(m.observer) == 0, "%s", gaijin_error(m.observer));
  return m.is_over;
}
static inline bool is_asked(void *phase) {
  turn();
  return m.is_asked && m.phase == *(unsigned *)phase;
}
static inline bool is_decided(void *unused) {
  (void)unused;
  turn();
  return m.condemned || m.resumed;
}
/* It is condemned, or the round over without that. */
static inline bool is_settled(void *unused) { return is_over(unused) || m.condemned > 0; }
/* Until the broker has read all that the test has sent, and the test what the broker has sent before. */
static inline void settle(void) {
  struct gaijin_answer a = {0};
  uint64_t id;
  gaijin_begin_request(m.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(m.g, NULL, NULL, &id), 0);
  ck_assert_int_eq(gaijin_await(m.g, id, bed_limit(bed), &a), 0);
  gaijin_body_free(a.body);
}
/* A round is under way. Where the machine stands still for longer than members let each other wait nothing comes of it: then
 * there are others, in which the test answers by itself. */
static inline void await_condemned(void) {
  enum { ROUNDS_MOST = 50 };
  for (int i = 0; i < ROUNDS_MOST; i++) {
    bed_until(bed, is_settled, NULL, "the round is over");
    settle();
    if (m.condemned) return;
    m.answers = true;
    m.resumed = 0;
    begin_round();
  }
  ck_abort_msg("nothing was condemned in %d rounds", ROUNDS_MOST);
}

#endif
