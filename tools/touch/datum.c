/* SPDX-License-Identifier: MIT
 *
 * Three lists that grow. Memory that cannot be had ends the program (text.h).
 */
#include "tools/touch/datum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

static void *grow32(void *items, uint32_t count, uint32_t *room, size_t size) {
  size_t wide = *room;
  items = tool_grow(items, count, &wide, size);
  *room = (uint32_t)wide;
  return items;
}

void data_deinit(struct data *d) {
  for (uint32_t i = 0; i < d->reference_count; i++) {
    gaijin_let_go(d->g, d->references[i].holding);
    free(d->references[i].worker);
  }
  for (uint32_t i = 0; i < d->table_count; i++) free(d->tables[i].entries);
  for (size_t i = 0; i < d->text_count; i++) free(d->texts[i]);
  free(d->references);
  free(d->tables);
  free(d->texts);
  *d = (struct data){0};
}

struct datum datum_string(struct data *d, const char *bytes, size_t size) {
  d->texts = tool_grow(d->texts, d->text_count, &d->text_room, sizeof *d->texts);
  d->texts[d->text_count] = tool_copy(bytes, size);
  return (struct datum){
      .type = DATUM_STRING, .bytes = d->texts[d->text_count++], .size = size};
}

struct datum datum_number(double v) { return (struct datum){.type = DATUM_NUMBER, .number = v}; }

struct datum datum_table_new(struct data *d) {
  d->tables = grow32(d->tables, d->table_count, &d->table_room, sizeof *d->tables);
  d->tables[d->table_count] = (struct datum_table){0};
  return (struct datum){.type = DATUM_TABLE, .number_of = d->table_count++};
}

void datum_put(struct data *d, uint32_t table, const struct datum *key,
               const struct datum *value) {
  struct datum_table *t = &d->tables[table];
  if (key->type == DATUM_NIL || value->type == DATUM_NIL) return;
  if (key->type == DATUM_NUMBER && isnan(key->number)) return;
  t->entries = grow32(t->entries, t->count, &t->room, sizeof *t->entries);
  t->entries[t->count++] = (struct datum_entry){*key, *value};
}

struct datum datum_reference_new(struct data *d, gaijin *g, gaijin_holding *h) {
  struct gaijin_pt pt = gaijin_holding_pt(h);
  const char *name = gaijin_host_name(g, pt.host);
  if (!name) name = "?";
  d->references =
      grow32(d->references, d->reference_count, &d->reference_room, sizeof *d->references);
  gaijin_hold(g, h);
  d->g = g;
  d->references[d->reference_count] =
      (struct datum_reference){.holding = h,
                               .kind = (enum gaijin_kind)pt.kind,
                               .worker = tool_copy(name, strlen(name)),
                               .id = pt.id,
                               .dead = gaijin_host_dead(g, pt.host)};
  return (struct datum){.type = DATUM_REFERENCE, .number_of = d->reference_count++};
}

const char *datum_type_name(const struct data *d, const struct datum *v) {
  switch (v->type) {
    case DATUM_NIL: return "nil";
    case DATUM_BOOL: return "boolean";
    case DATUM_NUMBER: return "number";
    case DATUM_STRING: return "string";
    case DATUM_TABLE: return "table";
    case DATUM_NULL: return "userdata";
    case DATUM_REFERENCE: return gaijin_kind_name(datum_reference_at(d, v)->kind);
  }
  return "value";
}

bool datum_equal(const struct datum *a, const struct datum *b) {
  if (a->type != b->type) return false;
  switch (a->type) {
    case DATUM_NIL:
    case DATUM_NULL: return true;
    case DATUM_BOOL: return a->boolean == b->boolean;
    case DATUM_NUMBER: return a->number == b->number;
    case DATUM_STRING:
      return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
    default: return a->number_of == b->number_of;
  }
}

struct datum datum_index(const struct data *d, const struct datum *table,
                         const struct datum *key) {
  const struct datum_table *t = datum_table_at(d, table);
  for (uint32_t i = t->count; i > 0; i--)
    if (datum_equal(&t->entries[i - 1].key, key)) return t->entries[i - 1].value;
  return (struct datum){.type = DATUM_NIL};
}
