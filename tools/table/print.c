/* SPDX-License-Identifier: MIT
 *
 * A table on standard output. Behind it, on a terminal only, stands what it does not show.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"
#include "tools/table/layout.h"
#include "tools/table/rows.h"
#include "tools/table/show.h"

void rows_write_json(const struct rows *r, FILE *out) {
  const struct view *v = r->view;
  size_t n, *order = rows_order(r, &n);
  fputc('[', out);
  for (size_t i = 0; i < n; i++) {
    fputs(i ? "},\n {" : "{", out);
    for (size_t k = 0; k < v->n_picked; k++) {
      char room[CELL_ROOM];
      size_t size;
      const char *bytes = cell_bytes(r, rows_cell(r, order[i], v->picked[k]), room, &size);
      fprintf(out, "%s\"%s\":", k ? "," : "", v->picked[k]->name);
      fwrite(bytes, 1, size, out);
    }
  }
  fputs(n ? "}]\n" : "]\n", out);
  free(order);
}

/* ---- For people ---- */

static void blanks(size_t n) { printf("%*s", (int)n, ""); }

/* What of a text takes `width` columns, with a mark at its end if that is not all. */
static void print_cut(const char *bytes, size_t size, size_t width) {
  if (text_width(bytes, size) <= width) {
    fwrite(bytes, 1, size, stdout);
    return;
  }
  size_t taken = text_fit(bytes, size, width - 1);
  fwrite(bytes, 1, taken, stdout);
  fputs("\u2026", stdout);
  blanks(width - 1 - text_width(bytes, taken)); /* a wide character may leave a column */
}

static void print_padded(const char *bytes, size_t size, size_t width, bool right, bool last) {
  size_t own = text_width(bytes, size), space = width > own ? width - own : 0;
  if (right) blanks(space);
  print_cut(bytes, size, width);
  if (!last) blanks(right ? LAYOUT_GAP : space + LAYOUT_GAP);
}

/* How wide each column of the table would have to be, for the rows that are shown; and whether it
 * has numbers, which stand to the right. */
static void measure(const struct rows *r, const size_t *order, size_t n, size_t *widths,
                    bool *right) {
  for (size_t k = 0; k < r->view->count; k++) {
    const struct column *c = &r->view->columns[k];
    widths[k] = strlen(c->name);
    right[k] = false;
    for (size_t i = 0; i < n; i++) {
      const struct cell *cell = rows_cell(r, order[i], c);
      char room[CELL_ROOM];
      size_t size;
      const char *bytes = cell_bytes(r, cell, room, &size);
      size_t own = text_width(bytes, size);
      if (own > widths[k]) widths[k] = own;
      right[k] = right[k] || cell_is_number(cell);
    }
  }
}

static void style(const struct rows *r, const char *code) {
  if (r->view->terminal.colours) printf("\x1b[%sm", code);
}

static void print_head(const struct rows *r, const struct layout *l, const bool *right) {
  style(r, "1");
  for (size_t k = 0; k < l->count; k++)
    print_padded(l->columns[k]->name, strlen(l->columns[k]->name), l->widths[k],
                 right[l->columns[k] - r->view->columns], k + 1 == l->count);
  style(r, "0");
  fputc('\n', stdout);
}

static void print_row(const struct rows *r, const struct layout *l, const bool *right, size_t row) {
  unsigned char mark = r->cells[row * r->view->count].mark;
  if (mark) style(r, mark == SHOW_DIM ? "2" : "31");
  for (size_t k = 0; k < l->count; k++) {
    char room[CELL_ROOM];
    size_t size;
    const char *bytes = cell_bytes(r, rows_cell(r, row, l->columns[k]), room, &size);
    print_padded(bytes, size, l->widths[k], right[l->columns[k] - r->view->columns],
                 k + 1 == l->count);
  }
  if (mark) style(r, "0");
  fputc('\n', stdout);
}

/* ---- What is not shown ---- */

