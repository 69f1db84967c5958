/* SPDX-License-Identifier: MIT
 *
 * A table in memory, as show.c makes it and print.c prints it: cells row by row. There may be
 * millions: a cell takes 16 bytes, numbers are made texts when they are printed, and a text that
 * stands in the row above, too, is kept once.
 */
#ifndef GAIJIN_TOOLS_ROWS_H
#define GAIJIN_TOOLS_ROWS_H

#include <stdint.h>
#include <stdio.h>

#include "tools/table/strings.h"
#include "tools/table/view.h"

enum cell_type { CELL_NIL, CELL_WHOLE, CELL_NUMBER, CELL_TEXT };

struct cell {
  union {
    uint64_t whole;   /* CELL_WHOLE */
    double number;    /* CELL_NUMBER */
    const char *text; /* CELL_TEXT: as it is printed, as JSON or plain; a 0 stands behind it */
  } is;
  uint32_t size;      /* of the text */
  unsigned char type; /* enum cell_type */
  unsigned char mark; /* enum show_mark of its row, in a row's first cell */
};

struct rows {
  const struct view *view;
  struct cell *cells; /* view->count of them in each row */
  size_t count;       /* of cells */
  struct strings strings; /* their texts */
};

static inline bool cell_is_number(const struct cell *c) {
  return c->type == CELL_WHOLE || c->type == CELL_NUMBER;
}
/* As it is printed: its bytes, *size of them. They are its own, or written into `room`. */
enum { CELL_ROOM = 64 };
const char *cell_bytes(const struct rows *r, const struct cell *c, char room[CELL_ROOM],
                       size_t *size);

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
