/* SPDX-License-Identifier: MIT
 *
 * The connection to the broker as a part of the worker's loop: read when there is
 * something, written once per turn, and kept awake by a ping (the pulse) while somebody waits.
 */
#ifndef GAIJIN_LUA_CONNECTION_H
#define GAIJIN_LUA_CONNECTION_H

#include "lua/vm/worker.h"

/* Starts watching the descriptor. 0 or a negative libuv error. */
int connection_watch(struct worker *w);
/* Ends it; nothing if it is not watched. To be called before gaijin_close, which closes the
 * descriptor. */
void connection_unwatch(struct worker *w);
/* The connection has another descriptor, which is watched from now on instead of the one before;
 * that is still open. 0 or a negative libuv error: it is not watched. */
int connection_moved(struct worker *w);
/* It is lost for good: the worker ends, and nobody waits at the door. */
void connection_lost(struct worker *w);
/* The starved event of the connection. */
void connection_starved(void *worker);
/* In each turn, before fibers run: reads what is left after an error of the socket, or what memory
 * was too short for. */
void connection_resume(struct worker *w);
/* Looks for what comes, as gaijin_poll does: true if messages came. */
bool connection_poll(struct worker *w);
/* Whether there is something for connection_resume to do. */
bool connection_has_more(const struct worker *w);
/* In each turn, before the loop waits: sends what is queued, and starts the timers that it needs.
 */
void connection_flush(struct worker *w);
/* Whether something that scripts have asked of others, or of the broker, is not answered yet. */
bool connection_asks(const struct worker *w);
/* Sends what is queued, waiting for the broker to take it, at most so long. */
#define CONNECTION_DRAIN_SECONDS 1.0
void connection_drain(struct worker *w);

#endif
