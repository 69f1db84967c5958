/* SPDX-License-Identifier: MIT
 *
 * What ATs that are userdata (of tables, coroutines, userdata) do under Lua's operators.
 */
#ifndef GAIJIN_LUA_METATABLE_H
#define GAIJIN_LUA_METATABLE_H

#include "lua/vm/worker.h"

/* tostring of the AT (of whatever kind) at index 1: the original's text, or a description when it
 * cannot be asked. */
int metatable_tostring(lua_State *L);

/* Raises what Lua does for a key that no table can have: nil or nan at index i. */
void metatable_check_key(lua_State *L, int i);
/* No script can get at the metatable on top from now on. */
void metatable_hide(lua_State *L);

/* Push the metatable of ATs that are userdata, and that of the tokens inside function ATs. */
void metatable_push_object(lua_State *L, struct worker *w);
void metatable_push_token(lua_State *L, struct worker *w);

#endif
