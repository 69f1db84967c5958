/* SPDX-License-Identifier: MIT
 *
 * Data for people, in Lua's form, and for programs, as JSON.
 *
 * For people a table that fits is one line, others one line for each entry, lists first and then
 * keys in order. Strings are quoted, and what steers a terminal or is no UTF-8 is an escape of
 * Lua's, so what is printed of plain values may be typed in again. An object is `table shop:12`,
 * with (dead) behind it if its worker has ended. A table that occurs more than once has a number:
 * <1>{...} at first, <table 1> from then on, also within itself. {...} is deeper than `depth`.
 *
 * As JSON a table with the keys 1 to n is an array, one with text keys, or none, an object. What
 * JSON has no form for is an object with a key that begins with $, which no other has:
 *   {"$ref": "table", "worker": "shop", "id": 12}  and "dead": true;  {"$bytes": "ff00"}, no UTF-8;
 *   {"$number": "inf"};  {"$null": true}, the null pointer;  {"$table": [[key, value], ...]};
 *   {"$id": 1, "$value": ...} and then {"$same": 1};  {"$deeper": entries}.
 */
#ifndef GAIJIN_TOOLS_PRINT_H
#define GAIJIN_TOOLS_PRINT_H

#include "tools/base/text.h"
#include "tools/touch/datum.h"

struct print {
  bool json;
  int depth; /* tables in tables that are shown; 0: not even the value's own entries */
  int width; /* columns of a line that a table may be in; text only */
};

/* Adds a value; no newline at its end. */
void print_datum(struct text *t, const struct print *how, const struct data *d,
                 const struct datum *v);
/* A key as it stands in a table, text only: x, ["a b"], [3]. */
void print_key(struct text *t, const struct data *d, const struct datum *key);
/* A string in quotes with Lua's escapes. */
void print_string(struct text *t, const char *bytes, size_t size);

#endif
