/* SPDX-License-Identifier: MIT
 *
 * What table ATs do under Lua's operators.
 */
#ifndef GAIJIN_LUA_METATABLE_H
#define GAIJIN_LUA_METATABLE_H

#include "lua/worker.h"

/* Push the metatable of table ATs, and that of the tokens inside function ATs. */
void metatable_push_table(lua_State *L, struct worker *w);
void metatable_push_token(lua_State *L, struct worker *w);

#endif
