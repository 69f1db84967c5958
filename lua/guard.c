/* SPDX-License-Identifier: MIT
 *
 * The guard runs the original in its own frame, by a plain C call: so levels
 * (getfenv, error positions) and the function's name in messages are what they
 * would be without it. That needs originals without upvalues, which all those
 * of 5.1 that are guarded are.
 */
#include "lua/guard.h"

#include <string.h>

#include "lua/at.h"

enum { ORIGINAL = 2, TITLE, FIRST, LAST, KIND };

static int guard(lua_State *L) {
  struct worker *w = worker_of(L);
  int first = (int)lua_tointeger(L, lua_upvalueindex(FIRST)), last = (int)lua_tointeger(L, lua_upvalueindex(LAST));
  const char *only = lua_tostring(L, lua_upvalueindex(KIND));
  for (int i = first; i <= last; i++) {
    struct at *at = at_get(L, w, i);
    if (!at) continue;
    const char *kind = pt_kind_name(at->pt.kind);
    if (only && strcmp(kind, only) != 0) continue;
    return worker_raise(L, STATUS_unsupported, "%s of a remote %s", lua_tostring(L, lua_upvalueindex(TITLE)), kind);
  }
  return lua_tocfunction(L, lua_upvalueindex(ORIGINAL))(L);
}

int guard_make(lua_State *L) {
  if (!lua_iscfunction(L, 1) || lua_getupvalue(L, 1, 1)) return luaL_argerror(L, 1, "C function without upvalues expected");
  lua_settop(L, 5);
  lua_pushlightuserdata(L, worker_of(L));
  lua_insert(L, 1);
  lua_pushcclosure(L, guard, 6);
  return 1;
}
