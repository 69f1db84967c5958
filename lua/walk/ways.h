/* SPDX-License-Identifier: MIT
 *
 * A walk of the whole heap, breadth first from the roots, which looks for the ways to one object:
 * the first way to an object is one of the shortest. For a forked copy of the worker only
 * (forked.h).
 */
#ifndef GAIJIN_LUA_WAYS_H
#define GAIJIN_LUA_WAYS_H

#include "lua/walk/walk.h"

enum { WAYS_MOST = 16 };

/* How a node was reached first. */
struct ways_node {
  uint32_t parent; /* WALK_NO_NODE: a root */
  uint8_t step;    /* enum walk_step */
  int32_t n;
};

/* What is looked for: the AT of an object of another worker, or an object of this one. */
struct ways_target {
  const char *host; /* its name */
  uint64_t id;
  const void *home; /* lua_topointer of it; NULL: it is of another worker */
};

struct ways {
  struct walk walk;
  struct ways_target target;
  int keys; /* stack index of a table: node's number from 1 -> the key, or the text, of its step */
  int last; /* of a table: way's number from 1 -> that of its last step */
  struct ways_node *nodes;
  uint32_t room;
  struct ways_node found[WAYS_MOST];
  unsigned n_found;
};

/* Walks. Leaves its tables on the stack, for path_text. At most `most` objects are looked at.
 * Raises only when Lua's memory is short. What it makes is never freed: the process ends. */
void ways_find(struct ways *h, lua_State *L, struct worker *w, const struct ways_target *target,
               uint32_t most);

#endif
