/* SPDX-License-Identifier: MIT
 *
 * See rows.h.
 */
#define _GNU_SOURCE
#include "tests/soak/rows.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MOST = 4096 };

static void add_name(struct rows *r, const char *name) {
  assert(r->columns < COLUMNS_MOST && r->n == 0 && strlen(name) < COLUMN_NAME);
  strcpy(r->names[r->columns++], name);
}

void rows_init(struct rows *r) {
  *r = (struct rows){.columns = 0};
  add_name(r, "time_s");
  add_name(r, "rest");
  assert(r->columns == COLUMNS_FIXED);
}

void rows_deinit(struct rows *r) {
  free(r->cells);
  *r = (struct rows){.columns = 0};
}

size_t rows_column(struct rows *r, const char *whose, const char *what) {
  char name[2 * COLUMN_NAME];
  snprintf(name, sizeof name, "%s.%s", whose, what);
  add_name(r, name);
  return r->columns - 1;
}

size_t rows_find(const struct rows *r, const char *name) {
  size_t i = 0;
  while (i < r->columns && strcmp(r->names[i], name) != 0) i++;
  return i;
}

double *rows_add(struct rows *r) {
  if (r->n == r->capacity) {
    r->capacity = r->capacity ? 2 * r->capacity : 64;
    r->cells = realloc(r->cells, r->capacity * r->columns * sizeof *r->cells);
    if (!r->cells) abort();
  }
  double *row = r->cells + r->n++ * r->columns;
  for (size_t i = 0; i < r->columns; i++) row[i] = 0;
  return row;
}

double rows_get(const struct rows *r, size_t row, size_t column) {
  assert(row < r->n && column < r->columns);
  return r->cells[row * r->columns + column];
}

void rows_write_names(const struct rows *r, FILE *out) {
  for (size_t i = 0; i < r->columns; i++) fprintf(out, "%s%s", i ? "," : "", r->names[i]);
  fputc('\n', out);
  fflush(out);
}

void rows_write_last(const struct rows *r, FILE *out) {
  assert(r->n > 0);
  for (size_t i = 0; i < r->columns; i++)
    fprintf(out, "%s%.10g", i ? "," : "", rows_get(r, r->n - 1, i));
  fputc('\n', out);
  fflush(out);
}

/* ---- Reading ---- */

static bool read_names(struct rows *r, char *line) {
  for (char *name; (name = strsep(&line, ",\n")) && *name;) {
    if (r->columns == COLUMNS_MOST || strlen(name) >= COLUMN_NAME) return false;
    add_name(r, name);
  }
  return r->columns >= COLUMNS_FIXED && rows_find(r, "time_s") == COLUMN_TIME &&
         rows_find(r, "rest") == COLUMN_REST;
}

static bool read_row(struct rows *r, const char *line) {
  double *row = rows_add(r);
  for (size_t i = 0; i < r->columns; i++) {
    char *end;
    row[i] = strtod(line, &end);
    if (end == line || *end != (i + 1 < r->columns ? ',' : '\n')) return false;
    line = end + 1;
  }
  return true;
}

const char *rows_read(struct rows *r, const char *path, char *text, size_t size) {
  char line[LINE_MOST];
  FILE *in = fopen(path, "re");
  *r = (struct rows){.columns = 0};
  if (!in) {
    snprintf(text, size, "%s: %s", path, strerror(errno));
    return text;
  }
  bool ok = fgets(line, sizeof line, in) && read_names(r, line);
  if (!ok) snprintf(text, size, "%s:1: no names of columns, time_s and rest first", path);
  while (ok && fgets(line, sizeof line, in)) {
    ok = read_row(r, line);
    if (!ok) snprintf(text, size, "%s:%zu: no row of %zu numbers", path, r->n + 1, r->columns);
  }
  fclose(in);
  return ok ? NULL : text;
}
