/* SPDX-License-Identifier: MIT
 *
 * What commands show, as JSON for a page that asks again and again: the same rows as those of the
 * commands with --json, read over one connection.
 */
#ifndef GAIJIN_TOOLS_BOOKS_H
#define GAIJIN_TOOLS_BOOKS_H

#include "tools/ask/list.h"
#include "tools/base/text.h"

/* The flags of one command. NULL and 0: not given. */
struct book {
  const char *name; /* of its field */
  enum command_id command;
  list_fn fill;
  const char *columns, *sort;
  size_t limit;  /* rows that are shown */
  size_t enough; /* rows that are read, whichever they are */
  const char *host, *holder, *kind, *least_age; /* of objects, as they are typed */
};

/* False after an error line: a flag has no such value; who asks is at fault. */
bool book_is_sound(const struct book *b);
/* Adds "NAME":[rows]; false after an error line. */
bool book_add(struct observer *o, const struct book *b, struct text *out);

/* Ends an object that was begun with "{": adds the field "said" with the lines, each without its
 * end, and "}". */
void books_end(struct text *out, const struct text *said);

#endif
