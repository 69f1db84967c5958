/* SPDX-License-Identifier: MIT
 *
 * One record per fiber, until it ends: number of the fiber -> { value, traceback }. (Not by its
 * lua_State: that may serve the next, and is to be found nowhere.) A record is right for an error
 * only if it is the same value.
 *
 * Texts have no identity in Lua: whether a script passes an error on (error(e, 0)) or raises
 * another one with exactly the same text later in the same fiber cannot be told apart. So the
 * latter takes the traceback of the former.
 */
#include "lua/fiber/trace.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lua/fiber/position.h"
#include "lua/fiber/record.h"

enum { VALUE = 1, TEXT };
enum { TEXT_MOST = 64 << 10 };

/* Pushes the number of the running fiber, 0 when there is none. */
static void push_key(lua_State *L, const struct worker *w) {
  const struct fiber *f = w->sched.current;
  lua_pushnumber(L, f ? (lua_Number)f->number : 0);
}

/* Makes the record of the running fiber, of this value, and pushes it. */
static void new_record(lua_State *L, struct worker *w, int value) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.traces);
  push_key(L, w);
  lua_createtable(L, TEXT, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.interner);
  lua_getmetatable(L, -1); /* weak values: the record keeps no error value alive */
  lua_setmetatable(L, -3);
  lua_pop(L, 1);
  lua_pushvalue(L, value);
  lua_rawseti(L, -2, VALUE);
  lua_pushvalue(L, -1);
  lua_insert(L, -4);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  if (w->sched.current) w->sched.current->is_traced = true; /* not before: all of it may raise */
}

/* Pushes the record of the running fiber if it is the value's; false, pushing nothing, if not. */
static bool push_record(lua_State *L, struct worker *w, int value) {
  int top = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.traces);
  push_key(L, w);
  lua_rawget(L, -2);
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, VALUE);
    if (lua_rawequal(L, -1, value)) {
      lua_pop(L, 1);
      lua_replace(L, top + 1);
      return true;
    }
  }
  lua_settop(L, top);
  return false;
}

void trace_forget(struct worker *w, struct fiber *f) {
  if (!f->is_traced) return;
  lua_State *L = w->L;
  f->is_traced = false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.traces);
  lua_pushnumber(L, (lua_Number)f->number);
  lua_pushnil(L);
  lua_rawset(L, -3); /* the key is there: allocates nothing */
  lua_pop(L, 1);
}

bool trace_is_kept(const struct worker *w, const struct fiber *f) {
  lua_State *L = w->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.traces);
  lua_pushnumber(L, (lua_Number)f->number);
  lua_rawget(L, -2);
  bool is_kept = !lua_isnil(L, -1);
  lua_pop(L, 2);
  return is_kept;
}

void trace_remember(lua_State *L, struct worker *w, int value, int text) {
  luaL_checkstack(L, 6, "no room for a traceback");
  if (!push_record(L, w, value)) new_record(L, w, value);
  lua_pushvalue(L, text);
  lua_rawseti(L, -2, TEXT);
  lua_pop(L, 1);
}

bool trace_push(lua_State *L, struct worker *w, int value) {
  luaL_checkstack(L, 4, "no room for a traceback");
  if (!push_record(L, w, value)) return false;
  lua_rawgeti(L, -1, TEXT);
  lua_remove(L, -2);
  if (!lua_isnil(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

/* Pushes what debug.traceback("", level) gives, with the worker's name before each line; the first
 * line is empty. */
static void push_stack(lua_State *L, struct worker *w, int level) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.traceback);
  lua_pushliteral(L, "");
  lua_pushinteger(L, level);
  lua_call(L, 2, 1);
  lua_pushfstring(L, "\n\t%s: ", w->name);
  /* It is the program's own function where that was replaced before we came: perhaps no text. */
  const char *lines = lua_isstring(L, -2) ? lua_tostring(L, -2) : "";
  lines = luaL_gsub(L, lines, "\n\t", lua_tostring(L, -1));
  static const char title[] = "\nstack traceback:";
  if (strncmp(lines, title, sizeof title - 1) == 0) lines += sizeof title - 1;
  lua_pushstring(L, lines);
  lua_insert(L, -4);
  lua_pop(L, 3);
}

void trace_build(lua_State *L, struct worker *w, int value, int level) {
  luaL_checkstack(L, 10, "no room for a traceback");
  if (!trace_push(L, w, value))
    lua_pushliteral(L, "stack traceback:");
  else if (lua_objlen(L, -1) > TEXT_MOST)
    return; /* or an error that passes thousands of protected calls would be that many texts, each
               longer than the last */
  push_stack(L, w, level);
  lua_concat(L, 2);
}

/* Puts a text that says why in the place of Lua's error at index 1 for a yield which has no
 * coroutine, because another worker called. */
static void explain_yield(lua_State *L, struct worker *w) {
  const struct fiber *f = w->sched.current;
  lua_Debug ar;
  if (!f || !f->serving.caller || f->L != L || !lua_getstack(L, 1, &ar)) return;
  lua_getinfo(L, "f", &ar);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.yield);
  bool yielded = lua_rawequal(L, -1, -2);
  lua_settop(L, 1);
  if (!yielded) return;
  lua_pushfstring(
      L,
      "gaijin: %s: coroutine.yield in a call from worker %s, which waits: only a coroutine begun "
      "in the call can be suspended. Instead of coroutine.yield give a function that collects the "
      "values, or use pairs or gaijin.fetch; gaijin.yield() lets others run",
      gaijin_status_name(GAIJIN_STATUS_UNSUPPORTED), worker_host_name(w, f->serving.caller));
  lua_replace(L, 1);
  lua_settop(L, 1);
}

int trace_handler(lua_State *L) {
  struct worker *w = worker_of(L);
  lua_settop(L, 1);
  explain_yield(L, w);
  position_leave_served(L, w, 1);
  trace_build(L, w, 1, 1);
  trace_remember(L, w, 1, 2);
  lua_settop(L, 1);
  return 1;
}

/* Pushes the text of the error at index 1, the only value. An error of its __tostring is kept in:
 * this is a message handler as a rule, which Lua would call again for it, and so on. */
static void push_text(lua_State *L) {
  if (lua_isstring(L, 1)) {
    lua_pushvalue(L, 1);
    return;
  }
  if (luaL_getmetafield(L, 1, "__tostring")) {
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 1, 0) == 0 && lua_isstring(L, -1)) return;
  }
  lua_settop(L, 1);
  lua_pushfstring(L, "(error value is a %s)", luaL_typename(L, 1));
}

int trace_function(lua_State *L) {
  struct worker *w = worker_of(L);
  luaL_checkany(L, 1);
  int level = (int)luaL_optinteger(L, 2, 1);
  lua_settop(L, 1);
  push_text(L);
  lua_pushliteral(L, "\n");
  trace_build(L, w, 1, level);
  lua_concat(L, 3);
  return 1;
}

void trace_open(lua_State *L, struct worker *w) {
  worker_push_function(L, w, trace_handler);
  w->anchors.trace_handler = luaL_ref(L, LUA_REGISTRYINDEX);
  worker_push_function(L, w, trace_function);
  w->anchors.trace_function = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_getglobal(L, "coroutine");
  lua_getfield(L, -1, "yield");
  w->anchors.yield = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pop(L, 1);
  lua_getglobal(L, "debug");
  lua_getfield(L, -1, "traceback");
  w->anchors.traceback = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pop(L, 1);
}
