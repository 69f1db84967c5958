/* SPDX-License-Identifier: MIT
 *
 * Each attack for a moment: work and memory are counted, times are not looked at (`make
 * hostile-bench` does).
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/hostile/case.h"
#include "tests/unit/run.h"

/* Calls of the victim in each phase, or the share of them that GAIJIN_TEST_SHARE leaves. */
enum { CALLS = 100 };

static unsigned calls(void) {
  const char *share = getenv("GAIJIN_TEST_SHARE");
  return share && atoi(share) > 1 ? CALLS / (unsigned)atoi(share) : CALLS;
}

static void run(const struct hostile_case *c) {
  struct outcome o;
  char text[256];
  if (c->bench_only) return;
  hostile_run(c, &(struct hostile_effort){.seconds = 0.2, .calls = calls()}, &o);
  printf(
      "%-16s %u calls, p99 %.1f ms (broker's time %.2f, worker's %.2f); %.0f and %.0f MB; "
      "%.0f lines; sent %llu, begun %llu times, %.1f s\n",
      c->name, o.attacked.calls, o.attacked.took.p99, o.attacked.broker.p99, o.attacked.worker.p99,
      o.broker_mb, o.worker_mb, o.lines, (unsigned long long)o.sent, (unsigned long long)o.begun,
      o.seconds);
  fflush(stdout);
  const char *fault = hostile_judge(c, &o, text, sizeof text);
  ck_assert_msg(!fault, "%s", fault);
}

START_TEST(turns) { run(&hostile_on_turns[_i]); }
END_TEST
START_TEST(memory) { run(&hostile_on_memory[_i]); }
END_TEST
START_TEST(logs) { run(&hostile_on_log[_i]); }
END_TEST
START_TEST(worker) { run(&hostile_on_worker[_i]); }
END_TEST
START_TEST(tokens) { run(&hostile_on_tokens[_i]); }
END_TEST
START_TEST(limits) { run(&hostile_on_limits[_i]); }
END_TEST

START_TEST(observers) { run(&hostile_on_observers[_i]); }
END_TEST

START_TEST(rings) { run(&hostile_on_rings[_i]); }
END_TEST

START_TEST(names) { run(&hostile_on_names[_i]); }
END_TEST

static int count(const struct hostile_case *c) {
  int n = 0;
  while (c[n].name) n++;
  return n;
}

static void add(Suite *s, const char *name, const TTest *test, const struct hostile_case *cases) {
  TCase *t = tcase_create(name);
  tcase_set_timeout(t, 600);
  tcase_add_loop_test(t, test, 0, count(cases));
  suite_add_tcase(s, t);
}

int main(void) {
  Suite *s = suite_create("hostile");
  add(s, "turns", turns, hostile_on_turns);
  add(s, "memory", memory, hostile_on_memory);
  add(s, "logs", logs, hostile_on_log);
  add(s, "worker", worker, hostile_on_worker);
  add(s, "tokens", tokens, hostile_on_tokens);
  add(s, "limits", limits, hostile_on_limits);
  add(s, "observers", observers, hostile_on_observers);
  add(s, "rings", rings, hostile_on_rings);
  add(s, "names", names, hostile_on_names);
  return run_suite(s);
}
