/* SPDX-License-Identifier: MIT
 *
 * The client's half of pairs and ipairs: iterators over pages that a host gives
 * (lua/serve/traverse.h).
 */
#ifndef GAIJIN_LUA_PAGES_H
#define GAIJIN_LUA_PAGES_H

#include "lua/vm/worker.h"

/* Sets the functions in the table on top of the stack, which is `core`. Raises. */
void pages_open(lua_State *L, struct worker *w);

#endif