/* The line about it; empty if all is shown. */
static void describe_rest(const struct rows *r, const struct layout *l, size_t shown,
                          struct text *t) {
  size_t all = rows_count(r);
  text_deinit(t);
  if (shown < all)
    text_print(t, "%zu of %zu rows%s. ", shown, all,
               shown == r->view->limit ? ", as --limit says" : ", as many as fit here");
  for (size_t i = 0; i < l->n_left_out; i++)
    text_print(t, "%s%s", i ? ", " : "no room for ", l->left_out[i]->name);
  if (l->n_left_out) text_print(t, "; --wide shows all, -o COLUMN,... some. ");
  if (l->cut && !l->n_left_out) text_print(t, "texts are cut; --wide shows them whole. ");
}

/* Prints words, so many columns wide; how many lines that were, if `count_only` that would be. */
static size_t print_words(const char *text, size_t width, bool count_only) {
  size_t at = 0, lines = 0;
  for (; *text; text += strspn(text, " ")) {
    size_t size = strcspn(text, " ");
    bool first = at == 0;
    if (!first && at + 1 + size > width) {
      if (!count_only) fputc('\n', stdout);
      first = true;
      at = 0;
    }
    if (first) lines++;
    if (!count_only) printf("%s%.*s", first ? "" : " ", (int)size, text);
    at += size + !first;
    text += size;
  }
  if (lines && !count_only) fputc('\n', stdout);
  return lines;
}

/* So many of n rows fit on the terminal, with the head, a line on top and one for the cursor, and
 * what is said behind them. */
static size_t fit_page(const struct rows *r, const struct layout *l, size_t n) {
  const struct terminal *t = &r->view->terminal;
  struct text rest = {0};
  if (!r->view->page) return n;
  for (int i = 0; i < 2; i++) { /* to say that there are more rows may take another one's line */
    describe_rest(r, l, n, &rest);
    size_t lines = rest.bytes ? print_words(rest.bytes, t->width, true) : 0;
    size_t room = t->height > lines + 3 ? t->height - lines - 3 : 1;
    if (n > room) n = room;
  }
  text_deinit(&rest);
  return n;
}

/* One row as lines, each with a column's name and value. */
static void print_upright(const struct rows *r) {
  const struct view *v = r->view;
  size_t widest = 0, width = SIZE_MAX;
  for (size_t k = 0; k < v->n_picked; k++)
    if (strlen(v->picked[k]->name) > widest) widest = strlen(v->picked[k]->name);
  if (v->terminal.is_one && !v->wide && v->terminal.width > widest + LAYOUT_GAP)
    width = v->terminal.width - widest - LAYOUT_GAP;
  for (size_t k = 0; k < v->n_picked; k++) {
    char room[CELL_ROOM];
    size_t size;
    const char *bytes = cell_bytes(r, rows_cell(r, 0, v->picked[k]), room, &size);
    style(r, "1");
    print_padded(v->picked[k]->name, strlen(v->picked[k]->name), widest, false, false);
    style(r, "0");
    print_cut(bytes, size, width);
    fputc('\n', stdout);
  }
}

void rows_print_table(const struct rows *r) {
  const struct view *v = r->view;
  if (v->upright && rows_count(r) == 1) {
    print_upright(r);
    return;
  }
  size_t widths[VIEW_COLUMNS_MOST], n, *order = rows_order(r, &n);
  bool right[VIEW_COLUMNS_MOST];
  struct layout l;
  struct text rest = {0};
  measure(r, order, n, widths, right);
  layout_fit(&l, v, widths);
  if (v->terminal.is_one) {
    n = fit_page(r, &l, n);
    describe_rest(r, &l, n, &rest);
  }
  print_head(r, &l, right);
  for (size_t i = 0; i < n; i++) print_row(r, &l, right, order[i]);
  if (rest.bytes) {
    style(r, "2");
    print_words(rest.bytes, v->terminal.width, false);
    style(r, "0");
  }
  text_deinit(&rest);
  free(order);
}
