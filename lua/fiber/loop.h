/* SPDX-License-Identifier: MIT
 *
 * The worker's loop. libuv lives in this folder and nowhere else in lua/.
 */
#ifndef GAIJIN_LUA_LOOP_H
#define GAIJIN_LUA_LOOP_H

#include "lua/fiber/hooks.h"
#include "lua/vm/worker.h"

/* 0 or a negative libuv error. */
int loop_init(struct worker *w, const struct loop_hooks *hooks);
/* Starts watching the connection. 0 or a negative libuv error. */
int loop_watch(struct worker *w);
/* Runs until the worker has stopped or lost its connection. */
void loop_run(struct worker *w);
/* The loop is about to wait: takes turns with the messages that come meanwhile, as long as it is
 * likely that the next one comes soon, and for POLLING_STRETCH at most. In a stock interpreter only
 * while its script waits, and until that may go on: a program that polls the loop's descriptor
 * itself may wait for more. True: messages came. */
bool loop_linger(struct worker *w);
/* In a fork: from now on the loop has an epoll set of its own, so that its end changes nothing in
 * the parent's. Nothing the second time, and if the loop was never made. A process without
 * descriptors for it ends. */
void loop_leave_parent(struct worker *w);
/* The connection is watched no more (connection_unwatch). Nothing if the loop was never made. */
void loop_deinit(struct worker *w);

#endif
