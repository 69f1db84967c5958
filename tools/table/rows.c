/* SPDX-License-Identifier: MIT
 *
 * Names are sorted as people count: w2 before w10. What has no value comes last, whichever way. Of
 * equal rows the columns decide, from the left: two pictures of one state are the same.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* qsort_r, strverscmp */
#endif
#include "tools/table/rows.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

static int compare_cells(const struct cell *a, const struct cell *b, bool downwards) {
  if (a->type == CELL_NIL || b->type == CELL_NIL)
    return (a->type == CELL_NIL) - (b->type == CELL_NIL);
  int order;
  if (a->type != b->type)
    order = a->type == CELL_NUMBER ? -1 : 1;
  else if (a->type == CELL_NUMBER)
    order = a->number < b->number ? -1 : a->number > b->number;
  else
    order = strverscmp(a->bytes, b->bytes);
  return downwards ? -order : order;
}

static int compare_by(const struct rows *r, const struct view_order *o, size_t a, size_t b) {
  if (!o->by) return 0;
  return compare_cells(rows_cell(r, a, o->by), rows_cell(r, b, o->by), o->downwards);
}

static int compare_rows(const void *x, const void *y, void *user) {
  const struct rows *r = user;
  size_t a = *(const size_t *)x, b = *(const size_t *)y;
  int order = compare_by(r, &r->view->order, a, b);
  if (order == 0) order = compare_by(r, &r->view->usual, a, b);
  if (order == 0) order = compare_by(r, &r->view->then, a, b);
  for (size_t i = 0; order == 0 && i < r->view->count; i++)
    order = compare_by(r, &(struct view_order){.by = &r->view->columns[i]}, a, b);
  return order ? order : a < b ? -1 : a > b;
}

size_t *rows_order(const struct rows *r, size_t *count) {
  size_t n = rows_count(r), *order = tool_alloc(n, sizeof *order);
  for (size_t i = 0; i < n; i++) order[i] = i;
  qsort_r(order, n, sizeof *order, compare_rows, (void *)r);
  *count = r->view->limit && r->view->limit < n ? r->view->limit : n;
  return order;
}
