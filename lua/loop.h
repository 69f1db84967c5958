/* SPDX-License-Identifier: MIT
 *
 * The worker's loop: libuv lives here and nowhere else in lua/. It feeds the
 * connection, runs the fibers that are ready, keeps the timers.
 */
#ifndef GAIJIN_LUA_LOOP_H
#define GAIJIN_LUA_LOOP_H

#include "lua/worker.h"

/* A one-shot timer; fires from the scheduler. After it has fired or was stopped it is not to be used. */
struct timer;
typedef void (*timer_fn)(struct timer *t);
/* NULL when memory is short. */
struct timer *timer_start(struct worker *w, double seconds, timer_fn fire, void *user);
/* Stops and gives back; after firing it only gives back. */
void timer_stop(struct timer *t);
void *timer_user(const struct timer *t);
struct worker *timer_worker(const struct timer *t);

/* 0 or a negative libuv error. */
int loop_init(struct worker *w);
/* Starts watching the connection, and with `signals` SIGTERM and SIGINT, which end the worker. 0 or a negative libuv error. */
int loop_watch(struct worker *w, bool signals);
/* Runs until the worker has stopped or lost its connection. */
void loop_run(struct worker *w);
/* Asks the loop to end: requests under way are finished, at most `grace` seconds long. */
void loop_stop(struct worker *w, int exit_code);
/* The connection is lost; or the worker was asked to end, and what it served is done or waited for no longer. */
bool loop_finished(const struct worker *w);
/* Whether something that scripts have asked of others, or of the broker, is not answered yet. */
bool loop_asks(const struct worker *w);
/* Sends what is queued, waiting for the broker to take it, at most one second. */
void loop_drain(struct worker *w);
void loop_deinit(struct worker *w);

#endif
