/* SPDX-License-Identifier: MIT
 *
 * lua_checkstack on a coroutine's lua_State allocates as well, so few values take the original's
 * way and many are made room for before.
 */
#include "lua/api/coroutines.h"

#include <string.h>

#include "lua/ref/at.h"
#include "lua/serve/apply.h"
#include "lua/vm/thread.h"

/* ---- Many values ---- */

/* For the values of this call, to be moved to the coroutine. Raises. */
static void need_room(lua_State *L, lua_State *thread) {
  if (!thread || thread == L) return; /* the original's own errors */
  const char *why_not = thread_make_room(thread, lua_gettop(L));
  if (why_not) luaL_error(L, "%s", why_not);
}

int coroutines_resume(lua_State *L) {
  struct worker *w = worker_of(L);
  if (!w->is_luajit && !at_get(L, w, 1)) need_room(L, lua_tothread(L, 1));
  return apply_forward(L);
}

enum { WRAPPED_THREAD = 1, WRAPPED_ORIGINAL };

/* What scripts get from coroutine.wrap, where the original is what it says: it takes the thread
 * from upvalue 1 as well. */
static int resume_wrapped(lua_State *L) {
  lua_State *thread = lua_tothread(L, lua_upvalueindex(WRAPPED_THREAD));
  if (lua_gettop(L) > COROUTINES_FEW) need_room(L, thread);
  return lua_tocfunction(L, lua_upvalueindex(WRAPPED_ORIGINAL))(L);
}

/* In 5.1 the function is made anew where the heap has a limit. In LuaJIT it is given to the
 * helper, which returns the one that the script gets. (Code in which a Lua function makes a
 * function, LuaJIT would not compile.) */
int coroutines_wrap(lua_State *L) {
  struct worker *w = worker_of(L);
  apply_original(L);
  if (w->is_luajit) {
    lua_pushvalue(L, lua_upvalueindex(APPLY_HELPER));
    lua_insert(L, -2);
    lua_call(L, 1, 1);
  } else if (w->heap.most && lua_iscfunction(L, -1) && lua_getupvalue(L, -1, 1)) {
    lua_insert(L, -2);
    lua_pushcclosure(L, resume_wrapped, WRAPPED_ORIGINAL);
  }
  return 1;
}

/* ---- Lines that have code ---- */

bool coroutines_wants_lines(lua_State *L) {
  bool is_asked = lua_type(L, 1) == LUA_TTHREAD && (lua_isnumber(L, 2) || lua_isfunction(L, 2));
  return is_asked && lua_type(L, 3) == LUA_TSTRING && strchr(lua_tostring(L, 3), 'L') != NULL;
}

/* The coroutine, a level in it, options: puts there a table without the lines, or nil, and pushes
 * the function. */
static void ask_level(lua_State *L, const char *options) {
  bool wants_function = strchr(options, 'f') != NULL;
  lua_pushvalue(L, lua_upvalueindex(APPLY_ORIGINAL));
  lua_insert(L, 1);
  luaL_gsub(L, options, "L", "f");
  lua_replace(L, 4);
  lua_call(L, 3, 1);
  lua_getfield(L, 1, "func");
  if (wants_function) return;
  lua_pushnil(L);
  lua_setfield(L, 1, "func");
}

/* The table of lines is made here, of the function, which is the same in all coroutines. */
int coroutines_lines(lua_State *L) {
  const char *options = lua_tostring(L, 3);
  lua_Debug ar;
  bool is_level = lua_isnumber(L, 2);
  lua_settop(L, 3);
  if (is_level && !lua_getstack(lua_tothread(L, 1), (int)lua_tointeger(L, 2), &ar)) {
    lua_pushnil(L);
    return 1;
  }
  if (options[strspn(options, "SlnufL")]) return luaL_argerror(L, 3, "invalid option");
  if (!is_level) {
    lua_remove(L, 1);
    return apply_original(L);
  }
  ask_level(L, options);
  lua_pushvalue(L, lua_upvalueindex(APPLY_ORIGINAL));
  lua_insert(L, 2);
  lua_pushliteral(L, "L");
  lua_call(L, 2, 1);
  lua_getfield(L, 2, "activelines");
  lua_setfield(L, 1, "activelines");
  lua_settop(L, 1);
  return 1;
}
