/* SPDX-License-Identifier: MIT
 *
 * Full collections of this VM's garbage, which let go of remote objects.
 */
#ifndef GAIJIN_LUA_GC_H
#define GAIJIN_LUA_GC_H

#include "lua/vm/worker.h"

/* From the scheduler or a fiber; a script's finaliser that raises is reported on stderr. */
void gc_full(lua_State *L, struct worker *w);
/* For gc_drop. Raises. */
void gc_open(lua_State *L, struct worker *w);
/* From the scheduler: one collection, of all that is garbage now. When scripts run again, which its
 * finalisers are the first to do, no weak table has any of it. `has_code`: compiled code, which may
 * keep some, is thrown away before. Handlers that a script gave jit.attach are told then: so who
 * has such does it sooner (lua/cycles/rounds.c). */
void gc_drop(struct worker *w, bool has_code);

#endif
