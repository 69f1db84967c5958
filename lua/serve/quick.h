/* SPDX-License-Identifier: MIT
 *
 * Requests that need no fiber: to get or set a plain value of a plain field, and the length of a
 * table. Such a one runs no script and cannot wait, so it is answered as it arrives, if nothing
 * that came before it is still to start. A call is never one of them: whether what is called waits,
 * nobody knows before.
 */
#ifndef GAIJIN_LUA_QUICK_H
#define GAIJIN_LUA_QUICK_H

#include "lua/vm/worker.h"

/* Makes what quick_serve needs of the VM. Raises. */
void quick_open(lua_State *L, struct worker *w);
/* Answers the request and frees its body; or returns false, and nothing has happened. */
bool quick_serve(struct worker *w, const struct gaijin_request *request, gaijin_body *body);

#endif
