/* SPDX-License-Identifier: MIT
 *
 * Steps on what is inside objects: values and keys of tables, what functions keep.
 */
#include "tests/stress/plan.h"

bool do_store(struct plan *p) {
  unsigned c = plan_slot(p, 0), k = p->s->x[1] % VALUE_CELLS, s = plan_slot(p, 2);
  struct object *o = plan_open(p, c);
  uint32_t v = plan_read_slot(p, plan_me(p), s);
  if (!o || !v) return false;
  uint32_t *cell = plan_write_cell(p, o, k);
  if (!plan_accept(p)) return false;
  *cell = v;
  EMIT(p, c + 1, k + 1, s + 1, o->kind == GAIJIN_KIND_TABLE && p->s->x[3] & 1);
  return true;
}

bool do_clear(struct plan *p) {
  unsigned c = plan_slot(p, 0), k = p->s->x[1] % VALUE_CELLS;
  struct object *o = plan_open(p, c);
  if (!o) return false;
  uint32_t *cell = plan_write_cell(p, o, k);
  if (!*cell || !plan_accept(p)) return false;
  *cell = 0;
  EMIT(p, c + 1, k + 1);
  return true;
}

bool do_load(struct plan *p) {
  unsigned c = plan_slot(p, 0), k = p->s->x[1] % VALUE_CELLS, d = plan_slot(p, 2);
  struct object *o = plan_open(p, c);
  if (!o || c == d) return false;
  plan_read_cell(p, o, k);
  uint32_t v = o->cells[k], *slot = plan_write_slot(p, plan_me(p), d);
  if (!plan_accept(p)) return false;
  *slot = v;
  EMIT(p, c + 1, k + 1, d + 1, plan_expected(p, v));
  return true;
}

/* The key cell that has the object; CELLS: none. */
static unsigned key_cell(const struct object *o, uint32_t serial) {
  unsigned k = VALUE_CELLS;
  while (k < CELLS && o->cells[k] != serial) k++;
  return k;
}

bool do_key(struct plan *p) {
  unsigned c = plan_slot(p, 0), s = plan_slot(p, 1);
  struct object *o = plan_open(p, c);
  uint32_t v = plan_read_slot(p, plan_me(p), s);
  if (!o || o->kind != GAIJIN_KIND_TABLE || !v || key_cell(o, v) < CELLS) return false;
  unsigned k = key_cell(o, 0);
  if (k == CELLS) return false;
  uint32_t *cell = plan_write_cell(p, o, k);
  if (!plan_accept(p)) return false;
  *cell = v;
  EMIT(p, c + 1, s + 1, k + 1);
  return true;
}

bool do_unkey(struct plan *p) {
  unsigned c = plan_slot(p, 0), k = VALUE_CELLS + p->s->x[1] % KEY_CELLS;
  struct object *o = plan_open(p, c);
  if (!o || o->kind != GAIJIN_KIND_TABLE) return false;
  for (unsigned i = 0; i < VALUE_CELLS; i++) plan_read_cell(p, o, i); /* it traverses */
  uint32_t *cell = plan_write_cell(p, o, k), v = *cell;
  if (!v || !plan_accept(p)) return false;
  *cell = 0;
  EMIT(p, c + 1, k + 1, plan_expected(p, v));
  return true;
}

bool do_lookup(struct plan *p) {
  unsigned c = plan_slot(p, 0), s = plan_slot(p, 1);
  struct object *o = plan_open(p, c);
  uint32_t v = plan_read_slot(p, plan_me(p), s);
  if (!o || o->kind != GAIJIN_KIND_TABLE || !v) return false;
  plan_read_cell(p, o, VALUE_CELLS);
  if (!plan_accept(p)) return false;
  unsigned k = key_cell(o, v);
  EMIT(p, c + 1, s + 1, k < CELLS ? k + 1 : 0);
  return true;
}

/* How pairs and ipairs see cell k: what it adds to the sum; a dead object cannot tell its number and counts 60. */
static double weight(const struct plan *p, const struct object *o, unsigned k) {
  double v = plan_expected(p, o->cells[k]);
  return (k + 1) * (v < 0 ? 60 : v);
}

/* Ways to see what a table has; worker.lua has them in the same order. */
enum { BY_PAIRS, ABANDONED, BY_IPAIRS, BY_FETCH, BY_NEXT, BY_UNPACK, BY_PATH, WAYS };

bool do_pairs(struct plan *p) {
  unsigned c = plan_slot(p, 0), how = p->s->x[1] % WAYS, count = 0;
  struct object *o = plan_open(p, c);
  if (!o || o->kind != GAIJIN_KIND_TABLE || (o->wide && how == BY_NEXT)) return false;
  for (unsigned k = 0; k <= VALUE_CELLS; k++) plan_read_cell(p, o, k);
  if (!plan_accept(p)) return false;
  bool sequence = how == BY_IPAIRS, keys = how == BY_PAIRS || how == BY_FETCH || how == BY_NEXT;
  double sum = 0;
  for (unsigned k = 0; k < (keys ? (unsigned)CELLS : (unsigned)VALUE_CELLS); k++) {
    if (!o->cells[k] && sequence) break;
    if (!o->cells[k]) continue;
    count++;
    sum += weight(p, o, k);
  }
  EMIT(p, c + 1, how, count, sum);
  return true;
}
