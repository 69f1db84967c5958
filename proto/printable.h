/* SPDX-License-Identifier: MIT
 *
 * What may be shown in a terminal or a log as it is. Texts of others (names, labels, messages) may
 * hold characters that a terminal obeys, that end a line, or that reorder what stands around
 * them: these, and bytes that are no UTF-8, are shown as \xNN or \u{NNNN}. This is the one list of
 * such characters; a worker's name (name.h) may not have them either.
 */
#ifndef GAIJIN_PROTO_PRINTABLE_H
#define GAIJIN_PROTO_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at `text` has, and which it is (*code): a whole UTF-8 sequence of
 * the shortest form. 0: there is none. `left` is at least 1. */
size_t printable_decode(const char *text, size_t left, uint32_t *code);

/* Whether a character steers: C0, DEL and C1, what sets the direction of text, what separates
 * lines and paragraphs; or cannot be seen, so that two names look the same. The joiners U+200C and
 * U+200D stay: several scripts are not written without them. */
bool printable_steers(uint32_t code);

enum { PRINTABLE_MOST = 9 }; /* bytes that one character of the text may take when it is shown */

/* Writes `text` as it may be shown, as many whole characters as fit into n bytes (more than
 * PRINTABLE_MOST), terminated. The bytes of the text that were taken: all, or call again with the
 * rest. The characters in `kept` (ASCII) stay as they are. Shown again, the result is the same. */
size_t printable_escape(char *out, size_t n, const char *text, size_t size, const char *kept);

enum { PRINTABLE_JSON_MOST = 12 }; /* the same within a string of JSON */

/* The same for what stands between the quotes of a JSON string, which is valid whatever the text
 * is: bytes that are no UTF-8 become \u00NN, one by one; what steers is escaped too. n is more than
 * PRINTABLE_JSON_MOST. */
size_t printable_json(char *out, size_t n, const char *text, size_t size);

#endif
