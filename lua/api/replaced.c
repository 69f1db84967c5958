/* SPDX-License-Identifier: MIT
 *
 * In 5.1, each function is two: NAME_fast, which tests whether all that matters is local and calls
 * the original's C function, and the one it goes on with otherwise. Both run in one frame, that of
 * the function replaced: levels and names in messages are what they were.
 */
#include "lua/api/replaced.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "lua/api/coroutines.h"
#include "lua/api/metatable.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/position.h"
#include "lua/ref/at.h"
#include "lua/ref/copy.h"
#include "lua/serve/apply.h"

/* ---- Otherwise ---- */

static int type_of(lua_State *L) {
  const struct at *at = at_get(L, worker_of(L), 1);
  if (!at) {
    copy_unwrap(L, worker_of(L), 1);
    return apply_original(L);
  }
  lua_pushstring(L, gaijin_kind_name(at->pt.kind));
  return 1;
}

/* Of a remote function the original's text; userdata have __tostring. */
static int text_of(lua_State *L) {
  return at_get(L, worker_of(L), 1) ? metatable_tostring(L) : apply_original(L);
}

/* error with a level that may be over 1: the position may be that of code of another worker. */
static int error_of(lua_State *L) {
  struct worker *w = worker_of(L);
  int level = luaL_optint(L, 2, 1);
  lua_settop(L, 1);
  if (level > 0 && lua_isstring(L, 1)) position_add(L, w, 1, (unsigned)level, true);
  return lua_error(L);
}

/* Bytecode is for the VM that made it. */
static int dump_of(lua_State *L) {
  struct worker *w = worker_of(L);
  if (at_get(L, w, 1))
    return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "string.dump of a remote function");
  return apply_original(L);
}

static const char *title_of(lua_State *L) { return lua_tostring(L, lua_upvalueindex(APPLY_TITLE)); }

/* Of those whose original takes upvalue 1. */
static struct worker *worker_again(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(APPLY_WORKER_AGAIN));
}

/* Which proxies share a metatable is known to the library of their VM. */
static int proxy_of(lua_State *L) {
  const struct at *at = at_get(L, worker_again(L), 1);
  if (at && at->pt.kind == GAIJIN_KIND_USERDATA)
    return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "newproxy of a remote userdata");
  if (at) return luaL_argerror(L, 1, "boolean or proxy expected");
  return apply_original(L);
}

/* io.read and io.write use the C structure of a file. */
static int default_file(lua_State *L) {
  if (at_get(L, worker_of(L), 1))
    return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED,
                        "%s: the default file must be one of this worker; use the remote file's "
                        "own methods",
                        title_of(L));
  return apply_original(L);
}

/* The original reads fields of a table of its own VM. */
static int time_of(lua_State *L) {
  struct worker *w = worker_of(L);
  const struct at *at = at_get(L, w, 1);
  if (at && at->pt.kind == GAIJIN_KIND_TABLE)
    apply_fetch_argument(L, w);
  else
    copy_unwrap(L, w, 1);
  return apply_original(L);
}

/* Most functions of `debug` take a function, or a coroutine and perhaps a function of it. */
static inline int debugged(lua_State *L) { return lua_type(L, 1) == LUA_TTHREAD ? 2 : 1; }

static bool can_be_debugged(const struct at *at) {
  return at && (at->pt.kind == GAIJIN_KIND_THREAD || at->pt.kind == GAIJIN_KIND_FUNCTION);
}

/* Of the AT at index i they would show, or change, what it is made of. */
static int refuse_debugged(lua_State *L, int i) {
  const struct at *at = at_get(L, worker_of(L), i);
  if (!can_be_debugged(at)) return apply_original(L);
  return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s of a remote %s", title_of(L),
                      gaijin_kind_name(at->pt.kind));
}
static int debug_refuse(lua_State *L) { return refuse_debugged(L, debugged(L)); }

