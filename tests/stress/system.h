/* SPDX-License-Identifier: MIT
 *
 * The real thing under stress: a private broker, its workers, and the driver's
 * connection to them. Everything that goes wrong ends the run with bed_fail.
 */
#ifndef GAIJIN_TESTS_STRESS_SYSTEM_H
#define GAIJIN_TESTS_STRESS_SYSTEM_H

#include "tests/bed/bed.h"
#include "tests/stress/step.h"

struct settings {
  uint64_t seed;
  uint32_t steps;
  unsigned workers;
  unsigned load_min;    /* the broker's --load-min */
  unsigned max_message; /* the broker's --max-message, bytes */
  unsigned batch_steps; /* at most, in a batch */
  unsigned audit_every; /* batches, on average */
  unsigned kill_every;  /* batches, on average; 0: nobody is killed */
  unsigned outage_every; /* batches, on average, in which the broker is killed; 0: none */
  bool cycles; /* the broker looks for garbage in cycles all the time, and of that nothing may be left */
  bool stock;  /* some workers are stock interpreters */
  double limit; /* seconds for one batch; 0: as is fit */
  const char *script; /* worker.lua */
};

struct system_worker {
  struct child *child; /* NULL: absent */
  gaijin_holding *ctl; /* its exposed function; the driver is a user of it */
};

struct system {
  const struct settings *settings;
  struct bed *bed;
  gaijin *g;
  uint64_t generation; /* of the broker that was started last */
  struct system_worker workers[WORKERS_MOST];
  char flags[2][16];           /* texts of the broker's flags */
  const char *broker_flags[9];
  char *step_list;             /* argument of the workers */
};

/* Opens a bed and starts the workers. on_failure as in bed_options; the caller closes with system_close in any case. */
void system_open(struct system *s, const struct settings *settings, void (*on_failure)(void *user, const char *text), void *user);
/* Frees what is the driver's; the bed has been closed, or has failed. */
void system_close(struct system *s);

void system_start(struct system *s, unsigned worker);
/* SIGKILL. */
void system_kill(struct system *s, unsigned worker);

/* Calls a service of a worker with numbers and returns the id, to be awaited. */
uint64_t system_ask(struct system *s, unsigned worker, const char *service, const double *values, size_t count);
/* Waits for an answer, which must be a reply; the body is the caller's. `what` is for the text of a failure. */
gaijin_body *system_await(struct system *s, uint64_t id, const char *what);
/* Both. */
gaijin_body *system_call(struct system *s, unsigned worker, const char *service, const double *values, size_t count);
/* The next value of a reply; there must be one. */
struct gaijin_value system_value(struct system *s, gaijin_body *body);
/* Sends what was let go. */
void system_release(struct system *s);

/* Runs a batch to its end: restarts, lanes, death. */
void system_run(struct system *s, struct batch *b);
/* Whether the workers have gaijin.post. */
bool system_can_post(struct system *s);
/* After the model is empty and audited: every worker must find itself clean; closes the bed. */
void system_finish(struct system *s);

#endif
