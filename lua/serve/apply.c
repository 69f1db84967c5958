/* SPDX-License-Identifier: MIT
 *
 * What may be applied is a table of functions that the prelude fills.
 */
#include "lua/serve/apply.h"

#include <assert.h>
#include <string.h>

#include "lua/ask/remote.h"
#include "lua/fiber/fiber.h"
#include "lua/ref/at.h"
#include "lua/ref/copy.h"
#include "lua/serve/access.h"
#include "lua/serve/bounds.h"
#include "lua/vm/userdata.h"
#include "proto/closed.h"

int apply_original(lua_State *L) {
  lua_CFunction fn = lua_tocfunction(L, lua_upvalueindex(APPLY_ORIGINAL));
  if (fn && !lua_getupvalue(L, lua_upvalueindex(APPLY_ORIGINAL), 1)) return fn(L);
  if (fn) lua_pop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(APPLY_ORIGINAL));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

enum { PATTERN_STACK = 64 }; /* bytes for each of a pattern's */

/* An error where the C stack is short for the pattern at index i. */
static void check_pattern(lua_State *L, struct worker *w, int i) {
  size_t n = lua_type(L, i) == LUA_TSTRING ? lua_objlen(L, i) : 0;
  if (n >= APPLY_LONG_PATTERN) fiber_check_stack(L, w, PATTERN_STACK * n);
}

/* The environments of futures, copies and lists of keys are ours: C trusts what is in them. `i`:
 * whose. */
static void check_environment(lua_State *L, struct worker *w, const char *title, int i) {
  if (lua_type(L, i) != LUA_TUSERDATA) return;
  if (strcmp(title, "debug.getfenv") != 0 && strcmp(title, "debug.setfenv") != 0) return;
  if (copy_is(L, w, i) || userdata_test(L, i, w->anchors.future_meta))
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s of a future or a copy", title);
  if (userdata_test(L, i, w->anchors.list_meta))
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s of a list of keys", title);
}

static const char *title_of(lua_State *L) { return lua_tostring(L, lua_upvalueindex(APPLY_TITLE)); }

int apply_match(lua_State *L) {
  check_pattern(L, worker_of(L), 2);
  return apply_original(L);
}

/* Upvalues of what scripts get for gmatch's iterator; the first three are that one's own. */
enum { ITERATOR_PATTERN = 2, ITERATOR_AT, ITERATOR_ORIGINAL, ITERATOR_WORKER };

static int next_match(lua_State *L) {
  struct worker *w = lua_touserdata(L, lua_upvalueindex(ITERATOR_WORKER));
  fiber_check_stack(L, w, PATTERN_STACK * lua_objlen(L, lua_upvalueindex(ITERATOR_PATTERN)));
  return lua_tocfunction(L, lua_upvalueindex(ITERATOR_ORIGINAL))(L);
}

int apply_gmatch(lua_State *L) {
  int n = apply_original(L), iterator = lua_gettop(L);
  if (n != 1 || !lua_iscfunction(L, iterator)) return n;
  luaL_checkstack(L, ITERATOR_WORKER, "too many arguments");
  for (int i = 1; i <= ITERATOR_AT; i++)
    if (!lua_getupvalue(L, iterator, i)) lua_pushnil(L);
  lua_pushvalue(L, iterator);
  lua_pushlightuserdata(L, worker_of(L));
  lua_pushcclosure(L, next_match, ITERATOR_WORKER);
  return 1;
}

/* Has all arguments worked on at the home of the first, under the title of this function. */
static int forward(lua_State *L, struct worker *w) {
  if (w->sandboxed && closed_title(title_of(L), strlen(title_of(L))))
    return worker_raise(L, GAIJIN_STATUS_DENIED,
                        "%s of an object of another worker: %s is sandboxed", title_of(L), w->name);
  luaL_checkstack(L, 4, "too many arguments");
  lua_pushvalue(L, lua_upvalueindex(APPLY_TITLE));
  lua_insert(L, 1);
  return remote_call(L, w, GAIJIN_OP_APPLY, 2, 1, lua_gettop(L));
}

/* Has the original work on the table of the copy at index 1, which it gives back: so the copy is
 * what it shall return. */
static int original_for_copy(lua_State *L, struct worker *w) {
  lua_pushvalue(L, 1);
  lua_insert(L, 1);
  copy_unwrap(L, w, 2);
  lua_pushvalue(L, lua_upvalueindex(APPLY_ORIGINAL));
  lua_insert(L, 2);
  lua_call(L, lua_gettop(L) - 2, 0);
  return 1;
}

int apply_forward(lua_State *L) {
  struct worker *w = worker_of(L);
  if (at_get(L, w, 1)) return forward(L, w);
  const char *title = title_of(L);
  check_environment(L, w, title, 1);
  if (strcmp(title, "rawset") == 0 && lua_gettop(L) >= 3 && copy_is(L, w, 1))
    return original_for_copy(L, w);
  copy_unwrap(L, w, 1);
  return apply_original(L);
}

/* Puts in the place of the remote table at index i one of this VM that asks it for each field. */
static void ask_for_fields(lua_State *L, int i) {
  luaL_checkstack(L, 3, "too many arguments");
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, i);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_replace(L, i);
}

/* The pattern may take long, so it is matched in the worker that has chosen it. A remote function
 * is called like any other. */
