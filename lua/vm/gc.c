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
/* Entries of the hidden table: there is one from the end of a round of the collector; or since a
 * complete collection was begun; until the weak tables are cleared the next time. */
enum { SETTLED = 1, BEGUN = 2 };

/* Finalisers come last: when one has broken it off, nothing is left but the others. */
static int collect(lua_State *L) {
  bool *is_begun = lua_touserdata(L, 1);
  if (*is_begun) {
    while (!lua_gc(L, LUA_GCSTEP, STEP)) continue;
    return 0;
  }
  *is_begun = true;
  lua_gc(L, LUA_GCCOLLECT, 0);
  return 0;
}

static int drop(lua_State *L);

void gc_open(lua_State *L, struct worker *w) {
  lua_pushcfunction(L, drop);
  w->anchors.collector = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_State *hidden = lua_newthread(L);
  w->anchors.settled = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_createtable(L, 2, 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_xmove(L, hidden, 1);
}

/* Twice: what the first finalises may have kept other ATs alive. */
void gc_full(lua_State *L, struct worker *w) {
  luajit_forget_code(w);
  luajit_back(L, w); /* a finaliser may raise */
  for (int i = 0; i < 2; i++) {
    bool is_begun = false;
    if (w->sched.current && !w->sched.no_wait)
      lua_gc(L, LUA_GCCOLLECT, 0);
    else
      worker_protected(w, collect, &is_begun);
  }
  luajit_back(L, w);
}

/* ---- What the collector has come to ---- */

/* A coroutine that never runs; on its stack is the table. No script gets at what is there, so none
 * keeps an entry, which would stay for ever. */
static lua_State *get_hidden(lua_State *L, const struct worker *w) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.settled);
  lua_State *hidden = lua_tothread(L, -1);
  lua_pop(L, 1);
  return hidden;
}

/* The table on top becomes an entry, which nothing else refers to. Allocates nothing. */
static void put(lua_State *L, const struct worker *w, int entry) {
  lua_State *hidden = get_hidden(L, w);
  lua_xmove(L, hidden, 1);
  lua_rawseti(hidden, 1, entry);
}

static bool is_there(lua_State *L, const struct worker *w, int entry) {
  lua_State *hidden = get_hidden(L, w);
  lua_rawgeti(hidden, 1, entry);
  bool is = !lua_isnil(hidden, -1);
  lua_pop(hidden, 1);
  return is;
}

/* ---- All at once ---- */

struct dropping {
  struct worker *w;
  bool is_noted; /* that it has begun */
};

/* Finalisers come last: one that breaks the collection off does so when the weak tables have been
 * cleared. So it is not repeated, or a script could have all be marked for each of its errors. */
static int drop(lua_State *L) {
  struct dropping *d = lua_touserdata(L, 1);
  if (d->w) {
    lua_gc(L, LUA_GCSTOP, 0); /* to make the table would run finalisers that are due already */
    lua_newtable(L);
    put(L, d->w, BEGUN);
    d->is_noted = true;
  }
  lua_gc(L, LUA_GCRESTART, 0);
  lua_gc(L, LUA_GCCOLLECT, 0);
  return 0;
}

enum gc_dropped gc_drop(struct worker *w) {
  bool was_stopped = luajit_is_stopped(w);
  struct dropping d = {.w = w};
  luajit_back(w->L, w);
  int status = worker_try_anchor(w, w->anchors.collector, &d);
  if (status != 0 && !d.is_noted) /* no memory even for that: without it */
    status = worker_try_anchor(w, w->anchors.collector, &(struct dropping){0});
  luajit_back(w->L, w);
  if (was_stopped) lua_gc(w->L, LUA_GCSTOP, 0);
  if (status == 0) return GC_DROPPED;
  return d.is_noted && !is_there(w->L, w, BEGUN) ? GC_LEFT_FINALISERS : GC_NOT_DROPPED;
}

/* ---- In slices ---- */

struct slice {
  struct worker *w;
  double end;
  bool is_begun;
};

/* Nothing is allocated between the end of the round and the entry, so the next has not begun. */
static int settle(lua_State *L) {
  struct slice *s = lua_touserdata(L, 1);
  if (s->is_begun && clock_seconds() >= s->end) return 0; /* a finaliser has broken it off */
  s->is_begun = true;
  lua_newtable(L);
  while (!lua_gc(L, LUA_GCSTEP, STEP))
    if (clock_seconds() >= s->end) return 0;
  put(L, s->w, SETTLED);
  return 0;
}

bool gc_settle(struct worker *w) {
  struct slice s = {.w = w, .end = clock_seconds() + slice_seconds};
  luajit_back(w->L, w);
  worker_protected(w, settle, &s);
  luajit_back(w->L, w);
  return gc_is_settled(w->L, w);
}

bool gc_is_settled(lua_State *L, const struct worker *w) { return is_there(L, w, SETTLED); }

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
