/* SPDX-License-Identifier: MIT
 *
 * What a copy (lua/ref/copy.h) does in the VM that made it: the same as the table it stands for,
 * metamethods included. The library functions that are replaced take it for that table, too
 * (lua/api/replaced.c, lua/serve/apply.c).
 */
#ifndef GAIJIN_LUA_COPIES_H
#define GAIJIN_LUA_COPIES_H

#include "lua/vm/worker.h"

/* Pushes the metatable of copies. Raises. */
void copies_push_metatable(lua_State *L, struct worker *w);

#endif