/* LuaJIT's debug.upvaluejoin(f, i, g, j): f shares the upvalue of g. */
static int join_refuse(lua_State *L) {
  return refuse_debugged(L, can_be_debugged(at_get(L, worker_of(L), 1)) ? 1 : 3);
}

/* What is told of a function or a coroutine is told where it is at home. A function is the same in
 * all coroutines. */
static int debug_forward(lua_State *L) {
  const struct at *at = at_get(L, worker_of(L), debugged(L));
  if (!can_be_debugged(at)) return apply_original(L);
  if (debugged(L) == 2) lua_remove(L, 1);
  return apply_forward(L);
}

static int info_of(lua_State *L) {
  if (!worker_of(L)->is_luajit && coroutines_wants_lines(L)) return coroutines_lines(L);
  return debug_forward(L);
}

/* Of a remote coroutine; anything may be the message. */
static int traceback_of(lua_State *L) {
  const struct at *at = at_get(L, worker_of(L), 1);
  return at && at->pt.kind == GAIJIN_KIND_THREAD ? apply_forward(L) : apply_original(L);
}

/* Of a coroutine. A remote function may be the hook. */
static int hook_of(lua_State *L) {
  const struct at *at = at_get(L, worker_of(L), 1);
  return at && at->pt.kind == GAIJIN_KIND_THREAD ? debug_refuse(L) : apply_original(L);
}

/* Whether this is pairs of what bakaGaijin("name") gives. */
static bool is_resource(lua_State *L, struct worker *w) {
  if (lua_type(L, 1) != LUA_TUSERDATA) return false;
  if (strcmp(title_of(L), "pairs") != 0) return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.resources);
  lua_pushvalue(L, 1);
  lua_rawget(L, -2);
  bool is = !lua_isnil(L, -1);
  lua_pop(L, 2);
  return is;
}

static int traverse(lua_State *L) {
  struct worker *w = worker_again(L);
  const struct at *at = at_get(L, w, 1);
  if ((at && at->pt.kind == GAIJIN_KIND_TABLE) || is_resource(L, w)) {
    lua_pushvalue(L, lua_upvalueindex(APPLY_HELPER));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
  }
  if (!lua_isuserdata(L, 1) || copy_unwrap(L, w, 1)) return apply_original(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.labels_proxy);
  bool is_proxy = lua_rawequal(L, 1, -1);
  lua_pop(L, 1);
  if (!is_proxy) {
    const char *kind = at ? gaijin_kind_name(at->pt.kind) : "userdata";
    return luaL_argerror(L, 1, lua_pushfstring(L, "table expected, got %s", kind));
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.labels);
  lua_replace(L, 1);
  return apply_original(L);
}

/* coroutine.running: a bare fiber is no coroutine. */
static int running(lua_State *L) {
  const struct fiber *f = worker_of(L)->sched.current;
  if ((f && f->L == L) || lua_pushthread(L)) lua_pushnil(L);
  return 1;
}

/* ---- The end ---- */

/* What is queued leaves before the process does, and who waits for us is told. */
static int leave_and_exit(lua_State *L) {
  struct worker *w = worker_of(L);
  bool is_status = lua_isnoneornil(L, 1) || lua_isnumber(L, 1) ||
                   (w->is_luajit && lua_isboolean(L, 1));
  if (!is_status) return apply_original(L); /* it refuses, and the worker goes on */
  if (w->g) ending_leave(w);
  /* LuaJIT can close the state, but not on a stack that goes with it. */
  if (w->sched.current && w->sched.current != w->sched.guest && lua_gettop(L) > 1) lua_settop(L, 1);
  return apply_original(L);
}

/* ---- What is local, in 5.1 ---- */

static inline bool local_object(lua_State *L) { return !at_may_be_userdata(L, 1); }
static inline bool local_resumable(lua_State *L) {
  return local_object(L) && lua_gettop(L) <= COROUTINES_FEW;
}
static inline bool local_function(lua_State *L) { return !at_may_be_function(L, 1); }
/* The labels' proxy, too, is a userdata. */
static inline bool local_traversable(lua_State *L) { return lua_type(L, 1) != LUA_TUSERDATA; }

