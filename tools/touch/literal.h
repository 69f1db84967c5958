/* SPDX-License-Identifier: MIT
 *
 * Values as people type them, in Lua's form or in JSON's, also mixed:
 *
 *   nil null true false   12 -0.5 1e3 0x1F inf -inf nan   "text" 'text' with the escapes of both
 *   {1, 2, x = 3, ["a b"] = 4, [true] = 5; }   {"x": 3}   [1, null, 3]
 *
 * What stands for nil takes a place in a list and leaves it empty. Of several entries with one key
 * the last counts.
 */
#ifndef GAIJIN_TOOLS_LITERAL_H
#define GAIJIN_TOOLS_LITERAL_H

#include "tools/touch/datum.h"
#include "tools/touch/scan.h"

/* Tables in tables. */
enum { LITERAL_DEPTH = 100 };

/* Reads one that begins here, blanks before it skipped. False: s has the fault. */
bool literal_scan(struct scan *s, struct data *d, struct datum *out);
/* Reads a string that begins with the quote here. */
bool literal_scan_string(struct scan *s, struct data *d, struct datum *out);
/* The same of a whole text, with nothing behind it. */
bool literal_parse(struct scan *s, struct data *d, struct datum *out);

#endif
