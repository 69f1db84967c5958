/* SPDX-License-Identifier: MIT
 *
 * Claiming a token by its PT: for one that came by another road than a message, as a
 * resurrected AT has it, the broker is asked.
 */
#ifndef GAIJIN_LUA_CLAIM_H
#define GAIJIN_LUA_CLAIM_H

#include "lua/vm/worker.h"

/* Makes this worker a holder of the PT's token, and the caller a user of its holding (op sub).
 * Waits. Raises `stale`, `denied`, ... */
void claim_token(lua_State *L, struct worker *w, const struct gaijin_pt *pt);

#endif