static inline bool local_value(lua_State *L) {
  int type = lua_type(L, 1);
  if (type == LUA_TFUNCTION) return !at_may_be_function(L, 1);
  return type != LUA_TUSERDATA || !at_may_be_userdata(L, 1);
}
/* Futures and copies, too, are not what these may be done with. */
static inline bool local_changeable(lua_State *L) {
  int type = lua_type(L, 1);
  return type != LUA_TUSERDATA && (type != LUA_TFUNCTION || !at_may_be_function(L, 1));
}

static inline bool local_functions(lua_State *L) {
  return !at_may_be_function(L, 1) && !at_may_be_function(L, 3);
}

static inline bool local_function_and_environment(lua_State *L) {
  return local_function(L) && lua_type(L, 2) != LUA_TUSERDATA;
}

static inline bool local_debuggable(lua_State *L) {
  int i = debugged(L), type = lua_type(L, i);
  return type != LUA_TUSERDATA && (type != LUA_TFUNCTION || !at_may_be_function(L, i));
}
/* Of debug.getinfo. */
static inline bool local_informable(lua_State *L) {
  return local_debuggable(L) && !coroutines_wants_lines(L);
}

static inline bool local_table_and_metatable(lua_State *L) {
  return lua_type(L, 1) == LUA_TTABLE && lua_type(L, 2) != LUA_TUSERDATA;
}
static inline bool local_changeable_and_metatable(lua_State *L) {
  return lua_type(L, 2) != LUA_TUSERDATA && local_changeable(L);
}

/* Of gsub. The length of a pattern that is a number is that of its text, as gsub takes it. */
static inline bool local_replacement(lua_State *L) {
  int type = lua_type(L, 3);
  return type != LUA_TUSERDATA && (type != LUA_TFUNCTION || !at_may_be_function(L, 3)) &&
         lua_objlen(L, 2) < APPLY_LONG_PATTERN;
}
static inline bool local_short_pattern(lua_State *L) {
  return lua_objlen(L, 2) < APPLY_LONG_PATTERN;
}

/* Of error. */
static inline bool local_level(lua_State *L) { return !(lua_tonumber(L, 2) > 1); }

/* Of coroutine.wrap, which has no upvalue of its own: the first one is the worker. */
static inline bool local_unlimited(lua_State *L) { return !worker_of(L)->heap.most; }

static inline bool local_nothing(lua_State *L) {
  (void)L;
  return false;
}

/* ---- The functions ---- */

enum replaced {
#define REPLACED(id, title, where, served, local, otherwise) REPLACED_##id,
#include "lua/api/replaced.def"
#undef REPLACED
  REPLACED_COUNT
};

/* The C functions of the library that the fast functions call. They are code of the one liblua of
 * this process, the same in each of its VMs: an entry is written once, by the first worker, and
 * never changes. A worker whose VM has another function there has no fast one. (To find the
 * function in an upvalue takes longer than all else that a fast function does.) */
static _Atomic(lua_CFunction) library[REPLACED_COUNT];

