/* SPDX-License-Identifier: MIT
 *
 * What the objects that others hold weigh here. A reference is a few bytes to its holder, so its
 * collector sees no reason to run, while the object may be megabytes to us. The broker is told what
 * we would get back, and asks holders to collect by that as well.
 *
 * Nothing is walked. The collector itself tells how much is in use after each of its rounds: a
 * sentinel, a userdata nobody refers to, is finalised at the end of one. What grew from round to
 * round is shared out among the objects that were exported meanwhile, as the heap had grown when
 * each was; what was garbage by the end weighs nothing. That may be too much for an object that was
 * there before, too little for one that grows later: a wrong weight costs a holder a collection, no
 * more.
 *
 * When weighed objects come back, the collector is driven to give the memory back, in slices, one
 * in each turn of the loop: it would wait until as much again has been allocated.
 */
#ifndef GAIJIN_LUA_WEIGHT_H
#define GAIJIN_LUA_WEIGHT_H

#include "lua/vm/worker.h"

/* Makes what is needed in the VM. Raises. */
void weight_open(lua_State *L, struct worker *w);

/* Once in each turn of the loop, from the scheduler: weighs after a round of the collector, or
 * drives it. */
void weight_turn(struct worker *w);

#endif
