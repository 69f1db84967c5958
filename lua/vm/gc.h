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
enum gc_dropped {
  GC_DROPPED,
  GC_LEFT_FINALISERS, /* one has raised an error: others, that are due, follow later (gc_settle) */
  GC_NOT_DROPPED      /* memory was too short, and it has to be repeated */
};
/* From the scheduler: one collection, of all that is garbage now. When scripts run again, which its
 * finalisers are the first to do, no weak table has any of it. Compiled code, which may keep some,
 * has been thrown away (luajit_flush_code). */
enum gc_dropped gc_drop(struct worker *w);

/* The collector is *settled* from the end of one of its rounds until the next one clears the weak
 * tables: it rests, or marks. Then marking can be gone on with up to there, and no finaliser runs
 * before; a complete collection sweeps all twice beside. */

/* From the scheduler: a slice of its work, about a millisecond; whether it is settled by that. One
 * that a script has stopped runs from then on (luajit_is_stopped). */
bool gc_settle(struct worker *w);
bool gc_is_settled(lua_State *L, const struct worker *w);
/* Settled it marks all that is used, clears the weak tables, and leaves the rest to its ordinary
 * pace. What was marked before, and has become garbage since, counts as used. Runs no
 * finaliser. Whether it was stopped or not, it `stops` then, or runs. */
void gc_mark(lua_State *L, const struct worker *w, bool stops);

#endif
