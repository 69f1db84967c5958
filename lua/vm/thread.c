/* SPDX-License-Identifier: MIT
 *
 * The stack grows in a protected call of its own, which ends by an error when all went well: after
 * a call that returns, Lua may collect, and a finaliser may raise, or the collector take back the
 * room.
 */
#include "lua/vm/thread.h"

#include <assert.h>
#include <stdbool.h>

struct growth {
  int n;
  bool fits;
};

static int grow(lua_State *L) {
  struct growth *g = lua_touserdata(L, 1);
  g->fits = lua_checkstack(L, g->n);
  lua_settop(L, 0);
  lua_pushnil(L);
  return lua_error(L);
}

/* A call hook of the script's is not for this function, and might raise in it. */
static int protected_growth(lua_State *thread, struct growth *g) {
  lua_Hook hook = lua_gethook(thread);
  int mask = lua_gethookmask(thread), count = lua_gethookcount(thread);
  bool aside = mask & ~LUA_MASKCOUNT; /* a count would begin anew */
  if (aside) lua_sethook(thread, NULL, 0, 0);
  int status = lua_cpcall(thread, grow, g);
  if (aside) lua_sethook(thread, hook, mask, count);
  return status;
}

const char *thread_make_room(lua_State *thread, int n) {
  struct growth g = {.n = n};
  assert(n >= 0);
  /* Lua never makes a stack so small that one which is empty has no room for these. */
  if (n <= LUA_MINSTACK && lua_gettop(thread) == 0) return NULL;
  int status = protected_growth(thread, &g);
  assert(status != 0);
  lua_pop(thread, 1);
  if (status == LUA_ERRMEM) return "not enough memory";
  return g.fits && lua_checkstack(thread, n) ? NULL : "too many arguments";
}
