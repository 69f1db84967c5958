/* SPDX-License-Identifier: MIT
 *
 * Texts are rendered when they are put, as JSON or as plain text, numbers when they are printed;
 * widths are known at the end.
 */
#include "tools/table/show.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"
#include "tools/table/rows.h"

struct show {
  bool json;
  struct rows rows;
  size_t room; /* for cells */
  struct text list; /* the list cell being made */
  size_t items;
  size_t hole; /* where the next cell goes; NO_HOLE: to the end */
};

#define NO_HOLE SIZE_MAX

struct show *show_new(const struct view *v) {
  struct show *s = tool_alloc(1, sizeof *s);
  *s = (struct show){.json = v->json, .rows.view = v, .hole = NO_HOLE};
  return s;
}

void show_free(struct show *s) {
  if (!s) return;
  strings_deinit(&s->rows.strings);
  text_deinit(&s->list);
  free(s->rows.cells);
  free(s);
}

bool show_wants(const struct show *s, const char *column) {
  const struct view *v = s->rows.view;
  for (size_t i = 0; i < v->n_picked; i++)
    if (strcmp(v->picked[i]->name, column) == 0) return true;
  return false;
}

size_t show_rows(const struct show *s) { return rows_count(&s->rows); }

void show_mark_row(struct show *s, size_t hole, enum show_mark mark) {
  s->rows.cells[hole - hole % s->rows.view->count].mark = (unsigned char)mark;
}

void show_mark(struct show *s, enum show_mark mark) { show_mark_row(s, s->rows.count - 1, mark); }

/* Where the next cell goes. */
static size_t next_place(const struct show *s) {
  return s->hole != NO_HOLE ? s->hole : s->rows.count;
}

static void put_cell(struct show *s, struct cell c) {
  size_t at = next_place(s);
  s->hole = NO_HOLE;
  s->rows.cells = tool_grow(s->rows.cells, at, &s->room, sizeof(struct cell));
  if (at == s->rows.count)
    s->rows.count++;
  else
    c.mark = s->rows.cells[at].mark;
  s->rows.cells[at] = c;
}

/* The text of the cell above, if it is this one; else a copy. */
static const char *keep(struct show *s, const char *bytes, size_t size) {
  size_t at = next_place(s), row = s->rows.view->count;
  const struct cell *above = at >= row ? &s->rows.cells[at - row] : NULL;
  if (above && above->type == CELL_TEXT && above->size == size &&
      memcmp(above->is.text, bytes, size) == 0)
    return above->is.text;
  return strings_add(&s->rows.strings, bytes, size);
}

/* Takes the text over. */
static void put(struct show *s, struct text *t) {
  if (t->size > UINT32_MAX) {
    tool_error("out of memory");
    exit(1);
  }
  const char *bytes = t->bytes ? t->bytes : "";
  put_cell(s, (struct cell){
                  .is.text = keep(s, bytes, t->size),
                  .size = (uint32_t)t->size,
                  .type = CELL_TEXT});
  text_deinit(t);
}

void show_string(struct show *s, const char *bytes, size_t size) {
  struct text t = {0};
  if (s->json)
    text_add_json(&t, bytes, size);
  else
    text_add_plain(&t, bytes, size);
  put(s, &t);
}

void show_text(struct show *s, const char *text) { show_string(s, text, strlen(text)); }

static void add_number(const struct show *s, struct text *t, double v) {
  /* JSON has no word for these. */
  bool quote = s->json && !isfinite(v);
  if (quote) text_add(t, "\"", 1);
  text_add_number(t, v);
  if (quote) text_add(t, "\"", 1);
}

void show_number(struct show *s, double v) {
  put_cell(s, (struct cell){.is.number = v, .type = CELL_NUMBER});
}

void show_uint(struct show *s, uint64_t v) {
  put_cell(s, (struct cell){.is.whole = v, .type = CELL_WHOLE});
}

