/* SPDX-License-Identifier: MIT
 *
 * What fibers that have ended leave for those to come: their records and their lua_States,
 * REUSE_MOST of each at most. So a request that is served takes no memory, of C or of Lua.
 *
 * A script must not see the difference. A lua_State is used again only while it is as a new one
 * would be, and only where no script can have got hold of it: who keeps the lua_State of one
 * request, to tell it from others, would find that of another. Scripts get no fiber's lua_State
 * from the functions that gaijin-worker lets them have; those that show all there is to see end the
 * reuse for good (lua/api/showing.h). In a stock interpreter a script may have kept such functions
 * from before the module came, so there each fiber has a lua_State of its own.
 */
#ifndef GAIJIN_LUA_REUSE_H
#define GAIJIN_LUA_REUSE_H

#include "lua/fiber/record.h"

/* A record, all zero but for its worker and its empty lua_State. NULL when memory is short. */
struct fiber *reuse_take(struct worker *w);
/* Gives back the record of a fiber that has ended and is in no list any more, with its
 * lua_State. */
void reuse_give(struct worker *w, struct fiber *f);

/* A script may have got hold of lua_States of fibers: none is used again from now on. */
void reuse_forbid(struct worker *w);

/* Gives back the memory of what is spare. Not while a protected call runs in the scheduler. */
void reuse_drop(struct worker *w);
/* The same before the VM ends. */
void reuse_deinit(struct worker *w);

/* What is wrong with what is spare; NULL: nothing. Between two turns of the loop. */
const char *reuse_check(const struct worker *w);

#endif
