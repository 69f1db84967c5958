/* SPDX-License-Identifier: MIT
 *
 * What a value leads to is walked level by level, without recursion.
 */
#include "tools/touch/print_tables.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

/* One that is met for the first time is walked later. */
static void meet(uint32_t *times, uint32_t *order, uint32_t *count, const struct datum *v) {
  if (v->type != DATUM_TABLE) return;
  if (times[v->number_of]++ == 0) order[(*count)++] = v->number_of;
}

void print_tables_init(struct print_tables *p, const struct data *d, const struct datum *v) {
  uint32_t *times = tool_alloc(d->table_count, sizeof *times), count = 0, numbered = 0;
  uint32_t *order = tool_alloc(d->table_count, sizeof *order);
  *p = (struct print_tables){.number = tool_alloc(d->table_count, sizeof *p->number),
                             .is_shown = tool_alloc(d->table_count, sizeof *p->is_shown)};
  meet(times, order, &count, v);
  for (uint32_t i = 0; i < count; i++) {
    const struct datum_table *t = &d->tables[order[i]];
    for (uint32_t k = 0; k < t->count; k++) {
      meet(times, order, &count, &t->entries[k].key);
      meet(times, order, &count, &t->entries[k].value);
    }
  }
  for (uint32_t i = 0; i < count; i++)
    if (times[order[i]] > 1) p->number[order[i]] = ++numbered;
  free(times);
  p->shown_at = order; /* large enough, and no longer needed */
}

void print_tables_deinit(struct print_tables *p) {
  free(p->number);
  free(p->is_shown);
  free(p->shown_at);
  *p = (struct print_tables){0};
}

void print_tables_show(struct print_tables *p, uint32_t table) {
  if (!p->number[table]) return;
  p->is_shown[table] = true;
  p->shown_at[p->shown++] = table;
}

void print_tables_forget(struct print_tables *p, uint32_t mark) {
  while (p->shown > mark) p->is_shown[p->shown_at[--p->shown]] = false;
}

static int rank(const struct datum *v) {
  switch (v->type) {
    case DATUM_NUMBER: return 0;
    case DATUM_STRING: return 1;
    case DATUM_BOOL: return 2;
    default: return 3;
  }
}

static int compare(const struct datum *a, const struct datum *b) {
  if (rank(a) != rank(b)) return rank(a) < rank(b) ? -1 : 1;
  switch (a->type) {
    case DATUM_NUMBER: return (a->number > b->number) - (a->number < b->number);
    case DATUM_BOOL: return a->boolean - b->boolean;
    case DATUM_STRING: {
      size_t least = a->size < b->size ? a->size : b->size;
      int order = least ? memcmp(a->bytes, b->bytes, least) : 0;
      return order ? order : (a->size > b->size) - (a->size < b->size);
    }
    default: return 0;
  }
}

static int by_key(const void *left, const void *right) {
  const struct datum_entry *const *l = left, *const *r = right;
  int order = compare(&(*l)->key, &(*r)->key);
  return order ? order : (*l > *r) - (*l < *r);
}

const struct datum_entry **print_tables_sorted(const struct datum_table *t) {
  const struct datum_entry **sorted = tool_alloc(t->count, sizeof *sorted);
  for (uint32_t i = 0; i < t->count; i++) sorted[i] = &t->entries[i];
  qsort(sorted, t->count, sizeof *sorted, by_key);
  return sorted;
}

bool print_tables_is_list(const struct datum_entry **sorted, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (sorted[i]->key.type != DATUM_NUMBER || sorted[i]->key.number != i + 1) return false;
  return n > 0;
}
