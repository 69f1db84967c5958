/* SPDX-License-Identifier: MIT
 *
 * Edges: which suspects of others are reached by way of which of ours. They are told in a scan, so
 * that the broker need not peel a chain of what is used layer by layer. They only propose: what is
 * missing, or is none, costs turns, and no more.
 *
 * In a twin: a walk begins at our suspects, and goes on to all they refer to, but not into what is
 * surely in use anyway (globals, what is in the registry). When the collector has marked what is
 * used without them (probe.h), those objects that it did not find are left: the walk's table of
 * objects is a weak one. What it marked for the finaliser of one that is left is left, too. What
 * is left of the graph tells who reaches whom (reach.h). So what it costs goes with what suspects
 * refer to, not with the heap, and is bounded in objects, references, and time.
 */
#ifndef GAIJIN_LUA_EDGES_H
#define GAIJIN_LUA_EDGES_H

#include "lua/cycles/suspects.h"
#include "lua/walk/walk.h"

enum { EDGES_OBJECTS_MOST = 4000000, EDGES_LINKS_MOST = 16 << 20, EDGES_SECONDS = 3 };

struct edges {
  struct walk walk;
  uint32_t n_hosted, n_held;
  uint32_t *hosted;       /* of each of ours its node; REACH_NO_NODE: none */
  uint32_t *held;         /* of each node from held_at on: which of others it is */
  uint32_t held_at, n_nodes_held;
  uint32_t walked_at;     /* nodes from there on have been walked */
  uint32_t *first, first_room; /* of each node: the first of its links */
  uint32_t *links, n_links, links_room;
  uint32_t *userdata, n_userdata, userdata_room; /* nodes */
};

/* Walks from the objects in the table at index `ours` (i -> object, i + 1 for the i-th suspect) to
 * the userdata in that at index `others` (likewise), and pushes its table of objects, which is
 * weak; false pushes nothing: there was too much, or memory or time was short. */
bool edges_walk(struct edges *e, lua_State *L, struct worker *w, const struct suspects *s, int ours,
                int others);
/* When all is marked; `objects`: stack index of that table. Pairs as in reach_pairs. Allocates
 * nothing in the VM. */
uint8_t *edges_pairs(struct edges *e, lua_State *L, int objects, uint32_t *n);

#endif
