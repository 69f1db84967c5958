/* SPDX-License-Identifier: MIT
 *
 * The function is read anew each time, raw, from the table `gaijin`: a script may
 * set, replace and clear it whenever it likes.
 */
#include "lua/serve/access.h"

#include <assert.h>

#include "lua/fiber/fiber.h"
#include "lua/ref/listed.h"

void access_open(lua_State *L, struct worker *w) {
  lua_pushliteral(L, "access");
  w->anchors.access_name = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Pushes the table `gaijin`, and its `access`, nil if it is not set. */
static void push_both(lua_State *L, struct worker *w) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.module);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.access_name);
  lua_rawget(L, -2);
}

bool access_is_asked(lua_State *L, struct worker *w) {
  push_both(L, w);
  bool set = !lua_isnil(L, -1);
  lua_pop(L, 2);
  return set;
}

/* Pushes the value at the index, or nil for index 0. */
static void push_optional(lua_State *L, int i) {
  if (i)
    lua_pushvalue(L, i);
  else
    lua_pushnil(L);
}

void access_check(lua_State *L, struct worker *w, enum gaijin_op op, int object, int key) {
  access_check_for(L, w, w->sched.current->serving.caller, op, object, key);
}

void access_check_for(lua_State *L, struct worker *w, uint64_t host, enum gaijin_op op, int object,
                      int key) {
  if (op == GAIJIN_OP_CALL && object && listed_is_cursor(L, object)) return;
  luaL_checkstack(L, 8, "no room to ask gaijin.access");
  int top = lua_gettop(L);
  push_both(L, w);
  lua_remove(L, -2);
  if (lua_isnil(L, -1)) {
    lua_settop(L, top);
    return;
  }
  /* Kept here: the library's own text of the name may go while the function waits. */
  lua_pushstring(L, worker_host_name(w, host));
  lua_insert(L, -2);
  lua_pushvalue(L, -2);
  lua_pushstring(L, gaijin_op_name(op));
  push_optional(L, object);
  push_optional(L, key);
  assert(lua_gettop(L) == top + 6); /* the name is below: it is needed afterwards */
  lua_call(L, 4, 1);
  if (!lua_toboolean(L, -1))
    worker_raise(L, GAIJIN_STATUS_DENIED, "%s refuses %s to %s", w->name, gaijin_op_name(op),
                 lua_tostring(L, -2));
  lua_settop(L, top);
}
