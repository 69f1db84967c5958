/* SPDX-License-Identifier: MIT
 *
 * A table that is looked at and moved about in: cells as they are shown, which rows are shown in
 * which order, and which columns there is room for. Texts of strangers are made safe when they are
 * put.
 *
 * Rows are put cell by cell, in the order of the columns. A row has a key, by which it is found
 * again in the next table.
 */
#ifndef GAIJIN_TOOLS_GRID_H
#define GAIJIN_TOOLS_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/text.h"
#include "tools/table/layout.h"

enum grid_look { GRID_PLAIN, GRID_DIM, GRID_BAD };
enum grid_type { GRID_NIL, GRID_NUMBER, GRID_TEXT };

struct grid_cell {
  size_t at, size; /* in `bytes` */
  size_t width;    /* in columns of a terminal */
  double number;   /* what sorts it, if it is one */
  enum grid_type type;
};

struct grid_key {
  uint64_t a, b;
};

struct grid_row {
  struct grid_key key;
  enum grid_look look;
};

struct grid {
  const struct column *columns;
  size_t n_columns;
  struct text bytes;
  struct grid_cell *cells; /* n_columns of them in each row */
  size_t n_cells, cells_room;
  struct grid_row *rows;
  size_t n_rows, rows_room;
  size_t *order; /* numbers of the rows that are shown, by their places */
  size_t shown;
};

/* No rows, of so many columns (static). A zeroed one may be begun; so may one that has rows. */
void grid_begin(struct grid *g, const struct column *columns, size_t n_columns);
void grid_deinit(struct grid *g);

/* A row begins. All its cells follow. */
void grid_row(struct grid *g, struct grid_key key, enum grid_look look);
void grid_text(struct grid *g, const char *bytes, size_t size);
void grid_nil(struct grid *g);
/* A cell sorted by v, as `write` shows it. */
void grid_number(struct grid *g, double v, void (*write)(struct text *t, double v));
/* A text that is sorted by v. */
void grid_text_number(struct grid *g, const char *bytes, size_t size, double v);

/* Which rows are shown: those that have `filter` (NULL, "": all) in a text, whatever its case; and
 * in which order: by a column, what has no value last, among equals by the first. Texts are sorted
 * as people count: w2 before w10. */
void grid_arrange(struct grid *g, size_t by, bool downwards, const char *filter);
/* Whether a text has another in it, whatever the case of ASCII letters. */
bool grid_has(const char *bytes, size_t size, const char *part);

/* Which columns have room in so many columns of a terminal. The head of the one that sorts has a
 * mark behind it. */
void grid_fit(const struct grid *g, size_t by, size_t width, struct layout *l);

/* A number for a text, for keys. */
static inline uint64_t grid_hash(const char *text) {
  uint64_t hash = 14695981039346656037u;
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 1099511628211u;
  return hash;
}

static inline const struct grid_cell *grid_cell(const struct grid *g, size_t row, size_t column) {
  return &g->cells[row * g->n_columns + column];
}

#endif