#define REPLACED(id, title, where, served, local, otherwise)                                     \
  static int id##_fast(lua_State *L) {                                                           \
    if (!local_##local(L)) return otherwise(L);                                                  \
    return atomic_load_explicit(&library[REPLACED_##id], memory_order_relaxed)(L);               \
  }
#include "lua/api/replaced.def"
#undef REPLACED

enum where { EVERYWHERE, IN_C, STOCK, LUAJIT };
enum served { UNSERVED, SERVED };

static const struct row {
  const char *title, *local;
  enum where where;
  enum served served;
  lua_CFunction fast, otherwise;
} rows[] = {
#define REPLACED(id, title, where, served, local, otherwise)                                     \
  [REPLACED_##id] = {title, #local, where, served, id##_fast, otherwise},
#include "lua/api/replaced.def"
#undef REPLACED
};

static enum replaced find(const char *title) {
  unsigned i = 0;
  while (i < REPLACED_COUNT && strcmp(rows[i].title, title) != 0) i++;
  return (enum replaced)i;
}

/* Makes fn the function that row i's fast one calls; false when another one is. */
static bool claim(enum replaced i, lua_CFunction fn) {
  lua_CFunction none = NULL;
  return atomic_compare_exchange_strong(&library[i], &none, fn) || none == fn;
}

/* Pushes upvalue 1 of the fast function for the original at index 1: what the original has there,
 * or the worker. False when there can be no fast function; what was pushed has no meaning then. */
static bool push_first_upvalue(lua_State *L, struct worker *w, enum replaced i) {
  lua_CFunction fn = w->is_luajit ? NULL : lua_tocfunction(L, 1);
  bool has_upvalue = fn && lua_getupvalue(L, 1, 1);
  bool may_have = rows[i].otherwise == traverse || rows[i].otherwise == proxy_of;
  bool fits = fn && (!has_upvalue || may_have) && !lua_getupvalue(L, 1, 2);
  if (fits && !has_upvalue) lua_pushlightuserdata(L, w);
  return fits && claim(i, fn);
}

static int core_replace(lua_State *L) {
  struct worker *w = worker_of(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  enum replaced i = find(luaL_checkstring(L, 2));
  luaL_argcheck(L, i != REPLACED_COUNT, 2, "it is not in replaced.def");
  lua_settop(L, 3);
  bool fast = push_first_upvalue(L, w, i);
  if (!fast) {
    lua_settop(L, 3);
    lua_pushlightuserdata(L, w);
  }
  lua_insert(L, 1);
  lua_pushlightuserdata(L, w);
  assert(lua_gettop(L) == APPLY_WORKER_AGAIN);
  lua_pushcclosure(L, fast ? rows[i].fast : rows[i].otherwise, APPLY_WORKER_AGAIN);
  lua_getupvalue(L, -1, APPLY_ORIGINAL);
  lua_getfenv(L, -1); /* functions of io have in theirs which files are the default ones */
  lua_setfenv(L, -3);
  lua_pop(L, 1);
  if (i == REPLACED_coroutine_running) { /* it would show a fiber's lua_State */
    lua_pushnil(L);
    lua_setupvalue(L, -2, APPLY_ORIGINAL);
  }
  if (!w->is_luajit || rows[i].where != EVERYWHERE) return 1;
  lua_pushstring(L, rows[i].local);
  return 2;
}

static int core_check_stack(lua_State *L) {
  fiber_check_stack(L, worker_of(L), 0);
  return 0;
}

static int core_labels_proxy(lua_State *L) {
  luaL_checktype(L, 1, LUA_TUSERDATA);
  lua_settop(L, 1);
  worker_of(L)->anchors.labels_proxy = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

/* ---- Opening ---- */

static void push_list(lua_State *L, const struct worker *w) {
  int n = 0;
  lua_newtable(L);
  for (unsigned i = 0; i < REPLACED_COUNT; i++) {
    if (rows[i].where == (w->is_luajit ? STOCK : LUAJIT)) continue;
    lua_createtable(L, 2, 0);
    lua_pushstring(L, rows[i].title);
    lua_rawseti(L, -2, 1);
    lua_pushboolean(L, rows[i].served == SERVED);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, ++n);
  }
}

void replaced_open(lua_State *L, struct worker *w) {
  static const luaL_Reg functions[] = {{"replace", core_replace},
                                       {"check_stack", core_check_stack},
                                       {"labels_proxy", core_labels_proxy},
                                       {NULL, NULL}};
  worker_set_functions(L, w, functions);
  push_list(L, w);
  lua_setfield(L, -2, "replaced");
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.remote);
  lua_setfield(L, -2, "remote");
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.resources);
  lua_setfield(L, -2, "resources");
}
