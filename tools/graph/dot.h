/* SPDX-License-Identifier: MIT
 *
 * A graph as text: in Graphviz's language, for people's eyes, or as JSON, for programs. Names,
 * labels and what workers say are other people's texts: nothing in them ends a string or a line.
 *
 * A picture is bounded whatever there is: of a node's holders the largest few have an edge, and the
 * others are counted; objects that differ in nothing but their ids are cells of one node.
 */
#ifndef GAIJIN_TOOLS_GRAPH_DOT_H
#define GAIJIN_TOOLS_GRAPH_DOT_H

#include "tools/graph/read.h"

/* Adds the whole, its last line end included. */
void graph_add_dot(struct text *out, struct graph *g);
void graph_add_json(struct text *out, struct graph *g);

#endif
