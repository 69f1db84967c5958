/* SPDX-License-Identifier: MIT
 *
 * Library functions that would act on an AT instead of its original.
 */
#ifndef GAIJIN_LUA_GUARD_H
#define GAIJIN_LUA_GUARD_H

#include "lua/worker.h"

/* Lua: guard(original, title, first, last, kind) -> a function like the C function `original` that raises `unsupported` when one
 * of its arguments first..last is remote (kind nil) or a remote `kind`. */
int guard_make(lua_State *L);

#endif
