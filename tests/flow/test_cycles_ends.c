/* SPDX-License-Identifier: MIT
 *
 * A round for garbage in cycles is under way, and the broker is killed, or another program goes on in its place, before and after
 * each message: it simply ends, nobody stays halted, nothing is half done, and the next round finds what this one did not.
 *
 * One member is a worker, the other the test, which holds an object of the worker's that holds one of the test's.
 */
#define _GNU_SOURCE
#include "tests/flow/cycles.h"
#include "tests/flow/upgrading.h"

static const char asker[] = "gaijin.timeout(20, function() assert(gaijin.wait_for('w', 'ping')() == 'here') end)";

/* Where it happens: before and after each of its answers, and after the condemnation. */
enum { PHASES = 3, ENDS = 2 * PHASES + 1 };

static void open_at(int end) {
  bed = bed_open(NULL);
  bed_start(bed, &(struct bed_worker){.name = "w", .code = worker});
  m = (struct member){0};
  m.g = bed_connect(bed, "m", false, &events, NULL);
  tie();
  begin_round();
  for (unsigned phase = 0; phase < PHASES && end >= (int)(2 * phase); phase++) {
    bed_until(bed, is_asked, &phase, "the test is asked");
    if (end > (int)(2 * phase)) answer();
  }
  if (end == ENDS - 1)
    await_condemned();
  else if (end % 2)
    settle();
}

static void the_worker_runs(void) {
  bed_exit(bed, bed_start(bed, &(struct bed_worker){.name = "asker", .code = asker, .once = true, .no_wait = true}), 0);
}

static void close_all(void) {
  gaijin_close(m.observer);
  gaijin_close(m.g);
  bed_no_tokens(bed);
  bed_close(bed);
}

START_TEST(the_broker_is_killed) {
  open_at(_i);
  bed_kill(bed, bed_broker(bed));
  bed_restart(bed);
  the_worker_runs();
  close_all();
}
END_TEST

START_TEST(the_broker_is_upgraded) {
  open_at(_i);
  upgrade(bed, 1);
  the_worker_runs();
  bool was_halted = _i >= 2 * PHASES - 2;
  if (was_halted) bed_until(bed, is_decided, NULL, "the halt ends");
  ck_assert_uint_le(m.condemned, 1);
  ck_assert_uint_eq(m.condemned + m.resumed, was_halted ? 1u : 0u);
  if (!m.condemned) {
    m.answers = true;
    m.is_asked = false;
    begin_round();
    await_condemned();
  }
  settle();
  the_worker_runs();
  close_all();
}
END_TEST

int main(void) {
  Suite *s = suite_create("cycles ends");
  TCase *t = tcase_create("ends");
  tcase_set_timeout(t, 600);
  tcase_add_loop_test(t, the_broker_is_killed, 0, ENDS);
  tcase_add_loop_test(t, the_broker_is_upgraded, 0, ENDS);
  suite_add_tcase(s, t);
  return run_suite(s);
}
