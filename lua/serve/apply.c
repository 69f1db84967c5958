/* SPDX-License-Identifier: MIT
 *
 * The forwarding function runs the original by a plain C call in its own frame,
 * if it has no upvalues, as all those of stock 5.1. What may be
 * applied is a table of functions that the prelude fills.
 */
#include "lua/serve/apply.h"

#include <assert.h>
#include <string.h>

#include "lua/ask/remote.h"
#include "lua/fiber/fiber.h"
#include "lua/ref/at.h"
#include "lua/ref/copy.h"
#include "lua/serve/access.h"
#include "lua/vm/userdata.h"

enum { ORIGINAL = 2, TITLE, FIRST, LAST, KIND };

/* Has all n arguments, from index 1, worked on by the function named `title` at the home of
 * argument i. */
static int apply_at(lua_State *L, struct worker *w, int i, const char *title) {
  luaL_checkstack(L, 4, "too many arguments");
  lua_pushstring(L, title);
  lua_insert(L, 1);
  return remote_call(L, w, GAIJIN_OP_APPLY, i + 1, 1, lua_gettop(L));
}

int apply_original(lua_State *L) {
  fiber_check_stack(L, worker_of(L), 0); /* the original may call back: sort, gsub, resume */
  lua_CFunction fn = lua_tocfunction(L, lua_upvalueindex(ORIGINAL));
  if (fn && !lua_getupvalue(L, lua_upvalueindex(ORIGINAL), 1)) return fn(L);
  if (fn) lua_pop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(ORIGINAL));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* 5.1 matches a pattern by recursion, and so takes up to 48 bytes of the C stack for each of the
 * pattern's, which may come from another worker. Shorter ones have room on any stack. */
enum { LONG_PATTERN = 1024, PATTERN_STACK = 64 };

/* The size of the long pattern at index i; 0: it is a short one, or none. */
static size_t long_pattern(lua_State *L, int i) {
  size_t n = lua_type(L, i) == LUA_TSTRING ? lua_objlen(L, i) : 0;
  return n >= LONG_PATTERN ? n : 0;
}

static void check_pattern(lua_State *L, struct worker *w, const char *title, int i) {
  size_t n = long_pattern(L, i);
  if (n && strcmp(title, "string.gsub") == 0) fiber_check_stack(L, w, PATTERN_STACK * n);
}

/* The environments of futures and copies are ours: C trusts what is in them. `i`: whose. */
static void check_environment(lua_State *L, struct worker *w, const char *title, int i) {
  if (lua_type(L, i) != LUA_TUSERDATA) return;
  if (strcmp(title, "debug.getfenv") != 0 && strcmp(title, "debug.setfenv") != 0) return;
  if (copy_is(L, w, i) || userdata_test(L, i, w->anchors.future_meta))
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s of a future or a copy", title);
}

/* original -> a function that runs it, but an error where the C stack is short for its pattern. */
static int match(lua_State *L) {
  struct worker *w = worker_of(L);
  size_t n = long_pattern(L, 2);
  if (n) fiber_check_stack(L, w, PATTERN_STACK * n);
  return apply_original(L);
}

int apply_matching(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushlightuserdata(L, worker_of(L));
  lua_insert(L, 1);
  lua_pushcclosure(L, match, 2);
  return 1;
}

static int forward(lua_State *L) {
  struct worker *w = worker_of(L);
  int first = (int)lua_tointeger(L, lua_upvalueindex(FIRST));
  int last = (int)lua_tointeger(L, lua_upvalueindex(LAST));
  const char *only = lua_tostring(L, lua_upvalueindex(KIND));
  for (int i = first; i <= last; i++) {
    struct at *at = at_get(L, w, i);
    if (at && (!only || strcmp(gaijin_kind_name(at->pt.kind), only) == 0))
      return apply_at(L, w, i, lua_tostring(L, lua_upvalueindex(TITLE)));
  }
  /* Most calls need no title, which takes longer to get than the rest of this. */
  if (lua_type(L, 1) == LUA_TUSERDATA || long_pattern(L, 2)) {
    const char *title = lua_tostring(L, lua_upvalueindex(TITLE));
    check_environment(L, w, title, 1);
    check_pattern(L, w, title, 2);
  }
  return apply_original(L);
}

