/* SPDX-License-Identifier: MIT
 *
 * The home objects that others hold. An object stays in the pool, strongly, for as long as its
 * token lives.
 */
#ifndef GAIJIN_LUA_POOL_H
#define GAIJIN_LUA_POOL_H

#include "lua/vm/worker.h"

/* The token of the candidate at stack index i; NULL if it has none. Allocates nothing. */
gaijin_token *pool_find(lua_State *L, struct worker *w, int i);
/* The same, made if need be. Raises when memory is short; runs no script. */
gaijin_token *pool_token(lua_State *L, struct worker *w, int i, enum gaijin_kind kind);
/* Pushes the object of a token. */
void pool_push(lua_State *L, struct worker *w, gaijin_token *t);
/* Takes the object from the pool and from what knows its token; the token is not told. For a copy
 * of the worker that looks what is used without it. Allocates nothing, runs no script. */
void pool_empty(lua_State *L, struct worker *w, gaijin_token *t);
/* Nobody uses the object: it leaves the pool, and its token is condemned. */
void pool_condemn(struct worker *w, gaijin_token *t);
/* The forget event of the connection: the object leaves the pool, unless it was condemned. */
void pool_forget(void *worker, gaijin_token *token, void *tag);

#endif
