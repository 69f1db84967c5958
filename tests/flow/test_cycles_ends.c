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
enum { PHASES = 3, ENDS = 2 * PHASES + 1, RECONNECT_MS = 600000 };

/* Both members have come back, or too much time has passed for that. */
static bool is_grace_over(void *unused) {
  (void)unused;
  turn();
  char *text = child_output(bed_broker(bed));
  bool is_over = text && strstr(text, "the grace period is over");
  free(text);
  return is_over;
}

static void open_at(int end) {
  bed = bed_open(&(struct bed_options){.reconnect_ms = RECONNECT_MS});
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

static void next_round_finds_it(void) {
  m.answers = true;
  m.is_asked = false;
  begin_round();
  await_condemned();
}

static void close_all(void) {
  settle();
  the_worker_runs();
  gaijin_close(m.observer);
  gaijin_close(m.g);
  bed_no_tokens(bed);
  bed_close(bed);
}

/* Both members come back: until then, or for the whole --return-grace, the new broker lets go of nothing and begins no round. */
START_TEST(the_broker_is_killed) {
  open_at(_i);
  bed_kill(bed, bed_broker(bed));
  bed_restart(bed);
  bed_until(bed, is_grace_over, NULL, "all are back");
  the_worker_runs();
  ck_assert_uint_le(m.condemned, 1);
  if (_i < 2 * PHASES - 1) next_round_finds_it(); /* after the last answer it may have been decided, and told to one alone */
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
  if (!m.condemned) next_round_finds_it();
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
