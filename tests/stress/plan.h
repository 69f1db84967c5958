/* SPDX-License-Identifier: MIT
 *
 * What the kinds of steps are made of. Each is a function do_NAME that first says
 * what it reads and writes and which workers must answer, and then, if
 * plan_accept agrees, does it in the model and emits it.
 *
 * In a batch in which a worker is killed, a step that needs the victim may end anywhere. Such a step is
 * accepted only if it changes nothing outside the victim.
 *
 * In a batch in which the broker is killed every step may end anywhere. No place that is written is touched twice then
 * (model.h, outage), so that each has what it had or what the model says, and what is read is known.
 */
#ifndef GAIJIN_TESTS_STRESS_PLAN_H
#define GAIJIN_TESTS_STRESS_PLAN_H

#include "tests/stress/step.h"

struct want {
  struct lock *lock;
  bool write;
};

struct plan {
  struct model *m;
  const struct step *s;
  struct batch *batch;
  int lane;
  struct want wants[16];
  unsigned n_wants;
  struct place places[4]; /* to be written */
  unsigned n_places;
  bool mortal; /* it touches an object that is dead, or the victim's */
  unsigned needs, writes; /* bit per worker that must answer; whose slots, labels or cells change */
  double tolerance;
};

/* The worker of the step; an operand as a slot or a worker. */
static inline unsigned plan_me(const struct plan *p) { return p->s->worker; }
static inline unsigned plan_slot(const struct plan *p, unsigned operand) { return p->s->x[operand] % SLOTS; }
static inline unsigned plan_worker(const struct plan *p, unsigned operand) { return p->s->x[operand] % p->m->n_workers; }

/* A worker that must answer; false if it is absent. */
bool plan_other(struct plan *p, unsigned operand, unsigned *worker);
void plan_want(struct plan *p, struct lock *lock, bool write);
/* The place will be written; `old` is there. */
void plan_place(struct plan *p, const struct place *place);
/* The step touches the object. */
void plan_touch(struct plan *p, uint32_t serial);
uint32_t *plan_write_slot(struct plan *p, unsigned worker, unsigned i);
/* What is in a slot; 0 if it is empty. */
uint32_t plan_read_slot(struct plan *p, unsigned worker, unsigned i);
/* The object in a slot of ours, to look into or to change: it must live and have cells, and its home must answer. NULL otherwise. */
struct object *plan_open(struct plan *p, unsigned i);
void plan_read_cell(struct plan *p, struct object *o, unsigned k);
uint32_t *plan_write_cell(struct plan *p, struct object *o, unsigned k);
/* An object as verify() in worker.lua expects it: 0 none, negative when dead. */
double plan_expected(const struct plan *p, uint32_t serial);

/* Whether the step may be done now; takes its locks. */
bool plan_accept(struct plan *p);

void emit(struct commands *c, double v);
void emit_step(struct plan *p, const double *operands, unsigned n);
/* Adds the step with these operands to its lane. */
#define EMIT(p, ...) emit_step(p, (const double[]){__VA_ARGS__}, (unsigned)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)))

/* do_NAME for every kind of step. */
#define STEP_PROTOTYPE(name, operands, weight) bool do_##name(struct plan *p);
STEPS(STEP_PROTOTYPE)
#undef STEP_PROTOTYPE

#endif
