/* SPDX-License-Identifier: MIT
 *
 * Interning is a weak table from the holding's address to the AT. An entry is
 * right if its struct still names the holding. One that was finalised may be a
 * resurrected function's (userdata leave weak tables then, functions do not),
 * even of an earlier holding at the same address: so the PT is compared too.
 */
#include "lua/ref/at.h"

#include <assert.h>

#include "lua/ref/claim.h"
#include "lua/vm/userdata.h"

static struct at *new_userdata(lua_State *L, const struct gaijin_pt *pt, int metatable) {
  struct at *at = userdata_new(L, sizeof *at, metatable);
  *at = (struct at){.pt = *pt};
  return at;
}

/* Whether the value at index i is a userdata with a struct at; `token`: one with the metatable of
 * tokens. A metatable is known by its address: it is anchored, so no other table has that. */
static bool has_struct(lua_State *L, const struct worker *w, int i, bool token) {
  if (!at_may_be_userdata(L, i) || !lua_getmetatable(L, i)) return false;
  const void *meta = lua_topointer(L, -1);
  lua_pop(L, 1);
  return meta == w->token_meta_address || (!token && meta == w->object_meta_address);
}

/* Pushes the token inside the function AT at index i. False pushes nothing. Which upvalue it is
 * depends on the interpreter's order, so both are tried. */
static bool push_token(lua_State *L, struct worker *w, int i) {
  if (lua_type(L, i) != LUA_TFUNCTION || lua_iscfunction(L, i)) return false;
  for (int n = 1; n <= 2 && lua_getupvalue(L, i, n); n++) {
    if (has_struct(L, w, -1, true)) return true;
    lua_pop(L, 1);
  }
  return false;
}

/* Pushes the userdata that has the struct of the AT at index i: itself, or the token inside a
 * function AT. False pushes nothing. */
static bool push_userdata(lua_State *L, struct worker *w, int i) {
  if (!has_struct(L, w, i, false)) return push_token(L, w, i);
  lua_pushvalue(L, i);
  return true;
}

struct at *at_get(lua_State *L, struct worker *w, int i) {
  if (has_struct(L, w, i, false)) return lua_touserdata(L, i);
  if (!push_token(L, w, i)) return NULL;
  struct at *at = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return at;
}

static void intern(lua_State *L, struct worker *w, gaijin_holding *h) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.interner);
  lua_pushlightuserdata(L, h);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* Pushes what was interned for a holding last, or nil. */
static void push_entry(lua_State *L, struct worker *w, const gaijin_holding *h) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.interner);
  lua_pushlightuserdata(L, (void *)(uintptr_t)h);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* The userdata on top, which has been finalised, gives way to the fresh token with which it was
 * brought back (at_revive). */
static const struct at *replace_by_fresh(lua_State *L, struct worker *w, const struct at *old) {
  lua_getfenv(L, -1);
  lua_rawgeti(L, -1, 1);
  lua_remove(L, -2);
  const struct at *fresh = has_struct(L, w, lua_gettop(L), true) ? lua_touserdata(L, -1) : NULL;
  bool is_it = fresh && fresh->revived == old && fresh->holding;
  lua_remove(L, is_it ? -2 : -1);
  return is_it ? fresh : old;
}

const struct at *at_push_userdata(lua_State *L, struct worker *w, const gaijin_holding *h) {
  push_entry(L, w, h);
  const struct at *at = lua_isnil(L, -1) ? NULL : at_get(L, w, lua_gettop(L));
  if (at && at->holding == h && push_userdata(L, w, lua_gettop(L))) {
    lua_remove(L, -2);
    return at->was_finalised ? replace_by_fresh(L, w, at) : at;
  }
  lua_pop(L, 1);
  return NULL;
}

/* Pushes the AT of a holding if there is one. */
static bool push_interned(lua_State *L, struct worker *w, gaijin_holding *h) {
  push_entry(L, w, h);
  struct at *at = lua_isnil(L, -1) ? NULL : at_get(L, w, lua_gettop(L));
  if (at && at->holding == h) return true;
  struct gaijin_pt pt = gaijin_holding_pt(h);
  if (at && !at->holding && gaijin_pt_equal(&at->pt, &pt)) {
    /* A resurrected function: it stays, with a fresh token. */
    at_revive(L, w, lua_gettop(L));
    return true;
  }
  lua_pop(L, 1);
  return false;
}

