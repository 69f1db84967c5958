/* SPDX-License-Identifier: MIT
 *
 * Long stretches are rationed. What cannot be done in slices (slices.h), such as listing all keys
 * of a table, keeps everybody waiting once; many of them, one after the other, would do so with
 * every call of all others, although each asker has no more than its share of the time: whoever
 * asks for little has nothing under way when such a stretch begins, and asks while it lasts. So
 * after one that took longer than a slice the next does not begin for RATION_REST times as long, in
 * which others are served; but it does if for RATION_ACTIVE_MS nobody else has asked for anything
 * else. Who waits for one is let through round robin by asker, whatever each has waiting.
 *
 * Always true between two turns: while somebody waits, there is a timer, or somebody has been let
 * through.
 */
#ifndef GAIJIN_LUA_RATION_H
#define GAIJIN_LUA_RATION_H

#include "lua/fiber/record.h"

enum { RATION_REST = 7, RATION_ACTIVE_MS = 200 };
/* Seconds; more is not rested for one. */
#define RATION_REST_MOST 2.0

/* The current fiber is about to do what may take long, in one stretch: waits for its turn. The
 * stretch ends when the fiber gives way. Returns at once where nothing can wait. Raises `cancelled`
 * and `timeout`; `what` is for these. */
void ration_wait(lua_State *L, struct worker *w, const char *what);
/* For the loop, once in each turn, after fibers have run; may have one run in the next. */
void ration_turn(struct worker *w);
/* Forgets all: no fiber will run again. */
void ration_deinit(struct worker *w);

/* A request has come. */
static inline void ration_note(struct worker *w, const struct gaijin_request *rq) {
  struct ration *r = &w->sched.ration;
  if (rq->op == GAIJIN_OP_PAIRS || rq->caller == r->asker) return;
  r->other = rq->caller;
  r->other_ms = uv_now(&w->loop.uv);
}

/* NULL, or a static text that says which invariant is broken. */
const char *ration_check(const struct worker *w);

#endif
