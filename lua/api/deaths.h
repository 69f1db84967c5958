/* SPDX-License-Identifier: MIT
 *
 * What scripts see of other workers' presence: gaijin.peers, gaijin.on_death. What is
 * Lua of it is deaths.lua.
 */
#ifndef GAIJIN_LUA_DEATHS_H
#define GAIJIN_LUA_DEATHS_H

#include "lua/vm/worker.h"

/* Adds to the tables `gaijin` (`module`) and `core`, given as stack indices, and runs deaths.lua.
 * Raises. */
void deaths_open(lua_State *L, struct worker *w, int module, int core);

/* The dead event of the connection. */
void deaths_on_dead(void *worker, uint64_t host);

/* The connection stands again. */
void deaths_on_return(void *worker);

/* Frees the news nobody has heard. */
void deaths_deinit(struct worker *w);

#endif
