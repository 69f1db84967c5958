/* SPDX-License-Identifier: MIT
 *
 * One switch per direction over the types of values.
 */
#include "lua/ref/marshal.h"

#include "lua/ref/at.h"
#include "lua/ref/copy.h"
#include "lua/ref/pool.h"

/* The kind of token a value of this type is sent as; 0 for types that travel as they are. */
static enum gaijin_kind candidate_kind(int type) {
  switch (type) {
    case LUA_TTABLE: return GAIJIN_KIND_TABLE;
    case LUA_TFUNCTION: return GAIJIN_KIND_FUNCTION;
    case LUA_TTHREAD: return GAIJIN_KIND_THREAD;
    case LUA_TUSERDATA:
    case LUA_TLIGHTUSERDATA: return GAIJIN_KIND_USERDATA;
    default: return 0;
  }
}

/* What is neither a candidate nor travels as it is: LuaJIT's ffi has such a type. */
static void check_type(lua_State *L, int i) {
  if (lua_type(L, i) > LUA_TTHREAD) worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "a %s cannot be sent", luaL_typename(L, i));
}

void marshal_revive(lua_State *L, struct worker *w, int i) {
  if (!candidate_kind(lua_type(L, i))) {
    check_type(L, i);
    return;
  }
  struct at *at = at_get(L, w, i);
  if (at && !at->holding)
    at_revive(L, w, i);
  else if (!at && copy_is(L, w, i))
    copy_prepare(L, w, i);
}

void marshal_give_token(lua_State *L, struct worker *w, int i) {
  enum gaijin_kind kind = candidate_kind(lua_type(L, i));
  if (!kind || at_get(L, w, i)) return;
  if (copy_is(L, w, i))
    copy_visit(L, w, i, marshal_give_token);
  else
    pool_token(L, w, i, kind);
}

void marshal_prepare(lua_State *L, struct worker *w, int first, int n) {
  luaL_checkstack(L, 8, "too many values to send");
  for (int i = first; i < first + n; i++) marshal_revive(L, w, i);
  for (int i = first; i < first + n; i++) marshal_give_token(L, w, i);
}

static bool put_reference(lua_State *L, struct worker *w, int i) {
  struct at *at = at_get(L, w, i);
  if (!at && copy_is(L, w, i)) return copy_put(L, w, i);
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

static void discard(lua_State *L, struct worker *w, int i) {
  if (!candidate_kind(lua_type(L, i))) return;
  if (copy_is(L, w, i)) {
    copy_visit(L, w, i, discard);
    return;
  }
  gaijin_token *t = pool_find(L, w, i);
  if (t) gaijin_token_discard(w->g, t);
}

void marshal_discard(lua_State *L, struct worker *w, int first, int n) {
  for (int i = first; i < first + n; i++) discard(L, w, i);
}

void unmarshal_value(lua_State *L, struct worker *w, const struct gaijin_value *v) {
  switch (v->type) {
    case GAIJIN_NIL:
    case GAIJIN_ARRAY:
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
    case GAIJIN_HOME:
      pool_push(L, w, v->token);
      break;
    case GAIJIN_FOREIGN:
      at_push(L, w, v->holding);
      break;
    case GAIJIN_STALE:
      worker_raise(L, GAIJIN_STATUS_STALE, "a token of %s names an object it no longer keeps", w->name);
      break;
  }
}

/* Bodies are walked, so the nesting is bounded. */
static void push_row(lua_State *L, struct worker *w, gaijin_body *body, uint32_t count) {
  luaL_checkstack(L, 4, "arrays nested too deep");
  lua_newtable(L);
  struct gaijin_value v;
  for (uint32_t k = 1; k <= count && gaijin_body_next(body, &v); k++) {
    if (v.type == GAIJIN_ARRAY)
      push_row(L, w, body, v.count);
    else
      unmarshal_value(L, w, &v);
    lua_rawseti(L, -2, (int)k);
  }
}

int unmarshal(lua_State *L, struct worker *w, gaijin_body *body, bool rows) {
  if (!body) return 0;
  uint32_t count = gaijin_body_count(body);
  if (count > LUAI_MAXCSTACK || !lua_checkstack(L, (int)count + 8))
    return worker_raise(L, GAIJIN_STATUS_TOO_LARGE, "%u values are more than the Lua stack holds", (unsigned)count);
  int n = 0;
  struct gaijin_value v;
  for (; gaijin_body_next(body, &v); n++) {
    if (v.type != GAIJIN_ARRAY)
      unmarshal_value(L, w, &v);
    else if (rows)
      push_row(L, w, body, v.count);
    else
      copy_push(L, w, body, v.count);
  }
  return n;
}
