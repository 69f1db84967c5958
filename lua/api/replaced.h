/* SPDX-License-Identifier: MIT
 *
 * The library functions that a worker replaces (replaced.def), so that they act on the original of
 * a remote value. With values of this VM they cost little more than what they replace: in stock 5.1
 * each is a C function that calls the original's in its own frame; under LuaJIT, which cannot
 * compile calls of C functions, a Lua function (replaced.lua) that calls it at its end.
 */
#ifndef GAIJIN_LUA_REPLACED_H
#define GAIJIN_LUA_REPLACED_H

#include "lua/vm/worker.h"

/* Sets in the table on top: `replaced`, a list of {title, served}, and the functions that make what
 * stands in their place:
 *   replace(original, title, helper) -> the C function that does `otherwise`, where it can be after
 *     the test; the test's name if that is yet to be made, in Lua. helper: what is called instead
 *     with a remote table (pairs, ipairs, next), or with the result (LuaJIT's coroutine.wrap).
 *   remote: anchors.remote.
 *   check_stack() raises "C stack overflow" when the C stack is short.
 *   labels_proxy(userdata): with this one, pairs, ipairs and next act on the labels.
 * Raises. */
void replaced_open(lua_State *L, struct worker *w);

#endif
