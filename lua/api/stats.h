/* SPDX-License-Identifier: MIT
 *
 * A worker's figures for scripts.
 */
#ifndef GAIJIN_LUA_STATS_H
#define GAIJIN_LUA_STATS_H

#include "lua/vm/worker.h"

/* Lua: gaijin.stats() -> a table of name -> number. */
int stats_push(lua_State *L);

#endif
