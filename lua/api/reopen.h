/* SPDX-License-Identifier: MIT
 *
 * A VM's second worker, in a fork of a stock interpreter. The library stays as it is in the VM,
 * with the same struct worker; what belonged to the parent's connection goes: labels, remote
 * values, futures, fibers and timers, whom gaijin.on_death was to tell. In this order:
 * instance_close, reopen_reset, reopen_library (again after a connect that failed),
 * gaijin_connect, reopen_name.
 */
#ifndef GAIJIN_LUA_REOPEN_H
#define GAIJIN_LUA_REOPEN_H

#include "lua/vm/worker.h"

/* The worker is as before its first connection, but that its library is open (left_parent). */
void reopen_reset(struct worker *w);
/* Takes the parent's out of the VM. What a script still has of its remote values raises
 * `unsupported` when used. Raises when memory is short. */
void reopen_library(lua_State *L, struct worker *w);
/* gaijin.name is the name of the new connection. Raises when memory is short. */
void reopen_name(lua_State *L, struct worker *w);

#endif
