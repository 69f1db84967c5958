/* SPDX-License-Identifier: MIT
 *
 * What the files of this room share: where a worker stands in a round about cycles.
 */
#ifndef GAIJIN_LUA_CYCLES_STATE_H
#define GAIJIN_LUA_CYCLES_STATE_H

#include "lua/cycles/suspects.h"

struct inquiry;

struct cycles {
  struct inquiry *inquiries; /* all whose twins have not ended */
  unsigned n_inquiries;
  /* The question that is not answered yet. */
  bool is_asked;
  uint64_t id;
  unsigned phase;
  double took; /* seconds of a processor, of ours for the fork and of the copy */
  uint64_t ran; /* worker.lua_ran when the collector was asked */
  struct timer *settling; /* before that, of a check: the collector is brought to its rest, */
  double settled_until;   /* at most until then */
  struct inquiry *inquiry;
  struct suspects now;
  /* The last one of which nothing was live, as the collector said when lua_ran was `clear_ran`. */
  bool has_clear;
  uint64_t clear_ran;
  uint32_t clear_ms; /* as was told */
  struct suspects clear;
  /* While the worker is halted. */
  uint64_t round;
  struct timer *patience; /* once it has answered */
  double answered_at;
  bool withdrawn;
  struct timer *finishing; /* after a decision: the rest of a round of the collector that was only
                            * marked, or broken off; or all has still to be collected: */
  bool has_to_drop;
  bool is_flushed; /* compiled code was thrown away just before, and none was made since */
};

#endif
