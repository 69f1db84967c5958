/* SPDX-License-Identifier: MIT
 *
 * Steps within one worker and such as leave nothing behind; the list of all
 * kinds; batches.
 */
#include "tests/stress/step.h"

#include <stdlib.h>

#include "tests/stress/plan.h"

/* ---- Within one worker ---- */

bool do_create(struct plan *p) {
  unsigned d = plan_slot(p, 0);
  static const enum gaijin_kind kinds_made[] = {GAIJIN_KIND_TABLE, GAIJIN_KIND_TABLE, GAIJIN_KIND_TABLE, GAIJIN_KIND_FUNCTION, GAIJIN_KIND_FUNCTION, GAIJIN_KIND_THREAD, GAIJIN_KIND_USERDATA};
  enum gaijin_kind kind = kinds_made[p->s->x[1] % (sizeof kinds_made / sizeof kinds_made[0])];
  bool wide = kind == GAIJIN_KIND_TABLE && !p->m->small_messages && p->s->x[2] % 32 == 0;
  uint32_t *slot = plan_write_slot(p, plan_me(p), d);
  if (!plan_accept(p)) return false;
  *slot = model_create(p->m, plan_me(p), kind, wide);
  EMIT(p, d + 1, kind, *slot, wide);
  return true;
}

bool do_copy(struct plan *p) {
  unsigned s = plan_slot(p, 0), d = plan_slot(p, 1);
  uint32_t v = plan_read_slot(p, plan_me(p), s), *slot = plan_write_slot(p, plan_me(p), d);
  if (!v || s == d || !plan_accept(p)) return false;
  *slot = v;
  EMIT(p, s + 1, d + 1);
  return true;
}

bool do_drop(struct plan *p) {
  unsigned s = plan_slot(p, 0);
  uint32_t *slot = plan_write_slot(p, plan_me(p), s);
  if (!*slot || !plan_accept(p)) return false;
  *slot = 0;
  EMIT(p, s + 1);
  return true;
}

static bool set_label(struct plan *p, unsigned l, uint32_t v) {
  plan_want(p, &p->m->workers[plan_me(p)].label_locks[l], true);
  plan_place(p, &(struct place){.kind = PLACE_LABEL, .worker = (uint8_t)plan_me(p), .index = (uint8_t)l, .old = p->m->workers[plan_me(p)].labels[l]});
  p->writes |= 1u << plan_me(p);
  if (!plan_accept(p)) return false;
  p->m->workers[plan_me(p)].labels[l] = v;
  return true;
}

bool do_label(struct plan *p) {
  unsigned l = p->s->x[0] % LABELS, s = plan_slot(p, 1);
  uint32_t v = plan_read_slot(p, plan_me(p), s);
  if (!v || !set_label(p, l, v)) return false;
  EMIT(p, l + 1, s + 1);
  return true;
}

bool do_unlabel(struct plan *p) {
  unsigned l = p->s->x[0] % LABELS;
  if (!p->m->workers[plan_me(p)].labels[l] || !set_label(p, l, 0)) return false;
  EMIT(p, l + 1);
  return true;
}

bool do_check(struct plan *p) {
  unsigned s = plan_slot(p, 0);
  uint32_t v = plan_read_slot(p, plan_me(p), s);
  if (!v || !plan_accept(p)) return false;
  EMIT(p, s + 1, plan_expected(p, v));
  return true;
}

bool do_haunt(struct plan *p) {
  unsigned s = plan_slot(p, 0);
  uint32_t *slot = plan_write_slot(p, plan_me(p), s), v = *slot;
  if (!v || !plan_accept(p)) return false;
  *slot = 0;
  EMIT(p, s + 1, plan_expected(p, v), p->s->x[1] % 3);
  return true;
}

bool do_collect(struct plan *p) {
  if (!plan_accept(p)) return false;
  EMIT(p, p->s->x[0] % 5);
  return true;
}

