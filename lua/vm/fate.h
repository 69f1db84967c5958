/* SPDX-License-Identifier: MIT
 *
 * What people are told of a worker that has ended: of another, and of this one.
 */
#ifndef GAIJIN_LUA_FATE_H
#define GAIJIN_LUA_FATE_H

#include "lua/vm/worker.h"

/* What follows the name of a host (worker_host_name) when it has ended: "", or that another worker
 * has its name. */
const char *worker_host_fate(const struct worker *w, uint64_t host);
/* The text for who asks this worker, which ends or has been left by its name. `out` has
 * WORKER_DEAD_BYTES bytes; returned. */
enum { WORKER_DEAD_BYTES = 256 };
char *worker_dead_text(const struct worker *w, char out[WORKER_DEAD_BYTES]);

#endif
