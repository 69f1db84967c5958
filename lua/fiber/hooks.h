/* SPDX-License-Identifier: MIT
 *
 * What the parts above this folder do in the worker's loop, and at its end.
 */
#ifndef GAIJIN_LUA_HOOKS_H
#define GAIJIN_LUA_HOOKS_H

#include "lua/vm/worker.h"

struct loop_hooks {
  void (*begin)(struct worker *w); /* before the fibers of a turn run */
  void (*turn)(struct worker *w);  /* when the fibers of a turn have run */
  void (*sweep)(struct worker *w); /* every atc_time seconds */
  /* A signal waits for the end of a halt: it is to be short. */
  void (*withdraw)(struct worker *w);
  /* The worker leaves: answers with this error what waits here and has no fiber. */
  void (*leave)(struct worker *w, enum gaijin_status status, const char *text);
};

#endif
