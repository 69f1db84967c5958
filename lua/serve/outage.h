/* SPDX-License-Identifier: MIT
 *
 * The events of a connection whose broker has gone and that comes back (gaijin.h, "Coming back"):
 * what that means for this worker. What runs goes on; requests that have come and are not begun are
 * forgotten, for their askers have been told `lost` and ask anew; posts that have come stay.
 */
#ifndef GAIJIN_LUA_OUTAGE_H
#define GAIJIN_LUA_OUTAGE_H

#include "lua/vm/worker.h"

void outage_begins(void *worker, int fd, const char *reason);
void outage_ends(void *worker, int fd);
void outage_reborn(void *worker, uint64_t former_host);
void outage_confirmed(void *worker);

#endif
