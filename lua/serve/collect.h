/* SPDX-License-Identifier: MIT
 *
 * When this VM collects for others: the broker's `free`, within its budget, and
 * regular sweeps as a safety net.
 */
#ifndef GAIJIN_LUA_COLLECT_H
#define GAIJIN_LUA_COLLECT_H

#include "lua/vm/worker.h"

/* The free event of the connection. */
void collect_on_free(void *worker, uint64_t id);
/* The regular sweep: releases go; at each collector_waits-th sweep a full collection first. */
void collect_sweep(struct worker *w);
/* The connection is away: nobody waits for the answers any more. */
void collect_forget(struct worker *w);
/* Frees what the budget holds. */
void collect_deinit(struct worker *w);

#endif
