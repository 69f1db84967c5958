/* SPDX-License-Identifier: MIT
 *
 * Which workers a picture has, and where.
 */
#ifndef GAIJIN_TOOLS_GRAPH_ARRANGE_H
#define GAIJIN_TOOLS_GRAPH_ARRANGE_H

#include "tools/graph/read.h"

/* Both are an array by the workers' numbers, owned by the caller. */

/* Those that are drawn: as many as there may be nodes, those that have or hold most; who has and
 * holds nothing only where all are wanted. *left_out: how many are not. */
bool *arrange_drawn(const struct graph *g, uint32_t *left_out);
/* Those that hold objects of each other, in a ring, and cannot stand side by side: where they hold
 * is drawn apart from what they have, so that all edges lead the same way. */
bool *arrange_apart(const struct fold *f);

#endif
