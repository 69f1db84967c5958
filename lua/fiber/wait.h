/* SPDX-License-Identifier: MIT
 *
 * Waiting: the one way in which a fiber stops until something happens, its time
 * is over or it is cancelled. A cancelled fiber does not wait any more: whoever
 * would wait raises `cancelled`, each time anew. Times are those of clock_seconds().
 */
#ifndef GAIJIN_LUA_WAIT_H
#define GAIJIN_LUA_WAIT_H

#include "lua/vm/worker.h"

/* WOKEN: by fiber_wake; look whether it was for what you wait for. INTERRUPTED: by Ctrl-C in a
 * stock interpreter. FAILED: no memory for a timer; it did not wait. */
enum wait_outcome { WAIT_WOKEN, WAIT_OVER, WAIT_CANCELLED, WAIT_INTERRUPTED, WAIT_FAILED };

/* True where the running code may wait: on a fiber. */
bool wait_possible(const struct worker *w);

/* Why the code that runs on L cannot wait, for after "... "; NULL: it can. */
const char *wait_hindrance(lua_State *L, struct worker *w);

/* Parks the current fiber, whose C function runs on L, until it is woken, until the time `until`
 * (0: never), or until it is cancelled; does not wait if that has happened already. */
enum wait_outcome wait_park(lua_State *L, struct worker *w, double until);

/* Of two times the nearer, 0 being never. */
double wait_nearer(double a, double b);

/* Raises `unsupported` where the running code cannot wait, and in a fork. `what` and `of` (after
 * it) say what was about to. */
void wait_need_fiber(lua_State *L, struct worker *w, const char *what, const char *of);
/* Raises "not enough memory" where the C stacks of what waits have all they may. No turn is taken
 * before: each of many would keep its own meanwhile. */
void wait_need_memory(lua_State *L, const struct worker *w);
/* Both, and `cancelled` on a cancelled fiber. `what` is about to wait: "gaijin.sleep". */
void wait_check(lua_State *L, struct worker *w, const char *what);
/* Lets all that are ready run, and what has arrived be looked at. */
void wait_turn(lua_State *L, struct worker *w);
/* To be called before an error that says that there is nothing to wait for any more: takes a turn;
 * from the second time in a row on, it sleeps a little. A loop that tries again and again must not
 * keep the others from running, nor the processor busy. */
void wait_refuse(lua_State *L, struct worker *w);
/* Raises what became of a wait: timeout, cancelled, busy, or what interrupted it. Not for WOKEN.
 * Refuses first. */
int wait_raise(lua_State *L, struct worker *w, enum wait_outcome outcome, const char *what);

/* Puts the current fiber behind all that are ready, after the socket has been looked at. Raises as
 * above. */
void wait_yield(lua_State *L, struct worker *w, const char *what);

#endif
