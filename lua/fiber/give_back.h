/* SPDX-License-Identifier: MIT
 *
 * What a worker that is a program of its own has freed is kept by the C library
 * (proto/settings/memory.h), and given back when Lua's heap and the requests kept here have fallen
 * by much, and stay low; C stacks of fibers that have ended, when they were not needed for a
 * second. In a stock interpreter memory is the interpreter's affair, and nothing is kept.
 */
#ifndef GAIJIN_LUA_GIVE_BACK_H
#define GAIJIN_LUA_GIVE_BACK_H

#include "lua/vm/worker.h"

/* Once in each turn of the loop, where w->loop.keeps_memory. */
void give_back_turn(struct worker *w);

#endif
