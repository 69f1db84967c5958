/* SPDX-License-Identifier: MIT
 *
 * Everything that is always true of a worker between two turns of its loop, looked
 * at as a whole. For builds with GAIJIN_HOSTILE (make HOSTILE=1), where it is called
 * each turn: it walks all lists, so when they are long it does so once in a while.
 */
#ifndef GAIJIN_LUA_CHECK_H
#define GAIJIN_LUA_CHECK_H

#include "lua/vm/worker.h"

/* From the scheduler, each turn. Ends the process with a line that says what is not true. */
void worker_check(struct worker *w);

#endif
