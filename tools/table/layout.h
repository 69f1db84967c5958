/* SPDX-License-Identifier: MIT
 *
 * Which columns of a table a terminal has room for, and how wide each is. Texts that flow are cut
 * first, down to LAYOUT_FLOW_LEAST characters; then columns are left out, the least important ones
 * first; what there is room for then, the texts get back. Nothing is cut or left out where standard
 * output is no terminal or the user wants all; what the user picked is not left out.
 */
#ifndef GAIJIN_TOOLS_LAYOUT_H
#define GAIJIN_TOOLS_LAYOUT_H

#include "tools/table/view.h"

enum { LAYOUT_GAP = 2, LAYOUT_FLOW_LEAST = 12 };

struct layout {
  const struct column *columns[VIEW_COLUMNS_MOST]; /* that are shown, from left to right */
  size_t widths[VIEW_COLUMNS_MOST];                /* of these, in characters */
  size_t count;
  const struct column *left_out[VIEW_COLUMNS_MOST]; /* the most important one first */
  size_t n_left_out;
  bool cut; /* texts are */
};

/* widths[i]: what column i of the table needs, its head included. */
void layout_fit(struct layout *l, const struct view *v, const size_t *widths);

#endif
