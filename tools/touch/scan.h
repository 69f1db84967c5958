/* SPDX-License-Identifier: MIT
 *
 * A text that somebody typed, being read, and the first thing that is wrong with it.
 */
#ifndef GAIJIN_TOOLS_SCAN_H
#define GAIJIN_TOOLS_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum { SCAN_TEXT = 200 };

struct scan {
  const char *text; /* need not be terminated */
  size_t size, at;
  bool failed;
  bool unfinished;      /* more text might make it right */
  size_t fault_at;      /* bytes before the fault */
  char fault[SCAN_TEXT]; /* what is wrong there; printable */
};

struct scan scan_of(const char *text);
/* Notes a fault at this place, unless there is one; false. */
bool scan_fail(struct scan *s, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same where the text ends too early. */
bool scan_fail_end(struct scan *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Skips blanks; the next byte, or -1 at the end. */
int scan_peek(struct scan *s);
/* The byte at hand, blanks too; -1 at the end. */
int scan_byte(const struct scan *s);
/* Whether this byte comes next, blanks skipped; then it is taken. */
bool scan_take(struct scan *s, char c);
/* The word ([A-Za-z_][A-Za-z0-9_]*) that begins here; its bytes, 0 if there is none. */
size_t scan_word(const struct scan *s);

/* The column of a fault, counted in characters from 1. */
size_t scan_column(const struct scan *s);

#endif