int apply_gsub(lua_State *L) {
  struct worker *w = worker_of(L);
  const struct at *at = at_get(L, w, 3);
  if (at && at->pt.kind == GAIJIN_KIND_TABLE) ask_for_fields(L, 3);
  copy_unwrap(L, w, 3);
  fiber_check_stack(L, w, 0); /* the original keeps a buffer there while it calls back */
  check_pattern(L, w, 2);
  return apply_original(L);
}

int apply_call(lua_State *L) {
  struct worker *w = worker_of(L);
  luaL_checkstring(L, 2);
  return remote_call(L, w, GAIJIN_OP_APPLY, 1, 2, lua_gettop(L) - 1);
}

/* Lua reads metatables and environments raw, so one that is not in the same VM as what has it could
 * never work. Raises if the table at index i + 1 is such a one for what is at index i. `table_is`:
 * what it would be. */
static void check_homes(lua_State *L, struct worker *w, const char *title, const char *table_is,
                        int i) {
  const struct at *object = at_get(L, w, i), *table = at_get(L, w, i + 1);
  bool is_table = table ? table->pt.kind == GAIJIN_KIND_TABLE : lua_istable(L, i + 1);
  if ((!object && !table) || !is_table) return;
  worker_need_connection(L, w);
  uint64_t own = gaijin_host(w->g);
  uint64_t home = object ? object->pt.host : own, table_home = table ? table->pt.host : own;
  if (home != table_home)
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED,
                 "%s: the object lives in %s and the %s in %s; make the %s where the object lives",
                 title, worker_host_name(w, home), table_is, worker_host_name(w, table_home),
                 table_is);
}

int apply_setmetatable(lua_State *L) {
  struct worker *w = worker_of(L);
  check_homes(L, w, title_of(L), "metatable", 1);
  if (at_get(L, w, 1)) return forward(L, w);
  copy_unwrap(L, w, 2);
  return copy_is(L, w, 1) ? original_for_copy(L, w) : apply_original(L);
}

/* The home of a remote object looks at the environment itself, after it has asked for access. */
int apply_setfenv(lua_State *L) {
  struct worker *w = worker_of(L);
  if (at_get(L, w, 1)) return forward(L, w);
  check_environment(L, w, title_of(L), 1);
  if (at_get(L, w, 2)) check_homes(L, w, title_of(L), "environment", 1);
  copy_unwrap(L, w, 2);
  return apply_original(L);
}

void apply_fetch_argument(lua_State *L, struct worker *w) {
  int top = lua_gettop(L);
  luaL_checkstack(L, 4, "too many arguments");
  lua_pushliteral(L, "fetch");
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 1);
  remote_call(L, w, GAIJIN_OP_APPLY, 1, top + 1, 3);
  lua_settop(L, top + 4);
  lua_replace(L, 1);
  lua_settop(L, top);
}

int apply_debug_getmetatable(lua_State *L) {
  struct worker *w = worker_of(L);
  if (at_get(L, w, 1)) return forward(L, w);
  /* C trusts the metatables of futures and copies: this gives what getmetatable does of a future,
   * and that of the table which a copy stands for. */
  if (userdata_test(L, 1, w->anchors.future_meta) && luaL_getmetafield(L, 1, "__metatable"))
    return 1;
  copy_unwrap(L, w, 1);
  return apply_original(L);
}

int apply_debug_setmetatable(lua_State *L) {
  struct worker *w = worker_of(L);
  if (at_get(L, w, 1)) return forward(L, w);
  /* A future without its metatable would go without a word to C. */
  if (copy_is(L, w, 1) || userdata_test(L, 1, w->anchors.future_meta))
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "debug.setmetatable of a future or a copy");
  const struct at *meta = at_get(L, w, 2);
  if (meta && meta->pt.kind == GAIJIN_KIND_TABLE)
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED,
                 "debug.setmetatable: the metatable does not live where the object does");
  copy_unwrap(L, w, 2);
  return apply_original(L);
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
  if (lua_gettop(L) < 3 || !lua_rawequal(L, 1, 3))
    worker_raise(L, GAIJIN_STATUS_DENIED, "%s of something else than the object asked", title);
  const char *sharing = sharing_type(L, 3);
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
  if (w->sandboxed && closed_title(title, strlen(title)))
    return worker_raise(L, GAIJIN_STATUS_DENIED, "%s of an object of %s, which is sandboxed", title,
                        w->name);
  check_arguments(L, w, title);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.applicable);
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  if (lua_isnil(L, -1))
    return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s has no function %s to apply", w->name,
                        title);
  check_environment(L, w, title, 3);
  if (strcmp(title, "setfenv") == 0 || strcmp(title, "debug.setfenv") == 0)
    check_homes(L, w, title, "environment", 3);
  bool is_getinfo = strcmp(title, "debug.getinfo") == 0;
  lua_replace(L, 2);
  lua_pop(L, 1);
  assert(lua_gettop(L) >= 3); /* object, function, arguments: the object is one of them */
  bounds_check(L, w, 2);
  w->sched.current->serving.applying = true; /* until it returns or raises */
  lua_call(L, lua_gettop(L) - 2, LUA_MULTRET);
  w->sched.current->serving.applying = false;
  if (is_getinfo) { /* a table made for the asker goes by value */
    worker_push_function(L, w, copy_make);
    lua_insert(L, 2);
    lua_call(L, lua_gettop(L) - 2, 1);
  }
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
