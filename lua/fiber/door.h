/* SPDX-License-Identifier: MIT
 *
 * The door: while the connection is away, who has something to ask waits here, before anything is
 * encoded, until it stands again, is lost for good, or the time is over. Once it stands again, who
 * uses a reference that the new broker has not confirmed yet waits for that one only. Who waited
 * first goes first; who comes while those that were let through have not run goes behind them.
 *
 * A post does not wait for the connection: it fails at once (ask/remote.c).
 */
#ifndef GAIJIN_LUA_DOOR_H
#define GAIJIN_LUA_DOOR_H

#include "lua/fiber/wait.h"

/* What for: LINK: messages can be sent. CLAIM: and the holding, if one is given, is confirmed or
 * gone; with NULL something has been confirmed, so that it is worth another try. */
enum door_reason { DOOR_LINK, DOOR_CLAIM };

/* Whether the connection is away, and may come back. */
static inline bool door_is_shut(const struct worker *w) {
  return !w->lost && w->g && gaijin_link(w->g) == GAIJIN_AWAY;
}
/* Whether a request may be encoded at once, as far as the connection is concerned. */
static inline bool door_is_free(const struct worker *w) {
  return w->door.n_woken == 0 && !door_is_shut(w);
}
/* Whether the end of a message gave this status because of something that door_wait waits for;
 * *reason says for what. */
bool door_refused(const struct worker *w, int status, enum door_reason *reason);

/* Parks the current fiber, which can wait (wait_hindrance). WOKEN: look again, the connection may
 * be lost or away once more; else as wait_park. The holding has a user meanwhile. */
enum wait_outcome door_wait(lua_State *L, struct worker *w, enum door_reason reason,
                            gaijin_holding *holding, double until);
/* Raises what became of a wait that did not end with WOKEN. `what` was not begun: "call to worker
 * shop"; until: as given. */
int door_raise(lua_State *L, struct worker *w, enum wait_outcome how, const char *what,
               double until);

/* Before something that was answered `away` is asked again, as long as *pause says, which is 0 at
 * first. False: that would be after `until` (0: no limit). Raises. */
bool door_pause(lua_State *L, struct worker *w, const char *what, double until, double *pause);

/* Something has changed: those whose wait is over are woken. */
void door_look(struct worker *w);
/* When no fiber will run again. */
void door_deinit(struct worker *w);

/* NULL, or which invariant is broken. */
const char *door_check(const struct worker *w);

#endif
