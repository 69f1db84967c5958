/* SPDX-License-Identifier: MIT
 *
 * Settling. Start from "everybody holds everything". In turn let each worker
 * collect: its roots are its slots, its labels and its objects that others hold;
 * what it cannot reach from there it does not hold. Repeat until nothing changes.
 */
#include "tests/stress/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *old, size_t bytes) {
  void *p = realloc(old, bytes);
  if (p) return p;
  fprintf(stderr, "stress: no memory\n");
  exit(1);
}

void model_init(struct model *m, unsigned n_workers) {
  *m = (struct model){.n_workers = n_workers, .n_objects = 1, .victim = -1};
  for (unsigned w = 0; w < n_workers; w++) m->workers[w].present = true;
}

void model_deinit(struct model *m) {
  free(m->objects);
  free(m->alive);
  *m = (struct model){0};
}

uint32_t model_create(struct model *m, unsigned home, enum gaijin_kind kind, bool wide) {
  if (m->n_objects >= m->capacity) {
    m->capacity = m->capacity ? 2 * m->capacity : 1024;
    m->objects = grow(m->objects, m->capacity * sizeof *m->objects);
    m->alive = grow(m->alive, m->capacity * sizeof *m->alive);
  }
  uint32_t serial = m->n_objects++;
  m->objects[serial] = (struct object){.home = (uint8_t)home, .kind = (uint8_t)kind, .wide = wide, .alive = true};
  m->alive[m->n_alive++] = serial;
  return serial;
}

void model_kill(struct model *m, unsigned worker) {
  struct model_worker *w = &m->workers[worker];
  *w = (struct model_worker){.present = false};
  for (uint32_t i = 0; i < m->n_alive; i++) {
    struct object *o = model_object(m, m->alive[i]);
    if (o->home != worker) continue;
    o->dead = true;
    memset(o->cells, 0, sizeof o->cells);
  }
}

/* ---- Settling ---- */

struct walk {
  const struct model *m;
  unsigned worker;     /* whose heap; ANYWHERE: all at once */
  uint32_t *pending, n_pending;
  uint16_t *holders;   /* new holders by index in alive; unused for ANYWHERE */
};
enum { ANYWHERE = 99 };

/* The worker's own objects are queued once, for others it becomes a holder. */
static void visit(struct walk *k, uint32_t serial) {
  if (!serial) return;
  struct object *o = model_object(k->m, serial);
  if (k->worker != ANYWHERE && (o->dead || o->home != k->worker)) {
    k->holders[serial] = (uint16_t)(k->holders[serial] | 1u << k->worker);
    return;
  }
  if (o->kept) return;
  o->kept = true;
  k->pending[k->n_pending++] = serial;
}

static void visit_roots(struct walk *k, unsigned worker) {
  const struct model_worker *w = &k->m->workers[worker];
  for (unsigned i = 0; i < SLOTS; i++) visit(k, w->slots[i]);
  for (unsigned i = 0; i < LABELS; i++) visit(k, w->labels[i]);
}

static void walk(struct walk *k) {
  while (k->n_pending) {
    const struct object *o = model_object(k->m, k->pending[--k->n_pending]);
    for (unsigned i = 0; i < CELLS; i++) visit(k, o->cells[i]);
  }
}

/* Everybody collects once; whether anything changed. */
static bool collect(struct model *m, struct walk *k) {
  for (uint32_t i = 0; i < m->n_alive; i++) {
    model_object(m, m->alive[i])->kept = false;
    k->holders[m->alive[i]] = 0;
  }
  for (unsigned w = 0; w < m->n_workers; w++) {
    if (!m->workers[w].present) continue;
    k->worker = w;
    visit_roots(k, w);
    for (uint32_t i = 0; i < m->n_alive; i++) {
      const struct object *o = model_object(m, m->alive[i]);
      if (o->home == w && !o->dead && o->holders) visit(k, m->alive[i]);
    }
    walk(k);
  }
  bool changed = false;
  for (uint32_t i = 0; i < m->n_alive; i++) {
    struct object *o = model_object(m, m->alive[i]);
    uint16_t holders = k->holders[m->alive[i]];
    if (holders != o->holders) changed = true;
    o->holders = holders;
  }
  return changed;
}

void model_settle(struct model *m) {
  struct walk k = {.m = m};
  k.pending = grow(NULL, (m->n_alive + 1) * sizeof *k.pending);
  k.holders = grow(NULL, m->n_objects * sizeof *k.holders);
  for (uint32_t i = 0; i < m->n_alive; i++) {
    struct object *o = model_object(m, m->alive[i]);
    o->holders = (uint16_t)(0xffffu & ~(1u << o->home));
  }
  while (collect(m, &k)) {
  }
  uint32_t n = 0;
  for (uint32_t i = 0; i < m->n_alive; i++) {
    struct object *o = model_object(m, m->alive[i]);
    o->alive = o->kept || o->holders;
    if (o->alive) m->alive[n++] = m->alive[i];
  }
  m->n_alive = n;
  free(k.pending);
  free(k.holders);
}

uint32_t model_leaked(const struct model *m, uint32_t *leaked) {
  struct walk k = {.m = m, .worker = ANYWHERE};
  bool *kept = grow(NULL, m->n_alive + 1);
  k.pending = grow(NULL, (m->n_alive + 1) * sizeof *k.pending);
  for (uint32_t i = 0; i < m->n_alive; i++) {
    struct object *o = model_object(m, m->alive[i]);
    kept[i] = o->kept;
    o->kept = false;
  }
  for (unsigned w = 0; w < m->n_workers; w++) visit_roots(&k, w);
  walk(&k);
  uint32_t n = 0;
  for (uint32_t i = 0; i < m->n_alive; i++) {
    struct object *o = model_object(m, m->alive[i]);
    if (!o->kept && !o->dead) leaked[n++] = m->alive[i];
    o->kept = kept[i];
  }
  free(kept);
  free(k.pending);
  return n;
}

/* ---- Locks ---- */

bool lock_free_for(const struct model *m, const struct lock *l, int lane, bool write) {
  if (l->batch != m->batch) return true;
  if (m->outage) return !l->writer && !(write && l->reader);
  if (l->writer && l->writer != lane + 1) return false;
  return !write || l->reader == 0 || l->reader == lane + 1;
}

void lock_take(const struct model *m, struct lock *l, int lane, bool write) {
  if (l->batch != m->batch) *l = (struct lock){.batch = m->batch};
  int16_t me = (int16_t)(lane + 1);
  if (write)
    l->writer = me;
  else
    l->reader = l->reader == 0 || l->reader == me ? me : -1;
}
