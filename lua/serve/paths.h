/* SPDX-License-Identifier: MIT
 *
 * How this worker reaches an object, for observers: op paths.
 */
#ifndef GAIJIN_LUA_PATHS_H
#define GAIJIN_LUA_PATHS_H

#include "lua/vm/worker.h"

/* The name of the object's host at index 1 and its id at index 2: pushes whether the whole heap
 * was looked at, how many objects were, and a path for each way to the object that was found (at
 * most WAYS_MOST); how many values that are. Of an object of this worker, ways to itself; of
 * another's, to its AT. Waits; raises. */
int paths_serve(lua_State *L, struct worker *w);

#endif
