/* SPDX-License-Identifier: MIT
 *
 * What a copy (lua/ref/copy.h) does in the VM that made it: the same as the table it stands for,
 * metamethods included. The library functions that are replaced take it for that table, too
 * (lua/api/replaced.c, lua/serve/apply.c).
 */
#ifndef GAIJIN_LUA_COPIES_H
#define GAIJIN_LUA_COPIES_H

#include "lua/vm/worker.h"

/* Pushes the metatable of copies, to which prelude.lua adds __call. Raises. */
void copies_push_metatable(lua_State *L, struct worker *w);
/* Adds what prelude.lua needs for that to the table on top. anchors.copy_meta is set. Raises. */
void copies_open(lua_State *L, struct worker *w);

#endif
