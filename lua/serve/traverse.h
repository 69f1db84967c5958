/* SPDX-License-Identifier: MIT
 *
 * The host's half of pairs, ipairs and next: pages of a table. The object is at
 * index 1, the request's values follow; each leaves its results on top.
 */
#ifndef GAIJIN_LUA_TRAVERSE_H
#define GAIJIN_LUA_TRAVERSE_H

#include "lua/vm/worker.h"

int traverse_pairs(lua_State *L, struct worker *w);
/* The same of a table that was made for it, and that nobody else has. */
int traverse_copy(lua_State *L, struct worker *w);
int traverse_ipairs(lua_State *L, struct worker *w);
int traverse_next(lua_State *L, struct worker *w);

#endif
