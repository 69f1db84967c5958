/* SPDX-License-Identifier: MIT
 *
 * One Lua value to a message and back, but for tables sent by value. Sending has two halves because
 * the collector, and with it any script, may run wherever Lua makes an object, but nothing may run
 * between the begin and the end of a message: what can raise or wait is done before, and value_put
 * only looks things up.
 *
 * Nil, booleans, numbers, strings and the null pointer travel as they are; *candidates* (tables,
 * functions, coroutines, all other userdata) as tokens. No message can carry anything else.
 */
#ifndef GAIJIN_LUA_VALUE_H
#define GAIJIN_LUA_VALUE_H

#include "lua/vm/worker.h"

/* Whether all values of a type travel as they are: there is nothing to prepare, and to push them
 * makes no object but a string. */
static inline bool value_is_plain(int type) {
  return type <= LUA_TSTRING && type != LUA_TLIGHTUSERDATA;
}

/* The first half. Revive: an AT that a finaliser left without holding gets it back (waits); raises
 * if that cannot be, and for a value that no message can carry. Give: a candidate of ours gets a
 * token; raises when memory is short, runs no script. */
void value_revive(lua_State *L, struct worker *w, int i);
void value_give_token(lua_State *L, struct worker *w, int i);

/* The second: puts the value into the message begun. False, having put nothing, if it has no token
 * or holding (any more). */
bool value_put(lua_State *L, struct worker *w, int i);

/* The same of a value of a plain type, without the first half; false, having put nothing, for any
 * other. */
static inline bool value_put_plain(lua_State *L, struct worker *w, int i) {
  int type = lua_type(L, i);
  if (type != LUA_TNUMBER) return value_is_plain(type) && value_put(L, w, i);
  gaijin_put_number(w->g, lua_tonumber(L, i));
  return true;
}

/* The same of the values from index i to `last`, as far as they are of plain types, numbers many at
 * a time: the index of the first that is not, or what comes behind the last. */
int value_put_run(lua_State *L, struct worker *w, int i, int last);

/* If the value has a token that nobody was ever sent, the token goes. */
void value_discard(lua_State *L, struct worker *w, int i);

/* Pushes a value that came and is no array. Raises `stale` for an object of ours that is gone. */
void value_push(lua_State *L, struct worker *w, const struct gaijin_value *v);

#endif
