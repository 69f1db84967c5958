/* SPDX-License-Identifier: MIT
 *
 * How many columns of a terminal a text takes: characters of East Asia take two, those that join
 * another none. The locale of the program has to be one of UTF-8 (width_begin).
 */
#ifndef GAIJIN_TOOLS_WIDTH_H
#define GAIJIN_TOOLS_WIDTH_H

#include <stddef.h>
#include <wchar.h>

/* Sets the locale that knows widths, once. */
void width_begin(void);

/* Of valid UTF-8 without what steers (text_add_plain). */
size_t width_of(const char *bytes, size_t size);
/* How many bytes of it fit into so many columns: whole characters, with what joins them. */
size_t width_fit(const char *bytes, size_t size, size_t columns);
/* The next character, of so many bytes (at least one) and columns. */
size_t width_next(const char *bytes, size_t size, wchar_t *c, size_t *columns);

#endif
