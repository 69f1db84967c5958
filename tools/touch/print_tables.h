/* SPDX-License-Identifier: MIT
 *
 * Which tables occur more than once in a value that is printed, and which have been shown so far;
 * the order of a table's entries.
 */
#ifndef GAIJIN_TOOLS_PRINT_TABLES_H
#define GAIJIN_TOOLS_PRINT_TABLES_H

#include "tools/touch/datum.h"

struct print_tables {
  uint32_t *number;   /* by number of the table in data: 1, 2, ... in the order they are met, for
                       * those that occur more than once; 0 for others */
  bool *is_shown;     /* likewise */
  uint32_t *shown_at; /* those that were shown, in their order */
  uint32_t shown;
};

/* Looks at everything that v leads to. */
void print_tables_init(struct print_tables *p, const struct data *d, const struct datum *v);
void print_tables_deinit(struct print_tables *p);

static inline uint32_t print_tables_number(const struct print_tables *p, uint32_t table) {
  return p->number[table];
}
/* A table that occurs once is never met again, and needs no note. */
static inline bool print_tables_was_shown(const struct print_tables *p, uint32_t table) {
  return p->is_shown[table];
}
void print_tables_show(struct print_tables *p, uint32_t table);
/* Those that were shown after the first `mark` were not. */
void print_tables_forget(struct print_tables *p, uint32_t mark);

/* Pointers to the entries, for free(): numbers upwards, texts, booleans, others. Of several with
 * one key all are there, in their order. */
const struct datum_entry **print_tables_sorted(const struct datum_table *t);
/* Whether the keys are 1 to n, sorted entries given. */
bool print_tables_is_list(const struct datum_entry **sorted, uint32_t n);

#endif
