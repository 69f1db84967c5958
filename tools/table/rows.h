/* SPDX-License-Identifier: MIT
 *
 * A table in memory, as show.c makes it and print.c prints it: cells row by row.
 */
#ifndef GAIJIN_TOOLS_ROWS_H
#define GAIJIN_TOOLS_ROWS_H

#include <stdio.h>

#include "tools/table/view.h"

enum cell_type { CELL_NIL, CELL_NUMBER, CELL_TEXT };

struct cell {
  char *bytes; /* as it is printed: as JSON, or plain */
  size_t size;
  double number; /* what sorts it if it is one */
  enum cell_type type;
  unsigned char mark; /* enum show_mark of its row, in a row's first cell */
};

struct rows {
  const struct view *view;
  struct cell *cells; /* view->count of them in each row */
  size_t count;       /* of cells */
};

static inline size_t rows_count(const struct rows *r) { return r->count / r->view->count; }
static inline const struct cell *rows_cell(const struct rows *r, size_t row,
                                           const struct column *c) {
  return &r->cells[row * r->view->count + (size_t)(c - r->view->columns)];
}

/* The rows that are shown, in their order: *count numbers of rows, to be freed. */
size_t *rows_order(const struct rows *r, size_t *count);

void rows_write_json(const struct rows *r, FILE *out);
void rows_print_table(const struct rows *r);

#endif
