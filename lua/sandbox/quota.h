/* SPDX-License-Identifier: MIT
 *
 * Limits of what a script may use: memory of its Lua VM (--memory-limit) and
 * processor time at one stretch (--cpu-limit). A stretch is what the scheduler or a
 * fiber does until it gives way (scheduler.stretch); what waits begins a new one.
 *
 * Past the memory limit an allocation of Lua's fails: the script gets "not enough memory".
 * Past the time a hook, which Lua calls every thousand instructions, raises `timeout`. Where
 * no hook is called (in a C function, in a finaliser) or code catches the error and goes
 * on, a timer ends the process with SIGXCPU, at twice the limit or a second past it.
 *
 * The timer counts processor time only, and its handler compares numbers: while no limit is
 * reached neither costs a system call.
 */
#ifndef GAIJIN_LUA_QUOTA_H
#define GAIJIN_LUA_QUOTA_H

#include "lua/vm/worker.h"

/* A VM for the worker (luaL_newstate), whose heap may have so many bytes; 0: no limit. NULL when
 * memory is short, or that is too little. */
lua_State *quota_new_state(struct worker *w, size_t memory);

/* Watches the limits of the worker's VM, which has run no code yet: threads that are made later
 * inherit the hook. `seconds` of processor time; 0: no limit. One worker of a process at a time.
 * False: the system refuses. */
bool quota_watch(struct worker *w, double seconds);
/* The scheduler's part, once a turn: collects when an allocation of Lua's has failed. */
void quota_turn(struct worker *w);
/* Ends that, if it was begun. */
void quota_unwatch(struct worker *w);

#endif
