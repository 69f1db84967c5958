/* SPDX-License-Identifier: MIT
 *
 * One switch per direction over the types of values.
 */
#include "lua/ref/value.h"

#include <assert.h>

#include "lua/ref/at.h"
#include "lua/ref/pool.h"

/* Light userdata is a token like others, since its address means nothing elsewhere, but for the
 * null pointer: that is the same everywhere. */
static bool is_null(lua_State *L, int i) {
  return lua_type(L, i) == LUA_TLIGHTUSERDATA && !lua_touserdata(L, i);
}

/* The kind of token the value at index i is sent as; 0 if it travels as it is. */
static enum gaijin_kind candidate_kind(lua_State *L, const struct worker *w, int i) {
  switch (lua_type(L, i)) {
    case LUA_TTABLE: return GAIJIN_KIND_TABLE;
    case LUA_TFUNCTION: return GAIJIN_KIND_FUNCTION;
    case LUA_TTHREAD: return GAIJIN_KIND_THREAD;
    case LUA_TLIGHTUSERDATA: /* a broker of an older release does not know the null pointer */
      return is_null(L, i) && gaijin_has_null(w->g) ? 0 : GAIJIN_KIND_USERDATA;
    case LUA_TUSERDATA: return GAIJIN_KIND_USERDATA;
    default: return 0;
  }
}

void value_revive(lua_State *L, struct worker *w, int i) {
  struct at *at = candidate_kind(L, w, i) ? at_get(L, w, i) : NULL;
  if (at && !at->holding) at_revive(L, w, i);
  /* Neither a candidate nor one that travels as it is: LuaJIT's ffi has such a type. */
  if (lua_type(L, i) > LUA_TTHREAD)
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "a %s cannot be sent", luaL_typename(L, i));
}

void value_give_token(lua_State *L, struct worker *w, int i) {
  enum gaijin_kind kind = candidate_kind(L, w, i);
  if (kind && !at_get(L, w, i)) pool_token(L, w, i, kind);
}

/* A candidate. */
static bool put_reference(lua_State *L, struct worker *w, int i) {
  struct at *at = at_get(L, w, i);
  if (at) {
    if (at->holding) gaijin_put_holding(w->g, at->holding);
    return at->holding != NULL;
  }
  gaijin_token *t = pool_find(L, w, i);
  if (t) gaijin_put_token(w->g, t);
  return t != NULL;
}

bool value_put(lua_State *L, struct worker *w, int i) {
  switch (lua_type(L, i)) {
    case LUA_TNIL:
      gaijin_put_nil(w->g);
      return true;
    case LUA_TBOOLEAN:
      gaijin_put_bool(w->g, lua_toboolean(L, i));
      return true;
    case LUA_TNUMBER:
      gaijin_put_number(w->g, lua_tonumber(L, i));
      return true;
    case LUA_TSTRING: {
      size_t size;
      const char *s = lua_tolstring(L, i, &size);
      gaijin_put_string(w->g, s, size);
      return true;
    }
    case LUA_TLIGHTUSERDATA:
      if (candidate_kind(L, w, i)) return put_reference(L, w, i);
      gaijin_put_null(w->g);
      return true;
    default: return put_reference(L, w, i);
  }
}

int value_put_run(lua_State *L, struct worker *w, int i, int last) {
  enum { MANY = 32 };
  double numbers[MANY];
  for (;;) {
    size_t n = 0;
    for (; i <= last && n < MANY && lua_type(L, i) == LUA_TNUMBER; i++)
      numbers[n++] = lua_tonumber(L, i);
    if (n > 0)
      gaijin_put_numbers(w->g, numbers, n);
    else if (i <= last && value_put_plain(L, w, i))
      i++;
    else
      return i;
  }
}

void value_discard(lua_State *L, struct worker *w, int i) {
  gaijin_token *t = candidate_kind(L, w, i) ? pool_find(L, w, i) : NULL;
  /* A script may have made an AT of an object of ours, with debug.setupvalue. */
  if (t && !at_get(L, w, i)) gaijin_token_discard(w->g, t);
}

void value_push(lua_State *L, struct worker *w, const struct gaijin_value *v) {
  switch (v->type) {
    case GAIJIN_NIL:
      lua_pushnil(L);
      break;
    case GAIJIN_BOOL:
      lua_pushboolean(L, v->boolean);
      break;
    case GAIJIN_NUMBER:
      lua_pushnumber(L, v->number);
      break;
    case GAIJIN_STRING:
      lua_pushlstring(L, v->bytes, v->size);
      break;
    case GAIJIN_NULL:
      lua_pushlightuserdata(L, NULL);
      break;
    case GAIJIN_HOME:
      pool_push(L, w, v->token);
      break;
    case GAIJIN_FOREIGN:
      at_push(L, w, v->holding);
      break;
    case GAIJIN_STALE:
      worker_raise(L, GAIJIN_STATUS_STALE, "a token of %s names an object it no longer keeps",
                   w->name);
      break;
    case GAIJIN_ARRAY:
      assert(false && "an array is no single value");
      break;
  }
}
