/* SPDX-License-Identifier: MIT
 *
 * From the scheduler a collection is a protected call, for a script's finaliser may
 * raise; on a fiber finalisers may wait.
 */
#include "lua/vm/gc.h"

#include "lua/vm/luajit.h"

/* A slice of the collector's work, made of so many KiB of LUA_GCSTEP: to sweep takes many times as
 * long as to mark. STEP_MUL: the collector's own default. */
static const double slice_seconds = 0.001;
enum { STEP = 32, STEP_MUL = 200 };
/* Whatever breaks a collection off is a finaliser that does not run again; or memory is so short
 * that nothing can be called. */
enum { DROP_TRIES = 10 };

static int collect(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT, 0);
  return 0;
}

void gc_open(lua_State *L, struct worker *w) {
  lua_pushcfunction(L, collect);
  w->anchors.collector = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_State *hidden = lua_newthread(L);
  w->anchors.settled = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_createtable(L, 1, 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_xmove(L, hidden, 1);
}

bool gc_drop(struct worker *w) {
  bool was_stopped = luajit_is_stopped(w), is_done = false;
  luajit_back(w->L, w);
  for (int i = 0; i < DROP_TRIES && !is_done; i++)
    is_done = worker_protected_anchor(w, w->anchors.collector, NULL);
  luajit_back(w->L, w);
  if (was_stopped) lua_gc(w->L, LUA_GCSTOP, 0);
  return is_done;
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

/* ---- Settled ---- */

/* A coroutine that never runs; on its stack is the table. No script gets at what is there, so none
 * keeps the entry, which would tell for ever that the collector is settled. */
static lua_State *get_hidden(lua_State *L, const struct worker *w) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.settled);
  lua_State *hidden = lua_tothread(L, -1);
  lua_pop(L, 1);
  return hidden;
}

/* Nothing is allocated between the end of the round and the entry, so the next has not begun. */
static int settle(lua_State *L) {
  struct worker *w = lua_touserdata(L, 1);
  lua_State *hidden = get_hidden(L, w);
  double end = clock_seconds() + slice_seconds;
  lua_newtable(L);
  while (!lua_gc(L, LUA_GCSTEP, STEP))
    if (clock_seconds() >= end) return 0;
  lua_xmove(L, hidden, 1);
  lua_rawseti(hidden, 1, 1);
  return 0;
}

bool gc_settle(struct worker *w) {
  luajit_back(w->L, w);
  worker_protected(w, settle, w);
  luajit_back(w->L, w);
  return gc_is_settled(w->L, w);
}

bool gc_is_settled(lua_State *L, const struct worker *w) {
  lua_State *hidden = get_hidden(L, w);
  lua_rawgeti(hidden, 1, 1);
  bool is = !lua_isnil(hidden, -1);
  lua_pop(hidden, 1);
  return is;
}

/* One step at a time, as an allocation would make it: LUA_GCSTEP makes as many as it is behind by,
 * and that, or steps as large as a script may have made them, runs to the finalisers. The string is
 * there always, so nothing is allocated. */
void gc_mark(lua_State *L, const struct worker *w, bool stops) {
  int mul = lua_gc(L, LUA_GCSETSTEPMUL, STEP_MUL);
  while (gc_is_settled(L, w)) {
    lua_gc(L, LUA_GCRESTART, 0);
    lua_pushliteral(L, "__mode");
    lua_pop(L, 1);
  }
  lua_gc(L, LUA_GCSETSTEPMUL, mul);
  if (stops) lua_gc(L, LUA_GCSTOP, 0);
}
