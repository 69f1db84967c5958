/* SPDX-License-Identifier: MIT
 *
 * Waiting for the answer to a request that has been sent. The scheduler only links
 * what arrives to the fiber and wakes it; what the values mean is for others to say.
 */
#ifndef GAIJIN_LUA_ANSWER_H
#define GAIJIN_LUA_ANSWER_H

#include "lua/fiber/fiber.h"
#include "lua/fiber/wait.h"

/* Raises `lost` or `unsupported` where no request can be sent and waited for; `op` is what was
 * about to be asked. */
void answer_need_fiber(lua_State *L, struct worker *w, enum gaijin_op op);

/* Until when a request of the current fiber may take: the nearest of its own limits and, unless
 * `no_call_timeout`, --call-timeout, if it begins `now`. 0: for ever. */
double answer_limit(const struct worker *w, double now, bool no_call_timeout);

/* A gaijin_answer_fn; the user is the fiber that waits. */
void answer_arrived(void *fiber, const struct gaijin_answer *got);

/* Waits for the answer to request `id`, sent with answer_arrived and the current fiber, at most
 * until the time `until` (0: for ever). The fiber's until answer_free. NULL without one: *how says
 * why, the request has been cancelled unless WOKEN, which means that there was no memory to keep
 * the answer. */
struct answer *answer_wait(lua_State *L, struct worker *w, uint64_t id, double until,
                           enum wait_outcome *how);

/* Raises why answer_wait gave none. `what`: "call to worker shop"; begun: when the wait began;
 * limit: the `until` it was given. */
int answer_raise_none(lua_State *L, struct worker *w, enum wait_outcome how, const char *what,
                      double begun, double limit);

/* Pushes the text of an answer that is the system's error. */
void answer_push_error(lua_State *L, const struct answer *a);

#endif
