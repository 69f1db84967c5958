/* SPDX-License-Identifier: MIT
 *
 * A table is tried in one line, which is given up as soon as it is too long, so no table is looked
 * at twice as a whole.
 */
#include "tools/touch/print.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/printable.h"
#include "tools/touch/print_json.h"
#include "tools/touch/print_tables.h"

/* ---- Strings and keys ---- */

static const char *escape_of(char c) {
  switch (c) {
    case '\a': return "\\a";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\v': return "\\v";
    case '"': return "\\\"";
    case '\\': return "\\\\";
    default: return NULL;
  }
}

void print_string(struct text *t, const char *bytes, size_t size) {
  text_add(t, "\"", 1);
  for (size_t i = 0, n; i < size; i += n) {
    uint32_t code;
    const char *letter = escape_of(bytes[i]);
    n = printable_decode(bytes + i, size - i, &code);
    if (letter) {
      text_add(t, letter, 2);
    } else if (n && !printable_steers(code)) {
      text_add(t, bytes + i, n);
    } else {
      if (n == 0) n = 1;
      for (size_t k = 0; k < n; k++) text_print(t, "\\%03u", (unsigned)(unsigned char)bytes[i + k]);
    }
  }
  text_add(t, "\"", 1);
}

static bool is_name(const char *bytes, size_t size) {
  static const char *const words[] = {"and",    "break", "do",    "else", "elseif", "end",
                                      "false",  "for",   "function", "if", "in",    "local",
                                      "nil",    "not",   "or",    "repeat", "return", "then",
                                      "true",   "until", "while", "goto", "inf",    "nan",
                                      "null"};
  for (size_t i = 0; i < size; i++) {
    char c = bytes[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(i && c >= '0' && c <= '9')) return false;
  }
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strlen(words[i]) == size && memcmp(words[i], bytes, size) == 0) return false;
  return size > 0;
}

static void add_reference(struct text *t, const struct datum_reference *r) {
  text_print(t, "%s ", gaijin_kind_name(r->kind));
  text_add_plain(t, r->worker, strlen(r->worker));
  text_print(t, ":%" PRIu64 "%s", r->id, r->dead ? " (dead)" : "");
}

static void add_scalar(struct text *t, const struct data *d, const struct datum *v) {
  switch (v->type) {
    case DATUM_NIL: text_add(t, "nil", 3); return;
    case DATUM_BOOL: text_print(t, "%s", v->boolean ? "true" : "false"); return;
    case DATUM_NUMBER: text_add_number(t, v->number); return;
    case DATUM_STRING: print_string(t, v->bytes, v->size); return;
    case DATUM_NULL: text_print(t, "null pointer"); return;
    case DATUM_REFERENCE: add_reference(t, datum_reference_at(d, v)); return;
    case DATUM_TABLE: return;
  }
}

/* ---- Tables ---- */

struct writer {
  struct text *t;
  const struct print *how;
  const struct data *d;
  struct print_tables tables;
  size_t most;   /* bytes that t may have while a line is tried */
  bool too_long; /* it has more */
};

/* `indent`: of the line it is in, where lines may follow; -1: all is in one line. `before`: columns
 * of that line that are taken. */
static void value(struct writer *w, const struct datum *v, int depth, int indent, int before);

static void key(struct writer *w, const struct datum *k, int depth) {
  if (k->type == DATUM_STRING && is_name(k->bytes, k->size)) {
    text_add(w->t, k->bytes, k->size);
    return;
  }
  text_add(w->t, "[", 1);
  value(w, k, depth, -1, 0);
  text_add(w->t, "]", 1);
}

/* An entry; the key *next, which is counted up then, is not written. */
static void entry(struct writer *w, const struct datum_entry *e, double *next, int depth,
                  int indent) {
  size_t start = w->t->size;
  if (e->key.type == DATUM_NUMBER && e->key.number == *next) {
    ++*next;
  } else {
    key(w, &e->key, depth);
    text_add(w->t, " = ", 3);
  }
  value(w, &e->value, depth, indent, (int)text_width(w->t->bytes + start, w->t->size - start));
}

