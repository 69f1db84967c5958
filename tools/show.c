/* SPDX-License-Identifier: MIT
 *
 * Every cell is rendered when it is put, as JSON or as plain text, and kept as
 * one string; widths are known at the end. Columns of numbers are aligned to
 * the right.
 */
#include "tools/show.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

struct cell {
  char *bytes;
  size_t size;
};

struct show {
  bool json;
  const char *const *fields;
  size_t columns;
  bool *right; /* per column: numbers are in it */
  struct cell *cells;
  size_t count;
  size_t room;
  struct text list; /* the list cell being made */
  size_t items;
  size_t hole; /* where the next cell goes; NO_HOLE: to the end */
};

#define NO_HOLE SIZE_MAX

struct show *show_new(bool json, const char *const *fields, size_t count) {
  struct show *s = tool_alloc(1, sizeof *s);
  *s = (struct show){.json = json,
                     .fields = fields,
                     .columns = count,
                     .right = tool_alloc(count, sizeof *s->right),
                     .hole = NO_HOLE};
  return s;
}

void show_free(struct show *s) {
  if (!s) return;
  for (size_t i = 0; i < s->count; i++) free(s->cells[i].bytes);
  text_deinit(&s->list);
  free(s->cells);
  free(s->right);
  free(s);
}

/* Takes the text over. `right`: it is a number. */
static void put_aligned(struct show *s, struct text *t, bool right) {
  size_t cell = s->hole != NO_HOLE ? s->hole : s->count;
  s->hole = NO_HOLE;
  if (cell == s->count && s->count == s->room) {
    size_t room = s->room ? s->room * 2 : 64;
    struct cell *cells = realloc(s->cells, room * sizeof *cells);
    if (!cells) {
      tool_error("out of memory");
      exit(1);
    }
    s->cells = cells;
    s->room = room;
  }
  if (!t->bytes) text_add(t, "", 0);
  if (cell == s->count)
    s->count++;
  else
    free(s->cells[cell].bytes);
  s->cells[cell] = (struct cell){.bytes = t->bytes, .size = t->size};
  if (right) s->right[cell % s->columns] = true;
  *t = (struct text){0};
}

static void put(struct show *s, struct text *t) { put_aligned(s, t, false); }

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
  struct text t = {0};
  add_number(s, &t, v);
  put_aligned(s, &t, true);
}

void show_uint(struct show *s, uint64_t v) {
  struct text t = {0};
  text_print(&t, "%" PRIu64, v);
  put_aligned(s, &t, true);
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
  struct text t = {0};
  text_print(&t, "%s", s->json ? "null" : "-");
  put(s, &t);
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
    text_print(t, "%s{\"name\":", s->items ? "," : "");
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
  return s->count - 1;
}

void show_fill(struct show *s, size_t hole) { s->hole = hole; }

void show_list_end(struct show *s) {
  if (s->json)
    text_add(&s->list, "]", 1);
  else if (s->items == 0)
    text_add(&s->list, "-", 1);
  put(s, &s->list);
}

static void print_json(const struct show *s) {
  fputc('[', stdout);
  for (size_t i = 0; i < s->count; i++) {
    size_t column = i % s->columns;
    if (column == 0) fputs(i ? "},\n {" : "{", stdout);
    printf("%s\"%s\":", column ? "," : "", s->fields[column]);
    fwrite(s->cells[i].bytes, 1, s->cells[i].size, stdout);
  }
  fputs(s->count ? "}]\n" : "]\n", stdout);
}

static void print_cell(const char *bytes, size_t size, size_t width, bool right, bool last) {
  size_t own = text_width(bytes, size), space = width > own ? width - own : 0;
  if (right) printf("%*s", (int)space, "");
  fwrite(bytes, 1, size, stdout);
  if (last)
    fputc('\n', stdout);
  else
    printf("%*s", (int)(right ? 2 : space + 2), "");
}

static void print_table(const struct show *s) {
  size_t *width = tool_alloc(s->columns, sizeof *width);
  for (size_t i = 0; i < s->columns; i++) width[i] = strlen(s->fields[i]);
  for (size_t i = 0; i < s->count; i++) {
    size_t own = text_width(s->cells[i].bytes, s->cells[i].size);
    if (own > width[i % s->columns]) width[i % s->columns] = own;
  }
  for (size_t i = 0; i < s->columns; i++)
    print_cell(s->fields[i], strlen(s->fields[i]), width[i], s->right[i], i + 1 == s->columns);
  for (size_t i = 0; i < s->count; i++) {
    size_t column = i % s->columns;
    print_cell(s->cells[i].bytes, s->cells[i].size, width[column], s->right[column],
               column + 1 == s->columns);
  }
  free(width);
}

int show_end(struct show *s) {
  if (s->json)
    print_json(s);
  else
    print_table(s);
  show_free(s);
  if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
  tool_error("cannot write the result to standard output: %s", strerror(errno));
  return 1;
}
