/* SPDX-License-Identifier: MIT
 *
 * One-shot timers of the worker's loop, and whether the loop may wait at all. What is
 * fired runs in the scheduler.
 */
#ifndef GAIJIN_LUA_TIMER_H
#define GAIJIN_LUA_TIMER_H

#include "lua/vm/worker.h"

/* A one-shot timer; fires from the scheduler. After it has fired or was stopped it is not to be
 * used. */
struct timer;
typedef void (*timer_fn)(struct timer *t);
/* NULL when memory is short. */
struct timer *timer_start(struct worker *w, double seconds, timer_fn fire, void *user);
/* Stops and gives back; after firing it only gives back. */
void timer_stop(struct timer *t);
void *timer_user(const struct timer *t);
struct worker *timer_worker(const struct timer *t);

/* The loop turns once more without waiting; from the other on it may wait again. */
void timer_wake_loop(struct worker *w);
void timer_let_loop_wait(struct worker *w);

/* For the loop: with it, before it is run to its end, and after that. */
void timer_init(struct worker *w);
void timer_close_all(struct worker *w);
void timer_free_all(struct worker *w);

#endif
