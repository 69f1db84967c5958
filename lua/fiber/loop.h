/* SPDX-License-Identifier: MIT
 *
 * The worker's loop: libuv lives here and nowhere else in lua/. It feeds the
 * connection, runs the fibers that are ready, keeps the timers.
 */
#ifndef GAIJIN_LUA_LOOP_H
#define GAIJIN_LUA_LOOP_H

#include "lua/vm/worker.h"

/* 0 or a negative libuv error. */
int loop_init(struct worker *w);
/* Starts watching the connection. 0 or a negative libuv error. */
int loop_watch(struct worker *w);
/* Runs until the worker has stopped or lost its connection. */
void loop_run(struct worker *w);
/* Whether something that scripts have asked of others, or of the broker, is not answered yet. */
bool loop_asks(const struct worker *w);
/* Sends what is queued, waiting for the broker to take it, at most one second. */
void loop_drain(struct worker *w);
void loop_deinit(struct worker *w);

#endif
