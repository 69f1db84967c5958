/* SPDX-License-Identifier: MIT
 *
 * A walk of the whole heap by Lua's C API, breadth first from the roots, which looks for the ways
 * to one object. For a forked copy of the worker only (forked.h): it makes tables as large as the
 * heap has objects, and with the collector stopped.
 *
 * Not complete: what is on a C stack, or among the `...` of a suspended coroutine in 5.1, the API
 * does not show. Weak references are no ways.
 */
#ifndef GAIJIN_LUA_WALK_H
#define GAIJIN_LUA_WALK_H

#include "lua/vm/worker.h"

/* How an object is reached from another. */
enum walk_step {
  STEP_ROOT,      /* from none: the key says what it is */
  STEP_FIELD,     /* it is the value of a key */
  STEP_KEY,       /* it is a key */
  STEP_METATABLE,
  STEP_ENVIRONMENT,
  STEP_UPVALUE,   /* number n; the key is its name */
  STEP_LOCAL,     /* of a frame of a coroutine; the key says which */
};

enum { WALK_WAYS_MOST = 16 };
#define WALK_NO_NODE UINT32_MAX

struct walk_node {
  uint32_t parent; /* WALK_NO_NODE: a root */
  uint8_t step;
  int32_t n;
};

/* What is looked for: the AT of an object of another worker, or an object of this one. */
struct walk_target {
  const char *host; /* its name */
  uint64_t id;
  const void *home; /* lua_topointer of it; NULL: it is of another worker */
};

struct walk {
  lua_State *L;
  struct worker *w;
  struct walk_target target;
  int objects, keys; /* stack indexes of tables: node's number from 1 -> object, key */
  int ways;          /* of a table: way's number from 1 -> key */
  struct walk_node *nodes;
  const void **addresses; /* of the nodes' objects */
  uint32_t count, room, most;
  uint32_t *set; /* of node numbers from 1, by address, open addressing; 0: empty */
  uint32_t set_size, set_used;
  struct walk_node found[WALK_WAYS_MOST];
  unsigned n_found;
  bool cut; /* there are more than `most` objects, or too little memory: not all were looked at */
};

/* Walks. Leaves its tables on the stack, for path_text. At most `most` objects are looked at.
 * Raises only when Lua's memory is short. What it makes is never freed: the process ends. */
void walk_heap(struct walk *h, lua_State *L, struct worker *w, const struct walk_target *target,
               uint32_t most);

#endif
