/* SPDX-License-Identifier: MIT
 *
 * A VM inside a stock interpreter. The interpreter's own stack is one more fiber,
 * the *guest*: when it waits, it plays the scheduler until what it waits for is
 * there. Nothing runs while the script computes, unless it calls dispatch.
 */
#ifndef GAIJIN_LUA_HOSTED_H
#define GAIJIN_LUA_HOSTED_H

#include "lua/vm/worker.h"

/* Makes what this file needs in the VM. Raises. */
void hosted_open(lua_State *L, struct worker *w);
/* Makes the guest of an opened worker and lets it be the running fiber. False when memory is short.
 */
bool hosted_init(struct worker *w);
void hosted_deinit(struct worker *w);

/* Asks the loop to end if nobody has, and waits until it has finished, which is bounded by the
 * grace, or until Ctrl-C. */
void hosted_finish(struct worker *w);
/* One turn of the loop without waiting. Seconds until the next turn is due if nothing arrives, -1
 * for never. */
double hosted_turn(struct worker *w);
/* What to poll for reading between turns. */
int hosted_fd(const struct worker *w);

#endif
