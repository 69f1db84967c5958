/* SPDX-License-Identifier: MIT
 *
 * The request [operator, left, right] asks the home of one operand. It answers
 * done = true and the result if it could do the whole, because both operands are
 * at home there or the one asked has a handler; else done = false, and the next
 * operand is asked. "handler" asks for a raw handler itself, for comparisons
 * across hosts.
 */
#include "lua/serve/operator.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lua/ask/remote.h"
#include "lua/ref/at.h"
#include "lua/ref/copy.h"
#include "lua/serve/access.h"

/* As they are named on the wire; a handler's event is the name after two underscores. Each list
 * ends with NULL. */
static const char *const binaries[] = {
    "add", "sub", "mul", "div", "mod", "pow", "unm", "concat", NULL};
static const char *const comparisons[] = {"eq", "lt", "le", NULL};
static const char *const comparison_events[] = {"__eq", "__lt", "__le", NULL};

static bool is_one_of(const char *name, const char *const *list) {
  while (*list && strcmp(name, *list) != 0) list++;
  return *list != NULL;
}

/* ---- The host's half ---- */

/* Pushes the raw handler of the home value at index i for the event; false, pushing nothing, if
 * there is none. */
static bool push_handler(lua_State *L, struct worker *w, int i, const char *event) {
  if (at_get(L, w, i) || !lua_getmetatable(L, i)) return false;
  lua_pushstring(L, event);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (!lua_isnil(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

/* done = true with the result on top. */
static int done(lua_State *L) {
  lua_pushboolean(L, 1);
  lua_insert(L, -2);
  return 2;
}

static int not_done(lua_State *L) {
  lua_pushboolean(L, 0);
  return 1;
}

/* Calls the handler on top with the operands at indices 3 and 4. */
static int call_handler(lua_State *L) {
  assert(lua_gettop(L) == 5);
  lua_pushvalue(L, 3);
  lua_pushvalue(L, 4);
  lua_call(L, 2, 1);
  return done(L);
}

/* Comparisons need a handler that both operands have. True: its result, as a boolean, is on top. */
static bool compare_here(lua_State *L, struct worker *w, const char *event, int left, int right) {
  int top = lua_gettop(L);
  if (push_handler(L, w, left, event) && push_handler(L, w, right, event) &&
      lua_rawequal(L, -1, -2)) {
    lua_pushvalue(L, left);
    lua_pushvalue(L, right);
    lua_call(L, 2, 1);
    bool result = lua_toboolean(L, -1);
    lua_settop(L, top);
    lua_pushboolean(L, result);
    return true;
  }
  lua_settop(L, top);
  return false;
}

/* a <= b: 5.1 has no function for it, so its rule is written out: __le, else not __lt the other way
 * round. */
static bool compare_le(lua_State *L, struct worker *w, int left, int right) {
  if (compare_here(L, w, "__le", left, right)) return true;
  if (!compare_here(L, w, "__lt", right, left)) return false;
  lua_pushboolean(L, !lua_toboolean(L, -1));
  return true;
}

/* gaijin.access was asked about the target. The other operand's handler may run as well, if it is
 * an object of ours with a metatable: then it is asked about that one too. */
static void check_other_operand(lua_State *L, struct worker *w) {
  int other = lua_rawequal(L, 1, 3) ? 4 : 3, type = lua_type(L, other);
  bool plain =
      type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING;
  if (plain || lua_rawequal(L, 1, other) || at_get(L, w, other) || !lua_getmetatable(L, other))
    return;
  lua_pop(L, 1);
  access_check(L, w, GAIJIN_OP_OPERATOR, other, 2);
}

/* "handler", event: true and the target's raw handler. Comparisons need no others, and a
 * metatable's other fields are not to be read this way. */
static int serve_handler(lua_State *L, struct worker *w) {
  const char *event = luaL_checkstring(L, 3);
  if (!is_one_of(event, comparison_events))
    return worker_raise(L, GAIJIN_STATUS_DENIED, "the handler of %s is not given out", event);
  if (!push_handler(L, w, 1, event)) lua_pushnil(L);
  return done(L);
}

int operator_serve(lua_State *L, struct worker *w) {
  lua_settop(L, 4);
  const char *name = luaL_checkstring(L, 2);
  if (strcmp(name, "handler") == 0) return serve_handler(L, w);
  bool comparison = is_one_of(name, comparisons);
  if (!comparison && !is_one_of(name, binaries))
    return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s knows no operator %s", w->name, name);
  /* No other object may be worked on under the target's name. */
  if (!lua_rawequal(L, 1, 3) && !lua_rawequal(L, 1, 4))
    return worker_raise(L, GAIJIN_STATUS_DENIED, "operator %s: the target is no operand", name);
  check_other_operand(L, w);
  bool here = !at_get(L, w, 3) && !at_get(L, w, 4);
  if (comparison && !here) return not_done(L);
  if (strcmp(name, "le") == 0) {
    if (compare_le(L, w, 3, 4)) return done(L);
    lua_lessthan(L, 3, 4); /* raises as Lua does */
    return not_done(L);
  }
  if (comparison) {
    lua_pushboolean(L, strcmp(name, "eq") == 0 ? lua_equal(L, 3, 4) : lua_lessthan(L, 3, 4));
    return done(L);
  }
  char event[16];
  snprintf(event, sizeof event, "__%s", name);
  /* Here: the left one's handler, else the right one's. Otherwise the one asked is the only one at
   * home. */
  if (push_handler(L, w, 3, event) || push_handler(L, w, 4, event)) return call_handler(L);
  return not_done(L);
}

/* ---- The client's half ---- */

/* Asks the home of operand i (1 or 2); true leaves the result on top, else the stack is as
 * before. */
static bool ask(lua_State *L, struct worker *w, const char *name, int i) {
  lua_pushstring(L, name);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  int first = lua_gettop(L) - 2;
  remote_call(L, w, GAIJIN_OP_OPERATOR, i, first, 3);
  lua_settop(L, first + 4); /* name, left, right, done, result */
  bool is_done = lua_toboolean(L, first + 3);
  assert(first >= 3); /* the operands stay below */
  if (is_done) {
    lua_replace(L, first);
    lua_settop(L, first);
  } else {
    lua_settop(L, first - 1);
  }
  return is_done;
}

static const char *type_name(lua_State *L, struct worker *w, int i) {
  struct at *at = at_get(L, w, i);
  return at ? gaijin_kind_name(at->pt.kind) : luaL_typename(L, i);
}

/* Raises Lua's own error for an operand without handler. It names the first one that the operator
 * does not take by itself. */
static int operand_error(lua_State *L, struct worker *w, const char *name) {
  bool concat = strcmp(name, "concat") == 0;
  int culprit = (concat ? lua_isstring(L, 1) : lua_isnumber(L, 1)) ? 2 : 1;
  return luaL_error(L, "attempt to %s a %s value", concat ? "concatenate" : "perform arithmetic on",
                    type_name(L, w, culprit));
}

/* Pushes the handler of operand i, which is no AT; of a copy, that of its table. False, pushing
 * nothing, if there is none. */
static bool push_own_handler(lua_State *L, struct worker *w, int i, const char *event) {
  if (!copy_push_table(L, w, i)) return push_handler(L, w, i, event);
  bool found = push_handler(L, w, lua_gettop(L), event);
  lua_remove(L, found ? -2 : -1);
  return found;
}

/* Copies among the operands become the tables they stand for. */
static void unwrap_operands(lua_State *L, struct worker *w) {
  copy_unwrap(L, w, 1);
  copy_unwrap(L, w, 2);
}

enum { NAME = 2 };

/* Of ATs and of copies. */
static int binary(lua_State *L) {
  struct worker *w = worker_of(L);
  const char *name = lua_tostring(L, lua_upvalueindex(NAME));
  lua_settop(L, 2);
  lua_pushfstring(L, "__%s", name);
  const char *event = lua_tostring(L, 3);
  struct at *a = at_get(L, w, 1), *b = at_get(L, w, 2);
  bool same_home = a && b && a->pt.host == b->pt.host;
  for (int i = 1; i <= (same_home ? 1 : 2); i++) {
    if (at_get(L, w, i)) {
      if (ask(L, w, name, i)) return 1;
    } else if (push_own_handler(L, w, i, event)) {
      unwrap_operands(L, w);
      lua_pushvalue(L, 1);
      lua_pushvalue(L, 2);
      lua_call(L, 2, 1);
      return 1;
    }
  }
  unwrap_operands(L, w);
  return operand_error(L, w, name);
}

/* Pushes what operand i's home has as raw handler of the event; nil for none. */
static void push_any_handler(lua_State *L, struct worker *w, int i, const char *event) {
  lua_pushliteral(L, "handler");
  lua_pushstring(L, event);
  int first = lua_gettop(L) - 1;
  remote_call(L, w, GAIJIN_OP_OPERATOR, i, first, 2);
  lua_settop(L, first + 3);
  lua_replace(L, first);
  lua_settop(L, first);
}

/* ATs of two hosts: the handler must be the same object on both sides. True: its result, as a
 * boolean, is on top. */
static bool compare_with(lua_State *L, struct worker *w, const char *event, int left, int right) {
  push_any_handler(L, w, left, event);
  if (lua_isnil(L, -1)) return lua_pop(L, 1), false;
  push_any_handler(L, w, right, event);
  if (!lua_rawequal(L, -1, -2)) return lua_pop(L, 2), false;
  int handler = lua_gettop(L);
  if (!at_get(L, w, handler)) { /* ours: the two hosts that name it must be allowed to call it */
    for (int i = 1; i <= 2; i++)
      access_check_for(L, w, at_get(L, w, i)->pt.host, GAIJIN_OP_CALL, handler, 0);
  }
  lua_pushvalue(L, left);
  lua_pushvalue(L, right);
  lua_call(L, 2, 1);
  lua_pushboolean(L, lua_toboolean(L, -1));
  return true;
}

static int not_comparable(lua_State *L, struct worker *w) {
  const char *a = type_name(L, w, 1), *b = type_name(L, w, 2);
  if (strcmp(a, b) == 0) return luaL_error(L, "attempt to compare two %s values", a);
  return luaL_error(L, "attempt to compare %s with %s", a, b);
}

/* Lua calls these only when both operands are userdata that have them, so both are ATs. */
static int compare(lua_State *L) {
  struct worker *w = worker_of(L);
  const char *name = lua_tostring(L, lua_upvalueindex(NAME));
  bool eq = strcmp(name, "eq") == 0;
  lua_settop(L, 2);
  struct at *a = at_get(L, w, 1), *b = at_get(L, w, 2);
  if (!a || !b) return not_comparable(L, w);
  if (eq && (a->pt.kind != b->pt.kind || gaijin_pt_equal(&a->pt, &b->pt))) {
    /* Of the same kind they are one object with two ATs: one was resurrected by a finaliser. */
    lua_pushboolean(L, a->pt.kind == b->pt.kind);
    return 1;
  }
  if (a->pt.host == b->pt.host) {
    if (!ask(L, w, name, 1))
      return worker_raise(L, GAIJIN_STATUS_PROTOCOL, "worker %s has not compared its own objects",
                          worker_host_name(w, at_get(L, w, 1)->pt.host));
    return 1;
  }
  bool comparable = a->pt.kind == b->pt.kind;
  if (eq) {
    if (!compare_with(L, w, "__eq", 1, 2)) lua_pushboolean(L, 0);
    return 1;
  }
  if (comparable && compare_with(L, w, strcmp(name, "lt") == 0 ? "__lt" : "__le", 1, 2)) return 1;
  if (comparable && strcmp(name, "le") == 0 && compare_with(L, w, "__lt", 2, 1)) {
    lua_pushboolean(L, !lua_toboolean(L, -1));
    return 1;
  }
  return not_comparable(L, w);
}

/* Likewise both are copies. */
static int compare_copies(lua_State *L) {
  struct worker *w = worker_of(L);
  const char *name = lua_tostring(L, lua_upvalueindex(NAME));
  lua_settop(L, 2);
  unwrap_operands(L, w);
  if (strcmp(name, "eq") == 0) {
    lua_pushboolean(L, lua_equal(L, 1, 2));
    return 1;
  }
  bool is_done =
      strcmp(name, "lt") == 0 ? compare_here(L, w, "__lt", 1, 2) : compare_le(L, w, 1, 2);
  return is_done ? 1 : not_comparable(L, w);
}

static void set(lua_State *L, struct worker *w, const char *name, lua_CFunction fn) {
  lua_pushfstring(L, "__%s", name);
  lua_pushlightuserdata(L, w);
  lua_pushstring(L, name);
  lua_pushcclosure(L, fn, 2);
  lua_rawset(L, -3);
}

static void set_all(lua_State *L, struct worker *w, lua_CFunction comparison) {
  for (const char *const *name = binaries; *name; name++) set(L, w, *name, binary);
  for (const char *const *name = comparisons; *name; name++) set(L, w, *name, comparison);
}

void operator_set_metamethods(lua_State *L, struct worker *w) {
  worker_hide_function(w, binary);
  worker_hide_function(w, compare);
  set_all(L, w, compare);
}
void operator_set_of_copies(lua_State *L, struct worker *w) {
  worker_hide_function(w, compare_copies);
  set_all(L, w, compare_copies);
}
