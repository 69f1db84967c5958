/* SPDX-License-Identifier: MIT
 *
 * Fibers whose requests have no room in the window of the worker they are for: who waited first
 * sends first. None waits where that could last for ever:
 *
 * - while some asker's requests have not been begun here for long for lack of fibers (BEGIN_STALL),
 *   who has many fibers and all of its share, if the receiver has taken nothing for as long: two
 *   workers that flood each other would wait for each other;
 * - longer than ROOM_STALL seconds in which the worker takes nothing, if the fiber serves what a
 *   handler of another worker waits for: the fibers may be used up there, by those who wait for us.
 */
#ifndef GAIJIN_LUA_ROOM_H
#define GAIJIN_LUA_ROOM_H

#include "lua/vm/worker.h"

#define ROOM_STALL 1.0

/* Whether fibers wait for room at this host: then another one goes behind them. */
bool room_is_waited_for(const struct worker *w, uint64_t host);

/* Waits until it is this fiber's turn and there is some room, until the host or the connection has
 * ended, or until the time `until` (0: never). `again`: it has waited, and the room was too small:
 * it goes before the others. `what` is to be sent: "post". `busy` and the like are raised where
 * nobody can wait or may wait any longer. */
void room_wait(lua_State *L, struct worker *w, uint64_t host, const char *what, double until,
               bool again);

/* The event `room` of the connection. */
void room_came(void *worker, uint64_t host);
/* While an asker is stuck (worker.backlog.stuck): those that must not wait raise `busy`, or wait on
 * if nobody is stuck any more before they run. */
void room_refuse(struct worker *w);
/* When no fiber will run again. */
void room_deinit(struct worker *w);

#endif
