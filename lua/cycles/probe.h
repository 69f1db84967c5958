/* SPDX-License-Identifier: MIT
 *
 * Which suspects of others are used without those of ours: Lua's own collector says it, in a twin
 * of the worker (lua/walk/twin.h). There the pool gives up our suspects, the ATs of the others are
 * put into a weak table, and all is collected. What is still in that table when the marking is
 * over was found from something else, whatever that is: an upvalue of C, a vararg of a suspended
 * coroutine, a frame of C, compiled code. No finaliser has run by then, and none will: the twin
 * ends.
 */
#ifndef GAIJIN_LUA_PROBE_H
#define GAIJIN_LUA_PROBE_H

#include "lua/cycles/suspects.h"

/* What it writes: this, an array like `live` with the bits of those that the collector found, and
 * pairs of places, hosted and held (reach.h). */
struct probe_head {
  uint32_t n_pairs;
};

/* A twin_job; user: struct suspects, of which n_open has been found. Ends the twin, never
 * returns. */
void probe_run(lua_State *L, struct worker *w, void *user, int fd);

#endif
