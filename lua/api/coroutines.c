/* SPDX-License-Identifier: MIT
 *
 * lua_checkstack on a coroutine's lua_State allocates as well, so few values take the original's
 * way and many are made room for before.
 */
#include "lua/api/coroutines.h"

#include "lua/ref/at.h"
#include "lua/serve/apply.h"
#include "lua/vm/thread.h"

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
