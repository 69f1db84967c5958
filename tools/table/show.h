/* SPDX-License-Identifier: MIT
 *
 * What a command found, as an aligned table for people or as JSON for programs:
 * one array of objects and a newline. Cells are put row by row, in the order of
 * the table's columns, whichever of them are shown; nothing is printed before show_print, so a
 * command that fails half-way prints no half a table. A cell whose content is known only later is
 * put as a hole and filled then.
 */
#ifndef GAIJIN_TOOLS_SHOW_H
#define GAIJIN_TOOLS_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gaijin/gaijin.h>
#include "tools/base/text.h"
#include "tools/table/view.h"

struct show;

/* A table without rows; the view must outlive it. */
struct show *show_new(const struct view *v);
/* NULL is fine. */
void show_free(struct show *s);
/* Prints to stdout. EXIT_GOOD, or EXIT_FAILED with a line on stderr if stdout did not take it. */
int show_print(struct show *s);
/* Adds what show_print prints of a table that is shown as JSON. */
void show_add_json(const struct show *s, struct text *t);

/* So many rows are enough, whichever they are; 0: all are wanted. */
size_t show_enough(const struct show *s);
/* Whether the column of this name may be shown: what costs a question is not asked in vain. */
bool show_wants(const struct show *s, const char *column);
size_t show_rows(const struct show *s);

void show_string(struct show *s, const char *bytes, size_t size);
void show_text(struct show *s, const char *text);
void show_number(struct show *s, double v);
void show_uint(struct show *s, uint64_t v);
/* A string of 16 hex digits. */
void show_hex(struct show *s, uint64_t v);
void show_bool(struct show *s, bool v);
/* A received nil, boolean, number or string; anything else as the name of what it is. */
void show_value(struct show *s, const struct gaijin_value *v);

void show_nil(struct show *s);

/* A list of {worker, count}, or of values (strings, numbers), as one cell: begin, items, end. */
void show_list_begin(struct show *s);
void show_list_item(struct show *s, const char *name, size_t size, uint64_t count);
void show_list_value(struct show *s, const struct gaijin_value *v);
void show_list_end(struct show *s);

/* Puts an empty cell; its number. */
size_t show_hole(struct show *s);
/* The next cell that is put goes into this hole. */
void show_fill(struct show *s, size_t hole);

/* A cell that is rendered already: as JSON if that is what is shown, else plain. Takes the text
 * over. */
bool show_is_json(const struct show *s);
void show_rendered(struct show *s, struct text *t);

/* The rows that are shown, in their order, as far as cells are put now: *count numbers of rows,
 * counted from 0, to be freed. */
size_t *show_order(const struct show *s, size_t *count);
/* The row of a hole. */
size_t show_row_of(const struct show *s, size_t hole);

/* How the row of the cell put last looks where there are colours. */
enum show_mark { SHOW_PLAIN, SHOW_DIM /* it is over */, SHOW_BAD /* look at it */ };
void show_mark(struct show *s, enum show_mark mark);
/* The same of the row of a hole. */
void show_mark_row(struct show *s, size_t hole, enum show_mark mark);

#endif
