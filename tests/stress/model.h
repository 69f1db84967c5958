/* SPDX-License-Identifier: MIT
 *
 * The true graph of the stress test: which slot, label and cell of which worker
 * refers to which object. Objects are known by serial number, 0 is none.
 *
 * Steps that run at the same time must not depend on each other's order: each
 * slot, label and cell has a lock, taken by the lane (a sequence of steps in one worker) that uses it, for
 * one batch. Within a lane steps are in order, so a lane never excludes itself.
 */
#ifndef GAIJIN_TESTS_STRESS_MODEL_H
#define GAIJIN_TESTS_STRESS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <gaijin/protocol.h>

enum { WORKERS_MOST = 8, LANES = 3, SLOTS = 36, LABELS = 6, VALUE_CELLS = 4, KEY_CELLS = 2, CELLS = VALUE_CELLS + KEY_CELLS };

struct lock {
  uint32_t batch;         /* of another batch: free */
  int16_t writer, reader; /* lane + 1; 0 none; reader -1: several lanes */
};

struct object {
  uint32_t cells[CELLS];
  struct lock cell_locks[VALUE_CELLS + 1]; /* the last is for both key cells */
  uint8_t home;
  uint8_t kind; /* enum gaijin_kind; a thread has no cells, only tables have key cells */
  bool wide;
  bool dead;   /* its worker was killed; the cells are empty then */
  bool alive;  /* somebody can still reach it, or the tombstone of it; else it is out of the model */
  bool kept;   /* model_settle's: reached at home */
  uint16_t holders; /* model_settle's: bit per worker that holds it */
};

struct model_worker {
  bool present;
  uint32_t slots[SLOTS], labels[LABELS];
  struct lock slot_locks[SLOTS], label_locks[LABELS];
};

struct model {
  struct model_worker workers[WORKERS_MOST];
  unsigned n_workers;
  struct object *objects; /* by serial; [0] is unused */
  uint32_t n_objects, capacity;
  uint32_t *alive; /* serials */
  uint32_t n_alive;
  uint32_t batch;
  int victim; /* the worker that is killed in this batch; -1: none */
  bool outage; /* the broker is killed in this batch: what is written is touched once */
  bool small_messages, can_post;
  bool cycles_go; /* what only keeps itself, over workers, goes by itself */
};

/* Memory that is short ends the program, here and below. */
void model_init(struct model *m, unsigned n_workers);
void model_deinit(struct model *m);

/* A new object in nobody's hands; its serial. */
uint32_t model_create(struct model *m, unsigned home, enum gaijin_kind kind, bool wide);
static inline struct object *model_object(const struct model *m, uint32_t serial) { return &m->objects[serial]; }

/* A worker is gone: its slots and labels are empty, its objects dead. */
void model_kill(struct model *m, unsigned worker);

/* Finds what is held by whom when everybody has collected, and takes what nobody can reach out of `alive`. References
 * between workers are counted, so cycles across workers stay: the result is the greatest set that supports itself. */
void model_settle(struct model *m);

/* After model_settle: fills `leaked` with living objects that no slot or label of any worker leads to (kept by cycles
 * across workers); room for n_alive. Returns how many. */
uint32_t model_leaked(const struct model *m, uint32_t *leaked);

bool lock_free_for(const struct model *m, const struct lock *l, int lane, bool write);
void lock_take(const struct model *m, struct lock *l, int lane, bool write);

#endif
