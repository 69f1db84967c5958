/* SPDX-License-Identifier: MIT
 *
 * Steps: what happens to the graph, as random operands, and what they come to in
 * a model. A step that is impossible (an empty slot, a lock of another lane) is
 * refused and left out, so any part of a list of steps is a valid list.
 */
#ifndef GAIJIN_TESTS_STRESS_STEP_H
#define GAIJIN_TESTS_STRESS_STEP_H

#include <stddef.h>

#include "tests/stress/model.h"

/* STEP(name, operands sent to the worker, weight). worker.lua has the steps by name. Indices on the wire count from 1. */
#define STEPS(STEP) \
  STEP(create, 4, 10) STEP(copy, 2, 4) STEP(drop, 1, 10) STEP(label, 2, 6) STEP(unlabel, 1, 3) STEP(fetch, 4, 12) \
  STEP(give, 3, 8) STEP(take, 4, 8) STEP(handoff, 4, 8) STEP(store, 4, 14) STEP(clear, 2, 8) STEP(load, 4, 8) \
  STEP(key, 3, 8) STEP(unkey, 3, 12) STEP(lookup, 3, 4) STEP(pairs, 4, 7) STEP(callback, 8, 14) STEP(raise, 4, 3) \
  STEP(relay, 4, 5) STEP(post, 4, 10) STEP(sync, 1, 0) STEP(lend, 5, 4) STEP(box, 5, 4) STEP(same, 4, 5) STEP(check, 2, 4) STEP(haunt, 3, 4) STEP(collect, 1, 3) \
  STEP(wait, 2, 1) STEP(too_large, 3, 1) STEP(absent, 1, 2)

#define STEP_ENUM(name, operands, weight) STEP_##name,
enum step_op { STEPS(STEP_ENUM) STEP_SENT, STEP_restart = STEP_SENT, STEP_kill, STEP_outage, STEP_audit };
#undef STEP_ENUM

struct step {
  uint32_t batch;
  uint8_t op, worker, lane; /* lane of the worker, 0 to LANES - 1 */
  uint8_t x[6];             /* operands; each is taken modulo what there is */
};

/* What one lane does in a batch, as it is sent. */
struct commands {
  double *values;
  size_t count, capacity;
  unsigned n_steps;
  unsigned posted; /* bit per worker that was sent something one way */
};

/* A place that a batch writes, what was there before, and which step of which lane (worker * LANES + lane) writes it. */
enum place_kind { PLACE_SLOT, PLACE_LABEL, PLACE_CELL };
struct place {
  uint32_t object; /* CELL: whose */
  uint32_t old, step; /* step: from 1 */
  uint8_t kind, worker, index; /* worker: SLOT, LABEL */
  uint8_t lane;
  bool may_be_old; /* nobody was told that the step was done */
};

/* Kills of the broker in a batch. */
enum victim_dies { DIES_BEFORE, DIES_IN_FIRST, DIES_BETWEEN, DIES_IN_LAST };
enum pause_before_second { SECOND_AT_ONCE, SECOND_SOON, SECOND_WHEN_BACK };
struct outage {
  unsigned kills;           /* 0: the broker lives */
  unsigned after, delay_us; /* the first is so long after so many lanes have answered */
  int stopped;              /* a worker with SIGSTOP from before the first to after the last; -1: none */
  bool stopped_late;        /* only from the first one on */
  bool hangs;               /* the last broker is stopped as soon as it is up */
  unsigned late_us;         /* for so long, and so long a stopped worker stays away then */
  enum victim_dies victim_dies;
  enum pause_before_second second;
};

/* One batch: all lanes run side by side. */
struct batch {
  uint32_t number;
  struct outage outage;
  struct place *places; /* those written; only in an outage */
  uint32_t n_places, places_capacity;
  struct commands lanes[WORKERS_MOST * LANES];
  unsigned restarts;   /* bit per worker to start before */
  unsigned kill_after; /* the victim is killed when so many lanes have answered */
  int victim;          /* -1: none */
  bool terminate;      /* with SIGTERM */
  bool audit;          /* compare afterwards */
};

/* Starts an empty batch with the number; what it had is forgotten, memory is reused. A zeroed batch is fine. */
void batch_begin(struct batch *b, struct model *m, uint32_t number);
/* Ends it: lanes that posted wait until the posts have been served; a victim is dead in the model. */
void batch_end(struct batch *b, struct model *m);
void batch_deinit(struct batch *b);

/* Does the step in the model and adds it to the batch; false: impossible now, nothing changed. */
bool step_apply(struct model *m, const struct step *s, struct batch *b);

/* Name of a step, and the number of its operands as sent. */
const char *step_name(unsigned op);
unsigned step_operands(unsigned op);
/* An op to be sent, chosen by weight from a random number. */
enum step_op step_choose(uint32_t random);

#endif
