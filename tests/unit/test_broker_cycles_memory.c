/* SPDX-License-Identifier: MIT
 *
 * Rounds for which there is too little memory: what cannot be remembered of an answer counts as live; and whichever piece of memory is
 * not to be had, the round ends, and the next one finds all.
 */
#include <stdlib.h>

static int no_memory; /* for answers */
static int fails_in;  /* so many pieces; 0: none does */
static int is_given(void) { return !no_memory && !(fails_in > 0 && --fails_in == 0); }
static void *malloc_if(size_t n) { return is_given() ? malloc(n) : NULL; }
static void *calloc_if(size_t n, size_t size) { return is_given() ? calloc(n, size) : NULL; }
static void *realloc_if(void *p, size_t n) { return is_given() ? realloc(p, n) : NULL; }
#define malloc malloc_if
#define calloc calloc_if
#define realloc realloc_if
#include "broker/cycles/messages.c"
#define charge lists_charge
#include "broker/cycles/lists.c"
#undef charge
#define walk suspects_walk
#include "broker/cycles/suspects.c"
#undef walk
#define charge weed_charge
#define EDGE_BYTES WEED_EDGE_BYTES
#include "broker/cycles/weed.c"
#undef charge
#undef EDGE_BYTES
#undef malloc
#undef calloc
#undef realloc

#include "tests/unit/broker_cycles.h"

START_TEST(an_answer_in_halt) {
  cycles_pair();
  cycles_begin_round();
  cycles_to_halt();
  cycles_clear(a, CYCLES_HALT);
  cycles_asked(b, CYCLES_HALT);
  no_memory = 1;
  cycles_answer(b, 1);
  cycles_expect_resume(a);
  cycles_expect_resume(b);
  no_memory = 0;
  cycles_expect_end(0, "aborted");
  wire_expect_text(&o, "worker b uses a suspected object");
}
END_TEST

static uint64_t condemned;

/* Answers what there is: nothing is live, and each reaches the other's. Whether there was anything. */
static bool serve(struct end *e) {
  static const uint32_t edge[] = {0, 0};
  if (wire_next(&w, e) != 1) return false;
  if (e->m.op == OP_condemn) condemned += e->m.body_count - 1;
  if (e->m.op != OP_cycle) return true;
  cycles_read_question(e);
  cycles_put_answer(e, 1, 0, q.phase == CYCLES_SCAN && q.hosted && q.held, edge);
  wire_flush(&w, e);
  return true;
}
static void play(void) {
  condemned = 0;
  cycles_begin_round();
  for (bool any = true; any;) {
    any = serve(a);
    any |= serve(b);
  }
  ck_assert_int_eq(w.broker.cycles->stage, CYCLES_IDLE);
  ck_assert_uint_eq(w.broker.refs.trials, 0);
}

/* Each piece in its turn. */
START_TEST(a_round_without_some_memory) {
  enum { PIECES_MOST = 40 };
  int pieces = 0;
  bool is_over = false;
  for (uint64_t id = 1; !is_over; id++) {
    ck_assert_int_lt(pieces, PIECES_MOST);
    cycles_hold(b, a, id);
    cycles_hold(a, b, id);
    fails_in = ++pieces;
    play();
    is_over = fails_in > 0; /* there were no more */
    fails_in = 0;
    if (is_over) break;
    cycles_expect_end(condemned, pieces <= 2 ? "aborted" : NULL); /* it cannot begin */
    if (pieces <= 2) wire_expect_text(&o, "the broker's memory is too short");
    if (condemned == 2) continue; /* an edge that is not known */
    ck_assert_uint_eq(condemned, 0);
    play();
    ck_assert_uint_eq(condemned, 2);
    cycles_expect_end(2, "found");
  }
  ck_assert_int_ge(pieces, 8);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker cycles memory");
  TCase *t = tcase_create("memory");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, cycles_setup, cycles_teardown);
  tcase_add_test(t, an_answer_in_halt);
  tcase_add_test(t, a_round_without_some_memory);
  return run_suite(s);
}
