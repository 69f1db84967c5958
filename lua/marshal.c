/* SPDX-License-Identifier: MIT
 *
 * One switch per direction over the types of values.
 */
#include "lua/marshal.h"

#include "lua/at.h"
#include "lua/pool.h"

static enum pt_kind candidate_kind(int type) { return type == LUA_TTABLE ? PT_TABLE : PT_FUNCTION; }

/* The first pass: types, and ATs that a finaliser left without holding. */
static void check(lua_State *L, struct worker *w, int i) {
  switch (lua_type(L, i)) {
    case LUA_TUSERDATA:
    case LUA_TFUNCTION: {
      struct at *at = at_get(L, w, i);
      if (at && !at->holding) at_revive(L, w, i);
      if (at || lua_type(L, i) == LUA_TFUNCTION) return;
      break;
    }
    case LUA_TTHREAD:
    case LUA_TLIGHTUSERDATA:
      break;
    default:
      return;
  }
  worker_raise(L, STATUS_unsupported, "a %s cannot be sent to another worker", luaL_typename(L, i));
}

void marshal_prepare(lua_State *L, struct worker *w, int first, int n) {
  luaL_checkstack(L, 8, "too many values to send");
  for (int i = first; i < first + n; i++) check(L, w, i);
  for (int i = first; i < first + n; i++) {
    int type = lua_type(L, i);
    if (type == LUA_TTABLE || (type == LUA_TFUNCTION && !at_get(L, w, i))) pool_token(L, w, i, candidate_kind(type));
  }
}

static bool put_reference(lua_State *L, struct worker *w, int i) {
  struct at *at = at_get(L, w, i);
  if (at && !at->holding) return false;
  if (at) {
    gaijin_put_holding(w->g, at->holding);
    return true;
  }
  gaijin_token *t = pool_find(L, w, i);
  if (t) gaijin_put_token(w->g, t);
  return t != NULL;
}

bool marshal_put(lua_State *L, struct worker *w, int first, int n) {
  for (int i = first; i < first + n; i++) {
    switch (lua_type(L, i)) {
      case LUA_TNIL:
        gaijin_put_nil(w->g);
        break;
      case LUA_TBOOLEAN:
        gaijin_put_bool(w->g, lua_toboolean(L, i));
        break;
      case LUA_TNUMBER:
        gaijin_put_number(w->g, lua_tonumber(L, i));
        break;
      case LUA_TSTRING: {
        size_t size;
        const char *s = lua_tolstring(L, i, &size);
        gaijin_put_string(w->g, s, size);
        break;
      }
      default:
        if (!put_reference(L, w, i)) return false;
    }
  }
  return true;
}

void marshal_discard(lua_State *L, struct worker *w, int first, int n) {
  for (int i = first; i < first + n; i++) {
    int type = lua_type(L, i);
    if (type != LUA_TTABLE && type != LUA_TFUNCTION) continue;
    gaijin_token *t = pool_find(L, w, i);
    if (t) gaijin_token_discard(w->g, t);
  }
}

static int push_value(lua_State *L, struct worker *w, gaijin_body *body, const struct gaijin_value *v);

/* An array, as the broker's answers have them, becomes a sequence. Bodies are walked, so the nesting is bounded. */
static int push_array(lua_State *L, struct worker *w, gaijin_body *body, uint32_t count) {
  luaL_checkstack(L, 4, "arrays nested too deep");
  lua_newtable(L);
  for (uint32_t k = 1; k <= count; k++) {
    struct gaijin_value v;
    if (!gaijin_body_next(body, &v)) break;
    push_value(L, w, body, &v);
    lua_rawseti(L, -2, (int)k);
  }
  return 1;
}

static int push_value(lua_State *L, struct worker *w, gaijin_body *body, const struct gaijin_value *v) {
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
    case GAIJIN_ARRAY:
      return push_array(L, w, body, v->count);
    case GAIJIN_HOME:
      pool_push(L, w, v->token);
      break;
    case GAIJIN_FOREIGN:
      at_push(L, w, v->holding);
      break;
    case GAIJIN_STALE:
      return worker_raise(L, STATUS_stale, "a token of %s names an object it no longer keeps", w->name);
  }
  return 1;
}

int unmarshal(lua_State *L, struct worker *w, gaijin_body *body) {
  if (!body) return 0;
  uint32_t count = gaijin_body_count(body);
  if (count > LUAI_MAXCSTACK || !lua_checkstack(L, (int)count + 8))
    return worker_raise(L, STATUS_too_large, "%u values are more than the Lua stack holds", (unsigned)count);
  int n = 0;
  struct gaijin_value v;
  while (gaijin_body_next(body, &v)) n += push_value(L, w, body, &v);
  return n;
}
