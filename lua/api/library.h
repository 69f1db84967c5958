/* SPDX-License-Identifier: MIT
 *
 * What Lua sees of the worker: the table `gaijin`, the metatables of ATs and the
 * C functions under prelude.lua.
 */
#ifndef GAIJIN_LUA_LIBRARY_H
#define GAIJIN_LUA_LIBRARY_H

#include "lua/vm/worker.h"

/* What a connection whose user is a struct worker calls. */
extern const struct gaijin_events library_events;

/* Makes everything in the VM: anchors, metatables, module, prelude. Raises. */
void library_open(lua_State *L, struct worker *w);

/* The part of it that belongs to one connection: the empty tables of what is exported and held, and
 * the metatables of remote values. Raises when memory is short. */
void library_open_books(lua_State *L, struct worker *w);

#endif
