/* SPDX-License-Identifier: MIT
 *
 * The objects of a heap and what they refer to, by Lua's C API: tables, functions, userdata and
 * coroutines, numbered as they are seen. For a forked copy of the worker only (twin.h): it keeps a
 * table of all that it has seen, and the collector is stopped. Who walks says where it begins, and
 * is told of each reference.
 *
 * Not complete: what is on a C stack, or among the `...` of a suspended coroutine in 5.1, the API
 * does not show. Weak references are none.
 */
#ifndef GAIJIN_LUA_WALK_H
#define GAIJIN_LUA_WALK_H

#include "lua/vm/worker.h"

/* How an object is reached from another. */
enum walk_step {
  STEP_ROOT,      /* from none */
  STEP_FIELD,     /* it is the value of a key */
  STEP_KEY,       /* it is a key */
  STEP_METATABLE,
  STEP_ENVIRONMENT,
  STEP_UPVALUE,
  STEP_LOCAL,     /* of a frame of a coroutine, or on its stack */
};

#define WALK_NO_NODE UINT32_MAX

/* A reference. */
struct walk_way {
  uint32_t from; /* the node; WALK_NO_NODE: a root */
  enum walk_step step;
  int32_t n;        /* STEP_UPVALUE: its number */
  int key;          /* STEP_FIELD: the stack index of the key */
  const char *name; /* STEP_ROOT, STEP_UPVALUE, STEP_LOCAL */
  const lua_Debug *frame; /* STEP_LOCAL: whose it is; NULL: no frame's */
};

struct walk;
/* The object referred to is on top of the stack; it pops it. */
typedef void (*walk_fn)(struct walk *h, const struct walk_way *way);

struct walk {
  lua_State *L;
  struct worker *w;
  walk_fn visit;
  int objects; /* stack index of a table: node's number from 1 -> object */
  const void **addresses; /* of the nodes' objects */
  uint32_t count, room, most;
  uint32_t *set; /* of node numbers from 1, by address, open addressing; 0: empty */
  uint32_t set_size;
  uint32_t steps;
  double until; /* on the clock: it is cut then; 0: never */
  bool cut; /* there are more than `most` objects, or too little memory or time: not all are seen */
};

/* Leaves its table on the stack. At most `most` objects are seen. This and all below raise only
 * when Lua's memory is short. What it makes is never freed: the process ends. */
void walk_begin(struct walk *h, lua_State *L, struct worker *w, walk_fn visit, uint32_t most);
/* The node of the object on top of the stack, which is popped; *is_new: it was not one. There may
 * be none: WALK_NO_NODE, and it is cut. */
uint32_t walk_enter(struct walk *h, bool *is_new);
/* The same, but nothing will be found in the object. */
uint32_t walk_enter_empty(struct walk *h, bool *is_new);
/* Tells of a reference to the value on top of the stack, which is popped, if it is an object. */
void walk_tell(struct walk *h, const struct walk_way *way);
/* Tells of all that the node's object refers to. */
void walk_expand(struct walk *h, uint32_t node);

#endif
