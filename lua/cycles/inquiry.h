/* SPDX-License-Identifier: MIT
 *
 * A question to the collector (probe.h) that is under way: the twin, and the pipe it tells through,
 * which the loop reads, so Lua goes on meanwhile, if it may. After TWIN_SECONDS it is given up.
 * Those that nobody waits for any more and that cannot be ended, in a sandbox, end by themselves; a
 * worker has few of them.
 */
#ifndef GAIJIN_LUA_INQUIRY_H
#define GAIJIN_LUA_INQUIRY_H

#include "lua/cycles/suspects.h"

struct inquiry;
/* `live`: as in struct suspects, of what the collector found; NULL: it has not been told. `edges`:
 * n_edges pairs, as probe.h tells them. From the loop; the inquiry is over. */
typedef void (*inquiry_fn)(struct worker *w, const uint8_t *live, const uint8_t *edges,
                           uint32_t n_edges);

/* Asks about the suspects, which suspects_look has looked at. `hurries`: the worker waits. NULL:
 * the system has not the means; errno. */
struct inquiry *inquiry_start(struct worker *w, struct suspects *s, bool hurries, inquiry_fn done);
/* Nobody waits for it any more. */
void inquiry_drop(struct inquiry *q);
/* The worker ends: those that are left, too. */
void inquiry_deinit(struct worker *w);

#endif