static void in_one_line(struct writer *w, const struct datum_table *table, int depth) {
  double next = 1;
  if (table->count > (w->most - w->t->size) / 3) { /* nobody sorts it in vain */
    w->too_long = true;
    return;
  }
  const struct datum_entry **sorted = print_tables_sorted(table);
  text_add(w->t, "{", 1);
  for (uint32_t i = 0; i < table->count && !w->too_long; i++) {
    if (i) text_add(w->t, ", ", 2);
    entry(w, sorted[i], &next, depth, -1);
    w->too_long = w->too_long || w->t->size >= w->most;
  }
  text_add(w->t, "}", 1);
  free(sorted);
}

static void in_lines(struct writer *w, const struct datum_table *table, int depth, int indent) {
  double next = 1;
  const struct datum_entry **sorted = print_tables_sorted(table);
  text_add(w->t, "{", 1);
  for (uint32_t i = 0; i < table->count; i++) {
    text_print(w->t, "\n%*s", indent + 2, "");
    entry(w, sorted[i], &next, depth, indent + 2);
    text_add(w->t, ",", 1);
  }
  text_print(w->t, "\n%*s}", indent, "");
  free(sorted);
}

static void table_begin(struct writer *w, const struct datum *v) {
  uint32_t number = print_tables_number(&w->tables, v->number_of);
  print_tables_show(&w->tables, v->number_of);
  if (number) text_print(w->t, "<%u>", (unsigned)number);
}

/* Whether the table fits into the line; if not, nothing was written. */
static bool fits(struct writer *w, const struct datum *v, int depth, int left) {
  size_t start = w->t->size;
  uint32_t mark = w->tables.shown;
  w->most = start + (left > 0 ? (size_t)left : 0);
  table_begin(w, v);
  in_one_line(w, datum_table_at(w->d, v), depth);
  bool fit = !w->too_long && w->t->size <= w->most;
  w->most = SIZE_MAX;
  w->too_long = false;
  if (fit) return true;
  w->t->size = start;
  print_tables_forget(&w->tables, mark);
  return false;
}

static void table(struct writer *w, const struct datum *v, int depth, int indent, int before) {
  const struct datum_table *table = datum_table_at(w->d, v);
  if (print_tables_was_shown(&w->tables, v->number_of)) {
    text_print(w->t, "<table %u>", (unsigned)print_tables_number(&w->tables, v->number_of));
  } else if (table->count == 0 || depth >= w->how->depth) {
    table_begin(w, v);
    text_print(w->t, table->count ? "{...}" : "{}");
  } else if (indent < 0) {
    table_begin(w, v);
    in_one_line(w, table, depth + 1);
  } else if (!fits(w, v, depth + 1, w->how->width - indent - before - 1)) {
    table_begin(w, v);
    in_lines(w, table, depth + 1, indent);
  }
}

static void value(struct writer *w, const struct datum *v, int depth, int indent, int before) {
  if (v->type == DATUM_TABLE)
    table(w, v, depth, indent, before);
  else
    add_scalar(w->t, w->d, v);
}

void print_key(struct text *t, const struct data *d, const struct datum *k) {
  struct print how = {.depth = 0, .width = 80};
  struct writer w = {.t = t, .how = &how, .d = d, .most = SIZE_MAX};
  print_tables_init(&w.tables, d, k);
  key(&w, k, 0);
  print_tables_deinit(&w.tables);
}

void print_datum(struct text *t, const struct print *how, const struct data *d,
                 const struct datum *v) {
  if (how->json) {
    print_json(t, how->depth, d, v);
    return;
  }
  struct writer w = {.t = t, .how = how, .d = d, .most = SIZE_MAX};
  text_add(t, "", 0);
  print_tables_init(&w.tables, d, v);
  value(&w, v, 0, 0, 0);
  print_tables_deinit(&w.tables);
}
