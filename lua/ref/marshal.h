/* SPDX-License-Identifier: MIT
 *
 * Lua values to messages and back: the seed's getPTokenFromElem and
 * getElemFromPToken. Sending has two halves because the collector, and with it
 * any script, may run wherever Lua allocates, but nothing may run between the
 * begin and the end of a message: prepare does all that can allocate, raise or
 * wait; put only looks things up.
 */
#ifndef GAIJIN_LUA_MARSHAL_H
#define GAIJIN_LUA_MARSHAL_H

#include "lua/vm/worker.h"

/* Makes the n values from stack index `first` fit to be sent: ATs that a finaliser left without holding are revived, each
 * candidate gets a token. Raises before there is a token (but for shortage of memory); may run finalisers and wait. */
void marshal_prepare(lua_State *L, struct worker *w, int first, int n);
/* Puts the values into the message begun. False when one lost its token since prepare: abort and prepare again. */
bool marshal_put(lua_State *L, struct worker *w, int first, int n);
/* After a message was refused, or before preparing again: tokens nobody was ever sent go. */
void marshal_discard(lua_State *L, struct worker *w, int first, int n);
/* The two steps of prepare, for one value. */
void marshal_revive(lua_State *L, struct worker *w, int i);
void marshal_give_token(lua_State *L, struct worker *w, int i);

/* Pushes all values not yet read of a body and returns their number. Raises `stale` for an object that is gone. Arrays are tables
 * sent by value, or with `rows` (the broker's books) plain sequences. */
int unmarshal(lua_State *L, struct worker *w, gaijin_body *body, bool rows);
/* Pushes one value that is no array. Raises `stale`. */
void unmarshal_value(lua_State *L, struct worker *w, const struct gaijin_value *v);

#endif
