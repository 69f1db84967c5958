/* SPDX-License-Identifier: MIT
 *
 * Commands that fill a table: the connection, the flags of tables and the exit status are the same
 * for all, and are here. The command only asks, and puts rows.
 */
#ifndef GAIJIN_TOOLS_LIST_H
#define GAIJIN_TOOLS_LIST_H

#include "tools/ask/observe.h"

/* Puts rows. False, after error lines: something is missing; the rows that were put are shown all
 * the same, if there are any. */
typedef bool (*list_fn)(struct observer *o, struct show *s);

/* Runs a command; its exit status. */
int list_run(const struct invocation *in, list_fn fill);

/* The whole of a command that shows a book of the broker's as it is: a row's values are its
 * cells. */
bool list_book(struct observer *o, struct show *s, const char *what);

#endif
