/* SPDX-License-Identifier: MIT
 *
 * The key is a string, number or boolean, the value one of these or nil, the table
 * has the field or no metatable, and no access function is set: then Lua's own get
 * is a look-up. It runs protected on the scheduler's lua_State, for the key's string
 * may allocate, and so may run finalisers.
 */
#include "lua/serve/quick.h"

#include <assert.h>

#include "lua/ref/pool.h"
#include "lua/serve/access.h"

struct get {
  struct worker *w;
  const struct gaijin_request *request;
  struct gaijin_value key;
  bool answered;
};

static bool is_plain(int type) {
  return type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING;
}

static bool is_plain_key(const struct gaijin_value *key) {
  return key->type == GAIJIN_STRING || key->type == GAIJIN_NUMBER || key->type == GAIJIN_BOOL;
}

static void push_key(lua_State *L, const struct gaijin_value *key) {
  if (key->type == GAIJIN_STRING)
    lua_pushlstring(L, key->bytes, key->size);
  else if (key->type == GAIJIN_NUMBER)
    lua_pushnumber(L, key->number);
  else
    lua_pushboolean(L, key->boolean);
}

static void answer(lua_State *L, struct get *get) {
  gaijin *g = get->w->g;
  gaijin_begin_reply(g, get->request->id, GAIJIN_OP_GET, 1);
  size_t size;
  switch (lua_type(L, -1)) {
    case LUA_TNIL: gaijin_put_nil(g); break;
    case LUA_TBOOLEAN: gaijin_put_bool(g, lua_toboolean(L, -1)); break;
    case LUA_TNUMBER: gaijin_put_number(g, lua_tonumber(L, -1)); break;
    default: {
      const char *s = lua_tolstring(L, -1, &size);
      gaijin_put_string(g, s, size);
    }
  }
  /* What is too large is done again on a fiber, which answers with the error. */
  get->answered = gaijin_end_answer(g) == 0;
}

/* Argument: struct get. */
static int get_protected(lua_State *L) {
  struct get *get = lua_touserdata(L, 1);
  if (access_is_asked(L, get->w)) return 0;
  assert(!get->answered && get->request->target);
  pool_push(L, get->w, get->request->target);
  if (!lua_istable(L, 2)) return 0;
  push_key(L, &get->key);
  lua_rawget(L, 2);
  if (lua_isnil(L, 3) && lua_getmetatable(L, 2)) return 0;
  if (is_plain(lua_type(L, 3))) answer(L, get);
  return 0;
}

void quick_open(lua_State *L, struct worker *w) {
  lua_pushcfunction(L, get_protected);
  w->anchors.quick_get = luaL_ref(L, LUA_REGISTRYINDEX);
}

bool quick_get(struct worker *w, const struct gaijin_request *request, gaijin_body *body) {
  struct get get = {.w = w, .request = request};
  if (request->op != GAIJIN_OP_GET || request->one_way || w->stopping || w->sched.current)
    return false;
  /* It must not overtake what was started before it. */
  if (w->sched.n_ready > 0 || w->sched.stackless_first) return false;
  if (!gaijin_body_peek(body, &get.key) || !is_plain_key(&get.key)) return false;
  lua_State *L = w->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.quick_get);
  lua_pushlightuserdata(L, &get);
  /* If a finaliser raised, it is done again on a fiber. */
  if (lua_pcall(L, 1, 0, 0) != 0) lua_pop(L, 1);
  if (get.answered) gaijin_body_free(body);
  return get.answered;
}
