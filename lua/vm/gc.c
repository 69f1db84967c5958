/* SPDX-License-Identifier: MIT
 *
 * From the scheduler a collection is a protected call, for a script's finaliser may
 * raise; on a fiber finalisers may wait.
 */
#include "lua/vm/gc.h"

#include "lua/vm/luajit.h"

static int collect(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT, 0);
  return 0;
}

/* Twice: what the first finalises may have kept other ATs alive. */
void gc_full(lua_State *L, struct worker *w) {
  luajit_forget_code(w);
  luajit_back(L, w); /* a finaliser may raise */
  for (int i = 0; i < 2; i++) {
    if (w->sched.current && !w->sched.no_wait)
      lua_gc(L, LUA_GCCOLLECT, 0);
    else
      worker_protected(w, collect, NULL);
  }
  luajit_back(L, w);
}
