/* SPDX-License-Identifier: MIT
 *
 * error(text, 2) asks for the position of the code that called. If that is in another worker, the
 * text leaves this one without, with the *level above*: 1 for the code that called, 2 for the code
 * that called that, and so on. The worker that asked puts its position before the text, or passes
 * on what is left of the level to the one that it serves itself.
 *
 * Until it has left, the text begins with the name of the calling worker and a question mark in the
 * line's place, "till:?: text", or "till:?2: text" where the level above is 2. All that is to be
 * known of it is in the text itself: caught and raised on as it is, in whatever function or
 * coroutine, it leaves as if it had not been caught. Where something has been put before it, a
 * position by error(e) for instance, it is part of a text, and it is one of a result.
 *
 * Functions of the Lua files of lua/api/, and C functions named by worker_hide_function, are none
 * of the script's levels.
 *
 * Only levels above up to POSITION_LEVELS_MOST are looked for: another worker may send any, and
 * looking takes the square of it. Beyond that a text gets no position, as beyond the end of a
 * stack.
 */
#ifndef GAIJIN_LUA_POSITION_H
#define GAIJIN_LUA_POSITION_H

#include "lua/vm/worker.h"

enum { POSITION_LEVELS_MOST = 64 };

/* To be called by a C function: the text (or number) at the absolute index i gets the position of
 * this level above it, 1 or more. Where C or a tail call is there: `exact`, none, as Lua does it;
 * or else that of the nearest Lua code above. If it is beyond the request that the fiber serves, it
 * is left to the worker which asked; of a post, which nobody waits for, there is none. False: the
 * text has no position of this worker. An exact level of this worker is found however far up it is.
 * Raises when memory is short. */
bool position_add(lua_State *L, struct worker *w, int i, unsigned above, bool exact);
/* For a message handler, with the error at index i: what another worker asked for is done from C,
 * and so Lua has found no position for an error of what it does itself ("attempt to index ..."), or
 * of a library function's that is applied or called; it is that of the code which asked there. Does
 * nothing with other errors. Raises as above. */
void position_leave_served(lua_State *L, struct worker *w, int i);
/* The level of the outermost of ours in whose name the running C function (0) works: the script has
 * called that. */
int position_outermost(lua_State *L, const struct worker *w);
/* The level above that the error at the absolute index i leaves with, which it loses; 0, and the
 * value as it is: none. The running fiber serves a request. */
unsigned position_take_above(lua_State *L, const struct worker *w, int i);

/* The innermost code of the script that runs on L: ar gets its source and line (getinfo's "Sl").
 * False: there is none before the request that is served, if one is. Raises nothing; wants a place
 * on the stack. */
bool position_innermost(lua_State *L, const struct worker *w, lua_Debug *ar);

#endif
