/* SPDX-License-Identifier: MIT
 *
 * Full collections of this VM's garbage, which let go of remote objects.
 */
#ifndef GAIJIN_LUA_GC_H
#define GAIJIN_LUA_GC_H

#include "lua/vm/worker.h"

/* From the scheduler or a fiber; a script's finaliser that raises is reported on stderr. */
void gc_full(lua_State *L, struct worker *w);

#endif
