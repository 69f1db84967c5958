/* SPDX-License-Identifier: MIT
 *
 * One attack on a real broker, and what comes of it: for a victim, in memory, in the log. There are
 * two ways to look at it: a test (test_hostile.c) holds what was counted against bounds with room;
 * the bench (bench.c) also measures the victim's times beside those among as many busy processes
 * that do not touch the broker.
 *
 * Required of every case: no call of the victim fails, the broker lives, its books are empty in the
 * end, and it ends on SIGTERM.
 */
#ifndef GAIJIN_TESTS_HOSTILE_CASE_H
#define GAIJIN_TESTS_HOSTILE_CASE_H

#include "tests/bed/bed.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/victim.h"

struct hostile_case {
  const char *name;
  const char *text;   /* for people */
  const char *before; /* what it did before there was something against it */
  attack_fn attack;
  unsigned attackers;
  const char *host_code;           /* more Lua for the worker that the victim calls; or NULL */
  const char *const *broker_flags; /* or NULL */
  bool bench_only;                 /* no part of the tests */
  bool allows_eval;                /* the worker runs code for observers */
  bool prepares;                   /* what it does until it is ready is no part of the attack */
  bool deaf_log;                   /* the broker's stderr is a full pipe that nobody reads */
  /* Bounds. */
  const char *named;           /* the log tells this; NULL: nothing needs to be told */
  const char *never_named;     /* nothing has this: not the log, nor gaijinctl's stderr; or NULL */
  uint64_t sent_least;         /* for so many the attack is waited for: else it was none */
  double broker_mb, worker_mb; /* most memory ever; 0: the usual */
  double broker_ms,
      worker_ms; /* their processor time during 99 of 100 calls of the victim; 0: the usual */
};

/* Ended by one without a name. */
extern const struct hostile_case hostile_on_turns[], hostile_on_memory[], hostile_on_log[],
    hostile_on_worker[], hostile_on_tokens[], hostile_on_limits[],
    hostile_on_observers[], hostile_on_rings[], hostile_on_names[];

struct hostile_effort {
  double seconds; /* of each phase, at least */
  unsigned calls; /* in each phase, at least */
  uint64_t sent;  /* by the attackers, at least; 0: as the case has it */
  bool beside;    /* measure the phases without attack, too */
  void (*on_failure)(void *user, const char *text); /* as in struct bed_options */
};

struct outcome {
  struct figures quiet, beside, attacked;
  uint64_t sent, gained, begun; /* by the attackers */
  double seconds;               /* of the attack */
  double broker_mb, worker_mb;  /* the most they ever had */
  double lines;                 /* of the log, during the attack */
  bool is_named, is_forged;
};

/* Runs it. What is required of every case and not so ends the test. */
void hostile_run(const struct hostile_case *c, const struct hostile_effort *e, struct outcome *o);
/* Holds it against the bounds of the case; all but what depends on the machine's other work. NULL,
 * or what is wrong, in `text`. */
const char *hostile_judge(const struct hostile_case *c, const struct outcome *o, char *text,
                          size_t n);

#endif
