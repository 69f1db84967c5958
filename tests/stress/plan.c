/* SPDX-License-Identifier: MIT
 *
 * Locks and deaths decide whether a step may be done; see plan.h.
 */
#include "tests/stress/plan.h"

#include <stdio.h>
#include <stdlib.h>

void plan_want(struct plan *p, struct lock *lock, bool write) { p->wants[p->n_wants++] = (struct want){lock, write}; }

void plan_touch(struct plan *p, uint32_t serial) {
  if (!serial) return;
  const struct object *o = model_object(p->m, serial);
  p->mortal |= o->dead || (int)o->home == p->m->victim;
}

void plan_place(struct plan *p, const struct place *place) {
  p->places[p->n_places++] = *place;
  plan_touch(p, place->old);
}

void emit(struct commands *c, double v) {
  if (c->count == c->capacity) {
    c->capacity = c->capacity ? 2 * c->capacity : 64;
    c->values = realloc(c->values, c->capacity * sizeof *c->values);
    if (!c->values) {
      fprintf(stderr, "stress: no memory\n");
      exit(1);
    }
  }
  c->values[c->count++] = v;
}

void emit_step(struct plan *p, const double *operands, unsigned n) {
  struct commands *c = &p->batch->lanes[p->lane];
  emit(c, p->s->op + 1);
  emit(c, p->tolerance);
  for (unsigned i = 0; i < n; i++) emit(c, operands[i]);
  c->n_steps++;
}

bool plan_other(struct plan *p, unsigned operand, unsigned *worker) {
  *worker = plan_worker(p, operand);
  p->needs |= 1u << *worker;
  return p->m->workers[*worker].present;
}

uint32_t *plan_write_slot(struct plan *p, unsigned worker, unsigned i) {
  plan_want(p, &p->m->workers[worker].slot_locks[i], true);
  p->writes |= 1u << worker;
  uint32_t *slot = &p->m->workers[worker].slots[i];
  plan_place(p, &(struct place){.kind = PLACE_SLOT, .worker = (uint8_t)worker, .index = (uint8_t)i, .old = *slot});
  return slot;
}

uint32_t plan_read_slot(struct plan *p, unsigned worker, unsigned i) {
  plan_want(p, &p->m->workers[worker].slot_locks[i], false);
  plan_touch(p, p->m->workers[worker].slots[i]);
  return p->m->workers[worker].slots[i];
}

struct object *plan_open(struct plan *p, unsigned i) {
  uint32_t serial = plan_read_slot(p, plan_me(p), i);
  struct object *o = serial ? model_object(p->m, serial) : NULL;
  if (!o || o->dead || o->kind == GAIJIN_KIND_THREAD) return NULL;
  p->needs |= 1u << o->home;
  return o;
}

static void want_cell(struct plan *p, struct object *o, unsigned k, bool write) {
  plan_want(p, &o->cell_locks[k < VALUE_CELLS ? k : VALUE_CELLS], write);
}

void plan_read_cell(struct plan *p, struct object *o, unsigned k) {
  want_cell(p, o, k, false);
  if (k < VALUE_CELLS) {
    plan_touch(p, o->cells[k]);
    return;
  }
  for (unsigned i = VALUE_CELLS; i < CELLS; i++) plan_touch(p, o->cells[i]); /* they have one lock */
}

uint32_t *plan_write_cell(struct plan *p, struct object *o, unsigned k) {
  want_cell(p, o, k, true);
  p->writes |= 1u << o->home;
  plan_place(p, &(struct place){.kind = PLACE_CELL, .object = (uint32_t)(o - p->m->objects), .index = (uint8_t)k, .old = o->cells[k]});
  return &o->cells[k];
}

double plan_expected(const struct plan *p, uint32_t serial) {
  if (!serial) return 0;
  return model_object(p->m, serial)->dead ? -(double)serial : (double)serial;
}

bool plan_accept(struct plan *p) {
  if (p->m->victim >= 0) {
    unsigned victim = 1u << p->m->victim;
    bool involved = ((p->needs | 1u << plan_me(p)) & victim) != 0;
    if (involved && (p->writes & ~victim)) return false;
    p->tolerance = involved ? 2 : 1;
  }
  if (p->m->outage && p->mortal) p->tolerance = 2; /* the next broker knows no tombstones: what is dead cannot be passed on */
  for (unsigned i = 0; i < p->n_wants; i++)
    if (!lock_free_for(p->m, p->wants[i].lock, p->lane, p->wants[i].write)) return false;
  for (unsigned i = 0; i < p->n_wants; i++) lock_take(p->m, p->wants[i].lock, p->lane, p->wants[i].write);
  return true;
}