void at_note(lua_State *L, struct worker *w) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.remote);
  lua_pushvalue(L, -2);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* Pushes a new AT, not yet a user of the holding. */
static struct at *push_new(lua_State *L, struct worker *w, gaijin_holding *h) {
  struct gaijin_pt pt = gaijin_holding_pt(h);
  if (pt.kind != GAIJIN_KIND_FUNCTION) return new_userdata(L, &pt, w->anchors.object_meta);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.make_function_at);
  struct at *at = new_userdata(L, &pt, w->anchors.token_meta);
  lua_call(L, 1, 1);
  assert(w->is_luajit || at_may_be_function(L, lua_gettop(L)));
  return at;
}

void at_push(lua_State *L, struct worker *w, gaijin_holding *h) {
  luaL_checkstack(L, 6, "too many values received");
  int top = lua_gettop(L);
  if (push_interned(L, w, h)) return;
  struct at *at = push_new(L, w, h);
  if (w->is_luajit) at_note(L, w);
  if (push_interned(L, w, h)) { /* a finaliser that ran meanwhile has received the same object */
    lua_remove(L, -2);
    assert(lua_gettop(L) == top + 1);
    return;
  }
  assert(gaijin_holding_find(w->g, &at->pt) == h); /* it stays while the value is read */
  if (!at->holding) { /* else a hook of the script's has used the token of the new function */
    at->holding = h;
    gaijin_hold(w->g, h);
  }
  assert(at->holding == h);
  intern(L, w, h);
  assert(lua_gettop(L) == top + 1);
}

/* The holding of a PT, as a user of it; claims the token when the release has left. Raises. */
static gaijin_holding *hold_again(lua_State *L, struct worker *w, const struct gaijin_pt *pt) {
  gaijin_holding *h = gaijin_holding_find(w->g, pt);
  if (h) {
    gaijin_hold(w->g, h);
    return h;
  }
  claim_token(L, w, pt);
  return gaijin_holding_find(w->g, pt);
}

/* The userdata will never be finalised again: a fresh token in its environment is, instead of it.
 * The token's environment has the userdata, so that it outlives the token by a cycle when both are
 * garbage and can be resurrected a second time. */
void at_revive(lua_State *L, struct worker *w, int i) {
  struct at *old = at_get(L, w, i);
  if (!old || old->holding) return;
  int top = lua_gettop(L);
  struct gaijin_pt pt = old->pt;
  luaL_checkstack(L, 6, "no room to revive a remote object");
  push_userdata(L, w, i);
  lua_createtable(L, 1, 0);
  struct at *fresh = new_userdata(L, &pt, w->anchors.token_meta);
  fresh->revived = old;
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, top + 1);
  lua_rawseti(L, -2, 1);
  lua_setfenv(L, -2);
  lua_rawseti(L, -2, 1);
  gaijin_holding *h = hold_again(L, w, &pt);
  if (!h)
    worker_raise(L, GAIJIN_STATUS_STALE,
                 "the token was released by a finaliser and could not be claimed again");
  if (old->holding) { /* another fiber was faster */
    gaijin_let_go(w->g, h);
  } else {
    lua_settop(L, top + 2);
    lua_setfenv(L, top + 1);
    fresh->holding = old->holding = h;
  }
  lua_settop(L, top);
}

int at_finalise(lua_State *L) {
  struct worker *w = worker_of(L);
  struct at *at = lua_touserdata(L, 1);
  if (at) at->was_finalised = true;
  if (!at || !at->holding) return 0;
  assert(!at->revived || at->revived->holding == at->holding);
  if (at->revived) at->revived->holding = NULL;
  /* A connection that was closed has taken all its holdings with it. */
  if (w->g) gaijin_let_go(w->g, at->holding);
  at->holding = NULL;
  return 0;
}
