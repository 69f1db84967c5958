/* SPDX-License-Identifier: MIT
 *
 * The part of `core` (library.c) that asks others.
 */
#ifndef GAIJIN_LUA_REQUESTS_H
#define GAIJIN_LUA_REQUESTS_H

#include "lua/vm/worker.h"

/* Sets the functions in the table on top of the stack. Raises. */
void requests_open(lua_State *L, struct worker *w);

#endif
