/* SPDX-License-Identifier: MIT
 *
 * The beginning and the end of a worker, the same for the program (main.c) and for
 * the module in a stock interpreter (module.c): init, connect, start; close.
 */
#ifndef GAIJIN_LUA_INSTANCE_H
#define GAIJIN_LUA_INSTANCE_H

#include "lua/fiber/loop.h"
#include "lua/vm/worker.h"

/* What the loop of a whole worker does besides. */
extern const struct loop_hooks instance_hooks;

/* Makes stacks and loop of a worker that has its lua_State. 0 or a negative libuv error. `hosted`:
 * in an interpreter, whose own stack becomes a fiber (hosted.h). */
int instance_init(struct worker *w, bool hosted);
/* The worker is connected: watches the connection, and with `signals` SIGTERM and SIGINT
 * (ending.h). 0 or a negative libuv error. */
int instance_start(struct worker *w, bool signals, bool enforce);
/* Ends what there is of all that, also after a failure half-way, in the one right order: what
 * fibers and futures own of the connection, then with `with_vm` the VM, whose finalisers let
 * holdings go, then the connection and what watches it, last the loop. Afterwards g is NULL, and L
 * with the VM; with that g stays open, for the end of the process, if that has a status (exit_code)
 * that the broker is to see. */
void instance_close(struct worker *w, bool with_vm);

#endif
