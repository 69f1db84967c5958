/* SPDX-License-Identifier: MIT
 *
 * Rounds for which there is too little memory: what cannot be remembered of an answer counts as live.
 */
#include <stdlib.h>

static int no_memory; /* for answers */
static void *malloc_if(size_t n) { return no_memory ? NULL : malloc(n); }
#define malloc malloc_if
#include "broker/cycles/messages.c"
#undef malloc

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

int main(void) {
  Suite *s = suite_create("broker cycles memory");
  TCase *t = tcase_create("memory");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, cycles_setup, cycles_teardown);
  tcase_add_test(t, an_answer_in_halt);
  return run_suite(s);
}
