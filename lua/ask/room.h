/* SPDX-License-Identifier: MIT
 *
 * Fibers whose posts have no room in the window of the worker they are for: who waited first posts
 * first. None waits while posts cannot be begun here for lack of fibers: two workers that flood
 * each other would wait for each other for ever.
 */
#ifndef GAIJIN_LUA_ROOM_H
#define GAIJIN_LUA_ROOM_H

#include "lua/vm/worker.h"

/* Whether fibers wait for room for posts to this host: then another one goes behind them. */
bool room_is_waited_for(const struct worker *w, uint64_t host);

/* Waits until it is this fiber's turn and there is room for some post, or until the host or the
 * connection has ended. `again`: it has waited, and the room was too small: it goes before the
 * others. `busy` and the like are raised where nobody can wait or may wait any longer. */
void room_wait(lua_State *L, struct worker *w, uint64_t host, bool again);

/* The event `room` of the connection. */
void room_came(void *worker, uint64_t host);
/* When posts cannot be begun here any more: all that wait raise `busy`, or wait on if these can
 * be begun before they run. */
void room_refuse_all(struct worker *w);
/* When no fiber will run again. */
void room_deinit(struct worker *w);

#endif
