/* SPDX-License-Identifier: MIT
 *
 * Two tables: pool[slot] = object (a luaL_ref table) and lookup[object] = light
 * userdata of the token. A token's tag is its slot. lookup[object] = false means
 * that a token is being made: its key is there, so the last step, which must not
 * fail, allocates nothing. No script runs meanwhile: the collector, and with it
 * finalisers, runs where Lua makes an object, and setting a field makes none.
 */
#include "lua/ref/pool.h"

#include <assert.h>

#include "lua/ref/listed.h"
#include "lua/ref/origin.h"

/* For lua/serve/weight.c. */
static void note_made(lua_State *L, struct weights *k, uint64_t id) {
  size_t in_use = (size_t)lua_gc(L, LUA_GCCOUNT, 0);
  size_t grown = in_use > k->at_last ? in_use - k->at_last : 0;
  k->exports[k->n_exports++ % WEIGHED_MOST] = (struct export){.id = id, .grown = grown};
  k->grown += grown;
  k->at_last = in_use;
}
static void note_forgotten(struct weights *k, uint64_t bytes) { k->freed += (size_t)(bytes >> 10); }

gaijin_token *pool_find(lua_State *L, struct worker *w, int i) {
  assert(i > LUA_REGISTRYINDEX);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.lookup);
  lua_pushvalue(L, i < 0 ? i - 1 : i);
  lua_rawget(L, -2);
  gaijin_token *t = lua_touserdata(L, -1);
  lua_pop(L, 2);
  assert(!t || gaijin_token_tag(t));
  return t;
}

gaijin_token *pool_token(lua_State *L, struct worker *w, int i, enum gaijin_kind kind) {
  gaijin_token *t = pool_find(L, w, i);
  if (t) return t;
  luaL_checkstack(L, 4, "too many values to send");
  int top = lua_gettop(L);
  lua_pushvalue(L, i);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.lookup);
  lua_pushvalue(L, -2);
  lua_pushboolean(L, 0);
  lua_rawset(L, -3);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.pool);
  lua_pushvalue(L, -3);
  int slot = luaL_ref(L, -2); /* object, lookup, pool */
  t = gaijin_token_new(w->g, kind, (void *)(intptr_t)slot);
  if (!t) luaL_unref(L, -1, slot);
  lua_pop(L, 1);
  lua_insert(L, -2); /* lookup, object */
  if (t)
    lua_pushlightuserdata(L, t);
  else
    lua_pushnil(L);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  assert(lua_gettop(L) == top);
  if (t) note_made(L, &w->weights, gaijin_token_pt(w->g, t).id);
  if (t && w->traces_tokens) origin_note(L, w, slot);
  if (!t) worker_raise(L, GAIJIN_STATUS_BUSY, "no memory for a token");
  return t;
}

void pool_push(lua_State *L, struct worker *w, gaijin_token *t) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.pool);
  lua_rawgeti(L, -1, (int)(intptr_t)gaijin_token_tag(t));
  lua_remove(L, -2);
  assert(!lua_isnil(L, -1));
}

void pool_empty(lua_State *L, struct worker *w, gaijin_token *t) {
  int slot = (int)(intptr_t)gaijin_token_tag(t);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.lookup);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.pool);
  lua_rawgeti(L, -1, slot);
  lua_pushnil(L);
  lua_rawset(L, -4);
  lua_pushnil(L);
  lua_rawseti(L, -2, slot);
  lua_pop(L, 2);
}

/* The object leaves both tables, and what is remembered of it ends. */
static void give_up(struct worker *w, gaijin_token *token, int slot) {
  note_forgotten(&w->weights, gaijin_token_weight(token));
  origin_forget(w, slot);
  /* Only keys that exist are written, so nothing is allocated and nothing is raised. */
  lua_State *L = w->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.lookup);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.pool);
  lua_rawgeti(L, -1, slot);
  assert(pool_find(L, w, lua_gettop(L)) == token); /* the two tables agree */
  listed_forget(L, lua_gettop(L));
  lua_pushnil(L);
  lua_rawset(L, -4);
  luaL_unref(L, -1, slot);
  lua_pop(L, 2);
}

void pool_condemn(struct worker *w, gaijin_token *t) {
  give_up(w, t, (int)(intptr_t)gaijin_token_tag(t));
  gaijin_token_condemn(w->g, t);
}

void pool_forget(void *worker, gaijin_token *token, void *tag) {
  if (tag) give_up(worker, token, (int)(intptr_t)tag);
}
