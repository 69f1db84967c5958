/* SPDX-License-Identifier: MIT
 *
 * error(text, 2) asks for the position of the code that called. If that is in another worker, the
 * text leaves this one without, with the *level above*: 1 for the code that called, 2 for the code
 * that called that, and so on. The worker that asked puts its position before the text, or passes
 * on what is left of the level to the one that it serves itself.
 *
 * Only levels up to POSITION_LEVELS_MOST are looked for: another worker may send any, and looking
 * takes the square of it. Beyond that a text gets no position, as beyond the end of a stack.
 */
#ifndef GAIJIN_LUA_POSITION_H
#define GAIJIN_LUA_POSITION_H

#include "lua/vm/worker.h"

enum { POSITION_LEVELS_MOST = 64 };

/* The level above that `level` of the running function stands for; 0: it is in this worker, or
 * nowhere: nobody waits for a post. */
unsigned position_above(lua_State *L, const struct worker *w, int level);
/* To be called by the C function that asked: the text at index i, which came with that level above,
 * gets its position. Where C or a tail call is there it is that of the nearest Lua code above.
 * False: it has none in this worker; what is left of the level is remembered (trace.h) if the fiber
 * serves another one. Raises when memory is short. */
bool position_add(lua_State *L, struct worker *w, int i, unsigned above);

#endif
