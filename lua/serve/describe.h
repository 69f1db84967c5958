/* SPDX-License-Identifier: MIT
 *
 * What objects of this worker are, for observers: op describe.
 */
#ifndef GAIJIN_LUA_DESCRIBE_H
#define GAIJIN_LUA_DESCRIBE_H

#include "lua/vm/worker.h"

/* Answers the request that the current fiber serves, whose values, ids of tokens, are from index 1
 * on: begins the reply and puts a row for each (docs/protocol.md), so ANSWER_WRITTEN. No code of
 * the script's is run: neither metamethods nor the objects. Waits between slices; raises. */
int describe_serve(lua_State *L, struct worker *w);

#endif
