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

void gc_open(lua_State *L, struct worker *w) {
  lua_pushcfunction(L, collect);
  w->anchors.collector = luaL_ref(L, LUA_REGISTRYINDEX);
}

void gc_drop(struct worker *w, bool has_code) {
  if (has_code) luajit_flush_code(w); /* its constants would be left, and in weak tables */
  luajit_back(w->L, w);
  worker_protected_anchor(w, w->anchors.collector, NULL);
  luajit_back(w->L, w);
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