void show_hex(struct show *s, uint64_t v) {
  char hex[17];
  snprintf(hex, sizeof hex, "%016" PRIx64, v);
  show_text(s, hex);
}

void show_bool(struct show *s, bool v) {
  struct text t = {0};
  text_print(&t, "%s", s->json ? v ? "true" : "false" : v ? "yes" : "no");
  put(s, &t);
}

void show_nil(struct show *s) {
  put_cell(s, (struct cell){.type = CELL_NIL});
}

void show_value(struct show *s, const struct gaijin_value *v) {
  switch (v->type) {
    case GAIJIN_BOOL: show_bool(s, v->boolean); return;
    case GAIJIN_STRING: show_string(s, v->bytes, v->size); return;
    case GAIJIN_NUMBER:
      if (v->is_uint)
        show_uint(s, v->integer);
      else
        show_number(s, v->number);
      return;
    case GAIJIN_NIL: show_nil(s); return;
    case GAIJIN_FOREIGN:
      show_text(s, gaijin_kind_name((enum gaijin_kind)gaijin_holding_pt(v->holding).kind));
      return;
    case GAIJIN_ARRAY: show_text(s, "array"); return;
    case GAIJIN_HOME:
    case GAIJIN_STALE: show_text(s, "token"); return;
    case GAIJIN_NULL: show_text(s, "null pointer"); return;
  }
}

void show_list_begin(struct show *s) {
  s->items = 0;
  if (s->json) text_add(&s->list, "[", 1);
}

void show_list_item(struct show *s, const char *name, size_t size, uint64_t count) {
  struct text *t = &s->list;
  if (s->json) {
    text_print(t, "%s{\"worker\":", s->items ? "," : "");
    text_add_json(t, name, size);
    text_print(t, ",\"count\":%" PRIu64 "}", count);
  } else {
    if (s->items) text_add(t, ", ", 2);
    text_add_plain(t, name, size);
    if (count != 1) text_print(t, " x%" PRIu64, count);
  }
  s->items++;
}

void show_list_value(struct show *s, const struct gaijin_value *v) {
  struct text *t = &s->list;
  if (s->items++) text_print(t, "%s", s->json ? "," : ", ");
  if (v->type != GAIJIN_STRING)
    add_number(s, t, v->number);
  else if (s->json)
    text_add_json(t, v->bytes, v->size);
  else
    text_add_plain(t, v->bytes, v->size);
}

size_t show_hole(struct show *s) {
  struct text t = {0};
  put(s, &t);
  return s->rows.count - 1;
}

bool show_is_json(const struct show *s) { return s->json; }

void show_rendered(struct show *s, struct text *t) { put(s, t); }

size_t *show_order(const struct show *s, size_t *count) { return rows_order(&s->rows, count); }

size_t show_row_of(const struct show *s, size_t hole) { return hole / s->rows.view->count; }

void show_fill(struct show *s, size_t hole) { s->hole = hole; }

void show_list_end(struct show *s) {
  if (s->json)
    text_add(&s->list, "]", 1);
  else if (s->items == 0)
    text_add(&s->list, "-", 1);
  put(s, &s->list);
}

void show_add_json(const struct show *s, struct text *t) {
  char *bytes = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&bytes, &size);
  if (out) rows_write_json(&s->rows, out);
  if (!out || ferror(out) | fclose(out)) {
    tool_error("out of memory");
    exit(EXIT_FAILED);
  }
  text_add(t, bytes, size);
  free(bytes);
}

size_t show_enough(const struct show *s) { return s->rows.view->enough; }

int show_print(struct show *s) {
  if (s->json)
    rows_write_json(&s->rows, stdout);
  else
    rows_print_table(&s->rows);
  if (fflush(stdout) == 0 && !ferror(stdout)) return EXIT_GOOD;
  tool_error("cannot write the result to standard output: %s", strerror(errno));
  return EXIT_FAILED;
}
