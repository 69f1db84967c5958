/* SPDX-License-Identifier: MIT
 *
 * What of a table is to be shown, and how: the flags of tables, read once and checked before
 * anything is asked for.
 */
#ifndef GAIJIN_TOOLS_VIEW_H
#define GAIJIN_TOOLS_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/base/command.h"
#include "tools/base/terminal.h"

enum { VIEW_COLUMNS_MOST = 48 }; /* of a table */

/* A column that sorts; NULL: none does. */
struct view_order {
  const struct column *by;
  bool downwards; /* the largest first */
};

struct view {
  bool json;
  bool wide;
  bool upright; /* the one row is shown as lines */
  const struct column *columns; /* of the table, in the order of its cells */
  size_t count;
  const struct column *picked[VIEW_COLUMNS_MOST]; /* what is shown, in this order */
  size_t n_picked;
  bool chosen;              /* the user did pick them: none is left out */
  struct view_order order;  /* of the rows; among equals the usual one decides */
  struct view_order usual, then;
  size_t limit;             /* so many rows; 0: all */
  size_t enough;            /* so many rows need be put, whichever; 0: all */
  struct terminal terminal; /* standard output, for a table */
  bool page;                /* no more rows than the terminal has lines for */
};

/* The view that a command line asks for. False after an error line: it is wrong. */
bool view_read(struct view *v, const struct invocation *in);

/* Whether a column is among those that may be shown. */
bool view_wants(const struct view *v, const struct column *c);

#endif
