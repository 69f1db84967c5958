/* SPDX-License-Identifier: MIT
 *
 * What another worker may ask of C functions of Lua's library. Nothing can interrupt such a call,
 * no hook and no other fiber, and how long it takes, and how much memory, may follow from a few
 * bytes of its arguments. So before it is called for another worker it is worked out how much that
 * could be; what is over the limit is `too_large`. One table (bounds.c) says for which functions
 * and how. The worker's own scripts are not bounded.
 */
#ifndef GAIJIN_LUA_BOUNDS_H
#define GAIJIN_LUA_BOUNDS_H

#include "lua/vm/worker.h"

/* The limits; besides, text that is made or read may have as many bytes as a message. */
enum {
  BOUNDS_ENTRIES = 1 << 20,     /* moved or visited in a table */
  BOUNDS_SORTED = 1 << 17,      /* entries of table.sort */
  BOUNDS_COMPARISONS = 1 << 22, /* that it may make */
  BOUNDS_STEPS = 1 << 26        /* of matching a pattern, in the worst case */
};

/* Sets in the table on top: `bounded`, a list of titles; bound(title, function), by which calls of
 * the function are bounded as the title's; bound_lines(iterator), the same for what the lines
 * method of a file gives, now and later; file_methods() -> the table in which that method is, or
 * nil. Raises. */
void bounds_open(lua_State *L, struct worker *w);

/* The function at index `function` is about to be called for another worker with the values above
 * it. Raises `too_large`; may put another value in the place of one, or behind them. */
void bounds_check(lua_State *L, struct worker *w, int function);

#endif
