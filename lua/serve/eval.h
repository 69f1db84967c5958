/* SPDX-License-Identifier: MIT
 *
 * Op eval: an observer has this worker run a text as Lua code.
 */
#ifndef GAIJIN_LUA_EVAL_H
#define GAIJIN_LUA_EVAL_H

#include "lua/vm/worker.h"

/* The code is at index 1; its results are left on top of the stack, and their number is given.
 * Raises `denied` unless the worker was started for it and an observer asks. */
int eval_serve(lua_State *L, struct worker *w);

#endif