int apply_forward(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checkstring(L, 2);
  lua_settop(L, 5);
  lua_pushlightuserdata(L, worker_of(L));
  lua_insert(L, 1);
  lua_pushcclosure(L, forward, 6);
  return 1;
}

int apply_call(lua_State *L) {
  struct worker *w = worker_of(L);
  luaL_checkstring(L, 2);
  return remote_call(L, w, GAIJIN_OP_APPLY, 1, 2, lua_gettop(L) - 1);
}

/* Lua reads metatables raw, so one that is not in the same VM as the object could never work. */
int apply_setmetatable(lua_State *L) {
  struct worker *w = worker_of(L);
  struct at *object = at_get(L, w, 1), *meta = at_get(L, w, 2);
  if (!object && !meta) return apply_original(L);
  worker_need_connection(L, w);
  uint64_t own = gaijin_host(w->g);
  uint64_t home = object ? object->pt.host : own, meta_home = meta ? meta->pt.host : own;
  if ((meta || lua_istable(L, 2)) && home != meta_home)
    return worker_raise(
        L, GAIJIN_STATUS_UNSUPPORTED,
        "setmetatable: the object lives in %s and the metatable in %s; make the metatable where "
        "the object lives",
        worker_host_name(w, home), worker_host_name(w, meta_home));
  return apply_at(L, w, 1, "setmetatable");
}

/* The metatable of the value at index i is that of all values of its type. */
static const char *sharing_type(lua_State *L, int i) {
  switch (lua_type(L, i)) {
    case LUA_TFUNCTION: return "functions";
    case LUA_TTHREAD: return "coroutines";
    case LUA_TLIGHTUSERDATA: return "light userdata";
    default: return NULL;
  }
}

/* What is refused whatever gaijin.access says of the target, and what it must be asked besides.
 * Object, title, arguments. */
static void check_arguments(lua_State *L, struct worker *w, const char *title) {
  static const char *const callers[] = {"table.sort", "table.foreach", "table.foreachi"};
  /* Access was asked for the target: it must be what the function works on, or getfenv(1) would be
   * allowed with any object. */
  int subject = strcmp(title, "string.gsub") == 0 ? 5 : 3;
  if (lua_gettop(L) < subject || !lua_rawequal(L, 1, subject))
    worker_raise(L, GAIJIN_STATUS_DENIED, "%s of something else than the object asked", title);
  const char *sharing = sharing_type(L, subject);
  if (sharing && strcmp(title, "debug.setmetatable") == 0)
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED,
                 "%s: all %s of %s share one metatable, which is %s's to set", title, sharing,
                 w->name, w->name);
  for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++) {
    if (strcmp(title, callers[i]) == 0 && lua_type(L, 4) == LUA_TFUNCTION && !at_get(L, w, 4))
      access_check(L, w, GAIJIN_OP_CALL, 4, 0);
  }
}

int apply_serve(lua_State *L, struct worker *w) {
  const char *title = luaL_checkstring(L, 2);
  check_arguments(L, w, title);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.applicable);
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  if (lua_isnil(L, -1))
    return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s has no function %s to apply", w->name,
                        title);
  check_environment(L, w, title, 3);
  check_pattern(L, w, title, 4);
  lua_replace(L, 2);
  lua_pop(L, 1);
  assert(lua_gettop(L) >= 3); /* object, function, arguments: the object is one of them */
  lua_call(L, lua_gettop(L) - 2, LUA_MULTRET);
  return lua_gettop(L) - 1;
}

/* table -> nothing, if who asked for the copy may have it. */
static int may_fetch(lua_State *L) {
  lua_settop(L, 1);
  lua_pushliteral(L, "fetch");
  access_check(L, worker_of(L), GAIJIN_OP_APPLY, 1, 2);
  return 0;
}

int apply_fetch(lua_State *L) {
  struct worker *w = worker_of(L);
  copy_make(L);
  if (access_is_asked(L, w) && copy_is(L, w, lua_gettop(L))) {
    worker_push_function(L, w, may_fetch);
    copy_ask(L, lua_gettop(L) - 1);
  }
  return 1;
}

int apply_may_get(lua_State *L) {
  luaL_checkany(L, 2);
  access_check(L, worker_of(L), GAIJIN_OP_GET, 1, 2);
  return 0;
}
