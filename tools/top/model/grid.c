/* SPDX-License-Identifier: MIT
 *
 * All texts of a table are one string, so that another table needs no allocation.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* qsort_r, strverscmp */
#endif
#include "tools/top/model/grid.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/top/model/width.h"

void grid_begin(struct grid *g, const struct column *columns, size_t n_columns) {
  assert(n_columns > 0 && n_columns <= VIEW_COLUMNS_MOST);
  g->columns = columns;
  g->n_columns = n_columns;
  g->n_cells = g->n_rows = g->shown = g->bytes.size = 0;
}

void grid_deinit(struct grid *g) {
  text_deinit(&g->bytes);
  free(g->cells);
  free(g->rows);
  free(g->order);
  *g = (struct grid){0};
}

void grid_row(struct grid *g, struct grid_key key, enum grid_look look) {
  assert(g->n_cells == g->n_rows * g->n_columns); /* the row before is whole */
  g->rows = tool_grow(g->rows, g->n_rows, &g->rows_room, sizeof *g->rows);
  g->rows[g->n_rows++] = (struct grid_row){.key = key, .look = look};
}

/* A cell with what was added to the bytes from `at` on, and a 0 behind it. */
static void add_cell(struct grid *g, size_t at, enum grid_type type, double number) {
  assert(g->n_cells < g->n_rows * g->n_columns);
  size_t size = g->bytes.size - at;
  text_add(&g->bytes, "", 1);
  g->cells = tool_grow(g->cells, g->n_cells, &g->cells_room, sizeof *g->cells);
  g->cells[g->n_cells++] = (struct grid_cell){.at = at,
                                              .size = size,
                                              .width = width_of(g->bytes.bytes + at, size),
                                              .number = number,
                                              .type = type};
}

void grid_text(struct grid *g, const char *bytes, size_t size) {
  size_t at = g->bytes.size;
  text_add_plain(&g->bytes, bytes, size);
  add_cell(g, at, GRID_TEXT, 0);
}

void grid_text_number(struct grid *g, const char *bytes, size_t size, double v) {
  size_t at = g->bytes.size;
  text_add_plain(&g->bytes, bytes, size);
  add_cell(g, at, GRID_NUMBER, v);
}

void grid_nil(struct grid *g) {
  size_t at = g->bytes.size;
  text_add(&g->bytes, "-", 1);
  add_cell(g, at, GRID_NIL, 0);
}

void grid_number(struct grid *g, double v, void (*write)(struct text *t, double v)) {
  size_t at = g->bytes.size;
  write(&g->bytes, v);
  add_cell(g, at, GRID_NUMBER, v);
}

/* ---- Rows that are shown ---- */

bool grid_has(const char *bytes, size_t size, const char *part) {
  size_t n = strlen(part);
  for (size_t i = 0; i + n <= size; i++) {
    size_t k = 0;
    while (k < n && tolower((unsigned char)bytes[i + k]) == tolower((unsigned char)part[k])) k++;
    if (k == n) return true;
  }
  return false;
}

static bool row_has(const struct grid *g, size_t row, const char *part) {
  for (size_t i = 0; i < g->n_columns; i++) {
    const struct grid_cell *c = grid_cell(g, row, i);
    bool is_text = c->type == GRID_TEXT || (g->columns[i].flows && c->type != GRID_NIL);
    if (is_text && grid_has(g->bytes.bytes + c->at, c->size, part)) return true;
  }
  return false;
}

struct arranging {
  const struct grid *g;
  size_t by;
  bool downwards;
};

static int compare_texts(const struct grid *g, const struct grid_cell *a,
                         const struct grid_cell *b) {
  return strverscmp(g->bytes.bytes + a->at, g->bytes.bytes + b->at);
}

static int compare(const void *x, const void *y, void *user) {
  const struct arranging *a = user;
  size_t left = *(const size_t *)x, right = *(const size_t *)y;
  const struct grid_cell *c = grid_cell(a->g, left, a->by), *d = grid_cell(a->g, right, a->by);
  int order = 0;
  if (c->type == GRID_NIL || d->type == GRID_NIL) {
    if (c->type != d->type) return c->type == GRID_NIL ? 1 : -1;
  } else if (c->type == GRID_NUMBER && d->type == GRID_NUMBER) {
    order = (c->number > d->number) - (c->number < d->number);
  } else {
    order = compare_texts(a->g, c, d);
  }
  if (a->downwards) order = -order;
  if (!order) order = compare_texts(a->g, grid_cell(a->g, left, 0), grid_cell(a->g, right, 0));
  return order ? order : (left > right) - (left < right);
}

void grid_arrange(struct grid *g, size_t by, bool downwards, const char *filter) {
  assert(by < g->n_columns && g->n_cells == g->n_rows * g->n_columns);
  free(g->order);
  g->order = tool_alloc(g->n_rows, sizeof *g->order);
  g->shown = 0;
  for (size_t i = 0; i < g->n_rows; i++)
    if (!filter || !*filter || row_has(g, i, filter)) g->order[g->shown++] = i;
  struct arranging a = {.g = g, .by = by, .downwards = downwards};
  qsort_r(g->order, g->shown, sizeof *g->order, compare, &a);
}

/* ---- Columns that are shown ---- */

void grid_fit(const struct grid *g, size_t by, size_t width, struct layout *l) {
  struct view v = {.columns = g->columns,
                   .count = g->n_columns,
                   .n_picked = g->n_columns,
                   .terminal = {.is_one = true, .width = width, .height = 1}};
  size_t widths[VIEW_COLUMNS_MOST];
  for (size_t i = 0; i < g->n_columns; i++) {
    v.picked[i] = &g->columns[i];
    widths[i] = strlen(g->columns[i].name) + (i == by);
    for (size_t k = 0; k < g->shown; k++) {
      size_t own = grid_cell(g, g->order[k], i)->width;
      if (own > widths[i]) widths[i] = own;
    }
  }
  layout_fit(l, &v, widths);
}
