/* SPDX-License-Identifier: MIT
 *
 * How long Lua's library may take with a pattern, at worst. Its matcher tries again and again: what
 * is repeated in each length, at each place of the text. Works on numbers and bytes only.
 */
#ifndef GAIJIN_LUA_BOUNDS_PATTERNS_H
#define GAIJIN_LUA_BOUNDS_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

/* Comparisons of a byte, at most, to match the n bytes of the pattern in a text of `size`. A '^' at
 * its begin `anchors` it: not so for string.gmatch, to which it is a character like any other. */
double bounds_steps(const char *pattern, size_t n, double size, bool anchors);

/* Whether string.find takes the n bytes for a pattern; otherwise it looks for the text itself. */
bool bounds_is_pattern(const char *text, size_t n);
/* The same measure for that search, which is by memcmp. */
double bounds_plain_steps(size_t n, double size);

/* Bytes that string.gsub makes, at most, of a text of `size` in which it replaces so many matches
 * by the n bytes of the replacement. */
double bounds_replaced(const char *replacement, size_t n, double size, double matches);

#endif
