/* SPDX-License-Identifier: MIT
 *
 * Tables by value. A *copy* is a userdata that stands for a table of this VM: used here, it acts
 * as that table (lua/api/copies.c); sent, it arrives as a new table, with the content of that
 * moment. Nested tables go along, shared ones once,
 * cycles closed, copies inside are the tables they stand for; functions, ATs,
 * userdata and coroutines inside stay references; metatables are left out.
 *
 * On the wire it is an array of tables, the root first, each an array of key,
 * value, ...; a table inside is an array of one number, its place in the list.
 */
#ifndef GAIJIN_LUA_COPY_H
#define GAIJIN_LUA_COPY_H

#include "lua/vm/worker.h"

struct decoding;

/* Lua: copy(v [, depth]) -> what sends v by value; v itself if it is no table of this VM, or a copy
 * and no depth is given. Tables deeper than `depth` stay references. */
int copy_make(lua_State *L);
/* Pops a function, which is called with each table inside the one the copy at index i stands for
 * before the copy is sent, and may wait and raise. */
void copy_ask(lua_State *L, int i);
/* Is the value at index i a copy? Allocates nothing. */
bool copy_is(lua_State *L, struct worker *w, int i);
/* Pushes the table that the copy at index i stands for; false, pushing nothing, if it is none. */
bool copy_push_table(lua_State *L, struct worker *w, int i);
/* Puts that table in the place of a copy at index i. False: there is none. */
bool copy_unwrap(lua_State *L, struct worker *w, int i);
/* Finds the tables that go along with the copy at index i, and revives what stays a reference in
 * them. Raises; may wait. */
void copy_prepare(lua_State *L, struct worker *w, int i);
/* All that stays a reference in the tables found gets a token. Raises when memory is short. */
void copy_give_tokens(lua_State *L, struct worker *w, int i);
/* The tokens among them that nobody was ever sent go. */
void copy_discard(lua_State *L, struct worker *w, int i);
/* The second half of sending, see value_put. */
bool copy_put(lua_State *L, struct worker *w, int i);
/* Pushes the table that an array of `count` tables stands for, the array's header being read.
 * Raises; may let others run (decode.h). */
void copy_push(lua_State *L, struct worker *w, gaijin_body *body, uint32_t count,
               struct decoding *d);

#endif
