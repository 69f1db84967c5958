/* SPDX-License-Identifier: MIT
 *
 * A new userdata gets its metatable, and so its finaliser, before its bytes are set: nothing can
 * run between the two.
 */
#include "lua/vm/userdata.h"

#include <lauxlib.h>
#include <stdbool.h>

void *userdata_new(lua_State *L, size_t size, int metatable) {
  void *bytes = lua_newuserdata(L, size);
  lua_rawgeti(L, LUA_REGISTRYINDEX, metatable);
  lua_setmetatable(L, -2);
  return bytes;
}

void *userdata_test(lua_State *L, int i, int metatable) {
  if (lua_type(L, i) != LUA_TUSERDATA || !lua_getmetatable(L, i)) return NULL;
  lua_rawgeti(L, LUA_REGISTRYINDEX, metatable);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? lua_touserdata(L, i) : NULL;
}
