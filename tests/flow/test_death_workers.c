/* SPDX-License-Identifier: MIT
 *
 * The hand-off of test_death.c by real workers (death/A.lua, C.lua, H.lua), one of which
 * is killed at a random moment and started again, many times. Those alive must
 * see nothing but `dead`, and in the end the broker has no token left.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <time.h>

#include "tests/bed/bed.h"
#include "tests/unit/random.h"
#include "tests/unit/run.h"

enum { WORKERS = 3, DEATHS = 200, HANDED_MOST = 12, DELAY_MOST_US = 3000, DIRECTORY_MOST = 64 };
static const char *const names[WORKERS] = {"A", "C", "H"};

struct story {
  struct bed *bed;
  struct child *workers[WORKERS];
  double handed, wanted;
};

/* A number that A exposes; false while there is no A, or no such label. */
static bool ask_a(struct story *s, const char *label, double *number) {
  gaijin *g = bed_observer(s->bed);
  struct gaijin_answer answer;
  struct gaijin_value v = {.type = GAIJIN_NIL};
  uint64_t id = 0;
  gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "A", .depth = 1}, 1);
  gaijin_put_text(g, label);
  if (gaijin_end_request(g, NULL, NULL, &id) != 0 || gaijin_await(g, id, bed_limit(s->bed), &answer) != 0)
    bed_fail(s->bed, "asking A: %s", gaijin_error(g));
  bool there = answer.ok && gaijin_body_next(answer.body, &v) && v.type == GAIJIN_NUMBER;
  *number = v.number;
  gaijin_body_free(answer.body);
  return there;
}

static bool has_handed(void *user) {
  struct story *s = user;
  for (unsigned i = 0; i < WORKERS; i++)
    if (child_ended(s->workers[i])) bed_fail(s->bed, "%s ended by itself", names[i]);
  return ask_a(s, "handed", &s->handed) && s->handed >= s->wanted;
}

static void start(struct story *s, unsigned i) {
  char path[DIRECTORY_MOST];
  snprintf(path, sizeof path, "tests/flow/death/%s.lua", names[i]);
  s->workers[i] = bed_start(s->bed, &(struct bed_worker){.name = names[i], .script = path});
}

START_TEST(random_deaths) {
  uint64_t random = random_seed("random_deaths");
  struct story s = {.bed = bed_open(NULL)};
  double sum = 0, longest = 0;
  for (unsigned i = 0; i < WORKERS; i++) start(&s, i);
  for (unsigned death = 0; death < DEATHS; death++) {
    double before = s.handed, took;
    s.wanted = s.handed + 1 + random_below(&random, HANDED_MOST);
    bed_until(s.bed, has_handed, &s, "A hands objects over");
    sum += s.handed - before;
    if (ask_a(&s, "longest", &took) && took > longest) longest = took;
    /* The moment of death: anywhere in the hand-offs under way. */
    nanosleep(&(struct timespec){.tv_nsec = 1000 * (long)random_below(&random, DELAY_MOST_US)}, NULL);
    unsigned victim = death + 1 == DEATHS ? 0 : random_below(&random, WORKERS);
    bed_kill(s.bed, s.workers[victim]);
    if (death + 1 == DEATHS) break; /* A, the last one, stays dead: nobody hands anything over any more */
    start(&s, victim);
    if (victim == 0) s.handed = 0;
  }
  printf("random_deaths: %.0f hand-offs, %d deaths, the longest failure took %.1f ms\n", sum, (int)DEATHS, longest * 1e3);
  bed_close(s.bed);
}
END_TEST

int main(void) {
  Suite *s = suite_create("death of workers");
  TCase *t = tcase_create("death of workers");
  tcase_set_timeout(t, 600);
  tcase_add_test(t, random_deaths);
  suite_add_tcase(s, t);
  return run_suite(s);
}
