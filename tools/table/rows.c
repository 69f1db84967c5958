/* SPDX-License-Identifier: MIT
 *
 * Names are sorted as people count: w2 before w10. What has no value comes last, whichever way. Of
 * equal rows the columns decide, from the left: two pictures of one state are the same.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* qsort_r, strverscmp */
#endif
#include "tools/table/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

const char *cell_bytes(const struct rows *r, const struct cell *c, char room[CELL_ROOM],
                       size_t *size) {
  struct text t = {0};
  bool json = r->view->json;
  switch ((enum cell_type)c->type) {
    case CELL_TEXT: *size = c->size; return c->is.text;
    case CELL_NIL: *size = (size_t)snprintf(room, CELL_ROOM, "%s", json ? "null" : "-"); break;
    case CELL_WHOLE: *size = (size_t)snprintf(room, CELL_ROOM, "%" PRIu64, c->is.whole); break;
    case CELL_NUMBER:
      text_add_number(&t, c->is.number);
      /* JSON has no word for those that are not finite. */
      *size = (size_t)snprintf(room, CELL_ROOM, json && !isfinite(c->is.number) ? "\"%s\"" : "%s",
                               t.bytes);
      text_deinit(&t);
      break;
  }
  return room;
}

static double number_of(const struct cell *c) {
  return c->type == CELL_WHOLE ? (double)c->is.whole : c->is.number;
}

static int compare_numbers(const struct cell *a, const struct cell *b) {
  double x = number_of(a), y = number_of(b);
  if (x == y && a->type == CELL_WHOLE && b->type == CELL_WHOLE)
    return (a->is.whole > b->is.whole) - (a->is.whole < b->is.whole);
  return x < y ? -1 : x > y;
}

static int compare_cells(const struct cell *a, const struct cell *b, bool downwards) {
  if (a->type == CELL_NIL || b->type == CELL_NIL)
    return (a->type == CELL_NIL) - (b->type == CELL_NIL);
  int order;
  if (cell_is_number(a) != cell_is_number(b))
    order = cell_is_number(a) ? -1 : 1;
  else if (cell_is_number(a))
    order = compare_numbers(a, b);
  else
    order = a->is.text == b->is.text ? 0 : strverscmp(a->is.text, b->is.text);
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
