/* SPDX-License-Identifier: MIT
 *
 * A table by value travels as the list of all tables it leads to, itself first; in them [n] stands
 * for the n-th.
 */
#include "tools/touch/wire.h"

#include <math.h>
#include <stdlib.h>

#include "tools/base/text.h"

/* ---- Putting ---- */

/* The tables that are reached, in the order in which they are met. */
struct reached {
  uint32_t *place; /* by number of the table: 1 for the first, 0: not met */
  uint32_t *order;
  uint32_t count;
};

static void meet(struct reached *r, const struct datum *v) {
  if (v->type != DATUM_TABLE || r->place[v->number_of]) return;
  r->order[r->count++] = v->number_of;
  r->place[v->number_of] = r->count;
}

static void put_scalar(gaijin *g, const struct data *d, const struct datum *v) {
  switch (v->type) {
    case DATUM_NIL: gaijin_put_nil(g); return;
    case DATUM_BOOL: gaijin_put_bool(g, v->boolean); return;
    case DATUM_NUMBER: gaijin_put_number(g, v->number); return;
    case DATUM_STRING: gaijin_put_string(g, v->bytes, v->size); return;
    case DATUM_NULL: gaijin_put_null(g); return;
    case DATUM_REFERENCE: gaijin_put_holding(g, datum_reference_at(d, v)->holding); return;
    case DATUM_TABLE: return;
  }
}

static void put_inside(gaijin *g, const struct data *d, const struct reached *r,
                       const struct datum *v) {
  if (v->type != DATUM_TABLE) {
    put_scalar(g, d, v);
    return;
  }
  gaijin_put_array(g, 1);
  gaijin_put_number(g, r->place[v->number_of]);
}

static void put_table(gaijin *g, const struct data *d, const struct datum *v) {
  struct reached r = {.place = tool_alloc(d->table_count, sizeof *r.place),
                      .order = tool_alloc(d->table_count, sizeof *r.order)};
  meet(&r, v);
  for (uint32_t i = 0; i < r.count; i++) {
    const struct datum_table *t = &d->tables[r.order[i]];
    for (uint32_t k = 0; k < t->count; k++) {
      meet(&r, &t->entries[k].key);
      meet(&r, &t->entries[k].value);
    }
  }
  gaijin_put_array(g, r.count);
  for (uint32_t i = 0; i < r.count; i++) {
    const struct datum_table *t = &d->tables[r.order[i]];
    gaijin_put_array(g, 2 * t->count);
    for (uint32_t k = 0; k < t->count; k++) {
      put_inside(g, d, &r, &t->entries[k].key);
      put_inside(g, d, &r, &t->entries[k].value);
    }
  }
  free(r.place);
  free(r.order);
}

void wire_put(gaijin *g, const struct data *d, const struct datum *v) {
  if (v->type == DATUM_TABLE)
    put_table(g, d, v);
  else
    put_scalar(g, d, v);
}

/* ---- Reading ---- */

static bool take(gaijin *g, struct data *d, const struct gaijin_value *v, struct datum *out) {
  *out = (struct datum){.type = DATUM_NIL};
  switch (v->type) {
    case GAIJIN_NIL: return true;
    case GAIJIN_BOOL: *out = (struct datum){.type = DATUM_BOOL, .boolean = v->boolean}; return true;
    case GAIJIN_NUMBER: *out = datum_number(v->number); return true;
    case GAIJIN_STRING: *out = datum_string(d, v->bytes, v->size); return true;
    case GAIJIN_NULL: out->type = DATUM_NULL; return true;
    case GAIJIN_FOREIGN: *out = datum_reference_new(d, g, v->holding); return true;
    default: return false; /* an array is no value alone; we have no objects of our own */
  }
}

/* A key or value within tables of which there are n, the first with the number `first`. */
static bool read_inside(gaijin *g, gaijin_body *b, struct data *d, uint32_t first, uint32_t n,
                        struct datum *out) {
  struct gaijin_value v;
  if (!gaijin_body_next(b, &v)) return false;
  if (v.type != GAIJIN_ARRAY) return take(g, d, &v, out);
  if (v.count != 1 || !gaijin_body_next(b, &v) || v.type != GAIJIN_NUMBER) return false;
  if (!(v.number >= 1 && v.number <= n) || floor(v.number) != v.number) return false;
  *out = (struct datum){.type = DATUM_TABLE, .number_of = first + (uint32_t)v.number - 1};
  return true;
}

static bool is_key(const struct datum *v) {
  return v->type != DATUM_NIL && !(v->type == DATUM_NUMBER && isnan(v->number));
}

static bool read_tables(gaijin *g, gaijin_body *b, struct data *d, uint32_t n,
                        struct datum *out) {
  struct gaijin_value list;
  uint32_t first = d->table_count;
  if (n == 0 || n > UINT32_MAX - first) return false;
  for (uint32_t i = 0; i < n; i++) datum_table_new(d);
  for (uint32_t i = 0; i < n; i++) {
    if (!gaijin_body_next(b, &list) || list.type != GAIJIN_ARRAY || list.count % 2) return false;
    for (uint32_t k = 0; k < list.count; k += 2) {
      struct datum key, value;
      if (!read_inside(g, b, d, first, n, &key) || !read_inside(g, b, d, first, n, &value) ||
          !is_key(&key))
        return false;
      datum_put(d, first + i, &key, &value);
    }
  }
  *out = (struct datum){.type = DATUM_TABLE, .number_of = first};
  return true;
}

bool wire_read(gaijin *g, gaijin_body *b, struct data *d, struct datum *out) {
  struct gaijin_value v;
  if (!gaijin_body_next(b, &v)) return false;
  if (v.type == GAIJIN_ARRAY) return read_tables(g, b, d, v.count, out);
  return take(g, d, &v, out);
}
