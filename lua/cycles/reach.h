/* SPDX-License-Identifier: MIT
 *
 * Which of some marked nodes of a graph each of some others reaches. Nodes that reach each other
 * are one component (Tarjan's algorithm), which has one set of what it reaches; components that
 * reach the same share it. Nothing here knows Lua, and nothing recurses: a chain may be as long as
 * memory has room for.
 *
 * It may be given up: sets can be as many as nodes, and each as large as there are marked ones.
 */
#ifndef GAIJIN_LUA_REACH_H
#define GAIJIN_LUA_REACH_H

#include <stdbool.h>
#include <stdint.h>

/* Pairs that are told at most, and what is given up: more members of all sets, or more looks at
 * one. */
enum { REACH_PAIRS_MOST = 1000000, REACH_MEMBERS_MOST = 4 << 20, REACH_LOOKS_MOST = 64 << 20 };
/* Of a pair. */
enum { REACH_PAIR_BYTES = 8 };
#define REACH_NO_NODE UINT32_MAX

struct reach_graph {
  uint32_t count;
  const uint32_t *first; /* of each node: where in `next` those begin that it refers to; and one
                            more, where the last one's end */
  const uint32_t *next;
  const bool *is_out;    /* of each node: it is none of the graph */
  uint32_t marked_at;    /* the first marked node: they follow each other, and refer to none */
  uint32_t n_marked;
  const uint32_t *marks; /* as what each of these is told */
};

/* What each of the nodes `from` (REACH_NO_NODE: nothing) reaches: pairs of its place and the mark
 * of what it reaches, each of 4 bytes, the highest first, to be freed; *n: so many. NULL with 0:
 * there are none, or too many, or memory is short. */
uint8_t *reach_pairs(const struct reach_graph *g, const uint32_t *from, uint32_t n_from,
                     uint32_t *n);

#endif
