/* SPDX-License-Identifier: MIT
 *
 * Reads that need no fiber: a plain value of a plain field. Such a get runs no
 * script and cannot wait, so it is answered as it arrives, if nothing that came
 * before it is still to start.
 */
#ifndef GAIJIN_LUA_QUICK_H
#define GAIJIN_LUA_QUICK_H

#include "lua/vm/worker.h"

/* Makes what quick_get needs of the VM. Raises. */
void quick_open(lua_State *L, struct worker *w);
/* Answers the request and frees its body; or returns false, and nothing has happened. */
bool quick_get(struct worker *w, const struct gaijin_request *request, gaijin_body *body);

#endif
