/* SPDX-License-Identifier: MIT
 *
 * A token made since the last round is known by its id: it may be gone by now. If more were made
 * than are kept, none weighs much, or their number has holders collect.
 */
#include "lua/serve/weight.h"

#include <assert.h>

#include "lua/fiber/timer.h"
#include "lua/ref/pool.h"
#include "lua/vm/gc.h"
#include "lua/vm/luajit.h"
#include "lua/vm/userdata.h"

/* KiB. What is lighter is not told. So much must have come back, and be so much of what is in use,
 * before the collector is driven. */
enum { TOLD_LEAST = 1024, FREED_LEAST = 16 << 10, FREED_SHARE = 4 };

static size_t in_use(lua_State *L) { return (size_t)lua_gc(L, LUA_GCCOUNT, 0); }

/* The sentinel's finaliser: all other objects that were garbage are freed by now, for Lua and
 * LuaJIT finalise at the end of a round. */
static int on_round(lua_State *L) {
  struct worker *w = worker_of(L);
  w->weights.round_ended = true;
  w->weights.after = in_use(L);
  return 0;
}

static int make_sentinel(lua_State *L) {
  const struct worker *w = lua_touserdata(L, 1);
  userdata_new(L, 1, w->anchors.sentinel_meta);
  return 0;
}

void weight_open(lua_State *L, struct worker *w) {
  lua_createtable(L, 0, 1);
  worker_push_function(L, w, on_round);
  lua_setfield(L, -2, "__gc");
  w->anchors.sentinel_meta = luaL_ref(L, LUA_REGISTRYINDEX);
  userdata_new(L, 1, w->anchors.sentinel_meta);
  lua_pop(L, 1);
  w->weights.live = w->weights.at_last = in_use(L);
}

/* ---- Weighing ---- */

/* What an array of so many entries takes at least. */
static size_t array_size(struct worker *w, gaijin_token *t) {
  pool_push(w->L, w, t);
  size_t slot = w->is_luajit ? 8 : 16;
  size_t size = lua_istable(w->L, -1) ? lua_objlen(w->L, -1) * slot >> 10 : 0;
  lua_pop(w->L, 1);
  return size;
}

static void weigh(struct worker *w, const struct export *e, size_t grown) {
  const struct weights *k = &w->weights;
  gaijin_token *t = gaijin_token_find(w->g, e->id);
  if (!t) return;
  double share = k->grown ? (double)e->grown / (double)k->grown : 0;
  size_t weight = (size_t)(share * (double)grown), array = array_size(w, t);
  if (weight < array) weight = array;
  /* A broker that cannot be told, or not now, asks by number only. */
  if (weight >= TOLD_LEAST) gaijin_token_weigh(w->g, t, (uint64_t)weight << 10);
}

static void weigh_exports(struct worker *w) {
  struct weights *k = &w->weights;
  size_t grown = k->after > k->live ? k->after - k->live : 0;
  uint64_t kept = k->n_exports < WEIGHED_MOST ? k->n_exports : WEIGHED_MOST;
  for (uint64_t i = 0; i < kept; i++) weigh(w, &k->exports[i], grown);
  k->live = k->at_last = k->after;
  k->n_exports = 0;
  k->grown = 0;
}

/* ---- Driving the collector ---- */

/* The round under way may have seen the object before it came back: the one after it is sure to
 * free it. */
static void begin_rounds(struct worker *w) {
  struct weights *k = &w->weights;
  if (k->freed < FREED_LEAST || k->freed < in_use(w->L) / FREED_SHARE) return;
  k->freed = 0;
  k->rounds = 2;
}

void weight_turn(struct worker *w) {
  struct weights *k = &w->weights;
  assert(!w->sched.current);
  if (k->round_ended && worker_protected(w, make_sentinel, w)) {
    k->round_ended = false;
    k->ended++;
    if (k->rounds) k->rounds--;
    if (!w->lost) weigh_exports(w);
  }
  if (k->freed) begin_rounds(w);
  if (!k->rounds) return;
  if (luajit_is_stopped(w)) return;
  luajit_forget_code(w); /* which would keep what came back */
  gc_settle(w);
  timer_wake_loop(w);
}
