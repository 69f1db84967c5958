/* SPDX-License-Identifier: MIT
 *
 * Full userdata of our own types. A type is told by its metatable, which is anchored
 * in the registry and given to no script.
 */
#ifndef GAIJIN_LUA_USERDATA_H
#define GAIJIN_LUA_USERDATA_H

#include <lua.h>
#include <stddef.h>

/* Pushes a new userdata of `size` bytes, not initialised, with the metatable of this registry slot.
 * Raises when memory is short. */
void *userdata_new(lua_State *L, size_t size, int metatable);
/* The bytes of the userdata at index i if its metatable is that one; NULL for any other value.
 * Allocates nothing, raises nothing. */
void *userdata_test(lua_State *L, int i, int metatable);

#endif
