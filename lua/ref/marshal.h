/* SPDX-License-Identifier: MIT
 *
 * Lists of Lua values, copies included, to the body of a message and back. As with single values
 * (value.h), prepare does all that can allocate, raise or wait; put only looks things up.
 */
#ifndef GAIJIN_LUA_MARSHAL_H
#define GAIJIN_LUA_MARSHAL_H

#include "lua/vm/worker.h"

struct origin_sending;

/* Makes the n values from stack index `first` fit to be sent: ATs that a finaliser left without
 * holding are revived, each candidate gets a token. `s`: what it is that is sent, NULL if that is
 * not to be remembered. Raises before there is a token (but for shortage of memory); may run
 * finalisers and wait. */
void marshal_prepare(lua_State *L, struct worker *w, int first, int n,
                     const struct origin_sending *s);
/* Puts the values into the message begun. False when one lost its token since prepare, or a table
 * sent by value has changed: abort, and marshal_again. */
bool marshal_put(lua_State *L, struct worker *w, int first, int n);
/* Of those values, copies' contents not included, an AT's holding that is not confirmed after a
 * return (fiber/door.h); NULL: there is none. */
gaijin_holding *marshal_unconfirmed(lua_State *L, struct worker *w, int first, int n);
/* After a message was refused, or before preparing again: tokens nobody was ever sent go. */
void marshal_discard(lua_State *L, struct worker *w, int first, int n);
/* Between two tries, which *tries counts from 0: discards. Raises `busy` after a hundred: a script
 * changes the values each time. */
void marshal_again(lua_State *L, struct worker *w, int first, int n, int *tries);

/* Pushes the next value of a body, if there is one and it is no table sent by value; else pushes
 * nothing and is false, and the body is good for nothing more. Raises as unmarshal does. */
bool unmarshal_single(lua_State *L, struct worker *w, gaijin_body *body);
/* Pushes all values not yet read of a body and returns their number. Raises `stale` for an object
 * that is gone, and what decode.h has: others run meanwhile if the body is long. `host`: whose
 * request it is, 0 for an answer. Arrays are tables sent by value, or with `rows` (the broker's
 * books) plain sequences. After a request's, slices_leave is due. */
int unmarshal(lua_State *L, struct worker *w, gaijin_body *body, uint64_t host, bool rows);

#endif