/* ---- What leaves nothing behind ---- */

static bool use_two(struct plan *p) {
  unsigned w, b = plan_slot(p, 1), c = plan_slot(p, 2);
  if (!plan_other(p, 0, &w)) return false;
  uint32_t vb = plan_read_slot(p, plan_me(p), b), vc = plan_read_slot(p, plan_me(p), c);
  if (!vb || !vc || !plan_accept(p)) return false;
  EMIT(p, w + 1, b + 1, c + 1, plan_expected(p, vb), plan_expected(p, vc));
  return true;
}

bool do_lend(struct plan *p) { return use_two(p); }
/* A copy becomes a table only on its way to another worker. */
bool do_box(struct plan *p) { return plan_worker(p, 0) != plan_me(p) && use_two(p); }

/* The last operand: 1 the same, 0 not; 2 the same, -1 not, and == may be asked too (both tables, both alive). */
bool do_same(struct plan *p) {
  unsigned w, a = plan_slot(p, 1), s = plan_slot(p, 2);
  if (!plan_other(p, 0, &w)) return false;
  uint32_t va = plan_read_slot(p, plan_me(p), a), vs = plan_read_slot(p, w, s);
  if (!va || !vs || !plan_accept(p)) return false;
  const struct object *oa = model_object(p->m, va), *os = model_object(p->m, vs);
  bool comparable = !oa->dead && !os->dead && oa->kind == GAIJIN_KIND_TABLE && os->kind == GAIJIN_KIND_TABLE;
  EMIT(p, w + 1, a + 1, s + 1, va == vs ? (comparable ? 2 : 1) : (comparable ? -1 : 0));
  return true;
}

bool do_wait(struct plan *p) {
  unsigned w;
  if (!plan_other(p, 0, &w) || !plan_accept(p)) return false;
  EMIT(p, w + 1, p->s->x[1] % LABELS + 1);
  return true;
}

bool do_too_large(struct plan *p) {
  unsigned w, s = plan_slot(p, 1);
  if (!p->m->small_messages || !plan_other(p, 0, &w) || w == plan_me(p)) return false;
  bool back = p->s->x[2] & 1;
  uint32_t v = plan_read_slot(p, back ? w : plan_me(p), s);
  if (!v || !plan_accept(p)) return false;
  EMIT(p, w + 1, s + 1, back);
  return true;
}

bool do_absent(struct plan *p) {
  unsigned w = plan_worker(p, 0);
  if (p->m->workers[w].present || !plan_accept(p)) return false;
  EMIT(p, w + 1);
  return true;
}

/* ---- All ---- */

bool do_sync(struct plan *p) {
  (void)p; /* batch_end adds it */
  return false;
}

static const struct {
  const char *name;
  unsigned operands, weight;
  bool (*apply)(struct plan *p);
} kinds[] = {
#define STEP_ROW(name, operands, weight) {#name, operands, weight, do_##name},
    STEPS(STEP_ROW)
#undef STEP_ROW
};

const char *step_name(unsigned op) {
  static const char *const others[] = {"restart", "kill", "outage", "audit"};
  return op < STEP_SENT ? kinds[op].name : others[op - STEP_SENT];
}

unsigned step_operands(unsigned op) { return kinds[op].operands; }

enum step_op step_choose(uint32_t random) {
  uint32_t all = 0;
  for (unsigned i = 0; i < STEP_SENT; i++) all += kinds[i].weight;
  random %= all;
  unsigned op = 0;
  while (random >= kinds[op].weight) random -= kinds[op++].weight;
  return (enum step_op)op;
}

static bool apply_kill(struct model *m, const struct step *s, struct batch *b) {
  unsigned present = 0;
  for (unsigned w = 0; w < m->n_workers; w++) present += m->workers[w].present;
  if (m->victim >= 0 || !m->workers[s->worker].present || present < 3) return false;
  m->victim = b->victim = s->worker;
  b->kill_after = s->x[0] % (m->n_workers * LANES);
  b->terminate = s->x[1] % 4 == 0;
  return true;
}

