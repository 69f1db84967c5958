/* SPDX-License-Identifier: MIT
 *
 * Operators with remote operands. Lua 5.1 asks the first operand's metatable,
 * then the second's; here each operand's home is asked for its raw handler, left
 * first, and the handler is called there with both. Comparison wants the same
 * handler on both sides.
 */
#ifndef GAIJIN_LUA_OPERATOR_H
#define GAIJIN_LUA_OPERATOR_H

#include "lua/vm/worker.h"

/* Sets the operators in the metatable on top of the stack: that of ATs; that of copies, which act
 * as the tables they stand for. */
void operator_set_metamethods(lua_State *L, struct worker *w);
void operator_set_of_copies(lua_State *L, struct worker *w);
/* The host's half, op operator: object, operator, left, right -> done, result. */
int operator_serve(lua_State *L, struct worker *w);

#endif
