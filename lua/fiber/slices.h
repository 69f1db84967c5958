/* SPDX-License-Identifier: MIT
 *
 * Long work in C, such as decoding megabytes, is done in slices: between two of them all others
 * run, and the worker looks at its socket. In each turn of the loop one fiber gets a slice,
 * whichever waits longest, so others wait for one slice however many are at long work.
 *
 * Of the requests of one other worker one at a time is at long work, and its later ones begin after
 * that: they keep their order, and who sends much only keeps himself waiting.
 */
#ifndef GAIJIN_LUA_SLICES_H
#define GAIJIN_LUA_SLICES_H

#include "lua/fiber/fiber.h"

/* The seconds of a slice. */
#define SLICE_SECONDS 0.001

/* Waits until no earlier request of the host is at long work. `is_long`: what the current fiber is
 * about to do may take slices: afterwards slices_leave is due. Raises `cancelled`. */
void slices_follow(lua_State *L, struct worker *w, uint64_t host, bool is_long);
/* Whether a request of the host that comes now would wait there. */
bool slices_is_followed(const struct worker *w, uint64_t host);

/* A slice of the current fiber's work is over: waits for the next one. `host`: whose request the
 * work is for, 0 for none. Returns at once where nothing can wait. Raises `cancelled` and
 * `timeout`, also when the time `until` (0: none) is over, and `busy` when memory is short; `what`
 * is for these. */
void slices_pause(lua_State *L, struct worker *w, uint64_t host, double until, const char *what);
/* The fiber's long work is done or given up: those behind it begin. Nothing if it had none. */
void slices_leave(struct fiber *f);

/* Wakes the fiber whose slice is next; in each turn before fibers run. False: none waits. */
bool slices_turn(struct worker *w);
/* Whether one waits. */
static inline bool slices_wanted(const struct worker *w) { return w->sched.n_slices_wanted > 0; }
/* Forgets all: no fiber will run again. */
void slices_deinit(struct worker *w);

#endif
