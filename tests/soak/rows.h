/* SPDX-License-Identifier: MIT
 *
 * The figures of a soak: one row for each moment at which they were taken, one column for each
 * figure. They are kept as a CSV file whose first line names the columns; a run writes it row by
 * row, the report reads it again, so that an old run can be judged and drawn anew.
 */
#ifndef GAIJIN_TESTS_SOAK_ROWS_H
#define GAIJIN_TESTS_SOAK_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { COLUMNS_MOST = 64, COLUMN_NAME = 32 };

/* The columns that every file has besides the figures: seconds since the traffic began, and 1 if
 * it rested. They come first. */
enum { COLUMN_TIME, COLUMN_REST, COLUMNS_FIXED };

struct rows {
  char names[COLUMNS_MOST][COLUMN_NAME]; /* "broker.anon_kib": WHOSE.WHAT */
  size_t columns, n;
  double *cells; /* n rows of so many columns */
  size_t capacity;
};

/* With the fixed columns, and no row. rows_deinit takes a zeroed one too. */
void rows_init(struct rows *r);
void rows_deinit(struct rows *r);
/* Before the first row. The number of the new column. */
size_t rows_column(struct rows *r, const char *whose, const char *what);
/* The number of a column, or `columns` if there is none of that name. */
size_t rows_find(const struct rows *r, const char *name);
/* A new row of zeroes, valid until the next. Memory that is short ends the process. */
double *rows_add(struct rows *r);
double rows_get(const struct rows *r, size_t row, size_t column);

void rows_write_names(const struct rows *r, FILE *out);
void rows_write_last(const struct rows *r, FILE *out);
/* Reads a whole file into `r`, which rows_deinit frees in any case. NULL, or what is wrong with it,
 * in `text`. */
const char *rows_read(struct rows *r, const char *path, char *text, size_t size);

#endif