/* The broker is killed, perhaps twice. A victim is dead before the last broker is there: so all that is dead is so
 * before it, and it knows none of it. */
static bool apply_outage(struct model *m, const struct step *s, struct batch *b) {
  struct outage *o = &b->outage;
  unsigned stopped = s->x[3] % (2 * m->n_workers);
  m->outage = true;
  o->kills = 1 + s->x[0] % 2;
  o->after = s->x[1] % (m->n_workers * LANES);
  o->delay_us = s->x[1] & 64 ? 0 : s->x[2] * 40u;
  bool may_stop = stopped < m->n_workers && m->workers[stopped].present && (int)stopped != m->victim;
  o->stopped = may_stop ? (int)stopped : -1;
  o->stopped_late = s->x[4] & 1;
  o->hangs = (s->x[4] & 6) == 0;
  o->late_us = s->x[4] * 300u;
  o->victim_dies = s->x[5] % (o->kills == 1 ? DIES_BETWEEN : DIES_IN_LAST + 1u);
  o->second = s->x[5] / 4 % 3;
  b->terminate = false; /* that would take its time */
  return true;
}

/* What it writes, for places_settle. */
static void note_places(const struct plan *p, struct batch *b) {
  for (unsigned i = 0; i < p->n_places; i++) {
    if (b->n_places == b->places_capacity) {
      b->places_capacity = b->places_capacity ? 2 * b->places_capacity : 256;
      b->places = realloc(b->places, b->places_capacity * sizeof *b->places);
      if (!b->places) exit(1);
    }
    struct place *place = &b->places[b->n_places++];
    *place = p->places[i];
    place->lane = (uint8_t)p->lane;
    place->step = b->lanes[p->lane].n_steps;
    place->may_be_old = p->s->op == STEP_post; /* which is not answered */
  }
}

bool step_apply(struct model *m, const struct step *s, struct batch *b) {
  if (s->op == STEP_kill) return apply_kill(m, s, b);
  if (s->op == STEP_outage) return apply_outage(m, s, b);
  if (s->op == STEP_restart) {
    if (m->workers[s->worker].present) return false;
    m->workers[s->worker].present = true;
    b->restarts |= 1u << s->worker;
    return true;
  }
  if (s->op == STEP_audit) return b->audit = true;
  struct plan p = {.m = m, .s = s, .batch = b, .lane = s->worker * LANES + s->lane};
  if (!m->workers[s->worker].present || !kinds[s->op].apply(&p)) return false;
  if (m->outage) note_places(&p, b);
  return true;
}

/* ---- Batches ---- */

void batch_begin(struct batch *b, struct model *m, uint32_t number) {
  for (unsigned i = 0; i < WORKERS_MOST * LANES; i++) b->lanes[i].count = b->lanes[i].n_steps = b->lanes[i].posted = 0;
  b->number = number;
  b->outage = (struct outage){.stopped = -1};
  b->n_places = 0;
  m->outage = false;
  b->restarts = 0;
  b->victim = -1;
  b->audit = b->terminate = false;
  m->batch = number + 1; /* locks start with batch 0 */
}

void batch_end(struct batch *b, struct model *m) {
  for (unsigned i = 0; i < m->n_workers * LANES; i++) {
    for (unsigned w = 0; w < m->n_workers; w++) {
      if (!(b->lanes[i].posted & 1u << w)) continue;
      emit(&b->lanes[i], STEP_sync + 1);
      emit(&b->lanes[i], 0);
      emit(&b->lanes[i], w + 1);
    }
  }
  if (m->victim >= 0) model_kill(m, (unsigned)m->victim);
  m->victim = -1;
}

void batch_deinit(struct batch *b) {
  for (unsigned i = 0; i < WORKERS_MOST * LANES; i++) free(b->lanes[i].values);
  free(b->places);
}
